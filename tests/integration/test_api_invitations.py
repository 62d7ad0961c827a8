"""Invitations: bound to an address, for one time, within the plan's seats."""

from __future__ import annotations

import itertools
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from resources.messaging import write_mail
from tests.account_world import forget_limits, mails_to
from tests.api_world import PASSWORD

_NUMBERS = itertools.count(1)


def slug(answer):
    return answer.json()["type"].rpartition(":")[2]


@pytest.fixture
def tenant(world):
    """A tenant of its own for each test, which Ada owns and Vic reads."""
    forget_limits(world)
    name = f"guests-{next(_NUMBERS)}"
    with world.database.jobs() as work:
        work.tenants.create(name, name)
        work.users.add_membership(name, world.users["ada"].id, "owner")
        work.users.add_membership(name, world.users["vic"].id, "viewer")
    return name


def invite(world, tenant, email="eve@example.com", role="analyst", who="ada"):
    with world.client(who) as client:
        return client.post(f"/v1/tenants/{tenant}/invitations", json={"email": email, "role": role})


def token_of(world, tenant, invitation_id):
    """The text of the link in the latest mail, as the worker derives it."""
    with world.database.jobs() as work:
        row = next(
            one for one in work.invitations.list_open(tenant) if str(one.id) == invitation_id
        )
        return work.one_time_tokens.text_of(work.one_time_tokens.get(row.token_id))


def accept(world, who, token):
    with world.client(who) as client:
        return client.post("/v1/invitations/accept", json={"token": token})


def role_in(world, tenant, who):
    with world.database.jobs() as work:
        found = work.users.membership(tenant, world.users[who].id)
    return None if found is None else found.role


def test_who_is_invited_joins_with_the_role_that_was_meant_and_once(world, tenant):
    answer = invite(world, tenant, " EVE@Example.com".strip())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["email"], made["role"]) == ("eve@example.com", "analyst")
    token = token_of(world, tenant, made["id"])
    assert token not in answer.text
    accepted = accept(world, "eve", token)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json() == {"tenant": tenant, "tenant_name": tenant, "role": "analyst"}
    assert role_in(world, tenant, "eve") == "analyst"
    again = accept(world, "eve", token)
    assert (again.status_code, slug(again)) == (410, "invitation-invalid")
    with world.client("ada") as ada:
        assert ada.get(f"/v1/tenants/{tenant}/invitations").json()["items"] == []


def test_another_account_is_refused_and_the_invitation_stays_open(world, tenant):
    token = token_of(world, tenant, invite(world, tenant).json()["id"])
    for who in ("bob", "vic"):
        answer = accept(world, who, token)
        assert (answer.status_code, slug(answer)) == (409, "invitation-for-another")
        assert tenant not in answer.text
    assert role_in(world, tenant, "bob") is None
    assert role_in(world, tenant, "vic") == "viewer"
    assert accept(world, "eve", token).status_code == 200


def test_two_tenants_may_invite_the_same_person(world, tenant):
    token = token_of(world, tenant, invite(world, tenant).json()["id"])
    other = invite(world, "brava", role="viewer", who="bob").json()["id"]
    assert accept(world, "eve", token).json()["tenant"] == tenant
    assert accept(world, "eve", token_of(world, "brava", other)).json()["tenant"] == "brava"
    with world.database.jobs() as work:
        work.members.remove("brava", world.users["eve"].id)


def test_of_many_who_accept_at_once_one_does(world, tenant):
    token = token_of(world, tenant, invite(world, tenant).json()["id"])
    world.token("eve")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: accept(world, "eve", token), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [410]


def test_a_new_mail_replaces_the_link_and_taking_back_ends_it(world, tenant):
    address = f"/v1/tenants/{tenant}/invitations"
    made = invite(world, tenant).json()
    old = token_of(world, tenant, made["id"])
    with world.client("ada") as ada:
        resent = ada.post(f"{address}/{made['id']}/resend")
        assert (resent.status_code, resent.json()["sent_count"]) == (200, 2)
        assert accept(world, "eve", old).status_code == 410
        new = token_of(world, tenant, made["id"])
        for _ in range(3):
            assert ada.post(f"{address}/{made['id']}/resend").status_code == 200
        assert ada.post(f"{address}/{made['id']}/resend").status_code == 409
        assert accept(world, "eve", new).status_code == 410
        newest = token_of(world, tenant, made["id"])
        assert ada.delete(f"{address}/{made['id']}").status_code == 204
        assert ada.delete(f"{address}/{made['id']}").status_code == 404
    assert accept(world, "eve", newest).status_code == 410
    assert role_in(world, tenant, "eve") is None


def invitation_mails(world, address):
    return mails_to(world, address).count("invitation")


