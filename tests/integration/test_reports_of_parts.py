"""Reports of a workspace, and of the days that a plan shows: written of these reviews alone."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import openpyxl
import polars as pl
import pytest

from assets.enrichment.review_enrichments import review_enrichments
from assets.metrics.daily_facts import facts_of_the_reviews
from assets.metrics.marts import marts
from assets.reports.report_document import report_document
from assets.reviews.reviews import normalised_reviews
from assets.scope import RunScope
from assets.snapshots.tenant_snapshot import tenant_snapshot
from pipelines.session import Session
from resources.collection.importing import land, plan_import
from resources.vocabulary import utc_today

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DAY = date(2026, 3, 2)
CUT = date(2026, 2, 1)
KETTLES, LAMPS = 30, 18


def rows():
    """Kettles of a whole year, and lamps of which a third was written lately."""
    spoken = "The delivery was terribly late and the price is far too high"
    for product, count in (("Kettle", KETTLES), ("Lamp", LAMPS)):
        for n in range(count):
            posted = CUT + timedelta(days=n) if n % 3 == 0 else CUT - timedelta(days=5 * n)
            yield {
                "id": f"{product} {n}",
                "text": f"{spoken}, says {product.lower()}-customer number {n}.",
                "rating": 1 + n % 2,
                "date": posted.isoformat(),
                "product": product,
            }


def count(*, product=None, since=date.min):
    return sum(
        product in {None, row["product"]} and date.fromisoformat(row["date"]) >= since
        for row in rows()
    )


@pytest.fixture(scope="module")
def session(module_settings, module_database, tmp_path_factory):
    """A tenant whose numbers are published."""
    session = Session(module_settings, module_database)
    file = tmp_path_factory.mktemp("files") / "reviews.csv"
    pl.DataFrame(list(rows())).write_csv(file)
    with module_database.jobs() as work:
        work.tenants.create("acme", "Acme")
        workspace = work.workspaces.create("acme", "brand", "House of Lamps")
        work.workspaces.assign("acme", workspace.id, [("product", "Lamp")])
    land(plan_import(file, tenant_id="acme", source="shop"), day=DAY, lake=session.lake)
    to_the_snapshot = (normalised_reviews, review_enrichments, facts_of_the_reviews, marts)
    assert materialized(session, *to_the_snapshot, tenant_snapshot, day=DAY).success
    return session


def materialized(session, *assets, day=None, requests=()):
    return dg.materialize(
        list(assets),
        partition_key=day and day.isoformat(),
        resources={
            **session.resources,
            "settings": session.settings,
            "scope": RunScope(report_requests=[str(one.id) for one in requests]),
        },
    )


@pytest.fixture
def workspace(session):
    with session.database.jobs() as work:
        (found,) = (one for one in work.workspaces.list("acme") if one.name == "House of Lamps")
    return found


@pytest.fixture
def short_history(session):
    """The plan shows what was written from ``CUT`` on."""
    with session.database.jobs() as work:
        limits = {"history_days": (utc_today() - CUT).days}
        work.tenants.set_plan("acme", "enterprise", limits=limits)
    yield
    with session.database.jobs() as work:
        work.tenants.set_plan("acme", "enterprise")


def answered(session, **wanted):
    """A report that was asked for, with the request as it ended."""
    with session.database.jobs() as work:
        request = work.report_queue.ask("acme", **wanted)
    assert materialized(session, report_document, requests=[request]).success
    with session.database.jobs() as work:
        documents = [one for one in work.reports.list("acme") if one.request_id == request.id]
        return work.reports.get_request("acme", request.id), next(iter(documents), None)


def spoken_in(session, document, kind="html"):
    (file,) = (one for one in document.files if one["format"] == kind)
    return session.objects.get(file["key"])


def test_a_report_of_a_workspace_tells_of_its_reviews_alone(session, workspace, tmp_path):
    request, document = answered(session, workspace_id=workspace.id)
    assert (request.status, request.workspace_id) == ("done", workspace.id)
    assert (document.review_count, document.workspace_id) == (LAMPS, workspace.id)
    html = spoken_in(session, document).decode()
    assert "Acme \N{MIDDLE DOT} House of Lamps" in html
    assert "lamp-customer" in html
    assert "kettle-customer" not in html
    path = tmp_path / "report.xlsx"
    path.write_bytes(spoken_in(session, document, "xlsx"))
    cells = {
        str(cell)
        for sheet in openpyxl.load_workbook(path, read_only=True)
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    }
    assert "House of Lamps" in cells
    assert not [cell for cell in cells if "Kettle" in cell]
    with session.database.jobs() as work:
        version = work.snapshots.current("acme").version
    assert document.snapshot_version == version
    assert version in html
    assert list(session.settings.scratch_path.glob("part-*")) == []


@pytest.mark.usefixtures("short_history")
def test_a_report_goes_back_no_further_than_the_plan_and_says_so(session):
    request, document = answered(session)
    assert request.status == "done"
    assert document.review_count == count(since=CUT) < KETTLES + LAMPS
    html = spoken_in(session, document).decode()
    assert "Days of history in the plan begin" in html
    assert CUT.isoformat() in html


@pytest.mark.usefixtures("short_history")
def test_a_period_that_begins_earlier_begins_with_the_first_day_that_is_shown(session, workspace):
    first, last = CUT - timedelta(days=40), CUT + timedelta(days=40)
    _, document = answered(session, period_start=first, period_end=last, workspace_id=workspace.id)
    assert (document.period_start, document.period_end) == (CUT, last)
    assert document.review_count == count(product="Lamp", since=CUT)


def test_a_workspace_without_reviews_has_no_report_and_the_reason_is_told(session):
    with session.database.jobs() as work:
        empty = work.workspaces.create("acme", "team", "Nobody's")
    request, document = answered(session, workspace_id=empty.id)
    assert (request.status, document) == ("held", None)
    assert "Nobody's" in request.error
    assert "belong to the workspace" in request.error


def test_a_workspace_that_was_put_away_meanwhile_has_no_report(session):
    with session.database.jobs() as work:
        gone = work.workspaces.create("acme", "team", "Gone")
        request = work.report_queue.ask("acme", workspace_id=gone.id)
        work.workspaces.archive("acme", gone.id)
    assert materialized(session, report_document, requests=[request]).success
    with session.database.jobs() as work:
        ended = work.reports.get_request("acme", request.id)
    assert ended.status == "held"
    assert "not in use any more" in ended.error
