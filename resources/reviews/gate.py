"""Great Expectations in a process of its own, which gets ready while the graph does other work.

Importing Great Expectations takes seconds and imports half of the scientific Python world. A thread
would take the interpreter's lock from the run for all that time; a process uses another core, and
its memory ends with it. Whoever knows that rows will be checked calls ``start``, and whoever checks
them waits for what is left of it.

The process ends with its input, so nothing is left running whatever happens to this one.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resources.errors import ReviewGraphError
from resources.reviews.findings import Finding

if TYPE_CHECKING:
    import polars as pl

_PROJECT_ROOT = Path(__file__).resolve().parents[2]


class GateError(ReviewGraphError):
    """The process that checks rows ended before it answered."""


def start() -> None:
    """Let the process get ready, without waiting for it."""
    if not _is_loaded_here():
        _GATE.start()


def validate(suite: str, frame: pl.DataFrame) -> list[Finding]:
    """Hold rows against a suite of ``resources.reviews.suites``.

    Args:
        suite: The suite's name.
        frame: The columns that its expectations name.

    Raises:
        GateError: The process ended early, for example for want of memory.
    """
    if _is_loaded_here():
        from resources.reviews.suites import validate as validate_here

        return validate_here(suite, frame)
    return _GATE.validate(suite, frame)


def _is_loaded_here() -> bool:
    """Whether this process has paid for the import already, as the gate's own has."""
    return "great_expectations" in sys.modules


class _Gate:
    """The process, started once; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process unless it runs."""
        with self._lock:
            self._running()

    def validate(self, suite: str, frame: pl.DataFrame) -> list[Finding]:
        """Send the rows and read what was found."""
        with self._lock:
            process = self._running()
            try:
                told = _ask(process, suite, frame)
            except (OSError, ValueError) as error:
                code = process.poll()
                self._end()
                raise GateError(
                    f"The process that checks rows with Great Expectations ended early (exit code "
                    f"{code}). Its own message is above; if there is none, the machine may be out "
                    "of memory. Run it again."
                ) from error
        return [Finding(**one | {"unexpected_rows": tuple(one["unexpected_rows"])}) for one in told]

    def end(self) -> None:
        """End the process if it runs."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        path = os.pathsep.join([str(_PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "resources.reviews.gate_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for this process, which then ends the other
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # no cleanup needed
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                _opened(pipe).close()


def _ask(process: subprocess.Popen[bytes], suite: str, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """One exchange: a line of JSON and an Arrow file there, a line of JSON back."""
    rows = frame.write_ipc(None).getvalue()
    sink = _opened(process.stdin)
    sink.write(json.dumps({"suite": suite, "bytes": len(rows)}).encode() + b"\n")
    sink.write(rows)
    sink.flush()
    answer: list[dict[str, Any]] = json.loads(_opened(process.stdout).readline())
    return answer


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # cannot be: both were asked for as pipes
        raise GateError("The process that checks rows has no pipes. Start again.")
    return pipe


_GATE = _Gate()
atexit.register(_GATE.end)
