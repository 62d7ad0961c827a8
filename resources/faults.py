"""What the machine refuses: a full disk, a missing right, too many open files, a server that died.

Libraries report the same refusal in many ways: as an ``OSError``, as PostgreSQL's error class, or
only in their words. Here it is recognised in all of them, so that whoever runs ReviewGraph reads
one sentence that says what to do and not a stack of statements.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MIN_FREE_BYTES = 2**20  # with less, PostgreSQL cannot even say why it ends


@dataclass(frozen=True)
class Fault:
    """One way in which the machine refuses.

    Attributes:
        what: What is wrong, with a place for where: ``The disk of {where} is full``.
        next_step: What to do about it.
        numbers: Its numbers in ``errno``.
        words: How messages tell of it.
        sql_states: PostgreSQL's codes for it.
        is_shortage: Whether it can strike anywhere, so that it explains whatever failed of it.
    """

    what: str
    next_step: str
    numbers: tuple[int, ...]
    words: str
    sql_states: tuple[str, ...] = ()
    is_shortage: bool = False


_AGAIN = "then run the same command again: it goes on where it was, and nothing landed is lost"

FULL = Fault(
    "The disk of {where} is full",
    f"Free some space, {_AGAIN}.",
    (errno.ENOSPC,),
    r"No space left on device|os error 28\b",
    ("53100",),
    is_shortage=True,
)
FAULTS = (
    FULL,
    Fault(
        "The disk quota for {where} is used up",
        f"Free some space or have the quota raised, {_AGAIN}.",
        (errno.EDQUOT,),
        r"[Dd]isk quota exceeded|os error 122\b",
        is_shortage=True,
    ),
    Fault(
        "A file in {where} would become larger than this user's files may be",
        f"Raise the limit (ulimit -f unlimited), {_AGAIN}.",
        (errno.EFBIG,),
        r"File too large|os error 27\b",
        is_shortage=True,
    ),
    Fault(
        "Too many files are open at once while working in {where}",
        f"Raise the limit (ulimit -n 4096), {_AGAIN}.",
        (errno.EMFILE, errno.ENFILE),
        r"Too many open files|insufficient file descriptors|os error 2[34]\b",
        ("53000",),
        is_shortage=True,
    ),
    Fault(
        "There is not enough memory left",
        f"End other programs or set REVIEWGRAPH_WORKERS=1, {_AGAIN}.",
        (errno.ENOMEM,),
        r"Cannot allocate memory|os error 12\b",
        ("53200",),
    ),
    Fault(
        "{where} is on a file system that can only be read",
        "Make it writable, or choose another folder: REVIEWGRAPH_HOME names that of ReviewGraph.",
        (errno.EROFS,),
        r"Read-only file system|os error 30\b",
    ),
    Fault(
        "This user may not read or write {where}",
        "Give it the right to, or choose another place: REVIEWGRAPH_HOME names the folder of "
        "ReviewGraph.",
        (errno.EACCES, errno.EPERM),
        r"Permission denied|Operation not permitted|os error 13\b|os error 1\b",
    ),
    Fault(
        "The disk of {where} fails to read or write",
        "Check the disk and the system's log before running anything again.",
        (errno.EIO,),
        r"Input/output error|os error 5\b",
        ("58030",),
    ),
    Fault(
        "PostgreSQL ended the connection, or is gone",
        f"See that it runs (`reviewgraph doctor`), {_AGAIN}.",
        (),
        r"server closed the connection unexpectedly|connection to server .* failed: "
        r"|terminating connection|the connection is (lost|closed)|connection already closed"
        r"|the database system is (starting up|shutting down|in recovery mode)",
        ("57P01", "57P02", "57P03", "08000", "08003", "08006"),
    ),
)


def find_fault(error: BaseException) -> Fault | None:
    """What the machine refused, if that is behind an error."""
    for one in behind(error):
        if isinstance(one, MemoryError):
            return next(fault for fault in FAULTS if errno.ENOMEM in fault.numbers)
        number = getattr(one, "errno", None) if isinstance(one, OSError) else None
        state = getattr(one, "sqlstate", None) or getattr(one, "pgcode", None)
        for fault in FAULTS:
            if number in fault.numbers or state in fault.sql_states:
                return fault
    return next(filter(None, (fault_told_by(str(one)) for one in behind(error))), None)


def fault_told_by(message: str) -> Fault | None:
    """What the machine refused, by the words of a message."""
    return next((fault for fault in FAULTS if re.search(fault.words, message)), None)


def behind(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, from the outermost on."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        driver_error = getattr(one, "orig", None)  # SQLAlchemy's
        parts = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        context = None if one.__suppress_context__ else one.__context__
        causes = (driver_error, one.__cause__, context, *parts)
        waiting.extend(inner for inner in causes if isinstance(inner, BaseException))


def place_in(error: BaseException) -> Path | None:
    """The file that an error is about, where one of its causes names it."""
    for one in behind(error):
        name = getattr(one, "filename", None) if isinstance(one, OSError) else None
        if isinstance(name, str | bytes | os.PathLike):
            return Path(os.fsdecode(name))
    return None


def is_full(folder: Path) -> bool:
    """Whether nothing more can be written to a folder's disk."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    blocks = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return blocks * found.f_frsize < _MIN_FREE_BYTES
