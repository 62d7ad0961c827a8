"""What a worker remembers of requests, and what it forgets when something changes."""

from __future__ import annotations

import time
import uuid

import pytest
from starlette.responses import Response

from serving_api.kit import memory as remembering
from serving_api.kit.caching import AnswerCache, KeptBody
from serving_api.kit.memory import Memory, Observation, observe, tell
from serving_api.kit.tokens import Principal

ADA = Principal(uuid.UUID(int=1), session_id=uuid.UUID(int=2))
ADDRESS = (b"/v1/tenants/acme/metrics", b"", b"", b"")
BEARER = b"ada"


def seen(memory, *, version="v1", follows_current=True, bearer=BEARER, body=b"{}", address=ADDRESS):
    """A request that began now and that its route has answered."""
    observation = Observation(memory.generation, address, bearer, expires_in=900)
    scope = {}
    observe(scope, observation)
    answer = Response(body, 200 if body else 304, headers={"ETag": f'"{version}"'})
    tell(
        scope,
        principal=ADA,
        allowances=(),
        tenant_id="acme",
        version=version,
        follows_current=follows_current,
        response=answer,
    )
    return observation


@pytest.fixture
def memory():
    return Memory(AnswerCache[KeptBody]())


def test_what_was_learned_is_found_by_who_was_let_in_and_by_nobody_else(memory):
    memory.learn(seen(memory))
    answer, grant = memory.find(ADDRESS, BEARER)
    assert (answer.body, grant.user_id) == (b"{}", str(ADA.user_id))
    assert memory.find(ADDRESS, b"bob") is None
    assert memory.find((b"/other", b"", b"", b""), BEARER) is None


def test_nothing_is_believed_before_changes_are_heard(memory):
    assert not memory.is_current()


@pytest.mark.parametrize("subject", ["user:somebody else", "numbers:other", "tenant:other"])
def test_what_was_decided_while_anything_changed_is_not_remembered(memory, subject):
    """The change may have been what was decided on: the transaction may not have seen it yet."""
    observation = seen(memory)
    memory.on_change(subject)
    memory.learn(observation)
    assert memory.find(ADDRESS, BEARER) is None


@pytest.mark.parametrize(
    "subject",
    [
        f"user:{ADA.user_id}",
        f"session:{ADA.session_id}",
        "tenant:acme",
        "signing:k",
        "numbers:acme",
    ],
)
def test_what_an_answer_was_decided_on_takes_it_along(memory, subject):
    memory.learn(seen(memory))
    memory.on_change(subject)
    assert memory.find(ADDRESS, BEARER) is None


@pytest.mark.parametrize("subject", ["user:another", "session:another", "tenant:b", "numbers:b"])
def test_what_has_nothing_to_do_with_an_answer_leaves_it(memory, subject):
    memory.learn(seen(memory))
    memory.on_change(subject)
    assert memory.find(ADDRESS, BEARER) is not None


def test_after_a_gap_nothing_is_left_to_believe(memory):
    memory.learn(seen(memory))
    memory.on_gap()
    assert memory.find(ADDRESS, BEARER) is None


def test_an_answer_of_older_numbers_is_found_only_where_it_was_asked_for(memory):
    old, new = (b"/old", b"", b"", b""), ADDRESS
    memory.learn(seen(memory, version="v1", follows_current=False, address=old))
    memory.learn(seen(memory, version="v1"))
    assert memory.find(old, BEARER) is not None
    memory.learn(seen(memory, version="v2", address=(b"/other", b"", b"", b"")))
    assert memory.find(old, BEARER) is not None
    assert memory.find(new, BEARER) is None


def test_one_request_renews_a_grant_before_it_ends_and_the_others_go_on(memory, monkeypatch):
    memory.learn(seen(memory))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + remembering.MAX_SECONDS_GRANTED - 1)
    assert memory.find(ADDRESS, BEARER) is None
    assert memory.find(ADDRESS, BEARER) is not None
    monkeypatch.setattr(time, "monotonic", lambda: now + remembering.MAX_SECONDS_GRANTED + 1)
    assert memory.find(ADDRESS, BEARER) is None


def test_a_grant_ends_with_the_token(memory, monkeypatch):
    observation = Observation(memory.generation, ADDRESS, BEARER, expires_in=3)
    scope = {}
    observe(scope, observation)
    tell(
        scope,
        principal=ADA,
        allowances=(),
        tenant_id="acme",
        version="v1",
        follows_current=True,
        response=Response(b"{}", headers={"ETag": '"v1"'}),
    )
    memory.learn(observation)
    assert memory.find(ADDRESS, BEARER) is not None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert memory.find(ADDRESS, BEARER) is None


def test_an_answer_whose_body_only_the_client_has_takes_no_body_s_place(memory):
    memory.learn(seen(memory))
    memory.learn(seen(memory, body=b""))
    answer, _ = memory.find(ADDRESS, BEARER)
    assert answer.body == b"{}"


def test_a_token_is_not_kept_as_it_is():
    assert b"secret" not in remembering.bearer_of(b"Bearer secret")