def test_an_address_is_left_in_peace_whoever_invites_it_however(world, tenant):
    email = "peace@example.com"
    with world.client("ada") as ada:
        for _ in range(2):
            made = invite(world, tenant, email).json()
            address = f"/v1/tenants/{tenant}/invitations/{made['id']}"
            assert ada.post(f"{address}/resend").status_code == 200
            assert ada.delete(address).status_code == 204
    assert invite(world, "brava", email, who="bob").status_code == 201
    answer = invite(world, tenant, email)
    assert (answer.status_code, slug(answer)) == (429, "too-many-requests")
    assert int(answer.headers["retry-after"]) > 3600
    assert invitation_mails(world, email) == 5
    with world.client() as anybody:  # whoever the address belongs to still gets in
        asked = anybody.post("/v1/auth/forgot-password", json={"email": email})
        assert asked.status_code == 202
    assert invite(world, tenant, "other@example.com").status_code == 201


def test_mails_of_other_kinds_count_as_well(world, tenant):
    email = "kinds@example.com"
    with world.client() as anybody:
        for _ in range(3):
            anybody.post("/v1/auth/forgot-password", json={"email": email})
    assert [
        invite(world, one, email, who=who).status_code
        for one, who in ((tenant, "ada"), ("brava", "bob"), ("acme", "ada"))
    ] == [201, 201, 429]


def test_a_user_of_several_tenants_has_no_more_mailed(world, tenant, monkeypatch):
    monkeypatch.setattr("serving_api.members.inviting.MAX_MAILS", 3)
    tenants = [tenant, "acme", tenant, "acme"]
    assert [
        invite(world, one, f"several-{n}@example.com").status_code for n, one in enumerate(tenants)
    ] == [201, 201, 201, 429]


def test_an_invitation_ends_after_a_week(world, tenant):
    made = invite(world, tenant).json()
    token = token_of(world, tenant, made["id"])
    with world.database.jobs() as work:
        found = work.invitations.list_open(tenant)[0]
        assert (
            found.expires_at - found.created_at
            <= work.one_time_tokens.get(found.token_id).expires_at - found.created_at
        )
        assert (found.expires_at - found.created_at).days <= 7
        work.session.execute(
            text("update reviewgraph.invitations set expires_at = now() where tenant_id = :t"),
            {"t": tenant},
        )
    assert accept(world, "eve", token).status_code == 410
    assert invite(world, tenant).status_code == 201  # and makes way for another one


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [("vic", "viewer", 403), ("bob", "viewer", 404), ("eve", "viewer", 404), ("ada", "owner", 201)],
)
def test_invitations_are_for_whoever_may(world, tenant, who, role, status):
    assert invite(world, tenant, "new@example.com", role, who).status_code == status


def test_an_administrator_invites_no_owner(world, tenant):
    with world.database.jobs() as work:
        work.users.add_membership(tenant, world.users["vic"].id, "admin")
    assert invite(world, tenant, role="owner", who="vic").status_code == 403
    made = invite(world, tenant, role="owner").json()
    with world.client("vic") as vic:
        address = f"/v1/tenants/{tenant}/invitations/{made['id']}"
        assert vic.delete(address).status_code == 403
        assert vic.post(f"{address}/resend").status_code == 403


@pytest.mark.parametrize("email", ["vic@example.com", "VIC@example.com"])
def test_a_member_is_not_invited_again(world, tenant, email):
    answer = invite(world, tenant, email)
    assert (answer.status_code, slug(answer)) == (409, "already-there")


def test_an_address_is_invited_once_at_a_time(world, tenant):
    assert invite(world, tenant).status_code == 201
    answer = invite(world, tenant)
    assert (answer.status_code, slug(answer)) == (409, "already-there")


@pytest.mark.parametrize(
    "email", ["", "x", "a@b", "a b@example.com", "a@example.com\nBcc: b@example.com", "a" * 300]
)
def test_what_is_no_address_is_refused(world, tenant, email):
    assert invite(world, tenant, email).status_code == 422


@pytest.mark.parametrize("token", ["x", "A" * 64, "é" * 64, "a" * 201, "\0"])
def test_what_is_no_link_of_ours_opens_nothing(world, token):
    assert accept(world, "eve", token).status_code in {410, 422}


def test_a_link_for_another_purpose_opens_no_invitation(world, tenant):
    invite(world, tenant)
    with world.database.jobs() as work:
        token = work.one_time_tokens.issue("verify_email", email="eve@example.com")
        given = work.one_time_tokens.text_of(token)
    assert accept(world, "eve", given).status_code == 410


def test_open_invitations_take_seats_of_the_plan(world, tenant):
    with world.database.jobs() as work:
        work.tenants.set_plan(tenant, "free", limits={"seats": 3})
    assert invite(world, tenant, "one@example.com").status_code == 201
    answer = invite(world, tenant, "two@example.com")
    assert (answer.status_code, slug(answer)) == (403, "limit-reached")
    with world.client("ada") as ada:
        address = f"/v1/tenants/{tenant}/invitations"
        (one,) = ada.get(address).json()["items"]
        assert ada.delete(f"{address}/{one['id']}").status_code == 204
    assert invite(world, tenant, "two@example.com").status_code == 201


