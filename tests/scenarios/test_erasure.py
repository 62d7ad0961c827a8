"""A person who wrote reviews is erased: found everywhere before, nowhere after, and never back."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from pydantic import SecretStr

from pipelines.cli import erase_command
from pipelines.definitions import build_definitions
from pipelines.erasing import ask_for, eraser_of
from pipelines.erasure_job import erasure_requests
from pipelines.file_import import FileImport
from pipelines.launch import dagster_instance
from pipelines.session import open_session
from resources.privacy import registry
from resources.privacy.subjects import Wanted
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS, TABLES
from tests.erasure_world import (
    AUTHOR,
    NAME,
    OTHER_WORDS,
    WORDS,
    Reviews,
    bring_in,
    found_in,
    plant,
    tables,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser]

EVERYWHERE = {
    *(f"lake {name}" for name in ("raw_reviews", "reviews", "rejected_reviews")),
    *(f"files of lake {name}" for name in ("raw_reviews", "reviews", "rejected_reviews")),
    "snapshot",
    "object",
    "table reviewgraph.corrections",
    "table reviewgraph.stage_runs",
    "table dagster.event_logs",
    "table dagster.run_tags",
    "file logs",
    "file rejects",
    "file reports",
    "file scratch",
}
BACKUP = ("lake", "snapshots", "objects")


@pytest.fixture(scope="module")
def erased(module_settings, postgres, tmp_path_factory):
    """The world before, a backup of it, and the receipt of the erasure."""
    folder = tmp_path_factory.mktemp("erasure")
    home = module_settings.home
    with postgres.database(module_settings):
        name = module_settings.database_url.get_secret_value().rpartition("/")[2].partition("?")[0]
        with open_session(module_settings) as session:
            for tenant, words in (("acme", WORDS), ("bolt", OTHER_WORDS)):
                bring_in(session, Reviews(tenant, words), folder)
            plant(session, "acme")
            before = {needle: found_in(session, needle, tenant="acme") for needle in (NAME, WORDS)}
            other = digest_of_other(session)
            versions = session.snapshots.versions("acme")
        postgres.run_as_owner(  # what Dagster still holds of a run that has ended
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        )
        postgres.run_as_owner(f"create database {name}_backup template {name} strategy file_copy")
        for part in BACKUP:
            shutil.copytree(home / part, folder / "backup" / part)
        path = folder / "receipt.json"
        with pytest.MonkeyPatch.context() as patch:
            for key, value in module_settings.environment().items():
                patch.setenv(key, value)
            erase_command.erase(
                "acme", author="canaria VÖGELIN-zeta", yes=True, receipt=path,
                author_id=None, review=None, source=None, dry_run=False, suppress=True,
                resume=False, reapply=False,
            )  # fmt: skip
        with open_session(module_settings) as session:
            yield {
                "session": session,
                "before": before,
                "other": other,
                "versions": versions,
                "receipt": json.loads(path.read_text()),
                "backup": (folder / "backup", postgres.address(f"{name}_backup")),
                "folder": folder,
            }
        postgres.run_as_owner(f"drop database {name}_backup with (force)")


def digest_of_other(session):
    """Everything of the tenant that nobody asked about."""
    digest = hashlib.sha256()
    home = session.settings.home
    for pattern in ("snapshots/bolt/**/*", "objects/tenants/bolt/**/*", "rejects/bolt-*"):
        for path in sorted(home.glob(pattern)):
            if path.is_file():
                digest.update(f"{path}\0".encode() + path.read_bytes())
    for spec in TABLES.values():
        rows = session.lake.read(spec, tenants=["bolt"]).frame.collect()
        digest.update(rows.sort(spec.schema.names[:4], nulls_last=True).write_ndjson().encode())
    with session.database.jobs() as work:
        digest.update(repr(work.ledger.for_tenant("bolt")).encode())
        digest.update(repr(work.reports.list("bolt")).encode())
    return digest.hexdigest()


def test_the_person_was_everywhere_before(erased):
    assert erased["before"][NAME] | erased["before"][WORDS] >= EVERYWHERE
    assert "file models" in erased["before"][WORDS]


@pytest.mark.parametrize("needle", [NAME, WORDS, "acct-77"])
def test_the_person_is_nowhere_afterwards(erased, needle):
    assert found_in(erased["session"], needle, tenant="acme") == set()


def test_what_the_person_wrote_is_in_no_file_of_the_lake_whoever_owns_it(erased):
    assert found_in(erased["session"], WORDS) == set()


def test_the_receipt_names_each_place_and_says_that_each_was_searched_again(erased):
    receipt = erased["receipt"]
    kinds = {place.partition("/")[0].rpartition(".")[0] or place for place in receipt["erased"]}
    named = " ".join(receipt["erased"])
    for place in (
        "lake raw_reviews", "lake reviews", "lake rejected_reviews", "lake review_enrichments",
        "files of lake raw_reviews", "table reviewgraph.corrections",
        "table reviewgraph.stage_runs.error",
        "table dagster.event_logs.event", "file logs/api.log", "file rejects/acme-shop.csv",
        "file reports/acme/report.pdf", "file models/acme/v1/words.json", "file scratch/marts-",
    ):  # fmt: skip
        assert place in named, (place, kinds)
    for version in erased["versions"]:
        assert f"snapshot acme/{version}" in receipt["erased"]
    endings = {place.rpartition(".")[2] for place in receipt["erased"] if "object " in place}
    assert endings == {"html", "pdf", "xlsx"}
    assert receipt["records"] == 8
    assert receipt["reviews"] == 7
    assert set(receipt["searched"].values()) == {0}
    assert {
        place for place in receipt["erased"] if place.startswith(("object", "snapshot"))
    } <= set(receipt["searched"])
    assert NAME not in json.dumps(receipt)


def test_the_numbers_are_those_of_the_reviews_that_are_left(erased):
    session = erased["session"]
    with session.database.jobs() as work:
        current = work.snapshots.current("acme")
        documents = work.reports.list("acme")
        (normalised,) = (one for one in work.ledger.for_tenant("acme") if one.stage == "normalised")
    snapshot = session.snapshots.open("acme", current.version)
    assert session.snapshots.versions("acme") == [current.version]
    assert snapshot.table("reviews").height == 72
    assert {document.review_count for document in documents} == {72}
    assert (normalised.rows_in, normalised.rows_kept, normalised.rows_rejected) == (72, 72, 0)
    asked_for = [document for document in documents if document.request_id]
    assert len(asked_for) == 1, "what was asked for is written again"


def test_the_other_tenant_is_untouched_to_the_last_byte(erased):
    assert digest_of_other(erased["session"]) == erased["other"]
    assert "snapshot" in found_in(erased["session"], OTHER_WORDS, tenant="bolt")


def test_others_hear_of_it_without_the_name(erased):
    with erased["session"].database.jobs() as work:
        events = {one.type: one for one in work.events.unpublished()}
    told = events["privacy.erased"]
    assert told.tenant_id == "acme"
    assert told.data["subject"] == erased["receipt"]["subject"]
    assert told.data["subject"].startswith("author:")
    assert NAME not in json.dumps(dict(told.data))


def test_nothing_is_due_and_nothing_is_wrong_afterwards(erased):
    session = erased["session"]
    with session.database.jobs() as work:
        assert list(work.ledger.all_due(None, tenants=["acme"])) == []


def test_erasing_again_finds_nothing(erased):
    eraser = eraser_of(erased["session"])
    assert eraser.look("acme", Wanted(author=AUTHOR)).is_empty


def test_what_is_imported_of_the_person_later_is_counted_and_refused(erased):
    session, folder = erased["session"], erased["folder"]
    path = folder / "again.csv"
    rows = Reviews("acme", f"{WORDS} once more", count=30).rows()
    pl.DataFrame([row | {"id": f"again-{row['id']}"} for row in rows]).write_csv(path)
    work = FileImport.of(session, "acme", path, source="market")
    landing = work.land()
    work.process(landing)
    balance = work.balance(landing)
    assert (balance.collected, balance.kept, balance.rejected) == (30, 27, 3)
    rejected = session.lake.read(REJECTED_REVIEWS, tenants=["acme"]).frame.collect()
    assert rejected["reason_code"].to_list() == ["erased"] * 3
    assert found_in(session, WORDS) == set()
    assert found_in(session, NAME, tenant="acme") == set()


def test_a_restore_brings_nobody_back(erased, module_settings):
    session, (backup, address) = erased["session"], erased["backup"]
    home = session.settings.home
    restored = module_settings.model_copy(
        update={"home": erased["folder"] / "restored", "database_url": SecretStr(address)}
    )
    shutil.copytree(backup, restored.home)
    shutil.copy(home / "erasures.jsonl", restored.home)  # kept out of the backup
    with open_session(restored) as again:
        assert found_in(again, NAME, tenant="acme") >= {"lake reviews", "snapshot", "object"}
        done = eraser_of(again).reapply("acme")
        assert done.status == "done"
        for needle in (NAME, WORDS):
            assert found_in(again, needle, tenant="acme") == set()
        assert eraser_of(again).reapply("acme") is None
        assert digest_of_other(again) != ""


def test_every_place_of_the_home_the_objects_and_the_database_is_registered(erased):
    session = erased["session"]
    home: Path = session.settings.home
    names = {path.name for path in home.iterdir() if path.suffix != ".lock"}
    assert names <= set(registry.HOME), "say in resources/privacy/registry.py what it holds"
    prefixes = {f"{path.name}/" for path in (home / "objects").iterdir()}
    assert prefixes <= set(registry.OBJECTS)
    assert {path.name for path in (home / "lake").iterdir()} <= set(registry.LAKE)
    schemas = {name.partition(".")[0] for name, _ in tables(session)}
    assert schemas <= set(registry.SCHEMAS)


def test_what_was_asked_for_is_carried_out_by_a_run_of_the_graph(erased):
    """A single review, by its key; the sensor asks for the run, and for no second one."""
    session = erased["session"]
    reviews = session.lake.read(REVIEWS, tenants=["acme"]).frame.collect()
    key, author = reviews.filter(pl.col("source") == "shop")["review_key", "author"].row(0)
    with session.database.jobs() as work:
        asked = ask_for(
            work, session.database.keys, "acme", Wanted(review_keys=(key,)), requested_by="ann"
        )
    definitions = build_definitions(session.settings, **session.resources)
    with dagster_instance(session) as instance:
        context = dg.build_sensor_context(instance=instance)
        (wanted,) = erasure_requests(context, database=session.database)
        job = definitions.resolve_job_def("erasure_job")
        run = job.execute_in_process(
            instance=instance, run_config=wanted.run_config, tags=wanted.tags
        )
        assert run.success
        (skipped,) = erasure_requests(context, database=session.database)
    assert isinstance(skipped, dg.SkipReason)
    with session.database.jobs() as work:
        done = work.erasures.get("acme", asked.id)
    assert (done.status, done.run_id) == ("done", run.run_id)
    assert (done.receipt["records"], done.receipt["reviews"]) == (1, 1)
    left = session.lake.read(RAW_REVIEWS, tenants=["acme"]).frame.collect()
    assert author not in left.filter(pl.col("source") == "shop")["author"].to_list()
