"""Plans: what is limited is held where it is made, and owners are told in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from resources.database import (
    LimitReachedError,
    TierNotAllowedError,
    UnknownPlanError,
    UsageEntry,
)
from resources.database.plan_limits import COUNTED, month_of
from resources.database.plans import LIMIT_NAMES, plan_named, plans
from resources.vocabulary import TIER_NAMES, utc_today


@pytest.fixture
def acme(database):
    """A tenant on the team plan with two owners and a limit of five sources."""
    with database.jobs() as work:
        work.tenants.create("acme", "Acme", plan="team")
        work.tenants.set_plan("acme", "team", limits={"sources": 5})
        for name in ("ann", "ben"):
            user = work.users.create(f"{name}@example.com", name, None)
            work.users.add_membership("acme", user.id, "owner")
    return "acme"


def add_sources(work, count, prefix="s"):
    for number in range(count):
        work.sources.create("acme", "google_reviews", f"{prefix}{number}")


def notices(work):
    return [event.type for event in work.events.unpublished(1000)]


def mails(work):
    statement = "select args->>'to' from jobs.procrastinate_jobs where args->>'template' = 'limit'"
    return sorted(work.session.execute(text(statement)).scalars())


def test_plans_grow_and_name_known_limits_and_tiers():
    for smaller, larger in zip(list(plans().values()), list(plans().values())[1:], strict=False):
        assert set(smaller.tiers) <= set(larger.tiers) <= set(TIER_NAMES)
        for name in LIMIT_NAMES:
            low, high = smaller.limit(name), larger.limit(name)
            assert high is None or (low is not None and low <= high)
    assert all(plan_named("enterprise").limit(name) is None for name in LIMIT_NAMES)
    with pytest.raises(UnknownPlanError, match="free, team"):
        plan_named("gold")


def test_a_tenant_of_an_older_release_may_do_what_it_did(database):
    with database.jobs() as work:
        work.session.execute(
            text(
                "insert into reviewgraph.tenants (id, name, colour) values ('old', 'O', '#000000')"
            )
        )
        tenant = work.tenants.require("old")
        assert (tenant.status, tenant.plan) == ("active", "enterprise")
        assert {use.limit for use in work.limits.uses("old")} == {None}
        assert work.nlp_settings.allow("old", TIER_NAMES).allowed_tiers == TIER_NAMES


@pytest.mark.usefixtures("acme")
def test_one_more_than_the_plan_allows_is_refused_and_the_owners_are_told_once(database):
    with database.jobs() as work:
        add_sources(work, 3)
        assert notices(work) == []
        add_sources(work, 4)  # the fourth, at 80 percent
        assert notices(work) == ["limit.approached"]
        add_sources(work, 5)
        assert notices(work) == ["limit.approached", "limit.reached"]
        add_sources(work, 5)  # the same ones again
        assert mails(work) == 2 * ["ann@example.com"] + 2 * ["ben@example.com"]
    with database.jobs() as work:
        with pytest.raises(LimitReachedError, match="allows 5 active sources, and there are 5"):
            work.sources.create("acme", "google_reviews", "one-too-many")
        source = work.sources.list("acme")[0]
        work.sources.set_active("acme", source.id, is_active=False)
        work.sources.create("acme", "google_reviews", "in-its-place")
        with pytest.raises(LimitReachedError):
            work.sources.set_active("acme", source.id, is_active=True)
        with pytest.raises(LimitReachedError):
            work.sources.create("acme", "google_reviews", source.name)
        assert notices(work) == ["limit.approached", "limit.reached"]
        assert len(mails(work)) == 4


@pytest.mark.usefixtures("acme")
def test_the_limit_is_exact_when_many_come_at_once(database):
    def add(number):
        try:
            with database.jobs() as work:
                work.sources.create("acme", "google_reviews", f"n{number}")
        except LimitReachedError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(add, range(10))) == 5
    with database.jobs() as work:
        assert work.limits.used("acme", "sources") == 5


def test_reports_are_limited_by_the_month(database, acme):
    with database.jobs() as work:
        work.tenants.set_plan(acme, "team", limits={"reports_per_month": 2})
        for day in (1, 2):
            work.report_queue.ask(acme, period_start=date(2026, 1, day))
        work.report_queue.ask(acme, period_start=date(2026, 1, 2))  # joins the open one
        with pytest.raises(LimitReachedError, match="reports asked for in a month"):
            work.report_queue.ask(acme, period_start=date(2026, 1, 3))
        work.session.execute(
            text("update reviewgraph.report_requests set created_at = now() - interval '32 days'")
        )
        work.report_queue.ask(acme, period_start=date(2026, 1, 3))


def use_reviews(work, quantity, subject="b"):
    work.usage.add_all(
        [
            UsageEntry(
                tenant_id="acme",
                kind="reviews_collected",
                subject=subject,
                quantity=quantity,
                day=utc_today(),
            )
        ]
    )


def test_reviews_of_a_month_are_counted_told_of_and_leave_no_room(database, acme):
    with database.jobs() as work:
        work.tenants.set_plan(acme, "team", limits={"reviews_per_month": 100})
        use_reviews(work, 79)
        assert notices(work) == []
        work.limits.require_room(acme, "reviews_per_month")
        use_reviews(work, 79)  # the same batch again is used once
        assert work.limits.used(acme, "reviews_per_month") == 79
        use_reviews(work, 50, "c")
        assert notices(work) == ["limit.reached"]
        assert not work.limits.has_room(acme, "reviews_per_month")
        with pytest.raises(LimitReachedError, match="all of them are used"):
            work.limits.require_room(acme, "reviews_per_month")
        later = month_of(utc_today())[1] + timedelta(days=1)
        assert work.limits.used(acme, "reviews_per_month", later) == 0


def test_a_smaller_plan_takes_tiers_away_and_a_larger_one_gives_them_back(database, acme):
    with database.jobs() as work:
        work.tenants.set_plan(acme, "enterprise")
        work.nlp_settings.choose(acme, tier="deep")
        work.tenants.set_plan(acme, "free")
        settings = work.nlp_settings.get(acme)
        assert (settings.tier, settings.allowed_tiers) == ("fast", ("fast",))
        with pytest.raises(TierNotAllowedError, match="does not allow the tier 'deep'"):
            work.nlp_settings.choose(acme, tier="deep")
        with pytest.raises(TierNotAllowedError, match="tenant plan acme"):
            work.nlp_settings.allow(acme, ["deep"])
        work.tenants.set_plan(acme, "business")
        assert work.nlp_settings.get(acme).tier == "deep"


def test_everything_that_is_counted_can_be_counted(database, acme):
    with database.jobs() as work:
        uses = {use.name: use for use in work.limits.uses(acme)}
        assert set(uses) == set(LIMIT_NAMES)
        assert {name for name, use in uses.items() if use.used is not None} == set(COUNTED)
        assert uses["seats"].used == 2
        assert uses["seats"].limit == 10


def test_a_suspended_tenant_is_neither_asked_for_nor_reported(database, acme):
    with database.jobs() as work:
        add_sources(work, 1)
        work.report_queue.ask(acme)
        assert len(work.sources.active("google_reviews")) == 1
        assert len(work.report_queue.in_turn(limit=10)) == 1
        work.tenants.set_status(acme, "suspended", reason="unpaid")
        assert work.sources.active("google_reviews") == ()
        assert work.report_queue.in_turn(limit=10) == ()
        assert work.tenants.resting() == {acme}
        work.tenants.set_status(acme, "active")
        assert len(work.sources.active("google_reviews")) == 1
        assert len(work.report_queue.in_turn(limit=10)) == 1


def test_usage_and_limits_over_the_whole_month():
    assert month_of(date(2026, 2, 11)) == (date(2026, 2, 1), date(2026, 2, 28))
    assert month_of(date(2026, 12, 31)) == (date(2026, 12, 1), date(2026, 12, 31))


def test_whoever_joins_takes_a_seat_by_whatever_way(database, acme):
    with database.jobs() as work:
        work.tenants.set_plan(acme, "team", limits={"seats": 3})
        third, fourth = (work.users.create(f"{n}@example.com", str(n), None) for n in (3, 4))
        work.users.add_membership(acme, third.id, "viewer")
        work.users.add_membership(acme, third.id, "admin")  # the same person
        with pytest.raises(LimitReachedError, match="allows 3 members"):
            work.users.add_membership(acme, fourth.id, "viewer")
