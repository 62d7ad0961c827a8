"""What has landed and what of it was rejected, through the API."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from resources.database import BatchRecord, ImportBatch
from resources.storage.lake import Lake
from resources.storage.schemas import REJECTED_REVIEWS
from tests.api_world import RECEIVED_DAY, all_pages, read

ACME = "/v1/tenants/acme/imports"
FORMULA = '=HYPERLINK("http://evil.example","x")'


def rejected_row(tenant, batch, number, **other):
    return {
        "day": RECEIVED_DAY,
        "tenant_id": tenant,
        "source": "shop",
        "batch_id": batch,
        "record_number": number,
        "reason_code": "unreadable_date",
        "reason": "The date cannot be read.",
        "field": "posted_at",
        "value": f"{tenant} {number}",
        "payload": "{}",
        **other,
    }


@pytest.fixture(scope="module")
def rejects(world):
    """Rejected rows of the file of each tenant, out of order, some of them formulas."""
    lake = Lake.from_settings(world.settings)
    shared = world.ids["acme"]["import"]
    rows = [rejected_row("acme", shared, number) for number in (7, 3, 90, 41, 5)]
    rows.append(rejected_row("acme", shared, 8, value=FORMULA, field=None))
    # Another tenant's rows under the very same batch id: the tenant is asked for, not the id alone.
    rows += [rejected_row("brava", shared, number) for number in (1, 2)]
    rows += [rejected_row("acme", "another batch", 1)]
    lake.append(REJECTED_REVIEWS, pa.Table.from_pylist(rows, schema=REJECTED_REVIEWS.schema))
    return f"{ACME}/{shared}/rejected-rows"


def test_an_import_tells_what_became_of_its_records(world, ada):
    batch = world.ids["acme"]["import"]
    found = read(ada, f"{ACME}/{batch}")
    assert found["file_name"] == "reviews of acme.csv"
    assert found["mapping"] == {"text": "Review"}
    assert found["outcome"] is None
    outcome = {"rows_in": 90, "rows_kept": 80, "rows_unchanged": 4, "rows_rejected": 6}
    with world.database.jobs() as work:
        work.batches.record_all(
            [
                BatchRecord(
                    tenant_id="acme",
                    day=RECEIVED_DAY,
                    stage="normalised",
                    batch_id=batch,
                    source="shop",
                    **outcome,
                )
            ]
        )
    told = read(ada, f"{ACME}/{batch}")["outcome"]
    assert (told["kept"], told["unchanged"], told["rejected"]) == (80, 4, 6)


def test_rejected_rows_come_in_the_order_of_the_file_and_are_the_tenant_s_own(ada, rejects):
    rows = all_pages(ada, f"{rejects}?limit=2")
    assert [row["record_number"] for row in rows] == [3, 5, 7, 8, 41, 90]
    assert rows[0]["value"] == "acme 3"
    assert rows[0]["reason"] == "The date cannot be read."


def test_no_cell_of_the_file_of_rejected_rows_is_a_formula(ada, rejects):
    answer = ada.get(f"{rejects}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["record_number"] for row in rows] == ["3", "5", "7", "8", "41", "90"]
    assert rows[3]["value"] == "'" + FORMULA
    behind = list(csv.DictReader(io.StringIO(ada.get(f"{rejects}.csv?after=8").text)))
    assert [row["record_number"] for row in behind] == ["41", "90"]


def test_the_rejected_rows_of_a_file_of_somebody_else_are_not_there(world, rejects):
    with world.client("bob") as bob:
        for form in ("", ".csv"):
            assert bob.get(rejects + form).status_code == 404
            own = rejects.replace("/acme/", "/brava/") + form
            assert bob.get(own).status_code == 404  # the batch is acme's, whoever has rows of it


def test_paging_loses_and_repeats_nothing_while_files_land(world, ada):
    began = datetime(2026, 4, 1, tzinfo=UTC)

    def land(name, landed_at):
        with world.database.jobs() as work:
            work.imports.record(
                ImportBatch(
                    id=name,
                    tenant_id="acme",
                    source="shop",
                    file_name=name,
                    byte_count=1,
                    record_count=1,
                    day=date(2026, 4, 1),
                    mapping={},
                    landed_at=landed_at,
                )
            )

    # Some of them at the same instant, as the files of one folder.
    for number in range(30):
        land(f"kept {number}", began + timedelta(minutes=number // 4))
    seen, address, page_number = [], f"{ACME}?limit=4", 0
    while address:
        page = read(ada, address)
        seen += [item["id"] for item in page["items"]]
        land(f"new {page_number}", began + timedelta(days=1, minutes=page_number))
        land(f"late {page_number}", began + timedelta(seconds=page_number))
        address, page_number = page["next"], page_number + 1
    assert len(seen) == len(set(seen))
    assert {f"kept {number}" for number in range(30)} < set(seen)
    assert page_number > 7


def test_a_cursor_of_another_file_is_refused(ada, rejects):
    cursor = read(ada, rejects, limit=2)["next_cursor"]
    assert ada.get(ACME, params={"cursor": cursor}).status_code == 422


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ED%A0%80", "x" * 201, "..%2f..%2fetc"])
def test_a_name_that_no_import_can_have_names_none(ada, name):
    assert ada.get(f"{ACME}/{name}").status_code in {404, 422}
