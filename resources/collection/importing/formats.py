"""Which format a file is in, by its content first and its name second."""

from __future__ import annotations

import io
import re

from resources.collection.importing.archives import ZIP_MAGICS
from resources.collection.importing.columnar import read_parquet, read_workbook
from resources.collection.importing.containers import DataFile, is_workbook_file, opened
from resources.collection.importing.delimited import read_delimited
from resources.collection.importing.encodings import FORGIVING, detect
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.json_records import read_json
from resources.collection.importing.limits import DEFAULT_LIMITS, Limits, require_columns
from resources.collection.importing.tables import RecordTable

_HEAD = 1 << 20
_HEAD_LINES = 4  # a header and a few rows, however long one of them is
_ONE_LINE_FORMATS = (b"[", b"{", b"P")  # JSON, and the magic bytes of Parquet and zip
_TAR_MAGIC_AT = 257
_CONTROL_SHARE = 0.1
_CONTROL_SHARE_OF_BINARY = 0.03
_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27, 28, 29, 30, 31})

# First bytes of formats that people try and that hold no table.
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it, or pack it as zip)"),
    (b"Rar!", "a RAR archive (unpack it, or pack it as zip)"),
    (b"BZh", "a bzip2 archive (unpack it, or pack it with gzip)"),
    (b"\xfd7zXZ", "an xz archive (unpack it, or pack it with gzip)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive (unpack it, or pack it with gzip)"),
    (b"SQLite format 3", "an SQLite database (export the table as CSV)"),
    (b"ORC", "an ORC file (convert it to Parquet)"),
    (b"Obj\x01", "an Avro file (convert it to Parquet)"),
    (b"ARROW1", "an Arrow or Feather file (convert it to Parquet)"),
    (b"FEA1", "a Feather file (convert it to Parquet)"),
    (b"PARE", "an encrypted Parquet file (write it without encryption)"),
    (b"\x89HDF", "an HDF5 file (convert it to Parquet)"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive (unpack it, or pack it with gzip)"),
    (b"\x1f\x9d", "a compress archive (unpack it, or pack it with gzip)"),
    (b"LZIP", "an lzip archive (unpack it, or pack it with gzip)"),
    (b"ISc(", "a cabinet archive (unpack it, or pack it as zip)"),
    (b"MSCF", "a cabinet archive (unpack it, or pack it as zip)"),
    (b"{\\rtf", "an RTF document"),
)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # old Office documents, and new ones that are encrypted
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ACCEPTED = "CSV, TSV, JSON, JSON lines, XLSX and Parquet can be imported, also in gzip or zip."


def open_table(file: DataFile, limits: Limits = DEFAULT_LIMITS) -> RecordTable:
    """Recognise a file and read as much of it as is needed to know its columns.

    Args:
        file: A file, or one member of a zip archive.
        limits: How much it may unpack to.

    Raises:
        NotReviewsError: It is no file of reviews.
        ImportFileError: It is empty, damaged or too large.
    """
    with opened(file, limits) as stream:
        head = _read_head(stream, limits)
    magic = head[:4]
    if not head.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise ImportFileError(f"{file.name} is empty. Check that its export has finished.")
    if magic == b"PAR1":
        return read_parquet(file, limits)
    if magic in ZIP_MAGICS and is_workbook_file(file, limits):
        return read_workbook(file, limits)
    _refuse_foreign(file, head)
    table = _open_text(file, head, limits)
    require_columns(table.columns, file.name, limits)
    return table


def _read_head(stream: io.BufferedReader, limits: Limits) -> bytes:
    """Read the first MiB, or more where that holds hardly a line of a table.

    A damaged end shows when the whole is read.
    """
    pieces: list[bytes] = []
    size = lines = 0
    while size < _HEAD or (lines < _HEAD_LINES and size < limits.record_characters):
        piece = stream.read1(_HEAD)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        if size >= _HEAD and pieces[0].lstrip()[:1] in _ONE_LINE_FORMATS:
            break
    return b"".join(pieces)


def _refuse_foreign(file: DataFile, head: bytes) -> None:
    for magic, kind in _FOREIGN:
        if head.startswith(magic):
            raise NotReviewsError(f"{file.name} is {kind}, not a file of reviews. {_ACCEPTED}")
    if head.startswith(_OLE_MAGIC):
        if _ENCRYPTED_PACKAGE in head:
            raise NotReviewsError(
                f"{file.name} is encrypted. Save it without its password, and import that."
            )
        raise NotReviewsError(
            f"{file.name} is an old Excel or Word document. Save it as XLSX or CSV. {_ACCEPTED}"
        )
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        raise NotReviewsError(f"{file.name} is a tar archive. Unpack it and import the folder.")
    if head[:4] in ZIP_MAGICS:
        raise NotReviewsError(
            f"{file.name} is an archive in an archive. Unpack it and import what is inside."
        )
    sample = head[: 64 << 10]
    encoding = detect(sample)
    if encoding.name.startswith(("utf-16", "utf-32")):
        return
    share = (len(sample) - len(sample.translate(None, _CONTROLS))) / len(sample)
    most = _CONTROL_SHARE if encoding.note is None else _CONTROL_SHARE_OF_BINARY
    if share > most:
        raise NotReviewsError(f"{file.name} is binary data, not a file of reviews. {_ACCEPTED}")


def _open_text(file: DataFile, head: bytes, limits: Limits) -> RecordTable:
    encoding = detect(head)
    text = io.TextIOWrapper(io.BytesIO(head), encoding.name, FORGIVING, newline="").read()
    start = text.lstrip("\ufeff \t\r\n\x00")
    if re.match(r"<(!doctype|html|\?xml)", start, re.IGNORECASE):
        raise NotReviewsError(f"{file.name} is a web page or XML. {_ACCEPTED}")
    if _is_json(start, file.suffix):
        return read_json(file, text, encoding, limits)
    return read_delimited(file, text, encoding, head_is_all=len(head) < _HEAD, limits=limits)


def _is_json(start: str, suffix: str) -> bool:
    if suffix in {".jsonl", ".ndjson"}:
        return True
    if suffix == ".json":
        return start.startswith(("[", "{"))
    return re.match(r'\[\s*[\[{\]]|\{\s*["}]', start) is not None
