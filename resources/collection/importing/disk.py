"""Opening what lies on disk: ordinary files alone, and the very file that was found.

A pipe would wait for ever, a device has no end, a symbolic link may lead to what its owner may read
and the tenant may not, and a file that is still being written would land in half. Hard links are
not told apart from files: they are files, made by somebody who may write what they name.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from resources.collection.importing.errors import ImportFileError
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits

# Lower-case names and suffixes that accompany reviews in a folder without being reviews.
_COMPANION_NAMES = ("license", "licence", "readme", "origin.json", "changelog", "manifest.json")
_COMPANION_SUFFIXES = (".md", ".py", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".html", ".xml")

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a symbolic link"),
)


@dataclass(frozen=True)
class Identity:
    """What tells whether a file is still the one that was found: place, size, time of change."""

    device: int
    number: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Take it from the system's answer about a file."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class FoundFile:
    """A file to import, as it was when it was found."""

    path: Path
    identity: Identity


@contextmanager
def open_ordinary(found: FoundFile, limits: Limits = DEFAULT_LIMITS) -> Iterator[io.FileIO]:
    """Open a file for reading, sure that it is the ordinary file that was found.

    Raises:
        ImportFileError: It is none any more, is empty or too large, or has changed since it was
            found or while it was read.
    """
    path, identity = found.path, found.identity
    # Not blocking: what took the place of the file meanwhile may be a pipe without a writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {_reason(error)}.") from error
    with io.FileIO(descriptor, "rb") as raw:
        _require_unchanged(path, raw, identity)
        if not identity.size:
            raise ImportFileError(f"{path.name} is empty. Check that its export has finished.")
        if identity.size > limits.unpacked_bytes:
            raise ImportFileError(
                f"{path.name} has {identity.size:,} bytes, more than the {limits.unpacked_bytes:,} "
                "that one file may have. Split it, and import the parts one after the other."
            )
        yield raw
        _require_unchanged(path, raw, identity)


def _require_unchanged(path: Path, raw: io.FileIO, identity: Identity) -> None:
    if Identity.of(os.fstat(raw.fileno())) != identity:
        raise changed_while_read(path)


def changed_while_read(path: Path) -> ImportFileError:
    """Return the error for a file that is not what it was a moment ago."""
    return ImportFileError(
        f"{path.name} was changed while it was read; nothing of it was imported. Wait until its "
        "export or download has finished, and import it again."
    )


def find_file(path: Path) -> FoundFile:
    """Find one file that somebody named; a symbolic link is followed, since they chose it.

    Raises:
        ImportFileError: There is none, or it is no ordinary file.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise ImportFileError(f"There is no file or folder {path}. Check the name.") from error
    except (OSError, ValueError) as error:
        raise ImportFileError(f"{path} cannot be read: {_reason(error)}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImportFileError(
            f"{path} is {_kind(status.st_mode)}, not a file. Write what it holds to a file, and "
            "import that."
        )
    return FoundFile(path, Identity.of(status))


def files_in(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[list[FoundFile], list[str]]:
    """List what to import: a file, or all data files inside a folder, recursively.

    Returns:
        The files in the order of their names, and a note for each one passed over.

    Raises:
        ImportFileError: There is nothing at ``path`` or nothing to import in it, it is no ordinary
            file, or a link in the folder leads out of it.
    """
    if not path.is_dir():
        return [find_file(path)], []
    kept: list[FoundFile] = []
    notes: list[str] = []
    for entry in _entries(path, limits):
        name = entry.relative_to(path)
        status = entry.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        if is_companion(PurePosixPath(name.as_posix())):
            notes.append(f"{name}: passed over, not a file of reviews")
        elif stat.S_ISREG(status.st_mode):
            kept.append(FoundFile(entry, Identity.of(status)))
        elif stat.S_ISLNK(status.st_mode):
            _require_inside(entry, path)
            notes.append(f"{name}: passed over, a symbolic link within the folder")
        else:
            notes.append(f"{name}: passed over, {_kind(status.st_mode)} and not a file")
    if not kept:
        raise ImportFileError(
            f"The folder {path} holds no data file (CSV, TSV, JSON, JSON lines, XLSX, Parquet)."
            + "".join(f" {note}." for note in notes[:3])
        )
    return kept, notes


def is_companion(path: PurePosixPath) -> bool:
    """Whether a name says that a file accompanies reviews (licence, origin) without being any."""
    name = path.name.lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return hidden or name.startswith(_COMPANION_NAMES) or name.endswith(_COMPANION_SUFFIXES)


def _entries(root: Path, limits: Limits) -> list[Path]:
    """List all that is in a folder, sorted; links are not followed."""
    found: list[Path] = []
    folders = [root]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    found.append(Path(entry.path))
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    if len(found) > limits.files:
                        raise ImportFileError(
                            f"The folder {root} holds more than {limits.files:,} files. Import "
                            "its folders one by one."
                        )
    except OSError as error:
        raise ImportFileError(f"The folder {root} cannot be read: {_reason(error)}.") from error
    return sorted(found)


def _require_inside(link: Path, root: Path) -> None:
    """Refuse a link that leads out of the folder: what it leads to was not handed over."""
    try:
        is_inside = link.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a ring of links leads nowhere
        is_inside = True
    if not is_inside:
        raise ImportFileError(
            f"{link.relative_to(root)} in the folder {root} is a symbolic link that leads out of "
            "the folder; nothing was imported. Remove the link, or put the file itself there."
        )


def _kind(mode: int) -> str:
    return next((kind for test, kind in _KINDS if test(mode)), "a special file")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