def test_the_mail_goes_out_with_the_invitation_and_holds_no_link_in_its_job(world, tenant):
    made = invite(world, tenant, "post@example.com").json()
    token = token_of(world, tenant, made["id"])
    with world.database.jobs() as work:
        jobs = work.session.execute(
            text("select args::text from jobs.procrastinate_jobs where args->>'to' = :to"),
            {"to": "post@example.com"},
        ).scalars()
        (args,) = jobs.all()
    assert '"template": "invitation"' in args
    assert token not in args


def test_a_suspended_tenant_lets_nobody_in(world, tenant):
    token = token_of(world, tenant, invite(world, tenant).json()["id"])
    with world.database.jobs() as work:
        work.tenants.set_status(tenant, "suspended")
    answer = accept(world, "eve", token)
    assert (answer.status_code, slug(answer)) == (403, "tenant-suspended")
    with world.database.jobs() as work:
        work.tenants.set_status(tenant, "active")
    assert accept(world, "eve", token).status_code == 200


def register(world, token, name="Nora New", password="tulips argue with thunder"):
    with world.client() as client:
        return client.post(
            "/v1/invitations/register", json={"token": token, "name": name, "password": password}
        )


def log_in(world, email, password="tulips argue with thunder"):
    with world.client() as client:
        return client.post("/v1/auth/token", json={"email": email, "password": password})


def test_a_newcomer_makes_an_account_with_the_invitation_and_is_in(world, tenant):
    made = invite(world, tenant, "nora@example.com").json()
    token = token_of(world, tenant, made["id"])
    weak = register(world, token, password="password")
    assert weak.status_code == 422
    assert "password" in weak.json()["errors"][0]["location"]
    answer = register(world, token)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"tenant": tenant, "tenant_name": tenant, "role": "analyst"}
    assert log_in(world, "nora@example.com").status_code == 200
    assert register(world, token).status_code == 410
    assert register(world, "x").status_code == 410


def test_who_has_an_account_is_told_to_log_in_and_the_invitation_stays_open(world, tenant):
    token = token_of(world, tenant, invite(world, tenant).json()["id"])
    answer = register(world, token)
    assert (answer.status_code, slug(answer)) == (409, "already-there")
    assert accept(world, "eve", token).status_code == 200


def test_who_has_an_account_finds_the_way_in_the_mail_and_on_the_page(world, tenant):
    made = invite(world, tenant).json()
    token = token_of(world, tenant, made["id"])
    mail = write_mail(
        "invitation",
        mail_id=uuid.uuid4(),
        sender="x@example.com",
        to="eve@example.com",
        data={
            "site": world.base, "token": token, "tenant": "T", "inviter": "Ada",
            "role": "viewer", "days": 7,
        },
    ).get_content()  # fmt: skip
    way = re.search(r"^POST (http\S+)$", mail, re.MULTILINE)[1]
    shown = re.search(r"http\S+/docs#\S+", mail)[0]
    form = {"purpose": "invite", "token": token, "name": "Eve", "password": "tulips argue a lot"}
    with world.client("eve") as eve:
        page = eve.post("/confirm", data=form)
        assert page.status_code == 409
        assert way.removeprefix(world.base) in page.text
        assert f'id="{shown.partition("#")[2]}"' in eve.get("/docs").text
        assert eve.post(way, json={"token": token}).status_code == 200


def test_an_account_that_somebody_made_in_another_s_name_is_taken_over(world, tenant):
    with world.database.jobs() as work:
        trap = work.users.create("otto@example.com", "Trap", PASSWORD, is_verified=False)
        session = work.sessions.start(trap.id)
    token = token_of(world, tenant, invite(world, tenant, "otto@example.com").json()["id"])
    assert register(world, token, "Otto").status_code == 201
    assert log_in(world, "otto@example.com", PASSWORD).status_code == 401
    assert log_in(world, "otto@example.com").status_code == 200
    with world.database.jobs() as work:
        assert work.users.get(trap.id).name == "Otto"
        assert work.sessions.user_of(trap.id, session.id) is None


def test_the_link_in_the_mail_leads_to_a_page_that_lets_the_newcomer_in(world, tenant):
    made = invite(world, tenant, "paula@example.com").json()
    token = token_of(world, tenant, made["id"])
    with world.client() as client:
        address = f"/confirm?purpose=invite&token={token}"
        for _ in range(3):  # looking at it uses nothing up
            page = client.get(address)
            assert page.status_code == 200
            assert 'name="name"' in page.text
        form = {
            "purpose": "invite", "token": token, "name": "Paula",
            "password": "tulips argue with thunder",
        }  # fmt: skip
        for wrong in ("Pau\x1b[2Jla", "Pa\u202eula", "Paula\x00", "\r\n", "x" * 121):
            asked = client.post("/confirm", data={**form, "name": wrong})
            assert (asked.status_code, "Your name must be one line" in asked.text) == (422, True)
            assert 'name="name"' in asked.text
        done = client.post("/confirm", data={**form, "name": "Paula\r\nBcc: Quill"})
        assert done.status_code == 200, done.text
    assert log_in(world, "paula@example.com").status_code == 200
    with world.database.jobs() as work:
        assert "Paula Bcc: Quill" in {member.name for member in work.members.list(tenant)}
