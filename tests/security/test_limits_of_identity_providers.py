"""What an honest provider may not do: it speaks for its tenant, as long as that is so.

Every tenant may name any issuer, so what opens an account is a domain that the operator has given.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from resources.database.plans import UNLIMITED_PLAN
from tests.account_world import forget_limits, slug
from tests.api_world import running_world
from tests.hostile_provider import running_provider
from tests.provider_tricks import subject
from tests.provider_visits import come_back, depart, log_in, set_up, start


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    module_settings.loopback_identity_providers = True
    with running_world(module_settings, module_database) as world:
        with world.database.jobs() as work:
            work.identity_providers.add_domain("acme", "acme.example")
        yield world


@pytest.fixture(scope="module")
def running(world):
    with running_provider() as provider:
        for who, tenant in (("ada", "acme"), ("bob", "brava")):
            assert set_up(world, provider.issuer, who, tenant).status_code == 201
        yield provider


@pytest.fixture
def provider(world, running):
    running.reset()
    forget_limits(world)
    return running


def test_a_user_known_by_one_tenants_provider_is_nobody_to_another_tenant_that_names_it(
    world, provider
):
    provider.claims = subject("sue", "sue@acme.example")
    assert log_in(world, provider).status_code == 200
    answer = log_in(world, provider, "brava")
    assert (answer.status_code, slug(answer)) == (401, "provider-refused")


def test_a_domain_that_was_taken_back_opens_no_account_that_it_once_opened(world, provider):
    provider.claims = subject("ray", "ray@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        work.identity_providers.remove_domain("acme", "acme.example")
    try:
        assert slug(log_in(world, provider)) == "provider-refused"
    finally:
        with world.database.jobs() as work:
            work.identity_providers.add_domain("acme", "acme.example")
    assert log_in(world, provider).status_code == 200


def test_an_account_that_moved_to_an_address_elsewhere_is_opened_by_no_provider(world, provider):
    provider.claims = subject("max", "max@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        user = work.users.by_email("max@acme.example")
        assert work.users.change_email(user.id, "max@home.example")
    assert slug(log_in(world, provider)) == "provider-refused"


def test_nobody_comes_back_by_a_provider_that_was_removed_meanwhile(world, provider):
    provider.claims = subject("kim", "kim@acme.example")
    with world.client("ada") as ada, world.client() as browser:
        told = start(browser, provider)
        providers = "/v1/tenants/acme/identity-providers"
        removed = ada.get(providers).json()["items"][0]["id"]
        assert ada.delete(f"{providers}/{removed}").status_code == 204
        assert come_back(browser, code="code", state=told["state"]).status_code == 401
    assert set_up(world, provider.issuer).status_code == 201


@pytest.fixture
def tenant_comes_to(world):
    def come(status, **more):
        with world.database.jobs() as work:
            work.tenants.set_status("acme", status, **more)

    yield come
    come("active")


def is_there(world, address):
    with world.database.jobs() as work:
        return work.users.by_email(address) is not None


def test_nobody_is_sent_to_the_provider_of_a_suspended_tenant_or_let_in_by_it(
    world, provider, tenant_comes_to
):
    provider.claims = subject("lee", "lee@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.client() as known, world.client() as new:
        told = start(known, provider)
        known_nonce = provider.nonce
        told_new = start(new, provider)
        tenant_comes_to("suspended", reason="unpaid")
        assert slug(depart(new)) == "tenant-suspended"
        provider.claims = subject("pat", "pat@acme.example")
        assert slug(come_back(new, code="code", state=told_new["state"])) == "tenant-suspended"
        assert not is_there(world, "pat@acme.example")
        provider.claims, provider.nonce = subject("lee", "lee@acme.example"), known_nonce
        assert slug(come_back(known, code="code", state=told["state"])) == "tenant-suspended"


def test_a_closing_tenant_is_still_read_by_its_members_and_takes_in_nobody(
    world, provider, tenant_comes_to
):
    provider.claims = subject("jo", "jo@acme.example")
    assert log_in(world, provider).status_code == 200
    tenant_comes_to("closing", closes_at=datetime.now(UTC) + timedelta(days=1))
    assert log_in(world, provider).status_code == 200
    provider.claims = subject("ann", "ann@acme.example")
    assert slug(log_in(world, provider)) == "tenant-closing"
    assert not is_there(world, "ann@acme.example")


def test_who_comes_by_a_provider_needs_a_seat_of_the_plan(world, provider):
    provider.claims = subject("seated", "seated@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        seats = len(work.members.list("acme"))
        work.tenants.set_plan("acme", "free", limits={"seats": seats})
    try:
        provider.claims = subject("standing", "standing@acme.example")
        assert slug(log_in(world, provider)) == "limit-reached"
        assert not is_there(world, "standing@acme.example")
        provider.claims = subject("seated", "seated@acme.example")
        assert log_in(world, provider).status_code == 200
        with world.database.jobs() as work:
            assert len(work.members.list("acme")) == seats
    finally:
        with world.database.jobs() as work:
            work.tenants.set_plan("acme", UNLIMITED_PLAN)


def test_a_removed_member_stays_removed_whatever_new_subject_the_provider_has(world, provider):
    provider.claims = subject("first", "moe@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        moe = work.users.by_email("moe@acme.example")
    with world.client("ada") as ada:
        assert ada.delete(f"/v1/tenants/acme/members/{moe.id}").status_code == 204
    provider.claims = subject("second", "moe@acme.example")
    again = log_in(world, provider)
    assert again.status_code == 200
    with world.client(Authorization=f"Bearer {again.json()['access_token']}") as client:
        assert client.get("/v1/me").json()["tenants"] == []
    with world.database.jobs() as work:
        assert work.users.membership("acme", moe.id) is None
