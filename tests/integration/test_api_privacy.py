"""Erasures through the API: who may ask, what is answered, and that no name is kept."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.api_world import all_pages, read
from tests.running_up import until

ERASURES = "/v1/tenants/acme/erasures"
NAME = "Wilhelmina Quark"


def test_an_owner_asks_for_an_erasure_and_reads_how_far_it_is(world, ada):
    answer = ada.post(ERASURES, json={"author": NAME})
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["status"], asked["kind"], asked["receipt"]) == ("queued", "author", None)
    assert asked["subject"].startswith("author:")
    assert read(ada, answer.headers["Location"]) == asked
    assert asked["id"] in {one["id"] for one in all_pages(ada, f"{ERASURES}?limit=1")}
    with world.database.jobs() as work:
        events = [one for one in work.events.unpublished() if one.subject == asked["id"]]
    assert [one.type for one in events] == ["privacy.erasure_requested"]


def test_asking_for_the_same_person_again_gives_the_same_erasure(ada):
    first = ada.post(ERASURES, json={"author": NAME}).json()
    again = ada.post(ERASURES, json={"author": f"  {NAME.upper()} "}).json()
    other = ada.post(ERASURES, json={"author": NAME, "sources": ["shop"]}).json()
    assert again == first
    assert other["id"] != first["id"]


def test_a_key_is_answered_once_and_stands_for_one_person(ada):
    headers = {"Idempotency-Key": "erase-1"}
    first = ada.post(ERASURES, json={"author": "Ottoline Prism"}, headers=headers)
    again = ada.post(ERASURES, json={"author": "Ottoline Prism"}, headers=headers)
    other = ada.post(ERASURES, json={"author": "Someone Else"}, headers=headers)
    assert first.json() == again.json()
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")


def test_no_name_is_in_the_database_in_the_clear(world, ada):
    ada.post(ERASURES, json={"author": NAME}, headers={"Idempotency-Key": "erase-2"})
    ada.post(ERASURES, json={"account": "quark-account-9"})
    engine = create_engine(world.database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("set row_security = off"))
        for table in ("erasures", "events", "idempotency_keys"):
            rows = connection.execute(text(f"select t::text from reviewgraph.{table} t")).scalars()
            dump = "\n".join(rows)
            assert dump, table
            assert "quark" not in dump.lower(), table


def test_no_name_that_people_type_stands_in_an_event(ada):
    """Events are never changed, so what an erasure must find may not get into them."""
    said = "The worst night of my life"
    config = {"keyword": said, "location_code": 2840, "language_code": "en"}
    source = {"kind": "google_reviews", "name": said, "config": config}
    for address, body in (
        ("api-keys", {"name": said, "scopes": ["reviews:read"]}),
        ("sources", source),
        ("workspaces", {"kind": "team", "name": said}),
    ):
        answer = ada.post(f"/v1/tenants/acme/{address}", json=body)
        assert answer.status_code == 201, answer.text
    named = {"report_name": said}
    assert ada.patch("/v1/tenants/acme/settings", json=named).status_code == 200
    told = all_pages(ada, "/v1/tenants/acme/events")
    assert {"key.created", "source.created", "workspace.created", "settings.changed"} <= {
        event["type"] for event in told
    }
    assert said not in json.dumps(told)


def test_an_analyst_or_viewer_may_neither_ask_nor_read(world):
    with world.client("vic") as vic:
        for answer in (
            vic.post(ERASURES, json={"author": NAME}),
            vic.get(ERASURES),
            vic.get(f"{ERASURES}/{world.ids['acme']['erasure']}"),
        ):
            assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"author": NAME, "account": "x"},
        {"author": ""},
        {"author": " \u200b "},
        {"author": "a\u0000b"},
        {"author": "x" * 301},
        {"author": None},
        {"review_keys": []},
        {"review_keys": ["not a key"]},
        {"review_keys": ["0" * 32] * 501},
        {"author": NAME, "sources": [""]},
        {"author": NAME, "reason": "because"},
        {"author": {"name": NAME}},
        [],
    ],
)
def test_whoever_is_not_told_in_one_way_is_not_erased(ada, body):
    answer = ada.post(ERASURES, json=body)
    assert answer.status_code == 422, answer.text
    assert "Quark" not in answer.text


@pytest.mark.parametrize("name", [str(uuid.UUID(int=7)), "x", "0" * 400, "%00"])
def test_an_erasure_that_is_not_there_is_not_found(ada, name):
    assert ada.get(f"{ERASURES}/{name}").status_code == 404


def test_a_cursor_of_another_list_is_refused(ada):
    assert ada.get(ERASURES, params={"cursor": "AAAA"}).status_code == 422


def test_a_version_that_was_taken_away_is_gone_although_memory_knows_it(world, ada):
    address = "/v1/tenants/acme/metrics"
    current = world.ids["acme"]["snapshot"]
    tables = world.snapshots.open("acme", current).table("reviews")
    older = world.snapshots.publish("acme", {"reviews": tables.head(3)}, {})
    with world.database.jobs() as work:
        work.snapshots.point_to("acme", older.version, path=older.key, row_count=3)
        work.snapshots.point_to("acme", current, path=f"acme/{current}", row_count=1)
    reviews = "/v1/tenants/acme/reviews"
    for _ in range(20):  # by then what changed above has been told, and memory answers
        kept = ada.get(reviews, params={"snapshot": older.version})
        assert kept.status_code == 200, kept.text
    with world.database.jobs() as work:
        work.snapshots.forget("acme", older.version)

    def is_gone():
        return ada.get(reviews, params={"snapshot": older.version}).status_code == 410

    until(is_gone, seconds=5, what="memory has heard of it")
    assert ada.get(address).status_code == 200
