"""Files that try to take memory, time or what is not theirs, made here and nowhere else.

``HOSTILE`` names each with its bytes and what must become of it: a sentence that its refusal holds,
or ``READ`` and how many records are read from it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
TEXTS = [f"The room was clean and the staff of house {number} were kind." for number in range(20)]
CSV = "text,rating\n" + "".join(f"{text},{1 + at % 5}\n" for at, text in enumerate(TEXTS))
RECORDS = [{"text": text, "rating": 1 + at % 5} for at, text in enumerate(TEXTS)]
DOCTYPE = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


@dataclass(frozen=True)
class Hostile:
    """A file and what must become of it: a piece of the refusal, or the number of records read."""

    make: Callable[[], bytes]
    expected: str | int


def zipped(files, method=zipfile.ZIP_DEFLATED, level=9):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method, compresslevel=level) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


def cell(place, text):
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


GOOD_ROWS = '<row r="1">' + cell("A1", "text") + cell("B1", "rating") + "</row>" + "".join(
    f'<row r="{at}">{cell(f"A{at}", text)}<c r="B{at}"><v>{1 + at % 5}</v></c></row>'
    for at, text in enumerate(TEXTS, start=2)
)  # fmt: skip


def workbook(rows=GOOD_ROWS, *, before="", strings=None, doctype="", more=(), level=9, **sheets):
    """A workbook of one sheet, or of a count of alike ones, written by hand to say anything."""
    count, folder = sheets.get("count", 1), sheets.get("folder", "worksheets")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    relation = "application/vnd.openxmlformats-package.relationships+xml"
    types = (
        f'<Types xmlns="{package}/content-types">'
        f'<Default Extension="rels" ContentType="{relation}"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>"
    )

    def relations(*pairs):
        lines = (
            f'<Relationship Id="rId{at}" Type="{rel}/{what}" Target="{where}"/>'
            for at, (what, where) in enumerate(pairs, start=1)
        )
        return (
            f'{HEAD}<Relationships xmlns="{package}/relationships">{"".join(lines)}</Relationships>'
        )

    names = "".join(
        f'<sheet name="Reviews {at}" sheetId="{at}" r:id="rId{at}"/>' for at in range(1, count + 1)
    )
    listed = f"<sheets>{names}</sheets>"
    if not isinstance(rows, bytes):
        rows = f"{before}<sheetData>{rows}</sheetData>"
        rows = f'{HEAD}{doctype}<worksheet xmlns="{MAIN}">{rows}</worksheet>'
    paths = [f"{folder}/sheet{at}.xml" for at in range(1, count + 1)]
    inside = (*(("worksheet", path) for path in paths), ("sharedStrings", "sharedStrings.xml"))
    parts = [
        ("[Content_Types].xml", f"{HEAD}{types}"),
        ("_rels/.rels", relations(("officeDocument", "xl/workbook.xml"))),
        ("xl/workbook.xml", f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{rel}">{listed}</workbook>'),
        ("xl/_rels/workbook.xml.rels", relations(*inside)),
        *((f"xl/{path}", rows) for path in paths),
    ]
    if strings is not None:
        parts.append(("xl/sharedStrings.xml", f'{HEAD}<sst xmlns="{MAIN}">{strings}</sst>'))
    return zipped([*parts, *more], level=level)


def shared_text_bomb(cell='<c r="A{0}" t="s"><v>0</v></c>'):
    row = f'<row r="{{0}}">{cell}<c r="B{{0}}"><v>5</v></c></row>'
    rows = "".join(row.format(at) for at in range(1, 300_000))
    return workbook(rows, strings=f"<si><t>{'good ' * 6_000}</t></si>")


def far_empty_cell(row, **options):
    """Sheets that are empty rectangles, each within what one workbook may have."""
    start = f'<row r="1">{cell("A1", "text")}</row>'
    return workbook(f'{start}<row r="{row}">{cell(f"AD{row}", "")}</row>', **options)


def packed_members():
    """A few kilobytes that hold 120 MB, of which no member has more than one file may."""
    lines = (b"%d %s,%d\n" % (at, b"good room " * 2_000, 1 + at % 5) for at in range(1_000))
    member = gzip.compress(b"text,rating\n" + b"".join(lines))
    return zipped([(f"{number}.csv.gz", member) for number in range(6)])


def far_cells_without_places():
    row = "<c><v>1</v></c>" * 16_000
    return workbook(f'<row r="1">{row}</row><row r="1048576"><c><v>1</v></c></row>')


def wide_xml():
    text = f'<?xml version="1.0" encoding="UTF-16"?>{DOCTYPE}<worksheet xmlns="{MAIN}"/>'
    return workbook(text.encode("utf-16"))


def lying_sizes():
    """A sheet of 64 MiB that says it has 1,000 bytes."""
    content = bytearray(workbook(before=" " * (64 * MIB)))
    at = content.rindex(b"xl/worksheets/sheet1.xml") - 46
    content[at + 24 : at + 28] = struct.pack("<I", 1_000)
    return bytes(content)


def overlapping():
    """Many entries of one directory that all unpack the same bytes."""
    content = zipped([("a.csv", "\n" * (8 * MIB))])
    start = content.index(b"PK\x01\x02")
    entry = content[start : content.index(b"PK\x05\x06")]
    count = 500
    directory = b"".join(entry.replace(b"a.csv", f"{n:03}.c".encode()) for n in range(count))
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return content[:start] + directory + end


def encrypted_zip():
    content = bytearray(zipped([("a.csv", CSV)]))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def twice_the_same_name(files):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zipped(files)


def linked_member():
    info = zipfile.ZipInfo("other.csv")
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return zipped([(info, "/etc/passwd"), ("reviews.csv", CSV)])


def ole(inside=b""):
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + inside + bytes(4_096)


def tar():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        link = tarfile.TarInfo("reviews.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return content.getvalue()


def parquet(table, **options):
    content = io.BytesIO()
    pq.write_table(table, content, **options)
    return content.getvalue()


def repeated_text():
    """One text of a mebibyte that a hundred thousand rows refer to: 100 GB when written out."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["good " * 200_000])
    return parquet(pa.table({"text": texts}), dictionary_pagesize_limit=2 * MIB)


