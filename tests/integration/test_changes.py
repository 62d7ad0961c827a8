"""Hearing of changes: what is told, and what counts as current when nothing can be heard."""

from __future__ import annotations

import threading
import time
import uuid

import psycopg
from sqlalchemy import make_url, text

from resources.database import changes
from resources.database.changes import MAX_SILENCE_SECONDS, Changes


def wait_until(is_so, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def test_a_change_is_told_when_it_is_committed_and_not_before(database):
    told, gaps = [], []
    with Changes(database.app_url, told.append, lambda: gaps.append(1)) as heard:
        wait_until(lambda: heard.is_current)
        with database.jobs() as work:
            work.tenants.create("acme", "Acme")
            user = work.users.create("ada@example.com", "Ada", "secret")
            work.users.add_membership("acme", user.id, "viewer")
            time.sleep(0.4)
            assert told == []
        wait_until(lambda: f"user:{user.id}" in told)
        with database.jobs() as work:
            work.snapshots.point_to("acme", "v1", path="p", row_count=1)
        wait_until(lambda: "numbers:acme" in told)
        with database.jobs() as work:
            work.tenants.update("acme", name="Acme Ltd")
        wait_until(lambda: "tenant:acme" in told)


def test_after_a_cut_it_listens_again_and_says_that_there_was_a_gap(database):
    gaps = []
    with Changes(database.app_url, lambda _: None, lambda: gaps.append(1)) as heard:
        wait_until(lambda: heard.is_current)
        before = len(gaps)
        cut(database)
        wait_until(lambda: len(gaps) > before)
        wait_until(lambda: heard.is_current)


def cut(database):
    """Cut the connections of whoever listens, as the server's owner may."""
    url = make_url(database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        (number,) = connection.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where application_name = 'reviewgraph changes' and datname = current_database()"
        ).fetchone()
    assert number


def test_a_listener_that_gets_no_turn_is_not_current(database):
    is_free = threading.Event()
    is_free.set()
    told = []

    def note(subject):
        told.append(subject)
        is_free.wait(20)  # what listens is held up in what it was told

    with Changes(database.app_url, note, lambda: None) as heard:
        wait_until(lambda: heard.is_current)
        is_free.clear()
        with database.jobs() as work:
            work.session.execute(
                text("select pg_notify(:channel, 'x')"), {"channel": changes.CHANNEL}
            )
        wait_until(lambda: told == ["x"])
        time.sleep(MAX_SILENCE_SECONDS)
        assert not heard.is_current
        is_free.set()
        wait_until(lambda: heard.is_current)


def test_who_changes_something_believes_nothing_until_it_has_been_told(database):
    told = []
    with Changes(database.app_url, told.append, lambda: None) as heard:
        wait_until(lambda: heard.is_current)
        for number in range(20):
            with database.jobs() as work:
                work.session.execute(
                    text("select pg_notify(:channel, :number)"),
                    {"channel": changes.CHANNEL, "number": str(number)},
                )
            heard.catch_up()
            while not heard.is_current:
                time.sleep(0.001)
            assert str(number) in told


def test_where_there_is_no_server_nothing_is_current(database):
    url = database.app_url.replace(database.app_url.rpartition("/")[2], f"x{uuid.uuid4().hex}", 1)
    with Changes(url, lambda _: None, lambda: None) as heard:
        time.sleep(0.5)
        assert not heard.is_current
