"""The reader: a file on its input, Arrow batches on its output, a refusal on its error output."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import sys
from typing import Any

from resources.collection.importing.apart import REFUSED
from resources.collection.importing.apart.refusals import RefusedError
from resources.collection.importing.limits import Limits

_OWN_BYTES = 512 << 20  # of the interpreter, its libraries and its threads, before it reads


def main() -> int:
    """Read one file as told by the only argument; return the exit status."""
    task = json.loads(sys.argv[1])
    limits = Limits(**task["limits"])
    _end_with_parent(task["lifeline"])
    _bind(resource.RLIMIT_AS, limits.reader_memory_bytes + _OWN_BYTES)
    _bind(resource.RLIMIT_CPU, limits.reader_seconds)
    _bind(resource.RLIMIT_CORE, 0)
    try:
        _read(task["kind"], limits, whole=task["whole"])
    except RefusedError as error:
        refusal = {"reason": error.reason, "passed_over": error.passed_over}
        sys.stderr.write(f"\n{json.dumps(refusal)}\n")
        return REFUSED
    except BrokenPipeError:  # nobody reads any more
        return 0
    return 0


def _end_with_parent(lifeline: int) -> None:
    """Have the system end this process once nobody holds the other end of a pipe.

    A thread that waits could not: the libraries that read hold the interpreter for seconds. The
    signal that says a parent is dead could not either: it goes by the thread that started this
    process, which may end long before.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGIO])
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if select.select([lifeline], [], [], 0)[0]:  # it ended before this was set up
        os._exit(0)


def _read(kind: str, limits: Limits, *, whole: bool) -> None:
    stream = os.fdopen(0, "rb", closefd=False)
    output = os.fdopen(1, "wb", closefd=False)
    read: Any
    if kind == "workbook":
        from resources.collection.importing.apart.workbooks import read
    else:
        from resources.collection.importing.apart.parquet import read
    read(stream, output, limits, whole=whole)
    output.flush()


def _bind(what: int, most: int) -> None:
    """Limit this process, never to more than it was limited to already."""
    _, hard = resource.getrlimit(what)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # taking the libraries apart costs more than reading a small file