def repeated_text_in_lists():
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), ["good " * 200_000])
    lists = pa.ListArray.from_arrays(pa.array(range(20_001), pa.int32()), texts)
    return parquet(pa.table({"text": lists}), dictionary_pagesize_limit=2 * MIB)


def shared_beginnings():
    """Texts of 256 KiB that are stored as what they add to the one before: nothing."""
    content = io.BytesIO()
    batch = pa.table({"text": ["good " * 52_000] * 100})
    options = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
    with pq.ParquetWriter(content, batch.schema, compression="zstd", **options) as writer:
        writer.write_table(pa.concat_tables([batch] * 50))
    return content.getvalue()


def endless_rows():
    content = io.BytesIO()
    batch = pa.table({"text": pa.nulls(5_000_000, pa.string())})
    with pq.ParquetWriter(content, batch.schema) as writer:
        for _ in range(11):
            writer.write_table(batch)
    return content.getvalue()


def fake_footer(length):
    return b"PAR1" + bytes(range(256)) * 4 + struct.pack("<I", length) + b"PAR1"


def arrow():
    content = io.BytesIO()
    table = pa.table({"text": TEXTS})
    with pa.ipc.new_file(content, table.schema) as writer:
        writer.write_table(table)
    return content.getvalue()


def deep(opening, closing, depth=100_000):
    return f'[{{"text": {opening * depth}1{closing * depth}}}]'.encode()


def large_directory():
    return zipped([(f"{'x' * 60_000}{n}.csv", "") for n in range(100)], zipfile.ZIP_STORED, None)


