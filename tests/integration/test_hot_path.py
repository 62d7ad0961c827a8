"""Reads that were answered before ask the database nothing, and never answer with what was."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from tests.api_world import PASSWORD
from tests.integration.test_changes import cut, wait_until
from tests.published_reviews import reviews_of, tables_of

ACME = "/v1/tenants/acme"
METRICS = f"{ACME}/metrics?dimension=product"


@contextmanager
def statements(world):
    """What the application asks the database for a while."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    engines = [world.database._app_engine, world.database._limits_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def memory(world):
    """The application's memory, when it hears of changes."""
    memory = world.app.state.services.memory
    wait_until(memory.is_current)
    return memory


def warm(client, address=METRICS, **headers):
    """Ask until the answer is remembered, which the first one that changes nothing is."""
    for _ in range(3):
        answer = client.get(address, headers=headers)
    return answer


def change(world, statement, **values):
    with world.database.jobs() as work:
        work.session.execute(text(statement), values)


# Nothing is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [METRICS, f"{ACME}/reviews?limit=3", f"{ACME}/metrics/series"])
def test_an_answer_that_was_given_before_asks_the_database_nothing(world, ada, memory, address):
    first = warm(ada, address)
    with statements(world) as asked:
        again = ada.get(address)
        unchanged = ada.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert memory.is_current()
    assert asked == []
    assert (again.status_code, again.content) == (200, first.content)
    told = {"x-request-id", "date", "ratelimit"}
    assert {n: v for n, v in again.headers.items() if n not in told} == {
        n: v for n, v in first.headers.items() if n not in told
    }
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]


def test_a_client_that_holds_an_answer_is_told_so_from_memory_alone(world, ada, memory):
    etag = ada.get(f"{ACME}/metrics?dimension=location").headers["etag"]
    memory.on_gap()
    held = {"If-None-Match": etag}
    assert warm(ada, f"{ACME}/metrics?dimension=location", **held).status_code == 304
    with statements(world) as asked:
        assert ada.get(f"{ACME}/metrics?dimension=location", headers=held).status_code == 304
    assert asked == []


# Nobody is let in on what another may ------------------------------------------------------------


def test_what_one_was_let_in_to_lets_nobody_else_in(world, ada, memory):
    assert memory.is_current()
    assert warm(ada).status_code == 200
    with world.client("bob") as bob, world.client() as nobody:
        assert bob.get(METRICS).status_code == 404
        assert nobody.get(METRICS).status_code == 401
        forged = {"Authorization": f"Bearer {world.token('ada')}x"}
        assert nobody.get(METRICS, headers=forged).status_code == 401


def test_two_tokens_at_once_are_nobody_s(world, memory):
    assert memory.is_current()
    tokens = [("Authorization", f"Bearer {world.token(name)}") for name in ("bob", "ada")]
    with world.client("ada") as ada:
        warm(ada)
    with world.client() as client:
        assert client.get(METRICS, headers=tokens).status_code == 404


# Changes -----------------------------------------------------------------------------------------


def shown_within_a_second(client, status):
    begin = time.monotonic()
    while client.get(METRICS).status_code != status:
        assert time.monotonic() - begin < 1, "what was taken away still counts after a second"
        time.sleep(0.01)


def test_a_membership_that_is_taken_away_is_gone(world, memory):
    with world.database.jobs() as work:
        work.users.add_membership("acme", world.users["eve"].id, "viewer")
    with world.client("eve") as eve:
        assert warm(eve).status_code == 200
        assert memory.is_current()
        change(
            world,
            "delete from reviewgraph.memberships where user_id = :id",
            id=world.users["eve"].id,
        )
        shown_within_a_second(eve, 404)


def test_a_user_who_is_switched_off_is_out(world, memory):
    vic = world.users["vic"].id
    world.tokens.pop("vic", None)
    with world.client("vic") as client:
        assert warm(client).status_code == 200
        assert memory.is_current()
        change(world, "update reviewgraph.users set is_active = false where id = :id", id=vic)
        try:
            shown_within_a_second(client, 401)
        finally:
            change(world, "update reviewgraph.users set is_active = true where id = :id", id=vic)


def test_new_numbers_are_shown(world, ada, memory):
    before = warm(ada)
    assert memory.is_current()
    fewer = [review for review in reviews_of("acme") if review["source"] == "shop"]
    published = world.snapshots.publish("acme", tables_of(fewer), {})
    with world.database.jobs() as work:
        work.snapshots.point_to("acme", published.version, path=str(published.path), row_count=1)
    try:
        wait_until(lambda: ada.get(METRICS).content != before.content, seconds=1)
    finally:
        with world.database.jobs() as work:
            work.snapshots.point_to(
                "acme", world.ids["acme"]["snapshot"], path=str(published.path), row_count=1
            )
    wait_until(lambda: ada.get(METRICS).content == before.content, seconds=1)


def test_what_was_decided_before_a_change_is_not_remembered_after_it(world, ada, memory):
    assert warm(ada).status_code == 200
    with statements(world) as asked:
        memory.on_change(f"user:{world.users['ada'].id}")
        assert ada.get(METRICS).status_code == 200
    assert asked, "a route had to decide again"


