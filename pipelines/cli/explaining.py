"""What a command says of an error, and where it keeps the rest.

People read one sentence: what was wrong, where, and what to do next. What only a developer can use
goes to a private file, for it may hold reviews and statements with their values.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cli import console

if TYPE_CHECKING:
    from resources.faults import Fault

_MAX_LETTERS = 300


def explain(error: Exception) -> int:
    """Print an error for people and return the exit code."""
    from resources.errors import ReviewGraphError

    home = _home()
    fault = _fault_behind(error, home)
    code = error.exit_code if isinstance(error, ReviewGraphError) else 1
    if fault is not None:
        console.failure(f"{_told(fault, error, home)} {_kept(error, home)}")
    elif isinstance(error, ReviewGraphError):
        rest = f"\n{_kept(error, home)}" if _details_of(error) else ""
        console.failure(f"{error}{rest}")
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        console.failure(f"{where}{error.strerror}. {_kept(error, home)}")
    else:
        console.failure(
            f"Something failed that should not have: {brief(error)}. {_kept(error, home)}"
        )
    return code


def brief(error: BaseException) -> str:
    """An error in one line: its kind and the beginning of what it says, no statement or values."""
    said = str(error).strip().partition("\n")[0]
    said = said if len(said) <= _MAX_LETTERS else f"{said[:_MAX_LETTERS]}..."
    return f"{type(error).__name__}: {said.rstrip('.')}" if said else type(error).__name__


def _fault_behind(error: Exception, home: Path | None) -> Fault | None:
    """What the machine refused; a foreseen error says it itself, unless something ran out."""
    from resources.errors import ReviewGraphError
    from resources.faults import FULL, fault_told_by, find_fault, is_full

    details = _details_of(error)
    fault = find_fault(error) or fault_told_by(details)
    is_foreseen = isinstance(error, ReviewGraphError) and not details
    if is_foreseen and fault is not None and not fault.is_shortage:
        return None
    # PostgreSQL ends without a word when its log does not fit on the disk.
    may_follow_from_it = not is_foreseen or type(error).__module__ == "resources.database.errors"
    if fault is None and may_follow_from_it and home is not None and is_full(home):
        return FULL
    return fault


def _details_of(error: Exception) -> str:
    """What an error carries besides its sentence, such as the traceback of a run's step."""
    return str(getattr(error, "details", ""))


def _told(fault: Fault, error: Exception, home: Path | None) -> str:
    from resources.faults import FULL, is_full, place_in

    where = str(place_in(error) or home or "ReviewGraph")
    is_nowhere = isinstance(error, OSError) and place_in(error) is None
    if fault is FULL and is_nowhere and not (home is not None and is_full(home)):
        where = f"{where} or of standard output"
    return f"{fault.what.format(where=where)}. {fault.next_step}"


def _kept(error: Exception, home: Path | None) -> str:
    """Keep the details and say where."""
    path = keep_details(error, home)
    return f"The details are in {path}" if path else "There was no room to keep the details."


def keep_details(error: Exception, home: Path | None) -> Path | None:
    """Write an error's traceback to a file for this user alone.

    Returns:
        The file: in the home's logs, else among the system's temporary files. None if it fits
        nowhere.
    """
    told = f"{''.join(traceback.format_exception(error))}\n{_details_of(error)}\n"
    logs = [] if home is None else [home / "logs"]
    for folder in (*logs, Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (path := _written(folder, told)) is not None:
                return path
    return None


def _written(folder: Path, told: str) -> Path | None:
    """Write a whole file that only this user can read, or none."""
    prefix = f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-"
    number, name = tempfile.mkstemp(prefix=prefix, suffix=".txt", dir=folder)
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(told)
    except OSError:
        Path(name).unlink()
        return None
    return Path(name)


def _home() -> Path | None:
    """The home, unless the settings themselves are wrong."""
    from resources.errors import ReviewGraphError
    from resources.settings import Settings

    try:
        return Settings().home
    except (ReviewGraphError, OSError):
        return None
