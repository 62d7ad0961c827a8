from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
import reporting_data
from reporting_data import GENERATED_AT, Tenant

from resources.reporting import build_report, write_workbook


def made(folder, tenant: Tenant):
    snapshot = reporting_data.publish(folder, tenant)
    report = build_report(
        snapshot, tenant_name="=Acme", colour="#0b6e4f", generated_at=GENERATED_AT
    )
    return report, write_workbook(report)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return made(tmp_path_factory.mktemp("snapshots"), Tenant(reviews=600, hostile=True))


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_the_workbook_holds_every_table_as_a_real_table_with_filters(hostile):
    report, content = hostile
    book = opened(content)
    tables = {name for sheet in book for name in sheet.tables}
    keys = {chart.key for chart in report.charts()} | {
        table.key for section in report.sections for table in section.tables
    }

    assert {f"table_{key}" for key in keys - {"about"}} <= tables
    assert all(table.autoFilter for sheet in book for table in sheet.tables.values())
    assert all(sheet.freeze_panes for sheet in book if sheet.tables)


def test_every_chart_of_the_report_is_a_native_chart_too(hostile):
    report, content = hostile
    drawn = [chart for sheet in opened(content) for chart in sheet._charts]

    assert len(drawn) == len(report.charts()) >= 8


def test_numbers_stay_numbers_in_their_formats(hostile):
    report, content = hostile
    sheet = opened(content)["Products"]
    table = report.section("products").tables[0]
    header = {cell.value: cell.column - 1 for cell in sheet[3]}
    first = sheet[4]

    assert first[header["Reviews"]].value == table.rows[0][1]
    assert first[header["Reviews"]].number_format == "#,##0"
    assert first[header["Negative"]].number_format == "0.0%"
    assert first[header["Average rating"]].value == pytest.approx(table.rows[0][3])


def test_text_that_looks_like_a_formula_stays_text(hostile):
    cells = [cell for sheet in opened(hostile[1]) for row in sheet.iter_rows() for cell in row]
    suspects = [
        cell for cell in cells if isinstance(cell.value, str) and cell.value[:1] in tuple("=+-@")
    ]

    assert {cell.value[:1] for cell in suspects} >= {"=", "@"}
    # openpyxl reads a leading "=" in a string cell as what it is stored as.
    assert all(cell.data_type == "s" for cell in suspects)
    assert all(cell.quotePrefix for cell in suspects)


def test_no_part_of_the_file_holds_a_formula_or_a_link(hostile):
    with zipfile.ZipFile(io.BytesIO(hostile[1])) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        content = b"".join(archive.read(name) for name in sheets)

    assert sheets
    assert b"<f>" not in content
    assert b"<hyperlink" not in content


def test_the_same_report_gives_the_same_bytes(hostile):
    report, content = hostile

    assert write_workbook(report) == content


@pytest.mark.parametrize(
    "tenant",
    [
        Tenant(reviews=1),
        Tenant(reviews=80, has_text=False),
        Tenant(reviews=80, has_dates=False),
        Tenant(reviews=80, has_ratings=False),
    ],
    ids=["one review", "no text", "no dates", "no ratings"],
)
def test_poor_data_still_gives_a_workbook_that_opens(tmp_path, tenant):
    _, content = made(tmp_path, tenant)
    book = opened(content)

    assert book.sheetnames[0] == "Summary"
    assert book.sheetnames[-1] == "About"


def test_the_cover_names_the_tenant_and_the_findings(hostile):
    report, content = hostile
    values = [cell.value for row in opened(content)["Summary"].iter_rows() for cell in row]

    assert "=Acme" in values
    assert all(finding.claim in values for finding in report.findings)
