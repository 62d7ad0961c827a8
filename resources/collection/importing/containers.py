"""Opening files as they lie on disk: plain, inside gzip, inside zip; told apart by content.

A decompressed stream is metered, so that a small file that unpacks to an enormous one is refused
before it fills memory, the lake or an afternoon.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from resources.collection.importing.errors import ImportFileError, NotReviewsError

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_LAYERS = 3
_RATIO_COUNTS_FROM = 64 << 20
_BUFFER = 1 << 20

# Lower-case names and suffixes that accompany reviews in a folder without being reviews.
_COMPANION_NAMES = ("license", "licence", "readme", "origin.json", "changelog", "manifest.json")
_COMPANION_SUFFIXES = (".md", ".py", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".html", ".xml")


@dataclass(frozen=True)
class Limits:
    """How much one import may unpack.

    Attributes:
        unpacked_bytes: The most bytes one compressed file may unpack to.
        ratio: The most times larger than packed (text rarely reaches 20), once 64 MiB are out.
        members: The most files in one zip archive.
        record_characters: The longest single line or JSON record.
    """

    unpacked_bytes: int = 16 << 30
    ratio: int = 400
    members: int = 10_000
    record_characters: int = 64 << 20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class DataFile:
    """One stream of bytes to read: a file, or one member of a zip archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.path.name if self.member is None else f"{self.path.name}/{self.member}"

    @property
    def suffix(self) -> str:
        """The suffix of the innermost name, lower case, without ``.gz``."""
        name = PurePosixPath(self.member or self.path.name)
        if name.suffix.lower() in {".gz", ".gzip"}:
            name = name.with_suffix("")
        return name.suffix.lower()


class _Metered(io.RawIOBase):
    """A binary stream that reports what was read and stops at a limit."""

    def __init__(self, stream: IO[bytes], on_read: Callable[[int], None]) -> None:
        super().__init__()
        self._stream = stream
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


@contextmanager
def opened(
    file: DataFile, limits: Limits = DEFAULT_LIMITS, on_read: Callable[[int], None] | None = None
) -> Iterator[io.BufferedReader]:
    """Open the innermost, unpacked bytes of a file.

    Args:
        file: What to open.
        limits: How much it may unpack to.
        on_read: Told how many bytes were read from disk, each time.

    Yields:
        A buffered binary stream.

    Raises:
        ImportFileError: The file is missing, damaged, encrypted, or unpacks to too much.
    """
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(file.path.open("rb", buffering=0))
            packed = file.path.stat().st_size
            stream: io.BufferedReader = io.BufferedReader(
                _Metered(raw, on_read or (lambda _: None)), _BUFFER
            )
            member = file.member
            for _ in range(_MAX_LAYERS):
                unpacked, member = _unpack_once(file, stream, member, stack)
                if unpacked is None:
                    break
                stream = io.BufferedReader(
                    _Metered(unpacked, _guard(file, packed, limits)), _BUFFER
                )
            yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise ImportFileError(
                f"{file.name} is damaged: its compressed data ends early or is corrupt ({error}). "
                "Fetch or export the file again."
            ) from error
        except NotImplementedError as error:
            raise ImportFileError(
                f"{file.name} is packed in a way that cannot be read here ({error}). "
                "Unpack it and import what is inside."
            ) from error
        except OSError as error:
            raise ImportFileError(
                f"{file.path} cannot be read: {error.strerror or error}."
            ) from error


def _unpack_once(
    file: DataFile, stream: io.BufferedReader, member: str | None, stack: ExitStack
) -> tuple[IO[bytes] | None, str | None]:
    magic = stream.peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=stream))), member
    if member is not None and magic in ZIP_MAGICS:
        archive = stack.enter_context(zipfile.ZipFile(stream))
        info = archive.getinfo(member)
        if info.flag_bits & 1:
            raise ImportFileError(
                f"{file.path.name} is encrypted. Unpack it with its password and import "
                "what is inside."
            )
        return stack.enter_context(archive.open(info)), None
    return None, member