def test_a_listener_that_is_cut_off_leaves_nothing_that_is_believed(world, memory):
    """The change comes while nobody listens: only distrust can notice it."""
    with world.database.jobs() as work:
        work.users.add_membership("acme", world.users["eve"].id, "viewer")
    with world.client("eve") as eve:
        assert warm(eve).status_code == 200
        generation = memory.generation
        cut(world.database)
        change(
            world,
            "delete from reviewgraph.memberships where user_id = :id",
            id=world.users["eve"].id,
        )
        shown_within_a_second(eve, 404)
        wait_until(memory.is_current)
        assert memory.generation > generation
        assert eve.get(METRICS).status_code == 404


def asks_again_after(memory, answer):
    """Whether a request made everything distrusted; how it was answered is seen to as well."""
    before = memory._changes._must_ask_after
    answered = answer()
    return answered.status_code, memory._changes._must_ask_after > before


@pytest.mark.parametrize(
    ("nickname", "asked", "status"),
    [
        (None, ("/nope", {}), 404),
        (None, ("/v1/tenants", {"name": "x"}), 401),
        (None, ("/v1/auth/forgot-password", {"email": "nobody@example.com"}), 202),
        (None, ("/v1/auth/token", {"email": "nobody@example.com", "password": "x" * 12}), 401),
        ("ada", ("/nope", {}), 404),
        ("ada", (f"{ACME}/api-keys", {"name": ""}), 422),
        ("bob", (f"{ACME}/api-keys", {"name": "x", "scopes": ["metrics:read"]}), 404),
        ("ada", ("/v1/graphql", {"query": "{ me { id } }"}), 200),
        ("ada", ("/v1/analyze?tenant=acme", {"texts": [{"text": "good"}]}), 200),
    ],
)
def test_who_changes_nothing_takes_no_memory_away(world, memory, nickname, asked, status):
    with world.client(nickname) as client:
        told = asks_again_after(memory, lambda: client.post(asked[0], json=asked[1]))
    assert told == (status, False)


def test_who_changes_something_makes_everything_be_asked_again(ada, memory):
    wanted = {"name": "changed", "scopes": ["metrics:read"]}
    made = asks_again_after(memory, lambda: ada.post(f"{ACME}/api-keys", json=wanted))
    assert made == (201, True)


# Sessions and keys -------------------------------------------------------------------------------


def test_a_session_that_is_ended_here_is_ended_with_the_next_request(world, memory):
    with world.client() as client:
        grant = client.post(
            "/v1/auth/token", json={"email": "ada@example.com", "password": PASSWORD}
        ).json()
        client.headers["Authorization"] = f"Bearer {grant['access_token']}"
        wait_until(memory.is_current)
        assert warm(client).status_code == 200
        with statements(world) as asked:
            assert client.get(METRICS).status_code == 200
        assert asked == []
        assert client.post("/v1/auth/logout").is_success
        assert client.get(METRICS).status_code == 401


def test_a_key_that_is_revoked_here_is_gone_with_the_next_request(world, ada, memory):
    made = ada.post(f"{ACME}/api-keys", json={"name": "hot", "scopes": ["metrics:read"]}).json()
    with world.client(Authorization=f"Bearer {made['key']}") as program:
        wait_until(memory.is_current)
        assert warm(program).status_code == 200
        with statements(world) as asked:
            assert program.get(METRICS).status_code == 200
        assert asked == []
        assert program.get(f"{ACME}/reviews").status_code == 403
        assert ada.delete(f"{ACME}/api-keys/{made['id']}").is_success
        assert program.get(METRICS).status_code == 401


@pytest.mark.parametrize(
    ("change_of", "restore"),
    [
        (
            "ended_at = now(), end_reason = 'ended_by_operator'",
            "ended_at = null, end_reason = null",
        ),
        ("ends_at = now()", "ends_at = now() + interval '1 day'"),
    ],
)
def test_a_session_that_is_ended_elsewhere_is_out_within_a_second(
    world, memory, change_of, restore
):
    vic = world.users["vic"].id
    world.tokens.pop("vic", None)  # what came before may have ended the session of this token
    with world.client("vic") as client:
        assert warm(client).status_code == 200
        assert memory.is_current()
        sessions = "update reviewgraph.sessions set {} where user_id = :id"
        change(world, sessions.format(change_of), id=vic)
        try:
            shown_within_a_second(client, 401)
        finally:
            change(world, sessions.format(restore), id=vic)


def test_a_token_of_a_key_in_wrong_hands_is_out_within_a_second(world, memory):
    """Also where keys were looked at a moment ago, and whoever asks goes on asking."""
    with world.client(Authorization=f"Bearer {world.token_of_new_session('ada')}") as client:
        assert warm(client).status_code == 200
        assert memory.is_current()
        world.app.state.services.keyring.look()
        with world.database.jobs() as work:
            work.signing_keys.replace_all()
        try:
            shown_within_a_second(client, 401)
            for _ in range(20):
                assert client.get(METRICS).status_code == 401
        finally:
            world.tokens.clear()
