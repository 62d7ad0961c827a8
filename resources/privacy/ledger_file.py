"""The ledger of erasures as a file beside the database: a restore of the database may not lose it.

Each line is a keyed mark and tells nobody who it is of. Keep the file out of what is restored, or
put the newest copy back afterwards; ``reviewgraph erase --reapply`` reads it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from resources.errors import ReviewGraphError

NAME = "erasures.jsonl"


class LedgerFileError(ReviewGraphError):
    """The file of marks cannot be read."""


class KeptMark(NamedTuple):
    """One line.

    Attributes:
        tenant: Whose reviews.
        mark: What must stay gone.
        suppress: Whether imports of it are refused.
    """

    tenant: str
    mark: str
    suppress: bool


def append(home: Path, marks: Iterable[KeptMark]) -> None:
    """Add marks that are not there yet; they are on the disk when this returns."""
    path = home / NAME
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = set(read(path))
        for one in sorted(set(marks) - known):
            file.write(json.dumps(one._asdict()) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[KeptMark]:
    """The marks in a file; none where there is no file. A line cut short by a kill is left out.

    Raises:
        LedgerFileError: The file holds something else.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerFileError(
            f"The ledger of erasures {path} cannot be read: {error}. Put its newest copy back."
        ) from error
    kept = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line) if line.strip() else None
            if value is not None:
                kept.append(KeptMark(value["tenant"], value["mark"], value["suppress"]))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise LedgerFileError(
                f"Line {number} of the ledger of erasures {path} is damaged. Put its newest copy "
                "back."
            ) from error
    return kept
