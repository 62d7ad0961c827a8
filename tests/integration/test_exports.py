"""A tenant's archive: whole, its own alone, made in the background, and gone after a while."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pytest
from sqlalchemy import text

from pipelines.background import TASKS, Background
from pipelines.closing import close_for_good
from pipelines.exporting import forget_exports, write_to
from pipelines.session import Session
from resources.database.tenant_exports import EXPORT_TASK
from resources.exporting.archive import exported_tables
from resources.storage.schemas import REVIEWS
from resources.values.spreadsheets import read_csv
from tests.api_world import file_content
from tests.odd_events import add_odd_event


@pytest.fixture(scope="module")
def session(world):
    """The installation that the world stands on, as its background worker sees it."""
    session = Session(world.settings, world.database)
    session.__dict__["objects"] = world.objects
    session.__dict__["snapshots"] = world.snapshots
    return session


def run_jobs(world, session):
    """Do the jobs that wait, as the worker does them."""
    with world.database.jobs() as work:
        work.session.execute(text("set local search_path = jobs"))
        found = work.session.execute(
            text(
                "delete from jobs.procrastinate_jobs where task_name = :task"
                " returning args->>'tenant_id', args->>'export_id'"
            ),
            {"task": EXPORT_TASK},
        ).all()
    background = Background(session, mailer=None)  # type: ignore[arg-type]
    for tenant_id, export_id in found:
        TASKS[EXPORT_TASK].run(background, tenant_id=tenant_id, export_id=export_id)
    return len(found)


def test_an_archive_holds_everything_of_its_tenant_and_nothing_of_another(world, session, ada):
    asked = ada.post("/v1/tenants/acme/exports")
    assert asked.status_code == 202, asked.text
    address = asked.headers["location"]
    assert ada.post("/v1/tenants/acme/exports").json()["id"] == asked.json()["id"]
    assert ada.get(f"{address}/archive").status_code == 404
    assert run_jobs(world, session) == 1
    done = ada.get(address).json()
    assert done["status"] == "done", done
    answer = ada.get(done["archive"])
    assert answer.headers["content-disposition"].startswith('attachment; filename="acme-')
    assert len(answer.content) == done["bytes"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = set(archive.namelist())
    assert {"README.txt", "tenant.json", "members.jsonl", "manifest.json"} <= names
    assert {f"database/{table.name}.jsonl" for table in exported_tables()} <= names
    assert {"lake/reviews.parquet", "snapshot/reviews.parquet"} <= names
    reviews = pl.read_parquet(io.BytesIO(archive.read("snapshot/reviews.parquet")))
    assert len(reviews) == 90
    reports = [name for name in names if name.startswith("reports/")]
    assert sorted(archive.read(name) for name in reports) == sorted(
        file_content("acme", kind) for kind in ("html", "pdf", "xlsx")
    )
    members = [json.loads(line) for line in archive.read("members.jsonl").splitlines()]
    assert {member["email"] for member in members} >= {"ada@example.com", "vic@example.com"}
    manifest = json.loads(archive.read("manifest.json"))
    assert set(manifest["files"]) == names - {"manifest.json"}
    for name in names:
        content = archive.read(name)
        if name.endswith(".parquet"):
            content = pl.read_parquet(io.BytesIO(content)).write_json().encode()
        for secret in (b"brava", b"bob@example.com", b"argon2"):
            assert secret not in content, (name, secret)


def test_the_chain_of_events_can_be_checked_from_an_archive_alone(world, session, tmp_path):
    with world.database.jobs() as work:
        for changed in (['Größe 水 "\\'], [0.00001, 1e25, None, {"longer": 1, "a": []}]):
            data = {"changed": changed}
            add_odd_event(work, "tenant.changed", "acme", tenant_id="acme", data=data)
    write_to(tmp_path / "acme.zip", session, "acme")
    with zipfile.ZipFile(tmp_path / "acme.zip") as archive:
        rows = [json.loads(line) for line in archive.read("database/events.jsonl").splitlines()]
    before = ""
    for number, row in enumerate(sorted(rows, key=lambda row: row["sequence"]), start=1):
        assert (row["sequence"], row["previous_hash"]) == (number, before)
        moment = datetime.fromisoformat(row["created_at"]).astimezone(UTC)
        told = [
            row["tenant_id"], number, before, row["id"], row["source"], row["type"],
            row["subject"], f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}", row["actor"], row["data_text"],
        ]  # fmt: skip
        told_as_text = json.dumps(told, ensure_ascii=False)
        before = hashlib.sha256(told_as_text.encode()).hexdigest()
        assert row["hash"] == before
        assert json.loads(row["data_text"]) == row["data"]
    assert len(rows) >= 2


@pytest.mark.parametrize(("who", "status"), [("vic", 403), ("bob", 404), ("eve", 404)])
def test_archives_are_for_owners(world, who, status):
    with world.client(who) as client:
        assert client.post("/v1/tenants/acme/exports").status_code == status
        assert client.get("/v1/tenants/acme/exports").status_code == status


def test_an_archive_of_another_tenant_does_not_exist(world, session, ada, bob):
    mine = ada.post("/v1/tenants/acme/exports").json()["id"]
    run_jobs(world, session)
    for address in (f"exports/{mine}", f"exports/{mine}/archive"):
        assert bob.get(f"/v1/tenants/brava/{address}").status_code == 404
        assert ada.get(f"/v1/tenants/acme/{address}").status_code == 200


def test_an_export_that_fails_says_so_and_can_be_asked_for_again(world, session, ada, monkeypatch):
    asked = ada.post("/v1/tenants/acme/exports").json()

    def break_down(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(world.objects, "put", break_down)
        run_jobs(world, session)
    found = ada.get(f"/v1/tenants/acme/exports/{asked['id']}").json()
    assert (found["status"], found["archive"]) == ("failed", None)
    assert "Ask for it again" in found["error"]
    again = ada.post("/v1/tenants/acme/exports").json()
    assert again["id"] != asked["id"]
    run_jobs(world, session)
    assert ada.get(f"/v1/tenants/acme/exports/{again['id']}").json()["status"] == "done"


def test_an_archive_is_deleted_when_its_time_is_over(world, session, ada):
    export = ada.post("/v1/tenants/acme/exports").json()
    run_jobs(world, session)
    with world.database.jobs() as work:
        key = next(
            one.object_key for one in work.exports.list("acme") if str(one.id) == export["id"]
        )
        work.session.execute(
            text("update reviewgraph.tenant_exports set expires_at = now() where id = :id"),
            {"id": export["id"]},
        )
    forget_exports(session)
    assert not world.objects.exists(key)
    answer = ada.get(f"/v1/tenants/acme/exports/{export['id']}/archive")
    assert answer.status_code == 410
    assert ada.get(f"/v1/tenants/acme/exports/{export['id']}").json()["status"] == "expired"


def test_reviews_in_an_archive_open_in_spreadsheets_without_formulas(world, session, ada, tmp_path):
    row = {
        "day": date(2026, 3, 1),
        "tenant_id": "acme",
        "source": "shop",
        "batch_id": "b",
        "review_key": "a" * 32,
        "version": 1,
        "text": "=cmd|' /C calc'!A0",
    }
    rows = pa.Table.from_pylist([row], schema=REVIEWS.schema)
    session.lake.append(REVIEWS, rows, batches=["b"])
    export = ada.post("/v1/tenants/acme/exports").json()
    run_jobs(world, session)
    archive = zipfile.ZipFile(
        io.BytesIO(ada.get(f"/v1/tenants/acme/exports/{export['id']}/archive").content)
    )
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes(archive.read("reviews/reviews-0001.csv"))
    assert "'=cmd" in sheet.read_text()
    assert read_csv(sheet)["text"].to_list() == ["=cmd|' /C calc'!A0"]


def test_a_tenant_that_closes_for_good_leaves_nothing_but_its_name_and_its_bill(world, session):
    with world.database.jobs() as work:
        work.tenants.set_status(
            "brava", "closing", closes_at=work.tenants.require("brava").created_at
        )
    removed = close_for_good(session, "brava")
    assert removed["snapshots"] == 1
    assert removed["files in the object store"] == 3
    assert world.objects.keys("brava") == []
    with world.database.jobs() as work:
        assert work.tenants.require("brava").status == "closed"
        assert work.members.list("brava") == ()
        assert work.reports.list("brava") == ()
        assert work.reports.list("acme") != ()
        kinds = [
            event.type for event in work.events.unpublished(1000) if event.tenant_id == "brava"
        ]
    assert kinds[-1] == "tenant.closed"
    assert close_for_good(session, "brava") == {}
    with world.client("bob") as bob:
        assert bob.get("/v1/tenants/brava").status_code == 404
