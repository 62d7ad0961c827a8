"""Runs and freshness through the API: what the ledger says, told to one tenant alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from resources.database import StageRecord
from resources.vocabulary import STAGES
from serving_api.runs.service import get_freshness
from tests.api_world import all_pages, read

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(world):
    """Writes the stages of a day, and strikes out what other tests wrote."""
    with world.database.jobs() as work:
        connection = work.session.connection()
        connection.exec_driver_sql("delete from reviewgraph.stage_runs")

    def write(day, stages=STAGES, tenant="acme", at=NOON, **other):
        with world.database.jobs() as work:
            work.ledger.record_all(
                StageRecord(
                    tenant_id=tenant,
                    day=day,
                    stage=stage,
                    rows_in=10,
                    rows_kept=9,
                    rows_rejected=1,
                    started_at=at + timedelta(minutes=n),
                    finished_at=at + timedelta(minutes=n),
                    **other,
                )
                for n, stage in enumerate(stages)
            )

    return write


def test_a_day_is_complete_once_nothing_is_left_to_do(ada, ledger):
    ledger(date(2026, 5, 1))
    ledger(date(2026, 5, 2), STAGES[:2])
    ledger(date(2026, 5, 3), STAGES[:2])
    ledger(date(2026, 5, 3), STAGES[2:3], status="failed", error="No model.")
    days = read(ada, "/v1/tenants/acme/runs")["items"]
    assert [(day["day"], day["is_complete"]) for day in days] == [
        ("2026-05-03", False),
        ("2026-05-02", False),
        ("2026-05-01", True),
    ]
    failed, unread, _ = days
    assert [run["stage"] for run in failed["stages"]] == list(STAGES[:3])
    assert failed["stages"][2]["error"] == "No model."
    assert [(due["stage"], due["why"]) for due in failed["due"]] == [("enriched", "failed")]
    assert [(due["stage"], due["why"], due["rows"]) for due in unread["due"]] == [
        ("enriched", "never", 9)
    ]


def test_days_are_read_page_by_page_and_of_one_tenant(ada, ledger):
    days = [date(2026, 5, 1) + timedelta(days=n) for n in range(11)]
    for day in days:
        ledger(day, STAGES[:1])
    ledger(date(2026, 6, 1), tenant="brava")
    listed = [day["day"] for day in all_pages(ada, "/v1/tenants/acme/runs?limit=3")]
    assert listed == [day.isoformat() for day in reversed(days)]


@pytest.mark.parametrize("cursor", ["x", "", "AAAA"])
def test_a_cursor_that_nobody_gave_is_refused(ada, cursor):
    answer = ada.get("/v1/tenants/acme/runs", params={"cursor": cursor})
    assert answer.status_code == 422


def test_freshness_says_how_old_the_numbers_are_and_why(world, ada, ledger):
    ledger(date(2026, 5, 1))
    told = read(ada, "/v1/tenants/acme/freshness")
    assert told["state"] == "fresh"
    assert told["snapshot"] == world.ids["acme"]["snapshot"]
    assert told["last_day"] == "2026-05-01"
    assert (told["due_count"], told["failed_count"]) == (0, 0)
    ledger(date(2026, 5, 2), STAGES[:1])
    told = read(ada, "/v1/tenants/acme/freshness")
    assert told["state"] == "behind"
    assert told["due"] == [{"day": "2026-05-02", "stage": "normalised", "why": "never", "rows": 9}]
    ledger(date(2026, 5, 2), STAGES[1:2], status="held", error="Too many rejected.")
    told = read(ada, "/v1/tenants/acme/freshness")
    assert (told["state"], told["failed_count"]) == ("failing", 1)
    assert told["failed"][0]["error"] == "Too many rejected."


def test_numbers_that_were_counted_again_without_a_change_are_fresh(world, ledger):
    with world.database.jobs() as work:
        published = work.snapshots.current("acme").published_at
    later = published + timedelta(days=3)
    ledger(date(2026, 5, 1), at=later)
    with world.database.work("acme") as work:
        member = world.users["ada"]
        session = member_of(work, member)
        told = get_freshness(session, now=later + timedelta(hours=1))
    assert told.published_at == published
    assert told.counted_at == later + timedelta(minutes=STAGES.index("published"))
    assert told.age_seconds == 3600 - 60 * STAGES.index("published")


def test_a_tenant_without_numbers_is_empty(ada):
    told = read(ada, "/v1/tenants/empty/freshness")
    assert told["state"] == "empty"
    assert told["snapshot"] is told["counted_at"] is told["age_seconds"] is told["last_day"] is None


def member_of(work, user):
    from serving_api.kit.auth import TenantSession
    from serving_api.kit.tokens import Principal

    return TenantSession(Principal(user.id), work.tenants.require("acme"), "viewer", work)
