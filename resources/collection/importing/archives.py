"""Zip archives, looked at before anything is unpacked.

What an archive says of itself is held against itself: files that share bytes, names that occur
twice, a list of contents that is itself enormous. Nothing is ever written under a name that an
archive gives, so that a name can lead nowhere.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import PurePosixPath
from typing import IO, cast

from resources.collection.importing.disk import is_companion
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.limits import Limits

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UNIX = 3

# By a file that only they hold: zip archives that are documents, and no archives of files.
_DOCUMENTS = (
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a PowerPoint presentation"),
)
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument"


class _Directory:
    """A seekable stream that refuses to read an enormous list of contents into memory."""

    def __init__(self, stream: IO[bytes], most: int | None) -> None:
        self._stream = stream
        self.most = most
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1, /) -> bytes:
        if self.most is None:
            return self._stream.read(size)
        if size > self.most:
            raise _LargeDirectoryError
        data = self._stream.read(self.most + 1 if size < 0 else size)
        if len(data) > self.most:
            raise _LargeDirectoryError
        return data


class _LargeDirectoryError(Exception):
    """The list of contents of an archive is larger than it may be."""


@contextmanager
def open_archive(stream: IO[bytes], name: str, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive that holds no trick.

    Args:
        stream: Its bytes, seekable.
        name: How messages call it.
        limits: How much it may hold.

    Raises:
        ImportFileError: It is damaged or encrypted, holds too much, or contradicts itself.
    """
    directory = _Directory(stream, limits.archive_directory_bytes)
    try:
        with zipfile.ZipFile(cast("IO[bytes]", directory)) as archive:
            directory.most = None
            _require_honest(archive, name, stream.seek(0, io.SEEK_END), limits)
            yield archive
    except _LargeDirectoryError as error:
        raise ImportFileError(
            f"{name} has a list of contents of more than {limits.archive_directory_bytes:,} bytes. "
            "Unpack it and import the folders one by one."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError) as error:
        raise ImportFileError(
            f"{name} is damaged: its compressed data ends early or is corrupt ({error}). "
            "Fetch or export the file again."
        ) from error


def _require_honest(archive: zipfile.ZipFile, name: str, packed: int, limits: Limits) -> None:
    infos = archive.infolist()
    files = [info for info in infos if not info.is_dir()]
    if len(files) > limits.members:
        raise ImportFileError(
            f"{name} holds {len(files):,} files, more than the {limits.members:,} that one "
            "import takes from an archive. Unpack it and import the folder."
        )
    if any(info.flag_bits & _ENCRYPTED for info in files):
        raise ImportFileError(
            f"{name} is encrypted. Unpack or save it without its password, and import that."
        )
    total = sum(info.file_size for info in files)
    most = limits.unpacked_from(packed)
    if total > most:
        raise ImportFileError(
            f"{name} would unpack to {total:,} bytes from {packed:,}, more than the {most:,} that "
            "one file of its size may. Unpack it, look what is inside, and import its files one by "
            "one."
        )
    if len({info.filename for info in infos}) < len(infos):
        raise ImportFileError(
            f"{name} holds two files of one name, of which only one can be meant. Pack it again."
        )
    for info in files:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ImportFileError(
                f"{name}/{info.filename} is packed in a way that is not read here (only the usual "
                "deflate is). Unpack it and import what is inside."
            )
    _require_apart(infos, archive.start_dir, name)


def _require_apart(infos: Sequence[zipfile.ZipInfo], end: int, name: str) -> None:
    """Refuse files that share bytes: so a few kilobytes become many files of gigabytes."""
    places = sorted((info.header_offset, info.compress_size) for info in infos)
    for (start, size), (follows, _) in pairwise([*places, (end, 0)]):
        if start < 0 or start + _LOCAL_HEADER_BYTES + size > follows:
            raise ImportFileError(
                f"{name} is no honest archive: files in it overlap. Pack it again."
            )


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether an archive is an Excel workbook."""
    names = {name.replace("\\", "/").lower() for name in archive.namelist()}
    return any(name.startswith("xl/workbook") for name in names) or (
        "[content_types].xml" in names and any(name.startswith("xl/") for name in names)
    )


def refuse_document(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an archive that is a document of another program.

    Raises:
        NotReviewsError: It is one.
    """
    names = set(archive.namelist())
    for inside, kind in _DOCUMENTS:
        if inside in names:
            raise NotReviewsError(
                f"{name} is {kind}, not a file of reviews. Save its table as CSV or XLSX."
            )
    if "mimetype" in names and "content.xml" in names:
        with archive.open("mimetype") as stream:
            if stream.read(len(_OPEN_DOCUMENT)) == _OPEN_DOCUMENT:
                raise NotReviewsError(
                    f"{name} is an OpenDocument file (such as ODS), which is not read here. Save "
                    "it as XLSX or CSV."
                )


def data_members(archive: zipfile.ZipFile, name: str) -> tuple[list[str], list[str]]:
    """List the files of an archive that may be reviews, sorted by name.

    Returns:
        Their names, and a note for each file passed over.

    Raises:
        NotReviewsError: There is none.
    """
    kept: list[str] = []
    notes: list[str] = []
    files = [info for info in archive.infolist() if not info.is_dir()]
    for info in sorted(files, key=lambda info: info.filename):
        objection = _objection(info)
        if objection is None:
            kept.append(info.filename)
        else:
            notes.append(f"{name}/{info.filename}: passed over, {objection}")
    if not kept:
        told = "".join(f" {note}." for note in notes[:3])
        raise NotReviewsError(f"{name} holds no data file.{told}")
    return kept, notes


def _objection(info: zipfile.ZipInfo) -> str | None:
    """Say why a file in an archive is not read; None where it is."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if ".." in path.parts:
        return "its name leads out of the archive"
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or special file and no data"
    return "not a file of reviews" if is_companion(path) else None
