"""CSV and XLSX files that people open: no cell becomes a formula, and nothing is lost."""

from __future__ import annotations

import ast
import csv
import io
import re
import unicodedata
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from xlsxwriter import Workbook

from resources.reporting.style import Palette
from resources.reporting.workbook import _Sheets
from resources.values.spreadsheets import begins_formula, from_cell, read_csv, to_cell, write_csv

ROOT = Path(__file__).resolve().parents[2]
STARTS = "=+-@\t\r"
FORMULAS = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1+1", "\r=1+1",
    "  =1+1", "\u00a0=1+1", "\uff1d1+1", "\ufeff=1+1", "fine;=1+1", "fine\n=1+1", "fine\t=1+1",
    "fine|@x", "fine\r\n-1+1", "\u200b=1", "\xad=1",
    "\u202e=1", "\u2028=1", "\x00=1", "\x0b=1", "\u2060 \x1f=1", "fine;\u200b=1", "\u3000+1",
    '=HYPERLINK("http://127.0.0.1/?"&A1,"x")', '=1+1",=1+1',
]  # fmt: skip
PLAIN = ["", "It was fine.", "4/5", "a = b", "well - not so good", "me@example.org", "don't", "1;2"]

likely = st.text(alphabet=st.sampled_from("=+-@'\t\r\n;|, \"ab\u00a0\uff1d\ufeff1"), max_size=12)
texts = st.one_of(likely, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


def starts_a_formula(text):
    unseen = {"Cc", "Cf", "Zs", "Zl", "Zp"}
    seen = "".join(
        char for char in text if char in STARTS or unicodedata.category(char) not in unseen
    )
    return seen[:1] in set(STARTS) | set("\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_wherever_a_program_begins_a_cell(text):
    cell = to_cell(text)
    assert cell != text
    for piece in [cell, *re.split(r"[;|\t\r\n]", cell)]:
        assert not piece or not starts_a_formula(piece), piece
    assert from_cell(cell) == text


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_stays_as_it_is(text):
    assert to_cell(text) == text
    assert not begins_formula(text)


@given(texts)
@example("'=1")
@example("''")
@example(";\t='")
@example("\t\r=")
def test_every_text_comes_back_and_none_is_a_formula(text):
    cell = to_cell(text)
    assert from_cell(cell) == text
    for piece in re.split(r"[;|\t\r\n]", cell):
        assert not piece or not starts_a_formula(piece)


@given(st.lists(st.tuples(st.none() | texts, st.none() | texts), min_size=1, max_size=8))
def test_a_written_file_comes_back_and_holds_no_formula(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    frame = pl.DataFrame(rows, schema={"=name": pl.String, "text": pl.String}, orient="row")
    write_csv(frame.with_row_index("number"), path)
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell and starts_a_formula(cell) for cell in cells)
    assert read_csv(path).drop("number").equals(frame)


def test_numbers_are_no_text_and_stay_numbers(tmp_path):
    path = tmp_path / "deeper" / "numbers.csv"
    write_csv(pl.DataFrame({"change": [-5, 3], "share": [-0.5, 0.5]}), path)
    assert path.read_text() == '"change","share"\n-5,-0.5\n3,0.5\n'


def test_the_time_to_write_a_cell_grows_no_faster_than_the_cell():
    import time

    def seconds(text):
        began = time.perf_counter()
        assert from_cell(to_cell(text)) == text
        return time.perf_counter() - began

    size = 200_000
    plain = max(seconds("a word of it " * (size // 13)), 1e-3)
    for hostile in (" ", "\n", "; ", "'", "\t", "\r\n", ";" + " " * 1_000, "\u00a0"):
        assert seconds((hostile * size)[:size]) < 200 * plain, repr(hostile)


def test_texts_in_a_workbook_are_neither_formulas_nor_links():
    target = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    values = [*FORMULAS[:6], "http://127.0.0.1/", "mailto:me@example.org", "{=1+1}", "5"]
    with Workbook(target, options) as book:
        sheets = _Sheets(book, Palette.of("#123456"))
        sheet = sheets.add("Texts")
        for row, value in enumerate(values):
            sheets.cell(sheet, row, 0, value, "text")
    cells = [row[0] for row in openpyxl.load_workbook(target)["Texts"].iter_rows()]
    assert [cell.data_type for cell in cells] == ["s"] * len(values)
    assert not any(cell.hyperlink for cell in cells)
    assert [cell.quotePrefix for cell in cells[:6]] == [True] * 6
    with zipfile.ZipFile(target) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


# What writes CSV for programs: the sandbox's deliveries are files that are imported again, and a
# snapshot's rows are written to be hashed, not kept.
FOR_PROGRAMS = {"resources/sandbox/world/deliveries.py", "resources/storage/snapshot_files.py"}
THE_WRITER = "resources/values/spreadsheets.py"


def calls_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            yield f"{owner.id}." if isinstance(owner, ast.Name) else "", node.func.attr


def test_one_module_alone_writes_csv_for_people():
    found = set()
    for room in ("assets", "pipelines", "resources", "serving_api"):
        for path in (ROOT / room).rglob("*.py"):
            for owner, name in calls_of(path):
                if name in {"write_csv", "to_csv", "sink_csv", "write_excel", "to_excel"} or (
                    owner == "csv." and name in {"writer", "DictWriter"}
                ):
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == {THE_WRITER, *FOR_PROGRAMS}