def _guard(file: DataFile, packed: int, limits: Limits) -> Callable[[int], None]:
    unpacked = 0
    most = min(limits.unpacked_bytes, max(packed * limits.ratio, _RATIO_COUNTS_FROM))

    def count(size: int) -> None:
        nonlocal unpacked
        unpacked += size
        if unpacked > most:
            raise ImportFileError(
                f"{file.name} unpacks to more than {most:,} bytes from {packed:,} on disk, "
                "which no file of reviews does. Unpack it yourself and look what is inside."
            )

    return count


def is_workbook(stream: io.BufferedReader) -> bool:
    """Whether a zip stream is an Excel workbook; leaves the stream at its start."""
    try:
        names = zipfile.ZipFile(stream).namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        stream.seek(0)
    return any(name.startswith("xl/") for name in names)


def members(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[list[DataFile], list[str]]:
    """List the streams one file on disk holds: itself, or the members of a zip archive.

    Returns:
        The streams in the order of their names, and a note for each member passed over.

    Raises:
        ImportFileError: The archive is damaged, empty, encrypted or holds too many files.
    """
    with opened(DataFile(path), limits) as stream:
        if stream.peek(4)[:4] not in ZIP_MAGICS or not stream.seekable():
            return [DataFile(path)], []
        if is_workbook(stream):
            return [DataFile(path)], []
        infos = [info for info in zipfile.ZipFile(stream).infolist() if not info.is_dir()]
    if len(infos) > limits.members:
        raise ImportFileError(
            f"{path.name} holds {len(infos):,} files, more than the {limits.members:,} that one "
            "import takes. Unpack it and import the folders one by one."
        )
    total = sum(info.file_size for info in infos)
    if total > limits.unpacked_bytes:
        raise ImportFileError(
            f"{path.name} would unpack to {total:,} bytes, more than the "
            f"{limits.unpacked_bytes:,} that one import takes. Import its files one by one."
        )
    if any(info.flag_bits & 1 for info in infos):
        raise ImportFileError(
            f"{path.name} is encrypted. Unpack it with its password and import what is inside."
        )
    names = sorted(info.filename for info in infos)
    kept = [name for name in names if not is_companion(PurePosixPath(name))]
    if not kept:
        raise NotReviewsError(f"{path.name} holds no data file.")
    notes = [
        f"{path.name}/{name}: passed over, not a file of reviews"
        for name in names
        if name not in kept
    ]
    return [DataFile(path, name) for name in kept], notes


def is_companion(path: PurePosixPath) -> bool:
    """Whether a name says that a file accompanies reviews (licence, origin) without being any."""
    name = path.name.lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return hidden or name.startswith(_COMPANION_NAMES) or name.endswith(_COMPANION_SUFFIXES)


def files_in(path: Path) -> tuple[list[Path], list[str]]:
    """List what to import: a file, or all data files inside a folder, recursively.

    Returns:
        The files in the order of their names, and a note for each one passed over.

    Raises:
        ImportFileError: There is nothing at ``path``, or nothing to import in it.
    """
    if not path.exists():
        raise ImportFileError(f"There is no file or folder {path}. Check the name.")
    if not path.is_dir():
        return [path], []
    found = sorted(entry for entry in path.rglob("*") if entry.is_file())
    kept = [
        entry
        for entry in found
        if not is_companion(PurePosixPath(entry.relative_to(path).as_posix()))
    ]
    if not kept:
        raise ImportFileError(
            f"The folder {path} holds no data file (CSV, TSV, JSON, JSON lines, XLSX, Parquet)."
        )
    skipped = [entry for entry in found if entry not in set(kept)]
    return kept, [
        f"{entry.relative_to(path)}: passed over, not a file of reviews" for entry in skipped
    ]
