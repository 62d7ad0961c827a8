"""A provider that tries to log somebody in who has not proven who one is: nobody gets in.

And whatever it does, the answer is a refusal in words, never a failure of ours.
"""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import text

from tests.account_world import forget_limits, slug
from tests.hostile_provider import CLIENT_SECRET, other_key, running_provider
from tests.provider_tricks import TRICKS, subject
from tests.provider_visits import come_back, depart, log_in, set_up, start
from tests.provider_world import running_world_with_providers


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world_with_providers(module_settings, module_database) as world:
        with world.database.jobs() as work:
            work.users.create("owner@acme.example", "The Owner", None)
        yield world


@pytest.fixture(scope="module")
def running(world):
    with running_provider() as provider:
        answer = set_up(world, provider.issuer)
        assert answer.status_code == 201, answer.text
        assert CLIENT_SECRET not in answer.text
        yield provider


@pytest.fixture
def provider(world, running):
    running.reset()
    forget_limits(world)
    return running


def sessions(world):
    with world.database.jobs() as work:
        return work.session.scalar(text("select count(*) from reviewgraph.sessions"))


def test_an_honest_provider_logs_its_users_in(world, provider):
    first, second = log_in(world, provider), log_in(world, provider)
    assert (first.status_code, second.status_code) == (200, 200), first.text
    with world.client(Authorization=f"Bearer {first.json()['access_token']}") as sue:
        me = sue.get("/v1/me").json()
    assert (me["email"], me["name"]) == ("sue@acme.example", "Sue")
    assert [(one["id"], one["role"]) for one in me["tenants"]] == [("acme", "viewer")]
    form = provider.asked[0]
    assert form["grant_type"] == "authorization_code"
    assert len(form["code_verifier"]) >= 43


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(world, provider):
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert log_in(world, provider).status_code == 200
    assert provider.asked[-1]["client_secret"] == CLIENT_SECRET
    provider.metadata = {}
    assert log_in(world, provider).status_code == 200
    assert "client_secret" not in provider.asked[-1]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_a_provider_logs_anybody_in(world, provider, trick):
    before = sessions(world)
    with world.client() as client:
        # The metadata were honest when somebody departed: the worse moment for a trick.
        told = start(client, provider)
        TRICKS[trick](provider)
        answer = come_back(client, code="code", state=told["state"])
    assert answer.status_code in {401, 502}, answer.text
    assert slug(answer) in {"provider-refused", "provider-unavailable"}
    assert sessions(world) == before
    with world.database.jobs() as work:
        assert work.users.by_email("new@acme.example") is None


@pytest.mark.parametrize("trick", [name for name in TRICKS if "metadata" in name])
def test_nobody_is_sent_to_a_provider_that_lies_about_itself(world, provider, trick):
    TRICKS[trick](provider)
    with world.client() as client:
        answer = depart(client)
    assert answer.status_code in {401, 502}, answer.text


def test_there_are_more_tricks_than_fifteen():
    assert len(TRICKS) > 60


def test_a_state_works_once_in_its_browser_and_at_its_tenant(world, provider):
    with world.client() as browser, world.client() as other:
        told = start(browser, provider)
        state = told["state"]
        start(other, provider)
        provider.nonce = told["nonce"]
        assert come_back(other, code="code", state=state).status_code == 401
        assert come_back(browser, code="code", state=state + "x").status_code == 401
        assert come_back(browser, code="code").status_code == 401
        assert come_back(browser, tenant="brava", code="code", state=state).status_code == 401
        cookie = dict(browser.cookies)
        assert come_back(browser, code="code", state=state).status_code == 200
        browser.cookies.update(cookie)
        assert come_back(browser, code="code", state=state).status_code == 401


def test_a_late_return_is_not_expected(world, provider):
    with world.client() as client:
        told = start(client, provider)
        with world.database.jobs() as work:
            work.session.execute(
                text("update reviewgraph.provider_attempts set expires_at = now()")
            )
        assert come_back(client, code="code", state=told["state"]).status_code == 401


def test_another_provider_that_sends_somebody_back_is_refused(world, provider):
    assert log_in(world, provider, iss="https://evil.example").status_code == 401
    assert log_in(world, provider, iss=provider.issuer).status_code == 200


def test_who_turned_away_at_the_provider_is_not_logged_in(world, provider):
    with world.client() as client:
        told = start(client, provider)
        answer = come_back(client, error="access_denied", state=told["state"])
    assert slug(answer) == "provider-refused"


def test_a_known_user_stays_the_same_whatever_becomes_of_the_address(world, provider):
    provider.claims = subject("renamed", "before@acme.example")
    first = log_in(world, provider)
    provider.claims = subject("renamed", "owner@acme.example")
    second = log_in(world, provider)
    with world.client(Authorization=f"Bearer {second.json()['access_token']}") as client:
        assert client.get("/v1/me").json()["email"] == "before@acme.example"
    assert first.json()["access_token"] != second.json()["access_token"]


