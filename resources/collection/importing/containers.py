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
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Literal, cast

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


class Allowance:
    """What has come out of one file on disk, over all its members and layers.

    What is read again counts once: each stream counts as far as it was ever read.
    """

    def __init__(self) -> None:
        self._furthest: dict[tuple[str, str | None, int], int] = {}
        self._totals: dict[str, int] = {}

    def take(self, kind: str, member: str | None, layer: int, reached: int) -> int:
        """Note how far a stream was read.

        Args:
            kind: What is counted: ``bytes`` that were unpacked, or ``rows`` of readers.
            member: The member of an archive.
            layer: How many times over the stream was unpacked.
            reached: How far it was read, in bytes.

        Returns:
            The bytes of this kind, all streams together.
        """
        stream = kind, member, layer
        more = max(0, reached - self._furthest.get(stream, 0))
        self._furthest[stream] = self._furthest.get(stream, 0) + more
        self._totals[kind] = self._totals.get(kind, 0) + more
        return self._totals[kind]


@dataclass(frozen=True)
class DataFile:
    """One stream of bytes to read: a file, or one member of a zip archive."""

    found: FoundFile
    member: str | None = None
    allowance: Allowance = field(default_factory=Allowance, compare=False, repr=False)

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
            layer = _Layer(0, file.found.identity.size, file.member)
            for _ in range(_MAX_LAYERS):
                unpacked, layer = _unpack_once(file, stream, layer, stack, limits)
                if unpacked is None:
                    break
                stream = io.BufferedReader(_Metered(unpacked, _guard(file, layer, limits)), _BUFFER)
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


@dataclass(frozen=True)
class _Layer:
    """Where the unpacking of a file stands.

    Attributes:
        number: How many times over it was unpacked.
        packed: How many bytes it takes as it is packed on disk; of an archive, the member alone.
        member: The member that is still to be taken out of the archive.
    """

    number: int
    packed: int
    member: str | None


def _unpack_once(
    file: DataFile, stream: io.BufferedReader, layer: _Layer, stack: ExitStack, limits: Limits
) -> tuple[IO[bytes] | None, _Layer]:
    magic = stream.peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=stream))), replace(
            layer, number=layer.number + 1
        )
    if layer.member is not None and magic in ZIP_MAGICS:
        archive = stack.enter_context(open_archive(stream, visible(file.path.name), limits))
        packed = archive.getinfo(layer.member).compress_size
        return stack.enter_context(archive.open(layer.member)), _Layer(
            layer.number + 1, packed, None
        )
    return None, layer


def _guard(file: DataFile, layer: _Layer, limits: Limits) -> Callable[[int], None]:
    """Hold a stream to its own allowance, and all streams of its file to the file's."""
    reached = 0
    most = limits.unpacked_from(layer.packed)

    def count(size: int) -> None:
        nonlocal reached
        reached += size
        if reached > most:
            raise _unpacks_to_too_much(file.name, most, layer.packed)
        require_allowed(file, "bytes", layer.number, reached, limits)

    return count


def require_allowed(
    file: DataFile, kind: Literal["bytes", "rows"], layer: int, reached: int, limits: Limits
) -> None:
    """Refuse a file that gives more than one of its size may, over all its members and layers.

    Args:
        file: The file, or the member of an archive, that is read.
        kind: Whether its unpacked bytes or its rows are counted.
        layer: How many times over it was unpacked.
        reached: How far it was read by now, in bytes.
        limits: How much may come out.

    Raises:
        ImportFileError: It gives more.
    """
    packed = file.found.identity.size
    floor = limits.parquet_text_bytes if kind == "rows" else limits.ratio_counts_from
    most = limits.unpacked_from(packed, floor)
    if file.allowance.take(kind, file.member, layer, reached) > most:
        raise _unpacks_to_too_much(visible(file.path.name), most, packed)


def _unpacks_to_too_much(name: str, most: int, packed: int) -> ImportFileError:
    return ImportFileError(
        f"{name} unpacks to more than {most:,} bytes from {packed:,} on disk, which no file of "
        "reviews does. Unpack it yourself and look what is inside."
    )


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
    return [DataFile(found, name, file.allowance) for name in names], notes


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
