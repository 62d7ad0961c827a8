"""Feature flags: off at first, by plan, by share, by a tenant's own switch."""

from __future__ import annotations

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext

from resources.database import FlagError, UnknownPlanError
from resources.database.feature_flags import bucket_of
from resources.database.feature_provider import TenantFlags


@pytest.fixture
def tenants(database):
    with database.jobs() as work:
        return {
            plan: work.tenants.create(f"on-{plan}", plan, plan=plan)
            for plan in ("free", "team", "enterprise")
        }


def has(work, tenant, flag="new-report"):
    return work.flags.of_tenant(tenant)[flag]


def test_a_new_flag_is_off_until_it_is_switched_on(database, tenants):
    with database.jobs() as work:
        work.flags.set("new-report", description="The new report")
        assert has(work, tenants["free"]) == (False, "off")
        work.flags.set("new-report", is_on=True)
        assert has(work, tenants["free"]) == (True, "percentage")
        assert work.flags.get("new-report").description == "The new report"


def test_plans_decide_and_a_tenant_s_own_switch_goes_before_them(database, tenants):
    with database.jobs() as work:
        work.flags.set("new-report", is_on=True, plans=["team", "enterprise"])
        assert has(work, tenants["free"]) == (False, "plan")
        assert has(work, tenants["team"])[0]
        work.flags.override("new-report", "on-free", is_on=True)
        work.flags.override("new-report", "on-team", is_on=False)
        assert has(work, tenants["free"]) == (True, "tenant")
        assert has(work, tenants["team"]) == (False, "tenant")
        work.flags.set("new-report", is_on=False)
        assert has(work, tenants["free"]) == (True, "tenant")
        work.flags.override("new-report", "on-free", is_on=None)
        assert has(work, tenants["free"]) == (False, "off")


def test_a_share_is_stable_grows_and_differs_from_flag_to_flag():
    tenants = [f"tenant-{number}" for number in range(2000)]
    in_at = {
        percent: {one for one in tenants if bucket_of("new-report", one) < percent}
        for percent in (0, 10, 20, 100)
    }
    assert in_at[0] == set()
    assert in_at[10] < in_at[20] < in_at[100] == set(tenants)
    assert 140 < len(in_at[10]) < 260
    assert in_at[10] != {one for one in tenants if bucket_of("other", one) < 10}
    assert bucket_of("new-report", "acme") == 16  # for ever: who is in stays in


@pytest.mark.parametrize("name", ["", "Upper", "with space", "a\n", "9lives", "x" * 64])
def test_a_flag_has_a_plain_name(database, name):
    with database.jobs() as work, pytest.raises(FlagError, match="cannot name a flag"):
        work.flags.set(name)


def test_what_does_not_exist_is_named(database, tenants):
    with database.jobs() as work:
        with pytest.raises(FlagError, match="no flag 'nothing'"):
            work.flags.override("nothing", tenants["free"].id, is_on=True)
        with pytest.raises(UnknownPlanError, match="gold"):
            work.flags.set("new-report", plans=["gold"])
        with pytest.raises(FlagError, match="101"):
            work.flags.set("new-report", percentage=101)


def test_flags_are_asked_for_by_openfeature(database, tenants):
    api.set_provider(TenantFlags(database.work), domain="test-of-flags")
    client = api.get_client("test-of-flags")
    with database.jobs() as work:
        work.flags.set("new-report", is_on=True, plans=["team"])
        work.flags.override("new-report", "on-free", is_on=True)
    has = {
        plan: client.get_boolean_details(
            "new-report",
            default_value=False,
            evaluation_context=EvaluationContext(targeting_key=tenant.id),
        )
        for plan, tenant in tenants.items()
    }
    assert {plan: (one.value, one.variant) for plan, one in has.items()} == {
        "free": (True, "tenant"),
        "team": (True, "percentage"),
        "enterprise": (False, "plan"),
    }
    for name, context in (
        ("no-such-flag", EvaluationContext(targeting_key="on-free")),
        ("new-report", EvaluationContext()),
    ):
        details = client.get_boolean_details(name, default_value=True, evaluation_context=context)
        assert details.value is True  # the default
        assert details.error_code is not None
    text = client.get_string_details("new-report", "x", EvaluationContext(targeting_key="on-free"))
    assert (text.value, str(text.error_code)) == ("x", "TYPE_MISMATCH")
