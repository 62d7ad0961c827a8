"""Logs of servers that run for a long time: cut when they are large, the last ones kept beside.

A server writes to the file that it was given and knows nothing of this, so the file stays and its
content goes: it is copied and then emptied, while the server goes on adding to its end. What it
writes in the moment between the two is lost.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import suppress
from pathlib import Path

MAX_LOG_BYTES = 10 * 2**20
MAX_OLDER_LOGS = 3
"""How many are kept beside each log, as ``name.log.1`` (the newest) and so on."""


def cut_if_large(log: Path) -> None:
    """Move what stands in a log aside if it is too much; leave it while somebody searches it."""
    with suppress(FileNotFoundError), log.open("r+b") as file:
        if log.stat().st_size <= MAX_LOG_BYTES:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with suppress(OSError):  # on a full disk nothing is kept, and there is room again
            _keep(log)
        file.truncate(0)


def _keep(log: Path) -> None:
    for number in range(MAX_OLDER_LOGS - 1, 0, -1):
        with suppress(FileNotFoundError):
            _older(log, number).replace(_older(log, number + 1))
    draft = log.with_name(f"{log.name}.new")
    try:
        shutil.copyfile(log, draft)
        draft.replace(_older(log, 1))
    finally:
        draft.unlink(missing_ok=True)


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
