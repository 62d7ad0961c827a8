"""Workspaces and settings of a tenant over the API."""

from __future__ import annotations

import itertools
import json

import pytest

_NUMBERS = itertools.count(1)


@pytest.fixture
def home():
    return "/v1/tenants/acme/workspaces"


@pytest.fixture
def settings_address(world):
    """The settings of a tenant that has none yet."""
    name = f"settled-{next(_NUMBERS)}"
    with world.database.jobs() as work:
        work.tenants.create(name, name)
        work.users.add_membership(name, world.users["ada"].id, "owner")
        work.users.add_membership(name, world.users["vic"].id, "viewer")
    return f"/v1/tenants/{name}/settings"


def test_a_workspace_is_made_filled_renamed_and_archived(ada, home):
    made = ada.post(home, json={"name": " Harbour  Hotel ", "kind": "location"})
    assert made.status_code == 201, made.text
    workspace = made.json()
    assert (workspace["name"], workspace["kind"]) == ("Harbour Hotel", "location")
    address = f"{home}/{workspace['id']}"
    filled = ada.put(f"{address}/contents", json={"sources": ["google"], "products": ["kettle"]})
    assert (filled.json()["sources"], filled.json()["products"]) == (["google"], ["kettle"])
    assert ada.patch(address, json={"name": "Pier"}).json()["name"] == "Pier"
    assert ada.get(address).json()["sources"] == ["google"]
    assert [one["name"] for one in ada.get(home).json()["items"]] == ["Pier"]
    assert ada.delete(address).status_code == 204
    assert ada.get(home).json()["items"] == []
    (archived,) = ada.get(home, params={"archived": True}).json()["items"]
    assert archived["archived_at"] is not None
    assert archived["sources"] == []
    assert ada.delete(address).status_code == 404
    assert ada.patch(address, json={"name": "X"}).status_code == 404
    assert ada.put(f"{address}/contents", json={"sources": [], "products": []}).status_code == 404


def test_a_source_belongs_to_one_workspace(ada, home):
    first, second = (
        ada.post(home, json={"name": name}).json()["id"] for name in ("First", "Second")
    )
    for workspace in (first, second):
        body = {"sources": ["shop", "shop"], "products": []}
        assert ada.put(f"{home}/{workspace}/contents", json=body).status_code == 200
    assert ada.get(f"{home}/{first}").json()["sources"] == []
    assert ada.get(f"{home}/{second}").json()["sources"] == ["shop"]


def test_names_in_use_are_unique_and_archived_ones_are_free(ada, home):
    made = ada.post(home, json={"name": "Twin"}).json()
    other = ada.post(home, json={"name": "Other"}).json()
    assert ada.post(home, json={"name": "Twin"}).status_code == 409
    assert ada.patch(f"{home}/{other['id']}", json={"name": "Twin"}).status_code == 409
    assert ada.patch(f"{home}/{made['id']}", json={"name": "Twin"}).status_code == 200
    assert ada.delete(f"{home}/{made['id']}").status_code == 204
    assert ada.post(home, json={"name": "Twin"}).status_code == 201


def test_workspaces_are_changed_by_whoever_may_and_seen_by_members(world, ada, bob, home):
    made = ada.post(home, json={"name": "Guarded"}).json()
    address = f"{home}/{made['id']}"
    with world.client("vic") as vic:
        assert vic.get(address).status_code == 200
        assert vic.post(home, json={"name": "X"}).status_code == 403
        assert vic.delete(address).status_code == 403
    assert bob.get(address).status_code == 404
    assert bob.get(f"/v1/tenants/brava/workspaces/{made['id']}").status_code == 404
    assert bob.delete(f"/v1/tenants/brava/workspaces/{made['id']}").status_code == 404
    assert ada.get(f"{home}/{made['id'].upper()}").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a\0"}, {"name": "x", "kind": "galaxy"}, {"name": 1}]
)
def test_a_workspace_without_a_proper_name_or_kind_is_not_made(ada, home, body):
    assert ada.post(home, json=body).status_code == 422


def test_settings_begin_with_their_defaults(ada, settings_address):
    answer = ada.get(settings_address)
    assert answer.json() == {
        "timezone": "UTC",
        "language": "en",
        "week_starts_on": "monday",
        "report_name": None,
        "retention_days": None,
        "revision": 0,
    }
    again = ada.get(settings_address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_change_says_who_changed_what_from_what_to_what(world, ada, settings_address):
    changed = ada.patch(settings_address, json={"timezone": "Europe/Vienna", "language": "en"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["timezone"], changed.json()["revision"]) == ("Europe/Vienna", 1)
    ada.patch(settings_address, json={"retention_days": 365, "timezone": "Asia/Tokyo"})
    ada.patch(settings_address, json={"retention_days": None})
    assert ada.patch(settings_address, json={"retention_days": None}).json()["revision"] == 3
    history = ada.get(f"{settings_address}/history").json()["items"]
    assert [(one["before"], one["after"]) for one in history] == [
        ({"retention_days": 365}, {"retention_days": None}),
        (
            {"retention_days": None, "timezone": "Europe/Vienna"},
            {"retention_days": 365, "timezone": "Asia/Tokyo"},
        ),
        ({"timezone": "UTC"}, {"timezone": "Europe/Vienna"}),
    ]
    assert {one["changed_by"] for one in history} == {str(world.users["ada"].id)}
    older = ada.get(f"{settings_address}/history", params={"limit": 1, "before": 3}).json()["items"]
    assert [one["revision"] for one in older] == [2]


@pytest.mark.parametrize("before", [2**31, 99999999999, 10**30, 0, -1])
def test_a_revision_that_cannot_be_one_is_refused(ada, settings_address, before):
    answer = ada.get(f"{settings_address}/history", params={"before": before})
    assert answer.status_code == 422, answer.text


def test_a_change_that_somebody_else_made_meanwhile_is_not_written_over(ada, settings_address):
    seen = ada.get(settings_address).headers["etag"]
    first = ada.patch(settings_address, json={"language": "de"}, headers={"If-Match": seen})
    assert first.status_code == 200
    second = ada.patch(settings_address, json={"language": "fr"}, headers={"If-Match": seen})
    assert second.status_code == 412
    assert ada.get(settings_address).json()["language"] == "de"
    third = ada.patch(
        settings_address, json={"language": "fr"}, headers={"If-Match": first.headers["etag"]}
    )
    assert third.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"timezone": None},
        {"language": "xx"},
        {"retention_days": 0},
        {"retention_days": 10**12},
        {"report_name": "two\nlines"},
        {"report_name": ""},
        {"report_name": "\ud800"},
        {"nonsense": 1},
        {"revision": 7},
    ],
)
def test_settings_that_cannot_be_are_refused(ada, settings_address, body):
    answer = ada.patch(
        settings_address,
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in {400, 422}
    assert ada.get(settings_address).json()["revision"] == 0


def test_settings_are_changed_by_whoever_may(world, bob, settings_address):
    with world.client("vic") as vic:
        assert vic.get(settings_address).status_code == 200
        assert vic.patch(settings_address, json={"language": "de"}).status_code == 403
    assert bob.get(settings_address).status_code == 404
