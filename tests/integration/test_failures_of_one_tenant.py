"""What goes wrong for one tenant of a run is that tenant's: the others get theirs, and it is said.

A file stands where a tenant's folder should be, so that nothing can be written for that tenant.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import date

import dagster as dg
import polars as pl
import pytest

from assets.enrichment.review_enrichments import review_enrichments
from assets.failures import MAX_REASON, TenantsFailedError, reason_of
from assets.metrics.daily_facts import facts_of_the_reviews
from assets.metrics.marts import marts
from assets.reports.report_document import report_document
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from assets.snapshots.tenant_snapshot import tenant_snapshot
from pipelines.session import Session
from resources.collection.importing import land, plan_import
from resources.errors import ReviewGraphError

DAY = date(2026, 3, 2)
TENANTS = ("acme", "brava")
TO_THE_MARTS = (normalised_reviews, review_enrichments, facts_of_the_reviews, marts)


@pytest.fixture
def session(settings, database, tmp_path):
    """Two tenants with a few reviews each, landed and not yet carried further."""
    session = Session(settings, database)
    file = tmp_path / "reviews.csv"
    rows = [
        {"id": n, "text": "Good shoes, late parcel.", "rating": 4, "date": "2026-03-01"}
        for n in range(4)
    ]
    pl.DataFrame(rows).write_csv(file)
    with database.jobs() as work:
        for tenant in TENANTS:
            work.tenants.create(tenant, tenant.title())
            land(plan_import(file, tenant_id=tenant, source="shop"), day=DAY, lake=session.lake)
    return session


@pytest.fixture
def run(session):
    """Materialises assets for the day, or the report for some requests."""

    def run_once(*assets, requests=()):
        return dg.materialize(
            list(assets),
            partition_key=None if requests else DAY.isoformat(),
            resources={
                **session.resources,
                "settings": session.settings,
                "scope": RunScope(report_requests=[str(request.id) for request in requests]),
            },
            raise_on_error=False,
        )

    return run_once


@contextmanager
def a_file_in_place_of(folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    yield
    folder.unlink()


def documents(session):
    with session.database.jobs() as work:
        return {tenant: len(work.reports.list(tenant)) for tenant in TENANTS}


def ledger_of(session, stage):
    with session.database.jobs() as work:
        return {tenant: work.ledger.get(tenant, DAY, stage) for tenant in TENANTS}


def error_of(result) -> str:
    """What the only step that failed says."""
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    error = failure.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    return error.message


def test_a_report_that_fails_is_one_tenants_and_the_others_get_theirs(session, run):
    with a_file_in_place_of(session.settings.home / "objects" / "tenants" / "acme"):
        result = run(*TO_THE_MARTS, tenant_snapshot, report_document)

    assert not result.success
    message = error_of(result)
    assert TenantsFailedError.__name__ in message
    assert "The run went wrong for 1 tenant; all others have theirs. acme: " in message
    assert "reviewgraph backfill" in message
    assert documents(session) == {"acme": 0, "brava": 1}
    records = ledger_of(session, "reported")
    assert [records[tenant].status for tenant in TENANTS] == ["failed", "done"]
    assert records["acme"].run_id == result.run_id
    assert records["acme"].error in message
    (shown,) = result.asset_materializations_for_node("report_document")
    assert shown.metadata["dagster/row_count"].value == 1
    with session.database.jobs() as work:
        assert work.ledger.due("reported") == [("acme", DAY)]

    again = run(*TO_THE_MARTS, tenant_snapshot, report_document)

    assert again.success
    assert documents(session) == dict.fromkeys(TENANTS, 1)
    with session.database.jobs() as work:
        assert work.ledger.due("reported") == []


def test_a_snapshot_that_fails_is_one_tenants_and_the_others_get_their_reports(session, run):
    with a_file_in_place_of(session.settings.snapshots_path / "acme"):
        result = run(*TO_THE_MARTS, tenant_snapshot, report_document)

    assert not result.success
    assert "The run went wrong for 1 tenant; all others have theirs. acme: " in error_of(result)
    assert documents(session) == {"acme": 0, "brava": 1}
    published = ledger_of(session, "published")
    assert [published[tenant].status for tenant in TENANTS] == ["failed", "done"]
    assert ledger_of(session, "reported")["acme"] is None

    assert run(*TO_THE_MARTS, tenant_snapshot, report_document).success
    assert documents(session) == dict.fromkeys(TENANTS, 1)


def test_a_run_that_ends_with_snapshots_says_itself_which_failed(session, run):
    with a_file_in_place_of(session.settings.snapshots_path / "acme"):
        result = run(*TO_THE_MARTS, tenant_snapshot)

    assert not result.success
    assert "acme: " in error_of(result)
    with session.database.jobs() as work:
        assert work.snapshots.current("acme") is None
        assert work.snapshots.current("brava") is not None


def test_numbers_that_could_not_be_published_leave_the_ones_before_to_be_reported(session, run):
    assert run(*TO_THE_MARTS, tenant_snapshot).success
    folder = session.settings.snapshots_path / "acme"
    with session.database.jobs() as work:
        request = work.reports.request("acme", requested_by="ann")
    aside = folder.rename(folder.with_name("aside"))
    with a_file_in_place_of(folder):
        assert not run(*TO_THE_MARTS, tenant_snapshot).success
    aside.rename(folder)

    assert run(report_document, requests=[request]).success
    assert documents(session)["acme"] == 1


def test_a_request_that_fails_leaves_the_others_of_its_run_to_be_answered(session, run):
    assert run(*TO_THE_MARTS, tenant_snapshot).success
    with session.database.jobs() as work:
        requests = [work.reports.request(tenant, requested_by="ann") for tenant in TENANTS]
    with a_file_in_place_of(session.settings.home / "objects" / "tenants" / "acme"):
        result = run(report_document, requests=requests)

    assert not result.success
    assert "acme: " in error_of(result)
    assert "ask for the report again" in error_of(result)
    with session.database.jobs() as work:
        ended = [work.reports.get_request(request.tenant_id, request.id) for request in requests]
    assert [request.status for request in ended] == ["failed", "done"]
    assert ended[0].error in error_of(result)


def test_a_request_for_numbers_that_cannot_be_read_is_held_with_what_to_do(session, run):
    assert run(*TO_THE_MARTS, tenant_snapshot).success
    with session.database.jobs() as work:
        request = work.reports.request("acme")
    shutil.rmtree(session.settings.snapshots_path / "acme")

    assert run(report_document, requests=[request]).success
    with session.database.jobs() as work:
        held = work.reports.get_request("acme", request.id)
    assert held.status == "held"
    assert "published again within minutes" in held.error


def test_a_reason_is_one_line_and_names_the_kind_of_an_error_that_nobody_foresaw():
    assert reason_of(ReviewGraphError("Import reviews first.")) == "Import reviews first."
    assert reason_of(ValueError("max() arg\n is empty")) == "ValueError: max() arg is empty"
    assert len(reason_of(ValueError("x" * 10_000))) == MAX_REASON
