"""Chains of refresh tokens under any order of use, beside a model of what should become of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from resources.database.sessions import MAX_REUSE

# Either some token of the chain, counted back from the newest, is used, or seconds pass.
USES = st.integers(min_value=-1, max_value=3)
PAUSES = st.sampled_from([1, 6, 20])
STEPS = st.lists(
    st.one_of(st.tuples(st.just("use"), USES), st.tuples(st.just("wait"), PAUSES)), max_size=12
)


@pytest.fixture(scope="module")
def user(module_database):
    with module_database.jobs() as work:
        return work.users.create("ann@example.com", "Ann", "correct horse battery")


def wait(database, session_id, seconds):
    with database.jobs() as work:
        work.session.execute(
            text(
                "update reviewgraph.sessions set refreshed_at = refreshed_at"
                " - make_interval(secs => :seconds) where id = :id"
            ),
            {"seconds": seconds, "id": session_id},
        )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_chain_goes_on_from_its_newest_token_and_dies_of_every_older_one(
    module_database, user, steps
):
    with module_database.work(None, user_id=user.id) as work:
        session = work.sessions.start(user.id)
    newest, age, lasts = 0, timedelta(0), True
    for step, amount in steps:
        if step == "wait":
            wait(module_database, session.id, amount)
            age += timedelta(seconds=amount)
            continue
        used = newest - amount
        if used < 0:
            continue
        with module_database.work(None, user_id=user.id) as work:
            outcome = work.sessions.refresh(user.id, session.id, used)
        if not lasts or used > newest:
            assert outcome == "ended"
        elif used == newest:
            newest, age = newest + 1, timedelta(0)
            assert outcome.refresh_counter == newest
        elif used == newest - 1 and age < MAX_REUSE:
            assert outcome.refresh_counter == newest
        else:
            lasts = False
            assert outcome == "reused"
    with module_database.work(None, user_id=user.id) as work:
        assert (work.sessions.user_of(user.id, session.id) is not None) == lasts