READ = len(TEXTS)
NOISE = random.Random(7).randbytes(4_096)
HOSTILE: dict[str, Hostile] = {
    # Workbooks
    "far-cells.xlsx": Hostile(
        lambda: workbook(f'<row r="1">{cell("A1", "text")}</row><row r="1048576">'
                         f'{cell("XFD1048576", "x")}</row>'), "rows and 16,384 columns apart"),
    "far-cells-without-places.xlsx": Hostile(far_cells_without_places, "columns apart"),
    "far-cell-spelt-oddly.xlsx": Hostile(
        lambda: workbook(GOOD_ROWS + "<row r='1048576'><c r = '&#88;FD1048576'><v>1</v></c></row>"),
        "."),
    "shared-text.xlsx": Hostile(shared_text_bomb, "bytes of text"),
    "many-texts.xlsx": Hostile(
        lambda: workbook(strings=f"<si><t>{'a' * 1_000}</t></si>" * 300_000), "would unpack to"),
    "shared-by-formulas.xlsx": Hostile(
        lambda: shared_text_bomb('<c t="s" r="A{0}"><f>1</f><v>0</v></c>'), "bytes of text"),
    "shared-behind-a-comment.xlsx": Hostile(
        lambda: shared_text_bomb('<c r="A{0}" t="s"><!--<v>1</v>--><v>0</v></c>'), "bytes of text"),
    "shared-by-a-reference.xlsx": Hostile(
        lambda: shared_text_bomb('<c r="A{0}" t="&#115;"><v>0</v></c>'), "bytes of text"),
    "far-cells-of-ten-sheets.xlsx": Hostile(
        lambda: far_empty_cell(1_000_000, count=10), "cells together"),
    "far-cells-of-sheets-elsewhere.xlsx": Hostile(
        lambda: far_empty_cell(1_000_000, count=10, folder="parts"), "cells together"),
    "few-cells-of-ten-sheets.xlsx": Hostile(lambda: workbook(count=10), READ),
    "huge-dimension.xlsx": Hostile(
        lambda: workbook(before='<dimension ref="A1:XFD1048576"/>'), READ),
    "laughs.xlsx": Hostile(
        lambda: workbook(strings=f"{DOCTYPE}<si><t>&j;</t></si>"), "declares entities"),
    "laughing-sheet.xlsx": Hostile(lambda: workbook(doctype=DOCTYPE), "declares entities"),
    "outside-entity.xlsx": Hostile(
        lambda: workbook(doctype='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
        "declares entities"),
    "wide-xml.xlsx": Hostile(wide_xml, "not UTF-8"),
    "spaces.xlsx": Hostile(lambda: workbook(before=" " * (80 * MIB)), "would unpack to"),
    "lying-sizes.xlsx": Hostile(lying_sizes, "damaged"),
    "two-strings.xlsx": Hostile(
        lambda: twice_the_same_name([("xl/workbook.xml", "x"), ("xl/sharedStrings.xml", "a"),
                                     ("xl/sharedStrings.xml", "b")]), "two files of one name"),
    "many-parts.xlsx": Hostile(
        lambda: workbook(more=[(f"xl/media/{n}.bin", "") for n in range(2_001)]), "holds 2,0"),
    "wide-sheet.xlsx": Hostile(
        lambda: workbook("".join(f'<row r="{n}">' + "<c><v>1</v></c>" * 5_000 + "</row>"
                                 for n in (1, 2))), "5,000 columns"),
    "cut.xlsx": Hostile(lambda: workbook()[:-400], "damaged"),
    "encrypted.xlsx": Hostile(lambda: ole("EncryptedPackage".encode("utf-16-le")), "is encrypted"),
    "old.xls": Hostile(ole, "old Excel"),
    "workbook.csv": Hostile(workbook, READ),
    "sheet.ods": Hostile(
        lambda: zipped([("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
                        ("content.xml", DOCTYPE)]), "OpenDocument"),
    "letter.docx": Hostile(lambda: zipped([("word/document.xml", DOCTYPE)]), "Word document"),
    # Compressed files and archives
    "zeros.csv.gz": Hostile(lambda: gzip.compress(bytes(100 * MIB)), "is empty"),
    "lines.csv.gz": Hostile(
        lambda: gzip.compress(CSV.encode() + (b"ok " * 1_000 + b",5\n") * 25_000),
        "unpacks to more than"),
    "four-times.csv.gz": Hostile(
        lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(CSV.encode())))),
        "packed more than 3 times"),
    "cut.csv.gz": Hostile(lambda: gzip.compress(NOISE + CSV.encode())[:-40], "damaged"),
    "long-line.csv.gz": Hostile(
        lambda: gzip.compress(CSV.encode() + b"x" * (60 * MIB)), "a line of more than"),
    "packed-members.zip": Hostile(packed_members, "unpacks to more than"),
    "plain-members.zip": Hostile(
        lambda: zipped([(f"{n}.csv", CSV + "ok,5\n" * (2 * MIB)) for n in range(8)]),
        "would unpack to"),
    "some-packed-members.zip": Hostile(
        lambda: zipped([(f"{n}.csv.gz", gzip.compress(CSV.encode())) for n in range(3)]), 3 * READ),
    "overlapping.zip": Hostile(overlapping, "overlap"),
    "many.zip": Hostile(
        lambda: zipped([(f"{n}.csv", CSV) for n in range(2_001)]), "holds 2,001 files"),
    "large-directory.zip": Hostile(large_directory, "list of contents"),
    "ratio.zip": Hostile(lambda: zipped([("a.csv", CSV + "\n" * (12 * MIB))]), "empty lines"),
    "traversal.zip": Hostile(
        lambda: zipped([("../../other.csv", CSV), ("..\\other.csv", CSV), ("a.csv", CSV)]), READ),
    "only-traversal.zip": Hostile(lambda: zipped([("../a.csv", CSV)]), "leads out of the archive"),
    "link.zip": Hostile(linked_member, READ),
    "twice.zip": Hostile(
        lambda: twice_the_same_name([("a.csv", CSV), ("a.csv", CSV)]), "two files of one name"),
    "encrypted.zip": Hostile(encrypted_zip, "is encrypted"),
    "bzip2-inside.zip": Hostile(
        lambda: zipped([("a.csv", bytes(40 * MIB))], zipfile.ZIP_BZIP2), "not read here"),
    "nested.zip": Hostile(lambda: zipped([("a.zip", zipped([("a.csv", CSV)]))]), "in an archive"),
    "nested.zip.gz": Hostile(lambda: gzip.compress(zipped([("a.csv", CSV)])), "in an archive"),
    "cut.zip": Hostile(lambda: zipped([("a.csv", CSV)])[:-30], "damaged"),
    "steering-names.zip": Hostile(
        lambda: zipped([("\x1b[2J\x1b]0;x\x07\u202egpj.csv", "stars\n1\n2\n")]), r"\\x1b\[2J"),
    "bomb.csv.bz2": Hostile(lambda: bz2.compress(bytes(10 * MIB)), "bzip2"),
    "bomb.csv.xz": Hostile(lambda: lzma.compress(bytes(10 * MIB)), "xz archive"),
    "bomb.csv.zst": Hostile(lambda: b"\x28\xb5\x2f\xfd" + NOISE, "Zstandard"),
    "bomb.csv.lz4": Hostile(lambda: b"\x04\x22\x4d\x18" + NOISE, "LZ4"),
    "links.tar": Hostile(tar, "tar archive"),
    "links.tar.gz": Hostile(lambda: gzip.compress(tar()), "tar archive"),
    # Parquet and Arrow
    "repeated-text.parquet": Hostile(repeated_text, "repeats a few long values"),
    "repeated-text-in-lists.parquet": Hostile(repeated_text_in_lists, "unpacks to more|damaged"),
    "shared-beginnings.parquet": Hostile(shared_beginnings, "unpacks to more than"),
    "one-huge-value.parquet": Hostile(
        lambda: parquet(pa.table({"text": ["a" * (70 * MIB)]}), use_dictionary=False,
                        compression="zstd"), "would unpack to"),
    "endless-rows.parquet": Hostile(endless_rows, "rows, more than"),
    "wide.parquet": Hostile(
        lambda: parquet(pa.table({f"c{n}": ["x"] for n in range(5_000)})), "5,000 columns"),
    "fake-footer.parquet": Hostile(lambda: fake_footer(1_000), "damaged"),
    "far-footer.parquet": Hostile(lambda: fake_footer(0xFFFFFFF0), "damaged"),
    "cut.parquet": Hostile(lambda: parquet(pa.table({"text": TEXTS}))[:-40], "damaged"),
    "no-utf8.parquet": Hostile(
        lambda: parquet(pa.table({"text": TEXTS})).replace(b"house 7", b"hous\xff 7"), READ),
    "table.feather": Hostile(arrow, "Arrow or Feather"),
    # JSON
    "deep-lists.json": Hostile(lambda: deep("[", "]"), "too deeply"),
    "deep-objects.json": Hostile(lambda: deep('{"a":', "}"), "too deeply"),
    "deep-around.json": Hostile(lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too deeply"),
    "long-text.json": Hostile(
        lambda: b'[{"text": "' + b"x" * (40 * MIB) + b'"}]', "longer than"),
    "long-line.jsonl": Hostile(lambda: b'{"text": "' + b"x" * (40 * MIB) + b'"}', "a line of more"),
    "long-number.json": Hostile(lambda: b'[{"text": ' + b"9" * MIB + b"}]", "broken JSON"),
    "many-keys.json": Hostile(
        lambda: json.dumps([{f"k{n}": n for n in range(100_000)}]).encode(), "100,000 columns"),
    "large-records.jsonl": Hostile(
        lambda: b"".join(b'{"text": "%d %s"}\n' % (n, b"good " * 2 * MIB) for n in range(4)), 4),
    "many-large-records.jsonl": Hostile(
        lambda: b"".join(b'{"text": "%d %s"}\n' % (n, b"good " * (400 << 10)) for n in range(80)),
        "too many records of more"),
    "half-pairs.json": Hostile(
        lambda: json.dumps([{**one, "review\ud800": "x"} for one in RECORDS]).encode(), READ),
    # Text
    "long-line.csv": Hostile(lambda: CSV.encode() + b"x" * (40 * MIB), "a line of more than"),
    "open-quote.csv": Hostile(
        lambda: CSV.encode() + b'"open,5\n' + b"ab\n" * 300_000, READ),
    "wide.csv": Hostile(
        (",".join(f"c{n}" for n in range(100_000)) + "\n" + "x," * 99_999 + "x\n").encode,
        "columns"),
    "long-names.csv": Hostile(
        lambda: b"text,rating," + b"n" * (8 * MIB) + b"\n" + b"good,5,x\n" * 100, "names of col"),
    "commas.csv": Hostile(lambda: b"," * (12 * MIB) + b"\n" + b"," * 100 + b"\n", "columns"),
    "nul.csv": Hostile(lambda: CSV.replace("kind", "ki\x00nd").encode(), READ),
    "utf-16.csv": Hostile(lambda: CSV.encode("utf-16-le"), READ),
    "utf-32.csv": Hostile(lambda: CSV.encode("utf-32-le"), READ),
    "utf-32-be.csv": Hostile(lambda: CSV.encode("utf-32-be"), READ),
    "utf-7.csv": Hostile(lambda: CSV.replace("kind", "k+AGkAbg-d").encode(), READ),
    "noise.csv": Hostile(lambda: NOISE, "binary|not a file of reviews|."),
    "laughs.csv": Hostile(f'<?xml version="1.0"?>{DOCTYPE}<x>&j;</x>'.encode, "XML"),
    "laughs.json": Hostile(f"{DOCTYPE}<x>&j;</x>".encode, "XML"),
}  # fmt: skip
