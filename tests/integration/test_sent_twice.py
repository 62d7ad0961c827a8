"""Requests that are sent twice have one effect: ``Idempotency-Key`` on every route that changes."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from resources.keys import Keys
from serving_api.kit import auth
from serving_api.kit.idempotency import CHANGING_METHODS
from serving_api.kit.routing import Route
from serving_api.main import SLICES
from tests.published_reviews import review_key

ACME, BRAVA = "/v1/tenants/acme", "/v1/tenants/brava"
FIRST_DAY = "2026-01-01"


def days(n):
    return {"period_start": FIRST_DAY, "period_end": f"2026-02-{n:02d}"}


def api_routes(routes=None):
    """Every route of the API, those of routers within routers included."""
    for router in [slice_.router for slice_ in SLICES] if routes is None else routes:
        for route in router.routes:
            if hasattr(route, "original_router"):
                yield from api_routes([route.original_router])
            elif isinstance(route, APIRoute):
                yield route


CHANGING = [route for route in api_routes() if CHANGING_METHODS & route.methods]


def calls_of(dependant):
    yield dependant.call
    for below in dependant.dependencies:
        yield from calls_of(below)


# The structure -----------------------------------------------------------------------------------


def test_every_route_is_of_the_kind_that_keeps_the_promises_of_the_api():
    assert len(CHANGING) > 5
    assert [route.path for route in api_routes() if not isinstance(route, Route)] == []


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.operation_id)
def test_every_route_that_changes_something_takes_a_key_or_says_why_it_needs_none(route):
    if not route.takes_key:
        assert len(route.endpoint.without_key.split()) > 3
        return
    # What holds the key's promise is the unit of work of the session, see kit/auth.
    sessions = [
        call
        for call in calls_of(route.dependant)
        if inspect.isgeneratorfunction(call) and "kept_once" in inspect.getsource(call)
    ]
    assert sessions, f"{route.operation_id} works in no session of {auth.__name__}"


def test_the_document_tells_of_the_key(world):
    with world.client() as client:
        document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/tenants/{tenant}/reports"]["post"]
    assert [one for one in operation["parameters"] if one["name"] == "Idempotency-Key"]
    assert "request-in-flight" in operation["responses"]["409"]["description"]
    assert "idempotency-key-reused" in operation["responses"]["422"]["description"]
    assert "invalid-parameters" in operation["responses"]["422"]["description"]


# The promise -------------------------------------------------------------------------------------


def test_a_replay_has_the_status_headers_and_body_of_the_first_answer(ada):
    headers = {"Idempotency-Key": "whole"}
    first = ada.post(f"{ACME}/reports", json=days(5), headers=headers)
    again = ada.post(f"{ACME}/reports", json=days(5), headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


def test_a_correction_that_is_sent_twice_is_made_once(ada):
    address = f"{ACME}/reviews/{review_key('acme', 3)}/corrections"
    said = {"field": "sentiment", "value": "negative"}
    first = ada.post(address, json=said, headers={"Idempotency-Key": "once"})
    again = ada.post(address, json=said, headers={"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert len(ada.get(address).json()["items"]) == 1


def test_fifty_requests_at_once_with_one_key_have_one_effect(world):
    def open_requests():
        with world.database.jobs() as work:
            return len(work.corrections.history("acme", review_key("acme", 6)))

    address = f"{ACME}/reviews/{review_key('acme', 6)}/corrections"
    said = {"field": "sentiment", "value": "negative"}
    with world.client("ada") as ada, ThreadPoolExecutor(50) as threads:
        answers = list(
            threads.map(
                lambda _: ada.post(address, json=said, headers={"Idempotency-Key": "fifty"}),
                range(50),
            )
        )
    statuses = [one.status_code for one in answers]
    assert set(statuses) <= {201, 409}
    assert len({one.text for one in answers if one.status_code == 201}) == 1
    first = [
        one
        for one in answers
        if one.status_code == 201 and not one.headers.get("idempotency-replayed")
    ]
    assert len(first) == 1
    assert open_requests() == 1


def test_while_the_first_is_being_worked_on_the_second_is_told_when_to_ask_again(world, ada):
    user = world.users["ada"].id
    with world.database.work("acme", user_id=user) as work:
        work.idempotency.take(user, "acme", "slow")
        refused = ada.post(f"{ACME}/reports", json=days(9), headers={"Idempotency-Key": "slow"})
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("request-in-flight")
    assert refused.headers["retry-after"] == "1"
    answer = ada.post(f"{ACME}/reports", json=days(9), headers={"Idempotency-Key": "slow"})
    assert answer.status_code == 202


def test_a_key_stands_for_one_request_of_one_user_in_one_tenant(world):
    headers = {"Idempotency-Key": "mine"}
    with world.client("ada") as ada, world.client("bob") as bob:
        mine = ada.post(f"{ACME}/reports", json=days(7), headers=headers)
        other_body = ada.post(f"{ACME}/reports", json=days(8), headers=headers)
        other_address = ada.post(f"{ACME}/reports?x=1", json=days(7), headers=headers)
        other_tenant = bob.post(f"{BRAVA}/reports", json=days(8), headers=headers)
    assert (mine.status_code, other_tenant.status_code) == (202, 202)
    for other in (other_body, other_address):
        assert other.status_code == 422
        assert other.json()["type"] == "urn:reviewgraph:problem:idempotency-key-reused"


def test_a_body_that_is_not_valid_is_not_kept_under_its_key(ada):
    headers = {"Idempotency-Key": "mended"}
    wrong = ada.post(f"{ACME}/reports", json={"period_start": "soon"}, headers=headers)
    assert wrong.status_code == 422
    assert ada.post(f"{ACME}/reports", json=days(10), headers=headers).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "caf\u00e9"])
def test_a_key_that_cannot_be_is_refused(ada, key):
    answer = ada.post(
        f"{ACME}/reports", json={}, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "header.Idempotency-Key"


def test_a_key_is_forgotten_after_its_time(ada, monkeypatch):
    headers = {"Idempotency-Key": "old"}
    first = ada.post(f"{ACME}/reports", json=days(11), headers=headers)
    monkeypatch.setattr("resources.database.idempotency.TIME_KEPT", timedelta(0))
    later = ada.post(f"{ACME}/reports", json=days(12), headers=headers)
    assert (first.status_code, later.status_code) == (202, 202)


def test_a_viewer_may_not_use_the_key_of_another(world):
    headers = {"Idempotency-Key": "of-ada"}
    with world.client("ada") as ada, world.client("vic") as vic:
        ada.post(f"{ACME}/reports", json=days(13), headers=headers)
        assert vic.post(f"{ACME}/reports", json=days(13), headers=headers).status_code == 403


def test_what_is_kept_cannot_be_read_in_the_database(world, ada):
    answer = ada.post(f"{ACME}/reports", json=days(14), headers={"Idempotency-Key": "sealed"})
    with world.database.jobs() as work:
        (kept,) = work.session.scalars(
            text("select sealed from reviewgraph.idempotency_keys where key = 'sealed'")
        )
    assert answer.json()["id"].encode() not in bytes(kept)
    assert b"queued" not in bytes(kept)


def test_programs_of_one_user_may_choose_the_same_key(world, ada):
    headers = {"Idempotency-Key": "nightly"}
    address = f"{ACME}/reports"
    mine = ada.post(address, json=days(20), headers=headers)
    assert mine.status_code == 202
    made = [mine.json()["id"]]
    for n in (21, 22):
        _, shown = world.key("acme", "ada", "reports:write")
        with world.client(Authorization=f"Bearer {shown}") as program:
            first, again = (program.post(address, json=days(n), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (202, 202)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
        made.append(first.json()["id"])
    assert len(set(made)) == 3
    again = ada.post(address, json=days(20), headers=headers)
    assert again.json() == mine.json()


def test_what_a_user_was_answered_is_not_for_the_user_s_api_keys(world, ada):
    """Else a key with few scopes could read the secret of a key that its user made."""
    keys = f"{ACME}/api-keys"
    wanted = {"name": "all", "scopes": ["reports:write"]}
    headers = {"Idempotency-Key": "secret"}
    made = ada.post(keys, json=wanted, headers=headers)
    assert made.status_code == 201, made.text
    small = ada.post(keys, json={"name": "small", "scopes": ["metrics:read"]}).json()
    with world.client(Authorization=f"Bearer {small['key']}") as program:
        answer = program.post(keys, json=wanted, headers=headers)
    assert answer.status_code in {403, 422}, answer.text
    assert made.json()["key"] not in answer.text
    again = ada.post(keys, json=wanted, headers=headers)
    assert again.json() == made.json()


def test_a_request_is_answered_once_across_a_replaced_secret(world, ada, monkeypatch):
    headers, services = {"Idempotency-Key": "across"}, world.app.state.services
    first = ada.post(f"{ACME}/reports", json=days(15), headers=headers)
    old = world.settings.signing_key
    monkeypatch.setitem(vars(services.database), "keys", Keys("the newest secret of it all", old))
    again = ada.post(f"{ACME}/reports", json=days(15), headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = ada.post(f"{ACME}/reports", json=days(16), headers=headers)
    assert other.status_code == 422
