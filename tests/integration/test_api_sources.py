"""Sources through the API: made, changed, paused, removed, and refused where they cannot work."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from resources.database import SourceDay
from tests.api_world import all_pages, read

ACME = "/v1/tenants/acme/sources"
CONFIG = {"place_id": "ChIJ1", "location_code": 2840, "language_code": "en"}


def new_source(name=None, **config):
    return {
        "kind": "google_reviews",
        "name": name or f"source {uuid.uuid4()}",
        "config": CONFIG | config,
    }


def events_about(world, source_id):
    with world.database.jobs() as work:
        rows = work.session.connection().exec_driver_sql(
            "select type from reviewgraph.events where subject = %s order by position", (source_id,)
        )
        return [row[0] for row in rows]


def test_a_source_lives_from_its_making_to_its_end(world, ada):
    answer = ada.post(ACME, json=new_source("  café  ", depth=100))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["name"] == "café"
    assert made["config"] == CONFIG | {"depth": 100}
    address = answer.headers["location"]
    assert read(ada, address) == made
    paused = ada.patch(address, json={"is_active": False}).json()
    assert paused == made | {"is_active": False}
    other = CONFIG | {"place_id": "ChIJ2"}
    changed = ada.patch(address, json={"is_active": True, "config": other}).json()
    assert changed["config"] == other
    ada.patch(address, json={"is_active": True})  # as it is: nothing has happened
    ada.patch(address, json={"is_active": False})
    ada.patch(address, json={"is_active": True})
    assert ada.delete(address).status_code == 204
    assert ada.get(address).status_code == 404
    assert events_about(world, made["id"]) == [
        "source.created",
        "source.paused",
        "source.changed",
        "source.paused",
        "source.resumed",
        "source.removed",
    ]


def test_a_name_is_taken_once(ada):
    wanted = new_source()
    assert ada.post(ACME, json=wanted).status_code == 201
    again = ada.post(ACME, json=wanted)
    assert again.status_code == 409
    assert again.json()["type"].endswith(":name-taken")


@pytest.mark.parametrize("character", ["水", "𐍈", "é"])
def test_names_of_other_scripts_are_paged_through(ada, character):
    for n in range(2):
        name = f"{n}{character * 199}"
        assert ada.post(ACME, json=new_source(name)).status_code == 201
    first = ada.get(ACME, params={"limit": 200}).json()["items"]
    page = ada.get(ACME, params={"limit": 1}).json()
    found = page["items"]
    while page["next"] is not None:
        answer = ada.get(page["next"])
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
    assert found == first


def test_making_a_source_twice_with_one_key_makes_one(ada):
    wanted, key = new_source(), {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (ada.post(ACME, json=wanted, headers=key) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"place_id": None}, "name the place by exactly one of"),
        ({"keyword": "hotel"}, "name the place by exactly one of"),
        ({"location_name": "Berlin"}, "name the location to search from by exactly one of"),
        ({"language_code": None}, "name the language by exactly one of"),
        ({"depth": 9}, "greater than or equal to 10"),
        ({"depth": 5000}, "less than or equal to 4490"),
        ({"priority": 3}, "1 or 2"),
        ({"sort_by": "random"}, "newest"),
        ({"pingback_url": "http://169.254.169.254"}, "not permitted"),
        ({"tag": "x"}, "not permitted"),
        ({"language_code": "english please"}, "pattern"),
        ({"product": ""}, "at least 1 character"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused_at_once(ada, config, complaint):
    answer = ada.post(ACME, json=new_source(**config))
    assert answer.status_code == 422
    (error, *_) = answer.json()["errors"]
    assert complaint in error["message"]
    assert error["location"].startswith("body.config")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", 7, None])
def test_a_source_needs_a_name_that_can_be_kept(ada, name):
    assert ada.post(ACME, json=new_source() | {"name": name}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"is_active": None}, {"name": "other"}, {"config": {}}])
def test_a_change_has_to_change_something_that_can_be_changed(world, ada, body):
    assert ada.patch(f"{ACME}/{world.ids['acme']['source']}", json=body).status_code == 422


def test_a_source_that_was_asked_can_be_paused_and_not_removed(world, ada):
    made = ada.post(ACME, json=new_source()).json()
    with world.database.jobs() as work:
        work.tasks.plan("acme", f"tag {made['id']}", date(2026, 3, 1), uuid.UUID(made["id"]))
    answer = ada.delete(f"{ACME}/{made['id']}")
    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":in-use")
    assert "is_active false" in answer.json()["detail"]
    assert ada.patch(f"{ACME}/{made['id']}", json={"is_active": False}).is_success


def test_a_viewer_may_look_and_not_change(world):
    address = f"{ACME}/{world.ids['acme']['source']}"
    with world.client("vic") as vic:
        assert vic.get(ACME).status_code == vic.get(address).status_code == 200
        refused = [
            vic.post(ACME, json=new_source()),
            vic.patch(address, json={"is_active": False}),
            vic.delete(address),
        ]
    assert [answer.status_code for answer in refused] == [403] * 3


def test_the_list_shows_what_each_source_gave_last(world, ada):
    names = [ada.post(ACME, json=new_source()).json()["name"] for _ in range(3)]
    with world.database.jobs() as work:
        work.source_days.record_all(
            SourceDay(tenant_id="acme", day=date(2026, 3, day), source=names[1], fetched=day)
            for day in (1, 3, 2)
        )
        work.source_days.record_all(
            [SourceDay(tenant_id="brava", day=date(2026, 3, 9), source=names[1], fetched=9)]
        )
    listed = {item["name"]: item for item in all_pages(ada, f"{ACME}?limit=2")}
    assert set(names) < set(listed)
    assert list(listed) == sorted(listed)
    assert listed[names[0]]["last_day"] is None
    assert (listed[names[1]]["last_day"]["day"], listed[names[1]]["last_day"]["fetched"]) == (
        "2026-03-03",
        3,
    )


@pytest.mark.parametrize("spelled", ["x", "{}", "urn:uuid:{}"])
def test_an_id_has_one_spelling(world, ada, spelled):
    source_id = world.ids["acme"]["source"]
    address = spelled.format(source_id.upper() if spelled == "{}" else source_id)
    assert ada.get(f"{ACME}/{address}").status_code == 404