def test_an_existing_user_is_linked_by_a_verified_address_of_the_domain(world, provider):
    provider.claims = subject("the-owner", "OWNER@acme.example")
    answer = log_in(world, provider)
    assert answer.status_code == 200
    with world.database.jobs() as work:
        owner = work.users.by_email("owner@acme.example")
        known = work.identity_providers.user_known_as(provider.issuer, "the-owner")
    assert known.user_id == owner.id


def test_who_registered_an_address_without_proving_it_loses_it_to_its_owner(world, provider):
    with world.client() as squatter:
        body = {
            "email": "squatted@acme.example",
            "name": "Squatter",
            "password": "a squatter waits here",
        }
        assert squatter.post("/v1/auth/register", json=body).status_code == 202
    provider.claims = subject("rightful", "squatted@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.client() as squatter:
        body = {"email": "squatted@acme.example", "password": "a squatter waits here"}
        assert squatter.post("/v1/auth/token", json=body).status_code == 401


def test_who_is_not_active_or_was_removed_gets_nothing_back_by_a_provider(world, provider):
    provider.claims = subject("leaver", "leaver@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        user = work.users.by_email("leaver@acme.example")
        work.session.execute(
            text("delete from reviewgraph.memberships where user_id = :id"), {"id": user.id}
        )
    again = log_in(world, provider)
    with world.client(Authorization=f"Bearer {again.json()['access_token']}") as client:
        assert client.get("/v1/me").json()["tenants"] == []
        assert client.get("/v1/tenants/acme").status_code == 404
    with world.database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.users set is_active = false where id = :id"), {"id": user.id}
        )
    assert slug(log_in(world, provider)) == "provider-refused"


def test_a_second_factor_is_asked_for_behind_a_provider_too(world, provider):
    provider.claims = subject("careful", "careful@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        user = work.users.by_email("careful@acme.example")
        work.second_factors.begin(user.id)
        work.session.execute(text("update reviewgraph.second_factors set confirmed_at = now()"))
    answer = log_in(world, provider)
    assert (answer.status_code, set(answer.json())) == (202, {"challenge", "expires_in"})


def test_a_provider_that_rotates_its_keys_is_followed(world, provider):
    former, provider.key = provider.key, other_key()
    try:
        assert log_in(world, provider).status_code == 200
    finally:
        provider.key = former


@pytest.mark.parametrize("who", ["vic", "bob", "eve"])
def test_only_an_owner_of_the_tenant_sets_up_a_provider(world, provider, who):
    assert set_up(world, provider.issuer, who).status_code in {403, 404}


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "ftp://id.example",
        "https://",
        "https://user:password@id.example",
        "https://id.example/#part",
        "https://id.example/?query=1",
        "https://id .example",
        "javascript:alert(1)",
        "//id.example",
        "id.example.com",
    ],
)
def test_an_issuer_that_is_no_plain_address_is_refused_when_it_is_set_up(world, issuer):
    answer = set_up(world, issuer)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "body.issuer"


def test_a_provider_is_set_up_once_and_removed_by_its_tenant_alone(world, provider):
    assert slug(set_up(world, provider.issuer)) == "provider-exists"
    with world.client("ada") as ada, world.client("bob") as bob:
        listed = ada.get("/v1/tenants/acme/identity-providers").json()
        assert listed["domains"] == ["acme.example"]
        address = f"identity-providers/{listed['items'][0]['id']}"
        assert bob.delete(f"/v1/tenants/acme/{address}").status_code == 404
        assert bob.delete(f"/v1/tenants/brava/{address}").status_code == 404
        assert depart(bob, "brava").status_code == 404
        assert depart(bob, "nowhere").status_code == 404
        assert len(ada.get("/v1/tenants/acme/identity-providers").json()["items"]) == 1


def test_no_row_holds_the_secret_of_the_client(world, provider):
    log_in(world, provider)
    with world.database.jobs() as work:
        for table in ("identity_providers", "provider_attempts", "events"):
            rows = str(work.session.execute(text(f"select * from reviewgraph.{table}")).all())
            assert CLIENT_SECRET not in rows
            assert provider.nonce not in rows
            assert provider.asked[-1]["code_verifier"] not in rows


def test_a_provider_that_hangs_is_given_up_and_keeps_nobody_else_waiting(world, provider):
    with socket.create_server(("127.0.0.1", 0)) as silent, world.client() as client:
        told = start(client, provider)
        port = silent.getsockname()[1]
        provider.metadata = {"token_endpoint": f"http://127.0.0.1:{port}/token"}
        answer = come_back(client, code="code", state=told["state"])
    assert (answer.status_code, slug(answer)) == (502, "provider-unavailable")
