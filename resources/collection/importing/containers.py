"""Opening files as they lie on disk: plain, inside gzip, inside zip; told apart by content.

A decompressed stream is metered, so that a small file that unpacks to an enormous one is refused
before it fills memory, the lake or an afternoon.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from resources.collection.importing.archives import (
    ZIP_MAGICS,
    data_members,
    is_workbook,
    open_archive,
    refuse_document,
)
from resources.collection.importing.disk import FoundFile, open_ordinary
from resources.collection.importing.errors import ImportFileError
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits
from resources.values.visible import visible

GZIP_MAGIC = b"\x1f\x8b"
_MAX_LAYERS = 3
_BUFFER = 1 << 20


@dataclass(frozen=True)
class DataFile:
    """One stream of bytes to read: a file, or one member of a zip archive."""

    found: FoundFile
    member: str | None = None

    @property
    def path(self) -> Path:
        """Where the file lies, or the archive it is in."""
        return self.found.path

    @property
    def name(self) -> str:
        """How messages call it."""
        name = self.path.name if self.member is None else f"{self.path.name}/{self.member}"
        return visible(name)

    @property
    def suffix(self) -> str:
        """The suffix of the innermost name, lower case, without ``.gz``."""
        name = PurePosixPath(self.member or self.path.name)
        if name.suffix.lower() in {".gz", ".gzip"}:
            name = name.with_suffix("")
        return name.suffix.lower()


class _Metered(io.RawIOBase):
    """A binary stream that reports what was read and stops at a limit."""

    def __init__(self, stream: IO[bytes] | io.RawIOBase, on_read: Callable[[int], None]) -> None:
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
        data = self._stream.read(min(len(buffer), _BUFFER)) or b""
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
        ImportFileError: The file is missing, damaged, encrypted, no ordinary file, changed while it
            was read, or unpacks to too much.
    """
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(open_ordinary(file.found, limits))
            stream: io.BufferedReader = io.BufferedReader(
                _Metered(raw, on_read or (lambda _: None)), _BUFFER
            )
            member = file.member
            for _ in range(_MAX_LAYERS):
                unpacked, member = _unpack_once(file, stream, member, stack, limits)
                if unpacked is None:
                    break
                stream = io.BufferedReader(_Metered(unpacked, _guard(file, limits)), _BUFFER)
            else:
                if stream.peek(2).startswith(GZIP_MAGIC):
                    raise ImportFileError(
                        f"{file.name} is packed more than {_MAX_LAYERS} times over. Unpack it and "
                        "import what is inside."
                    )
            yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
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


@contextmanager
def random_access(
    file: DataFile, limits: Limits = DEFAULT_LIMITS, on_read: Callable[[int], None] | None = None
) -> Iterator[IO[bytes]]:
    """Open a file for reading anywhere; what is packed is unpacked to a temporary file.

    Args:
        file: What to open.
        limits: How much it may unpack to.
        on_read: Told how many bytes were read from disk while unpacking.

    Yields:
        A stream with a file descriptor of its own.

    Raises:
        ImportFileError: As :func:`opened`.
    """
    if not _is_packed(file, limits):
        with open_ordinary(file.found, limits) as raw:
            yield cast("IO[bytes]", raw)
        return
    with tempfile.TemporaryFile() as unpacked:
        with opened(file, limits, on_read) as stream:
            while piece := stream.read(_BUFFER):
                unpacked.write(piece)
        unpacked.seek(0)
        yield unpacked


def _is_packed(file: DataFile, limits: Limits) -> bool:
    if file.member is not None:
        return True
    with open_ordinary(file.found, limits) as raw:
        return (raw.read(2) or b"").startswith(GZIP_MAGIC)


def _unpack_once(
    file: DataFile, stream: io.BufferedReader, member: str | None, stack: ExitStack, limits: Limits
) -> tuple[IO[bytes] | None, str | None]:
    magic = stream.peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=stream))), member
    if member is not None and magic in ZIP_MAGICS:
        archive = stack.enter_context(open_archive(stream, visible(file.path.name), limits))
        return stack.enter_context(archive.open(member)), None
    return None, member


def _guard(file: DataFile, limits: Limits) -> Callable[[int], None]:
    unpacked = 0
    packed = file.found.identity.size
    most = limits.unpacked_from(packed)

    def count(size: int) -> None:
        nonlocal unpacked
        unpacked += size
        if unpacked > most:
            raise ImportFileError(
                f"{file.name} unpacks to more than {most:,} bytes from {packed:,} on disk, "
                "which no file of reviews does. Unpack it yourself and look what is inside."
            )

    return count


def members(found: FoundFile, limits: Limits = DEFAULT_LIMITS) -> tuple[list[DataFile], list[str]]:
    """List the streams one file on disk holds: itself, or the members of a zip archive.

    Returns:
        The streams in the order of their names, and a note for each member passed over.

    Raises:
        ImportFileError: The archive is damaged, empty, encrypted or holds too much.
    """
    file = DataFile(found)
    with opened(file, limits) as stream:
        if stream.peek(4)[:4] not in ZIP_MAGICS:
            return [file], []
    with (
        random_access(file, limits) as content,
        open_archive(content, file.name, limits) as archive,
    ):
        if is_workbook(archive):
            return [file], []
        refuse_document(archive, file.name)
        names, notes = data_members(archive, file.name)
    if _is_packed(file, limits):
        raise ImportFileError(
            f"{file.name} is an archive in an archive. Unpack it and import what is inside."
        )
    return [DataFile(found, name) for name in names], notes


def is_workbook_file(file: DataFile, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether a file that begins like a zip archive is an Excel workbook.

    Raises:
        ImportFileError: It is damaged, or holds too much.
        NotReviewsError: It is a document of another program.
    """
    with (
        random_access(file, limits) as content,
        open_archive(content, file.name, limits) as archive,
    ):
        if is_workbook(archive):
            return True
        refuse_document(archive, file.name)
        return False
