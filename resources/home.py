"""The home folder: everything local, for the account that runs ReviewGraph and for nobody else.

It holds reviews, reports, passwords of the database and the key that signs tokens. What a process
writes is private from its first byte, because each entry point calls ``keep_private``; what an
older ReviewGraph, a backup or a hand has left open is closed when the home is opened
(``make_private``).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from resources.errors import ReviewGraphError

PRIVATE_UMASK = 0o077
OWN_NAMES = frozenset(
    {
        "api_address",
        "cache",
        "dagster",
        "erasures.jsonl",
        "lake",
        "logs",
        "mails",
        "models",
        "objects",
        "ports.json",
        "postgres",
        "rejects",
        "reports",
        "sandbox",
        "scratch",
        "secret_key",
        "snapshots",
        "world",
    }
)
"""What ReviewGraph keeps in a home, besides files that end in ``.lock``."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DRAFTS = (
    "api_address.*",
    "secret_key.*",
    "ports.json.*",
    "dagster/dagster.yaml.*",
    "reports/*/report.*.part",
    "models/*/.[!.]*",
)
_DRAFTS_OF = ("api_address.", "ports.json.", "secret_key.")
_DRAFT_SECONDS = 3600
_ADDRESS = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}", re.ASCII)
_PASSING = stat.S_IXGRP
_FOLDER_MODE = 0o700
# Made by the system in the root of a disk that is mounted as a home.
_HARMLESS_NAMES = frozenset({"lost+found"})


class HomeError(ReviewGraphError):
    """The home folder cannot be used."""


def keep_private() -> None:
    """Let files and folders that this process and its children make be closed to other users."""
    os.umask(PRIVATE_UMASK)


def is_process_of(*programs: str) -> bool:
    """Whether this process was started as one of some programs: ``dagster``, ``dagster-daemon``."""
    script = Path(sys.argv[0])
    name = script.parent.name if script.name == "__main__.py" else script.name
    return name.partition("-")[0] in programs


def make_private(home: Path) -> str | None:
    """Make a home if it is missing, and close it to other users of the machine if it is open.

    A folder that holds more than a home is not ReviewGraph's to close: there only its own files
    are. A home that is closed costs a look at its first level and no more.

    Args:
        home: The folder, absolute.

    Returns:
        What was open and is closed now, or could not be closed, in one sentence; None if nothing.

    Raises:
        HomeError: The folder cannot be made or read.
    """
    try:
        home.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        own = sorted(path for path in home.iterdir() if _is_own(path))
        was_open = [path for path in (home, *own) if _is_open(path, home)]
        is_shared = holds_more(home)
    except OSError as error:
        raise unusable(home, error) from error
    if not was_open:
        return None
    left = [home] if home in was_open and is_shared else []
    for path in was_open:
        if path not in left and not _close(path, home):
            left.append(path)
    if left:
        return (
            f"Other users of this machine can enter {left[0]}, which holds reviews and passwords; "
            f"it is shared or somebody else's. Close it with: chmod -R go-rwx {left[0]}"
        )
    return f"Other users of this machine could read files in {home}; they cannot any more."


def note_address(home: Path, address: str) -> None:
    """Note where the API of a home is reached on this machine, for links that others make."""
    draft = home / f"api_address.{os.getpid()}"
    draft.write_text(f"{address}\n", encoding="utf-8")
    draft.replace(home / "api_address")


def noted_address(home: Path) -> str | None:
    """Where the API of a home was reached the last time that it began to serve, if it ever did."""
    try:
        address = (home / "api_address").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return address if _ADDRESS.fullmatch(address) else None


def sweep_drafts(home: Path) -> None:
    """Delete what killed processes left of files that they were still writing.

    A draft takes its place in a moment. One of an hour ago has no writer any more.
    """
    latest = time.time() - _DRAFT_SECONDS
    for pattern in _DRAFTS:
        for path in home.glob(pattern):
            with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
                if path.lstat().st_mtime >= latest:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def unusable(home: Path, error: OSError) -> HomeError:
    """Say that a home cannot be used, and what to do."""
    return HomeError(
        f"ReviewGraph keeps its data in {home}, which cannot be written to: {error.strerror}. "
        "Make it writable, or choose another folder with REVIEWGRAPH_HOME."
    )


def holds_more(home: Path) -> bool:
    """Whether there is something in a folder that no home holds: it serves others as well."""
    return not all(_is_own(path) or path.name in _HARMLESS_NAMES for path in home.iterdir())


def let_pass(home: Path, group_id: int) -> None:
    """Let the account of the embedded server pass through a home, without seeing what is in it.

    Only root has reason to: PostgreSQL refuses to run as root and gets an account of its own.
    """
    os.chown(home, -1, group_id)
    home.chmod(_FOLDER_MODE | _PASSING)


def _is_own(path: Path) -> bool:
    name = path.name
    return name in OWN_NAMES or path.suffix == ".lock" or name.startswith(_DRAFTS_OF)


def _is_open(path: Path, home: Path) -> bool:
    try:
        found = path.stat() if path == home else path.lstat()
    except FileNotFoundError:  # another process works in the home
        return False
    if stat.S_ISLNK(found.st_mode):
        return False
    allowed = 0
    if path == home and (group_id := _group_of_the_server(home)) is not None:
        allowed = _PASSING if found.st_gid == group_id else 0
    return bool(found.st_mode & _OTHERS & ~allowed)


def _group_of_the_server(home: Path) -> int | None:
    """The group of the embedded server's account, where it works in the home and is another."""
    server = home / "postgres"
    if server.is_symlink() or not server.is_dir():
        return None
    found = server.stat()
    return found.st_gid if found.st_uid != home.stat().st_uid else None


def _close(path: Path, home: Path) -> bool:
    """Take other users' rights from the home or from all of a path; tell whether that succeeded."""
    try:
        if path == home:
            group_id = _group_of_the_server(home)
            if group_id is not None:
                let_pass(home, group_id)
            else:
                home.chmod(_FOLDER_MODE)
            return True
        for one in _tree(path):
            mode = stat.S_IMODE(one.lstat().st_mode)
            if mode & _OTHERS:
                one.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return True  # gone meanwhile: another process works in the home
    except OSError:
        return False
    return True


def _tree(path: Path) -> Iterator[Path]:
    """A path and everything below it, but for links, which lead elsewhere."""
    yield path
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            one = Path(parent) / name
            if not one.is_symlink():
                yield one
