"""API keys: made by people, bounded by scopes and roles, gone at once when they are revoked."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from resources.database.api_keys import MAX_LIVING, PREFIX, _base62
from tests.api_world import World

KEYS = "/v1/tenants/acme/api-keys"


@pytest.fixture(autouse=True)
def _no_keys_before(world: World):
    with world.database.jobs() as work:
        work.session.execute(text("delete from reviewgraph.api_keys"))


METRICS = "/v1/tenants/acme/metrics"


def make(client, **changes):
    wanted = {"name": "Nightly export", "scopes": ["metrics:read", "reviews:read"]} | changes
    return client.post(KEYS, json=wanted)


def status(world, key, address="/v1/tenants/acme/metrics", method="GET", **options):
    with world.client(Authorization=f"Bearer {key}") as client:
        return client.request(method, address, **options).status_code


def set_role(world, nickname, role, tenant="acme"):
    with world.database.jobs() as work:
        work.users.add_membership(tenant, world.users[nickname].id, role)


def test_a_key_is_shown_once_and_opens_what_its_scopes_say(world, ada):
    answer = make(ada)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert re.fullmatch(r"rg_live_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}", made["key"])
    assert status(world, made["key"]) == 200
    assert status(world, made["key"], "/v1/tenants/acme/reviews") == 200
    assert status(world, made["key"], "/v1/tenants/acme/reports") == 403
    assert status(world, made["key"], "/v1/tenants/acme/reports", "POST", json={}) == 403
    listed = ada.get(KEYS)
    assert made["key"][-49:] not in listed.text
    (found,) = listed.json()["items"]
    assert {**made, "key": None, "last_used_at": None} == {
        **found,
        "key": None,
        "last_used_at": None,
    }
    assert found["created_by"] == str(world.users["ada"].id)


def test_a_refusal_names_the_scope_that_is_missing(world, ada):
    key = make(ada).json()["key"]
    with world.client(Authorization=f"Bearer {key}") as client:
        problem = client.get("/v1/tenants/acme/reports").json()
    assert problem["type"].endswith(":insufficient-scope")
    assert "reports:read" in problem["detail"]


def test_nobody_makes_a_key_that_may_more_than_oneself(world, ada):
    refused = make(ada, scopes=["metrics:read", "keys:write"])
    assert refused.status_code == 422
    assert "no key can have keys:write" in refused.text
    assert make(ada, scopes=["made:up"]).status_code == 422
    assert make(ada, scopes=[]).status_code == 422
    set_role(world, "vic", "admin")
    try:
        with world.client("vic") as vic:
            beyond = make(vic, scopes=["privacy:erase"])
            assert beyond.status_code == 422
            assert "your role does not hold privacy:erase" in beyond.text
            assert make(vic, scopes=["settings:write"]).status_code == 201
    finally:
        set_role(world, "vic", "viewer")
    with world.client("vic") as vic:
        assert make(vic).status_code == 403


def test_a_key_may_no_more_than_its_maker_may_by_now(world):
    set_role(world, "vic", "analyst")
    _, shown = world.key("acme", "vic", "reports:read", "reports:write")
    reports = "/v1/tenants/acme/reports"
    assert status(world, shown, reports, "POST", json={}) == 202
    set_role(world, "vic", "viewer")
    assert status(world, shown, reports, "POST", json={}) == 403
    assert status(world, shown, reports) == 200
    with world.database.jobs() as work:
        work.session.execute(
            text("delete from reviewgraph.memberships where user_id = :id"),
            {"id": world.users["vic"].id},
        )
    try:
        assert status(world, shown, reports) == 404
    finally:
        set_role(world, "vic", "viewer")
    assert status(world, shown, reports) == 200


def test_a_key_of_whoever_is_switched_off_opens_nothing(world):
    _, shown = world.key("acme", "vic", "metrics:read")
    switch = "update reviewgraph.users set is_active = :active where id = :id"
    for active, expected in ((False, 401), (True, 200)):
        with world.database.jobs() as work:
            work.session.execute(text(switch), {"active": active, "id": world.users["vic"].id})
        assert status(world, shown) == expected


def test_a_revoked_key_opens_nothing_from_the_next_request_on(world, ada):
    made = make(ada).json()
    assert status(world, made["key"]) == 200
    assert ada.delete(f"{KEYS}/{made['id']}").status_code == 204
    assert status(world, made["key"]) == 401
    assert ada.delete(f"{KEYS}/{made['id']}").status_code == 404
    assert ada.get(KEYS).json()["items"] == []
    query = "select type from reviewgraph.events where subject = :id order by position"
    with world.database.jobs() as work:
        events = work.session.scalars(text(query), {"id": made["id"]}).all()
    assert events == ["key.created", "key.revoked"]


def test_an_expired_key_opens_nothing_and_is_shown_for_a_while(world, ada):
    made = make(ada, expires_in_days=1).json()
    expires = datetime.fromisoformat(made["expires_at"])
    assert timedelta(hours=23) < expires - datetime.now(UTC) <= timedelta(days=1)
    for ago, shown in (("1 second", 1), ("31 days", 0)):
        with world.database.jobs() as work:
            work.session.execute(
                text(f"update reviewgraph.api_keys set expires_at = now() - interval '{ago}'")
            )
        assert status(world, made["key"]) == 401
        assert len(ada.get(KEYS).json()["items"]) == shown
    assert make(ada, expires_in_days=367).status_code == 422


def test_the_last_use_is_noted_once_a_minute(world, ada):
    made = make(ada).json()  # asked for another page each time: what is remembered notes no use

    def last_use():
        return ada.get(KEYS).json()["items"][0]["last_used_at"]

    assert last_use() is None
    assert status(world, made["key"], f"{METRICS}?limit=1") == 200
    first = last_use()
    assert status(world, made["key"], f"{METRICS}?limit=2") == 200
    assert last_use() == first is not None
    with world.database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.api_keys set last_used_at = now() - interval '61 seconds'")
        )
    assert status(world, made["key"], f"{METRICS}?limit=3") == 200
    assert last_use() > first


def test_keys_are_made_by_people_and_no_key_reaches_an_account(world):
    _, shown = world.key("acme", "ada", "keys:write", "keys:read", "tenant:read")
    with world.client(Authorization=f"Bearer {shown}") as client:
        assert make(client).status_code == 403
        assert client.get(KEYS).status_code == 200
        for address in ("/v1/me", "/v1/tenants", "/v1/sessions"):
            problem = client.get(address)
            assert problem.status_code == 403
            assert problem.json()["type"].endswith(":insufficient-scope")
        assert client.post("/v1/auth/logout").status_code == 403


@pytest.fixture
def owned(world: World):
    """An invitation to own a tenant that Ada and Bob own, with Vic as its viewer."""
    with world.database.jobs() as work:
        work.tenants.create("owned", "Owned")
        for nickname, role in (("ada", "owner"), ("bob", "owner"), ("vic", "viewer")):
            work.users.add_membership("owned", world.users[nickname].id, role)
        token = work.one_time_tokens.issue("invite", email="new@example.com")
        return str(
            work.invitations.create("owned", "new@example.com", "owner", token_id=token.id).id
        )


def test_no_key_makes_changes_invites_or_removes_an_owner(world, owned):
    _, shown = world.key("owned", "ada", "members:write", "members:read")
    vic, bob, ada = (f"members/{world.users[name].id}" for name in ("vic", "bob", "ada"))
    with world.client(Authorization=f"Bearer {shown}") as client:
        for method, address, body in (
            ("POST", "invitations", {"email": "thief@example.com", "role": "owner"}),
            ("POST", f"invitations/{owned}/resend", None),
            ("DELETE", f"invitations/{owned}", None),
            ("PATCH", vic, {"role": "owner"}),
            ("PATCH", bob, {"role": "viewer"}),
            ("PATCH", ada, {"role": "viewer"}),
            ("DELETE", bob, None),
            ("DELETE", ada, None),
            ("POST", "ownership", {"user_id": str(world.users["vic"].id)}),
        ):
            answer = client.request(method, f"/v1/tenants/owned/{address}", json=body)
            assert answer.status_code == 403, (method, address)
            assert answer.json()["type"].endswith(":insufficient-scope")
        roles = [one["role"] for one in client.get("/v1/tenants/owned/members").json()["items"]]
        assert roles == ["owner", "owner", "viewer"]
        for method, address, body, status in (
            ("POST", "invitations", {"email": "guest@example.com", "role": "admin"}, 201),
            ("PATCH", vic, {"role": "admin"}, 200),
            ("DELETE", vic, None, 204),
        ):
            answer = client.request(method, f"/v1/tenants/owned/{address}", json=body)
            assert answer.status_code == status, answer.text


def test_a_key_annotates_for_its_tenant_without_naming_it(world):
    _, shown = world.key("acme", "ada", "analysis:run")
    options = {"method": "POST", "json": {"texts": ["Good."]}}
    assert status(world, shown, "/v1/analyze", **options) == 200
    assert status(world, shown, "/v1/analyze?tenant=empty", **options) == 404
    _, bare = world.key("acme", "ada", "metrics:read")
    assert status(world, bare, "/v1/analyze", **options) == 403


def test_there_are_so_many_keys_and_no_more(world, ada):
    for _ in range(MAX_LIVING):
        world.key("acme", "ada")
    refused = make(ada)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":too-many-keys")
    with world.database.jobs() as work:
        (key, *_) = work.api_keys.list("acme")
        work.api_keys.revoke("acme", key.id, by=world.users["ada"].id)
    assert make(ada).status_code == 201


def test_a_slip_of_the_pen_is_seen_without_asking_the_database(world):
    _, shown = world.key("acme", "ada", "metrics:read")
    body, checksum = shown[:-6], shown[-6:]
    assert checksum == _base62(zlib.crc32(body.encode()), 6)
    with world.database.work(None) as work:
        queries = []
        execute = work.api_keys.session.execute
        work.api_keys.session.execute = lambda *given: queries.append(given) or execute(*given)
        for position in range(len(shown)):
            other = "A" if shown[position] != "A" else "B"
            assert work.api_keys.find(shown[:position] + other + shown[position + 1 :]) is None
        assert queries == []
        assert work.api_keys.find(shown) is not None
        assert queries != []


def test_a_key_with_the_right_checksum_and_another_secret_is_refused(world):
    key, shown = world.key("acme", "ada", "metrics:read")
    body = shown[:-7] + ("A" if shown[-7] != "A" else "B")
    forged = body + _base62(zlib.crc32(body.encode()), 6)
    assert status(world, forged) == 401
    assert status(world, shown) == 200
    unknown = f"{PREFIX}{_base62(key.id.int + 1, 22)}_{shown[31:-6]}"
    assert status(world, unknown + _base62(zlib.crc32(unknown.encode()), 6)) == 401
    too_large = f"{PREFIX}{'z' * 22}_{shown[31:-6]}"
    assert status(world, too_large + _base62(zlib.crc32(too_large.encode()), 6)) == 401


@pytest.mark.parametrize("key_id", ["x", "00000000-0000-0000-0000-000000000000", "{1}", "%00"])
def test_what_is_no_key_of_the_tenant_cannot_be_revoked(ada, key_id):
    assert ada.delete(f"{KEYS}/{key_id}").status_code in {404, 422}
