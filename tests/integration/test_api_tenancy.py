"""Organisations over the API: making, changing, closing them, and who belongs to them."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.api_world import PASSWORD

_NUMBERS = itertools.count(1)


@pytest.fixture
def house(world):
    """A tenant of its own for each test: Olga and Odo own it, Adam is admin, Vera a viewer."""
    number = next(_NUMBERS)
    tenant = f"house-{number}"
    roles = {"olga": "owner", "odo": "owner", "adam": "admin", "anna": "analyst", "vera": "viewer"}
    with world.database.jobs() as work:
        work.tenants.create(tenant, f"House {number}")
        for name, role in roles.items():
            if name not in world.users:
                world.users[name] = work.users.create(f"{name}@example.com", name, PASSWORD)
            work.users.add_membership(tenant, world.users[name].id, role)
    return tenant


def ask(world, who, method, address, body=None, **headers):
    with world.client(who, **headers) as client:
        return client.request(method, f"/v1/tenants{address}", json=body)


def slug(answer):
    return answer.json()["type"].rpartition(":")[2]


def id_of(world, who):
    return str(world.users[who].id)


def events_of(world, tenant):
    with world.database.jobs() as work:
        return [event.type for event in work.events.unpublished(1000) if event.tenant_id == tenant]


def roles_in(world, tenant):
    with world.database.jobs() as work:
        return {member.name: member.role for member in work.members.list(tenant)}


def test_whoever_makes_an_organisation_owns_it_on_the_smallest_plan(world):
    answer = ask(world, "eve", "POST", "", {"name": "  Éva's   Hotels "})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["name"] == "Éva's Hotels"
    assert made["id"].startswith("eva-s-hotels-")
    assert answer.headers["location"] == f"/v1/tenants/{made['id']}"
    details = ask(world, "eve", "GET", f"/{made['id']}").json()
    assert (details["role"], details["plan"], details["status"]) == ("owner", "free", "active")
    assert made["id"] in [one["id"] for one in ask(world, "eve", "GET", "").json()["items"]]
    assert events_of(world, made["id"]) == ["tenant.created", "membership.added"]
    assert ask(world, "ada", "GET", f"/{made['id']}").status_code == 404


def test_an_id_that_is_taken_is_refused_and_nothing_of_its_tenant_changes(world):
    answer = ask(world, "vera" if "vera" in world.users else "eve", "POST", "", {
        "name": "Mine", "id": "acme"
    })  # fmt: skip
    assert (answer.status_code, slug(answer)) == (409, "already-there")
    assert roles_in(world, "acme").keys() == {"Ada", "Vic", "Off"}
    assert ask(world, "ada", "GET", "/acme").json()["name"] == "Acme"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": " \n "},
        {"name": "a\0b"},
        {"name": "x" * 121},
        {"name": "X", "id": "Not A Slug"},
        {"name": "X", "id": "x\n"},
        {"name": "X", "plan": "enterprise"},
    ],
)
def test_an_organisation_without_a_proper_name_is_not_made(world, body):
    assert ask(world, "eve", "POST", "", body).status_code == 422


def test_a_user_whose_address_is_not_proven_makes_none(world):
    with world.database.jobs() as work:
        world.users["uma"] = work.users.create("uma@x.org", "Uma", PASSWORD)
    world.token("uma")
    with world.database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.users set email_verified_at = null where name = 'Uma'")
        )
    answer = ask(world, "uma", "POST", "", {"name": "Uma's"})
    assert (answer.status_code, slug(answer)) == (403, "email-not-verified")
    with world.database.jobs() as work:
        assert work.users.memberships(world.users["uma"].id) == ()


def test_a_user_makes_only_so_many_in_a_day(world):
    with world.database.jobs() as work:
        world.users["max"] = work.users.create("max@example.com", "Max", PASSWORD)
    made = [ask(world, "max", "POST", "", {"name": "Max"}).status_code for _ in range(6)]
    assert made == [201, 201, 201, 201, 201, 429]


def test_whoever_tries_out_which_ids_are_taken_is_stopped(world):
    with world.database.jobs() as work:
        world.users["pia"] = work.users.create("pia@example.com", "Pia", PASSWORD)
    tried = [
        ask(world, "pia", "POST", "", {"name": "X", "id": taken}).status_code
        for taken in ["acme", "brava"] * 11
    ]
    assert tried == [409] * 20 + [429] * 2
    assert ask(world, "pia", "POST", "", {"name": "X"}).status_code == 201  # tells nothing


def test_a_name_and_a_colour_are_changed_by_whoever_may(world, house):
    answer = ask(world, "adam", "PATCH", f"/{house}", {"name": "New", "colour": "#00ff00"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["colour"]) == ("New", "#00ff00")
    for who, status in (("anna", 403), ("vera", 403), ("bob", 404)):
        assert ask(world, who, "PATCH", f"/{house}", {"name": "X"}).status_code == status
    assert ask(world, "adam", "PATCH", f"/{house}", {"colour": "red"}).status_code == 422
    assert ask(world, "adam", "PATCH", f"/{house}", {"plan": "team"}).status_code == 422
    assert events_of(world, house) == ["tenant.changed"]


def test_members_are_listed_to_members_without_their_secrets(world, house):
    answer = ask(world, "vera", "GET", f"/{house}/members")
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [one["role"] for one in found] == ["owner", "owner", "admin", "analyst", "viewer"]
    assert set(found[0]) == {"user_id", "email", "name", "role", "since"}
    assert "argon2" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        ("olga", "vera", "owner", 200),
        ("olga", "odo", "viewer", 200),
        ("adam", "vera", "admin", 200),
        ("adam", "vera", "owner", 403),  # above one's own
        ("adam", "odo", "viewer", 403),  # of somebody higher
        ("anna", "vera", "viewer", 403),
        ("vera", "vera", "owner", 403),
        ("bob", "vera", "owner", 404),
        ("olga", "bob", "viewer", 404),  # no member
    ],
)
def test_roles_are_given_up_to_one_s_own(world, house, change):
    who, whom, role, status = change
    before = roles_in(world, house)
    address = f"/{house}/members/{id_of(world, whom)}"
    assert ask(world, who, "PATCH", address, {"role": role}).status_code == status
    after = before | ({whom: role} if status == 200 else {})
    assert roles_in(world, house) == after


def test_the_last_owner_stays(world, house):
    olga, odo = id_of(world, "olga"), id_of(world, "odo")
    assert ask(world, "olga", "DELETE", f"/{house}/members/{odo}").status_code == 204
    for method, body in (("DELETE", None), ("PATCH", {"role": "admin"})):
        answer = ask(world, "olga", method, f"/{house}/members/{olga}", body)
        assert (answer.status_code, slug(answer)) == (409, "last-owner")
    assert roles_in(world, house)["olga"] == "owner"


def test_of_two_owners_who_leave_at_once_one_stays(world, house):
    world.token("olga"), world.token("odo")
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(
            lambda who: ask(world, who, "DELETE", f"/{house}/members/{id_of(world, who)}"),
            ("olga", "odo"),
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert list(roles_in(world, house).values()).count("owner") == 1


def test_everybody_may_leave_and_is_out_at_once(world, house):
    vera = id_of(world, "vera")
    assert ask(world, "vera", "DELETE", f"/{house}/members/{vera}").status_code == 204
    assert ask(world, "vera", "GET", f"/{house}").status_code == 404
    assert (
        ask(world, "anna", "DELETE", f"/{house}/members/{id_of(world, 'adam')}").status_code == 403
    )
    assert events_of(world, house) == ["membership.removed"]


def test_an_owner_hands_the_tenant_over(world, house):
    address = f"/{house}/ownership"
    body = {"user_id": id_of(world, "vera")}
    assert ask(world, "adam", "POST", address, body).status_code == 403
    assert ask(world, "olga", "POST", address, {"user_id": id_of(world, "bob")}).status_code == 404
    assert ask(world, "olga", "POST", address, body).status_code == 200
    found = roles_in(world, house)
    assert (found["vera"], found["olga"]) == ("owner", "admin")
    assert events_of(world, house) == ["ownership.transferred"]


def at_once(world, house, *requests, meanwhile=id):
    """The answers to requests that had all read their senders' roles before one could go on.

    ``meanwhile`` is what happens between.
    """
    for who, *_ in requests:
        world.token(who)
    waiting = text(
        "select count(distinct l.pid) from pg_locks l left join pg_database d on d.oid = l.database"
        " where not l.granted and coalesce(d.datname, current_database()) = current_database()"
    )
    with ThreadPoolExecutor(len(requests)) as pool:
        with world.database.jobs() as work:
            work.members.take_turns(house)
            work.session.execute(
                text("select from reviewgraph.tenants where id = :id for no key update"),
                {"id": house},
            )
            answers = [pool.submit(ask, world, *request) for request in requests]
            deadline = time.monotonic() + 20
            while work.session.scalar(waiting) < len(requests):
                assert time.monotonic() < deadline
            meanwhile(work)
        return [answer.result() for answer in answers]


def test_who_hands_a_tenant_over_twice_at_once_does_it_once(world, house):
    address = f"/{house}/ownership"
    answers = at_once(
        world,
        house,
        ("olga", "POST", address, {"user_id": id_of(world, "vera")}),
        ("olga", "POST", address, {"user_id": id_of(world, "anna")}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    roles = roles_in(world, house)
    assert roles["olga"] == "admin"
    assert list(roles.values()).count("owner") == 2  # Odo and one of the two


def test_who_is_put_down_meanwhile_governs_nobody(world, house):
    olga = f"/{house}/members/{id_of(world, 'olga')}"
    odo = f"/{house}/members/{id_of(world, 'odo')}"
    answers = at_once(
        world,
        house,
        ("olga", "PATCH", odo, {"role": "viewer"}),
        ("odo", "PATCH", olga, {"role": "viewer"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    assert list(roles_in(world, house).values()).count("owner") == 1


def test_who_is_removed_meanwhile_invites_nobody(world, house):
    invitation = {"email": "friend@example.com", "role": "admin"}
    (answer,) = at_once(
        world,
        house,
        ("adam", "POST", f"/{house}/invitations", invitation),
        meanwhile=lambda work: work.members.remove(house, world.users["adam"].id),
    )
    assert answer.status_code == 404


def suspend(world, tenant, reason="The invoice of May is open"):
    with world.database.jobs() as work:
        work.tenants.set_status(tenant, "suspended", reason=reason)


def test_a_suspended_tenant_tells_why_and_nothing_else(world, house):
    suspend(world, house)
    told = ask(world, "vera", "GET", f"/{house}").json()
    assert (told["status"], told["status_reason"]) == ("suspended", "The invoice of May is open")
    assert told["published"] is None
    for address in ("/members", "/metrics", "/reviews", "/reports", "/settings", "/usage"):
        answer = ask(world, "olga", "GET", f"/{house}{address}")
        assert (answer.status_code, slug(answer)) == (403, "tenant-suspended"), address
    for method, address, body in (
        ("PATCH", "", {"name": "X"}),
        ("POST", "/close", {"confirm": house}),
        ("POST", "/reopen", None),
        ("POST", "/reports", {}),
    ):
        answer = ask(world, "olga", method, f"/{house}{address}", body)
        assert (answer.status_code, slug(answer)) == (403, "tenant-suspended"), address
    with world.client("olga") as olga:
        answer = olga.post("/v1/analyze", params={"tenant": house}, json={"texts": ["Good."]})
    assert (answer.status_code, slug(answer)) == (403, "tenant-suspended")
    assert ask(world, "bob", "GET", f"/{house}").status_code == 404  # strangers hear nothing


def test_a_closing_tenant_can_be_read_and_opened_again(world, house):
    assert ask(world, "adam", "POST", f"/{house}/close", {"confirm": house}).status_code == 403
    assert ask(world, "olga", "POST", f"/{house}/close", {"confirm": "x"}).status_code == 422
    answer = ask(world, "olga", "POST", f"/{house}/close", {"confirm": house, "reason": "Moving"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "closing"
    assert answer.json()["closes_at"] is not None
    assert ask(world, "vera", "GET", f"/{house}/members").status_code == 200
    refused = ask(world, "olga", "PATCH", f"/{house}", {"name": "X"})
    assert (refused.status_code, slug(refused)) == (409, "tenant-closing")
    assert ask(world, "olga", "POST", f"/{house}/reopen").json()["status"] == "active"
    assert ask(world, "olga", "PATCH", f"/{house}", {"name": "X"}).status_code == 200
    assert ask(world, "olga", "POST", f"/{house}/reopen").status_code == 409
    assert events_of(world, house) == ["tenant.closing", "tenant.reopened", "tenant.changed"]


def test_a_tenant_that_is_closing_can_be_left_and_nobody_be_removed(world, house):
    ask(world, "olga", "POST", f"/{house}/close", {"confirm": house})
    vera, odo, olga = (f"/{house}/members/{id_of(world, name)}" for name in ("vera", "odo", "olga"))
    refused = ask(world, "olga", "DELETE", vera)
    assert (refused.status_code, slug(refused)) == (409, "tenant-closing")
    assert ask(world, "vera", "DELETE", vera).status_code == 204
    assert ask(world, "odo", "DELETE", odo).status_code == 204
    last = ask(world, "olga", "DELETE", olga)
    assert (last.status_code, slug(last)) == (409, "last-owner")
    assert roles_in(world, house).keys() == {"olga", "adam", "anna"}


@pytest.mark.parametrize(("status", "action"), [("closing", "reopen"), ("active", "close")])
def test_who_closes_or_opens_a_tenant_a_moment_too_late_is_told_so(world, house, status, action):
    if status == "closing":
        ask(world, "olga", "POST", f"/{house}/close", {"confirm": house})
    body = {"confirm": house} if action == "close" else None
    answers = at_once(
        world,
        house,
        ("olga", "POST", f"/{house}/{action}", body),
        ("odo", "POST", f"/{house}/{action}", body),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (late,) = (answer for answer in answers if answer.status_code == 409)
    assert slug(late) == "wrong-status"


def test_a_tenant_that_has_closed_is_gone(world, house):
    ask(world, "olga", "POST", f"/{house}/close", {"confirm": house})
    with world.database.jobs() as work:
        work.tenants.set_status(house, "closed")
    assert ask(world, "olga", "GET", f"/{house}").status_code == 404
    assert house not in [one["id"] for one in ask(world, "olga", "GET", "").json()["items"]]
