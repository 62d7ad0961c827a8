"""Log-ins that last: renewed by refresh tokens, listed, ended, and gone at once when they end."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from pipelines.background import Background, build_app
from resources.database.sessions import MAX_LASTING
from resources.settings import PROJECT_ROOT
from serving_api.sessions import refresh_tokens
from tests.api_world import World

TOGETHER = 20


@pytest.fixture
def grant(world: World):
    """The tokens of a new session of a user who has no others."""
    with world.database.jobs() as work:
        work.sessions.end_all(world.users["zoe"].id, "ended_by_operator")
    return world.log_in("zoe")


def refresh(world, token):
    with world.client() as client:
        return client.post("/v1/auth/refresh", json={"refresh_token": token})


def me(world, access_token):
    with world.client(Authorization=f"Bearer {access_token}") as client:
        return client.get("/v1/me").status_code


def session_of(world, grant):
    return refresh_tokens.read(world.database.keys, grant["refresh_token"]).session_id


def move_back(world, session_id, **columns):
    """Let time pass for a session: its moments lie that much earlier."""
    changes = ", ".join(f"{name} = {name} - interval '{by}'" for name, by in columns.items())
    with world.database.jobs() as work:
        work.session.execute(
            text(f"update reviewgraph.sessions set {changes} where id = :id"), {"id": session_id}
        )


def events_of(world, session_id):
    query = "select type from reviewgraph.events where subject = :id order by position"
    with world.database.jobs() as work:
        return list(work.session.scalars(text(query), {"id": str(session_id)}))


def mails_to(world, address):
    query = (
        "select args ->> 'template' from jobs.procrastinate_jobs"
        " where task_name = 'send_mail' and args ->> 'to' = :address"
    )
    with world.database.jobs() as work:
        return list(work.session.scalars(text(query), {"address": address}))


def test_a_log_in_gives_tokens_of_which_one_renews_both(world, grant):
    assert grant["token_type"] == "Bearer"
    assert grant["expires_in"] == 900
    assert grant["refresh_expires_in"] > 13 * 86_400
    renewed = refresh(world, grant["refresh_token"])
    assert renewed.status_code == 200
    assert renewed.headers["cache-control"] == "no-store"
    assert set(renewed.json()) == set(grant) - {"device"}
    assert renewed.json()["refresh_token"] != grant["refresh_token"]
    assert me(world, renewed.json()["access_token"]) == 200
    assert me(world, grant["access_token"]) == 200
    assert events_of(world, session_of(world, grant)) == ["session.started"]


def test_twenty_refreshes_of_one_token_at_once_all_succeed_and_leave_one_chain(world, grant):
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = list(pool.map(lambda _: refresh(world, grant["refresh_token"]), range(TOGETHER)))
    assert [answer.status_code for answer in answers] == [200] * TOGETHER
    (newest,) = {answer.json()["refresh_token"] for answer in answers}
    assert refresh(world, newest).status_code == 200
    with world.database.jobs() as work:
        (session,) = work.sessions.list(world.users["zoe"].id)
    assert session.refresh_counter == 2


def test_a_token_that_was_replaced_long_ago_ends_the_session_and_the_user_is_told(world, grant):
    session_id = session_of(world, grant)
    renewed = refresh(world, grant["refresh_token"]).json()
    move_back(world, session_id, refreshed_at="11 seconds")
    told = mails_to(world, "zoe@example.com").count("session_ended")
    stolen = refresh(world, grant["refresh_token"])
    assert stolen.status_code == 401
    assert stolen.json()["type"].endswith(":unauthenticated")
    assert refresh(world, renewed["refresh_token"]).status_code == 401
    assert me(world, renewed["access_token"]) == 401
    assert events_of(world, session_id) == ["session.started", "session.refresh_reused"]
    assert mails_to(world, "zoe@example.com").count("session_ended") == told + 1


def test_a_token_that_was_replaced_twice_ends_the_session_at_once(world, grant):
    second = refresh(world, grant["refresh_token"]).json()["refresh_token"]
    third = refresh(world, second).json()["refresh_token"]
    assert refresh(world, grant["refresh_token"]).status_code == 401
    assert refresh(world, third).status_code == 401


def test_a_session_ends_when_it_is_not_used_and_after_its_longest_time(world):
    for columns in ({"idle_ends_at": "15 days"}, {"ends_at": "91 days"}):
        grant = world.log_in("zoe")
        move_back(world, session_of(world, grant), **columns)
        assert me(world, grant["access_token"]) == 401
        assert refresh(world, grant["refresh_token"]).status_code == 401


def test_a_refresh_never_prolongs_a_session_beyond_its_longest_time(world, grant):
    move_back(world, session_of(world, grant), ends_at="89 days")
    renewed = refresh(world, grant["refresh_token"]).json()
    assert renewed["refresh_expires_in"] <= 86_400


def test_logging_out_ends_both_tokens_at_once(world, grant):
    with world.client(Authorization=f"Bearer {grant['access_token']}") as client:
        assert client.post("/v1/auth/logout").status_code == 204
    assert me(world, grant["access_token"]) == 401
    assert refresh(world, grant["refresh_token"]).status_code == 401
    assert events_of(world, session_of(world, grant)) == ["session.started", "session.ended"]


def test_a_user_sees_own_sessions_and_ends_one(world, grant):
    other = world.log_in("zoe")
    headers = {"Authorization": f"Bearer {grant['access_token']}", "User-Agent": "a browser"}
    with world.client(**headers) as client:
        listed = client.get("/v1/sessions").json()["items"]
        assert {one["id"]: one["is_current"] for one in listed} == {
            str(session_of(world, grant)): True,
            str(session_of(world, other)): False,
        }
        assert {one["address"] for one in listed} == {"127.0.0.1"}
        assert client.delete(f"/v1/sessions/{session_of(world, other)}").status_code == 204
        assert client.delete(f"/v1/sessions/{session_of(world, other)}").status_code == 404
    assert me(world, other["access_token"]) == 401
    assert me(world, grant["access_token"]) == 200


def test_a_user_ends_all_other_sessions_and_keeps_the_own_one(world, grant):
    others = [world.log_in("zoe") for _ in range(2)]
    with world.client(Authorization=f"Bearer {grant['access_token']}") as client:
        assert client.post("/v1/sessions/end-others").json() == {"ended": 2}
    assert [me(world, other["access_token"]) for other in others] == [401, 401]
    assert me(world, grant["access_token"]) == 200


def test_nobody_ends_or_sees_a_session_of_somebody_else(world, grant):
    with world.client("ada") as ada:
        for session_id in (session_of(world, grant), uuid.uuid4(), "x", "{}", "%00"):
            assert ada.delete(f"/v1/sessions/{session_id}").status_code in {404, 422}
        assert str(session_of(world, grant)) not in ada.get("/v1/sessions").text
    assert me(world, grant["access_token"]) == 200


def test_whoever_is_switched_off_is_refused_at_once_and_comes_back_to_no_session(world, grant):
    switch = "update reviewgraph.users set is_active = :active where id = :id"
    user = world.users["zoe"].id
    other = world.token("eve")
    for active in (False, True):
        with world.database.jobs() as work:
            work.session.execute(text(switch), {"active": active, "id": user})
        assert me(world, grant["access_token"]) == 401
        assert refresh(world, grant["refresh_token"]).status_code == 401
    query = "select end_reason from reviewgraph.sessions where id = :id"
    with world.database.jobs() as work:
        session_id = session_of(world, grant)
        assert work.session.scalar(text(query), {"id": session_id}) == "deactivated"
    assert me(world, world.log_in("zoe")["access_token"]) == 200
    assert me(world, other) == 200


def test_what_is_no_refresh_token_is_refused_and_not_told_why(world, grant):
    token = grant["refresh_token"]
    session = session_of(world, grant)
    with world.database.jobs() as work:
        row = work.sessions.list(world.users["zoe"].id)[0]
    ahead = refresh_tokens.write(
        world.database.keys, type(row)(**{**vars(row), "refresh_counter": 7})
    )
    elsewhere = refresh_tokens.write(
        world.database.keys, type(row)(**{**vars(row), "id": uuid.uuid4()})
    )
    answers = [
        refresh(world, hostile)
        for hostile in (
            "x",
            grant["access_token"][:120],
            token[:-2],
            token + "=",
            token.replace("rg_refresh_", "rg_live_"),
            token[:20] + ("A" if token[20] != "A" else "B") + token[21:],
            token[:-1] + chr(ord(token[-1]) ^ 1),
            "rg_refresh_",
            "rg_refresh_" + "ж" * 20,
            ahead,
            elsewhere,
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    documents = [{**answer.json(), "request_id": None} for answer in answers]
    assert documents == [documents[0]] * len(documents)
    assert me(world, grant["access_token"]) == 200
    assert events_of(world, session) == ["session.started"]


def test_an_access_token_renews_nothing_and_a_refresh_token_opens_nothing(world, grant):
    assert me(world, grant["refresh_token"]) == 401
    with world.client() as client:
        answer = client.post("/v1/auth/refresh", json={"refresh_token": "a" * 1000})
    assert answer.status_code == 422
    assert "a" * 20 not in answer.text


def test_what_a_client_calls_itself_is_kept_in_part_and_on_one_line(world):
    with world.database.jobs() as work:
        session = work.sessions.start(world.users["eve"].id, user_agent="a\nb" + "c" * 500)
    assert session.user_agent.startswith("a b")
    assert len(session.user_agent) == 200


def test_sessions_that_ended_long_ago_are_forgotten_by_the_upkeep_and_no_others(world, grant):
    def ended(**columns):
        session_id = session_of(world, world.log_in("zoe"))
        with world.database.jobs() as work:
            work.sessions.end(world.users["zoe"].id, session_id, "logged_out")
        move_back(world, session_id, **columns)
        return session_id

    forgotten = ended(ended_at="31 days")
    left_alone = session_of(world, world.log_in("zoe"))
    move_back(world, left_alone, idle_ends_at="45 days")
    kept = {ended(ended_at="29 days"), session_of(world, grant)}
    background = Background(SimpleNamespace(database=world.database), mailer=None)
    app = build_app(world.database.jobs_url, background)
    app.tasks["forget_ended_sessions"].func(timestamp=0)
    with world.database.jobs() as work:
        query = text("select id from reviewgraph.sessions where user_id = :user")
        left = set(work.session.scalars(query, {"user": world.users["zoe"].id}))
    assert kept <= left
    assert not {forgotten, left_alone} & left
    periodic = {task.task.name for task in app.periodic_registry.periodic_tasks.values()}
    assert "forget_ended_sessions" in periodic


def test_an_operator_sees_and_ends_the_sessions_of_a_user(world, grant):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "sessions", *arguments],
            cwd=PROJECT_ROOT,
            env={**os.environ, **world.settings.environment(), "PYTHONPATH": str(PROJECT_ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    listed = run("list", "zoe@example.com")
    assert listed.returncode == 0
    assert str(session_of(world, grant)) in listed.stdout
    ended = run("end", "Zoe@example.com")
    assert "Ended 1 session of" in ended.stdout
    assert me(world, grant["access_token"]) == 401
    assert events_of(world, session_of(world, grant)) == ["session.started", "session.ended"]
    assert "logged in nowhere" in run("list", "zoe@example.com").stdout
    unknown = run("end", "nobody@example.com")
    assert unknown.returncode == 1
    assert "no user with the address nobody@example.com" in unknown.stderr


def test_one_session_more_than_there_may_be_ends_the_one_that_was_unused_longest(world, grant):
    user, oldest = world.users["zoe"].id, session_of(world, grant)
    with world.database.jobs() as work:
        for _ in range(MAX_LASTING - 2):
            work.sessions.start(user)
    used_since = session_of(world, world.log_in("zoe"))
    move_back(world, oldest, last_used_at="2 hours")
    move_back(world, used_since, created_at="3 hours", last_used_at="1 hour")
    assert me(world, grant["access_token"]) == 200
    newest = world.log_in("zoe")
    assert me(world, grant["access_token"]) == 401
    with world.database.jobs() as work:
        lasting = {session.id for session in work.sessions.list(user)}
    assert len(lasting) == MAX_LASTING
    assert {used_since, session_of(world, newest)} <= lasting
