"""Events are read from any place on, and heard of as they happen."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text

from serving_api.events import hub, service
from tests.api_world import create_app, read, serving

EVENTS = "/v1/tenants/acme/events"


def add(world, *subjects, kind="report.finished", tenant="acme"):
    with world.database.jobs() as work:
        for subject in subjects:
            work.events.add(kind, subject, tenant_id=tenant, data={"reviews": 3})


@pytest.fixture
def after(world):
    """Where the tenant's chain ends as the test begins."""
    with world.database.jobs() as work:
        return work.events.last_sequence("acme")


class Stream:
    """A stream that is being read by a thread."""

    def __init__(self, client, address, **headers):
        self.events = []
        self.is_over = threading.Event()
        self.status = None
        self._thread = threading.Thread(target=self._read, args=(client, address, headers))
        self._thread.start()

    def _read(self, client, address, headers):
        with contextlib.suppress(Exception), client.stream("GET", address, headers=headers) as got:
            self.status = got.status_code
            self.headers = got.headers
            told = {}
            for line in got.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    told[name] = value
                elif "data" in told:
                    self.events.append((told["id"], told["event"], json.loads(told["data"])))
                    told = {}
        self.is_over.set()

    def wait_for(self, count):
        deadline = time.monotonic() + 30
        while len(self.events) < count:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.02)
        return [event["subject"] for _, _, event in self.events]

    def end(self):
        assert self.is_over.wait(30)
        self._thread.join()


@pytest.fixture
def listen(world):
    """Opens streams as the owner; all are over in the end."""
    streams = []
    with contextlib.ExitStack() as clients:

        def open_one(query="", nickname="ada", **headers):
            client = clients.enter_context(world.client(nickname))
            stream = Stream(client, f"{EVENTS}/stream{query}", **headers)
            streams.append(stream)
            return stream

        yield open_one
    for listener in list(world.app.state.event_hub._listeners):
        listener.began = 0.0
        world.app.state.event_hub.leave(listener)


def wait_until_listening(world, count):
    deadline = time.monotonic() + 30
    while len(world.app.state.event_hub._listeners) != count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_events_are_shown_as_cloudevents(world, ada, after):
    add(world, "r1")
    (event,) = read(ada, EVENTS, after=after)["items"]
    assert event["specversion"] == "1.0"
    assert event["source"] == "/reviewgraph/tenants/acme"
    assert (event["type"], event["subject"], event["data"]) == (
        "report.finished",
        "r1",
        {"reviews": 3},
    )
    assert (int(event["sequence"]), event["actor"]) == (after + 1, "system")
    assert len(event["hash"]) == 64


def test_reading_goes_on_where_it_ended(world, ada, after):
    add(world, "a", "b", "c")
    page = read(ada, EVENTS, after=after, limit=2)
    assert [event["subject"] for event in page["items"]] == ["a", "b"]
    page = read(ada, page["next"])
    assert [event["subject"] for event in page["items"]] == ["c"]
    assert (page["next"], page["next_after"]) == (None, after + 3)
    assert read(ada, EVENTS, after=after + 3) == {
        "items": [],
        "next_after": after + 3,
        "next": None,
    }


def test_events_are_filtered_by_type_and_by_the_beginning_of_types(world, ada, after):
    add(world, "r")
    add(world, "m", kind="metrics.updated")
    add(world, "f", kind="report.failed")
    query = {"after": after, "type": ["report."]}
    assert [event["subject"] for event in read(ada, EVENTS, **query)["items"]] == ["r", "f"]
    query = {"after": after, "type": ["metrics.updated", "report.failed"]}
    assert [event["subject"] for event in read(ada, EVENTS, **query)["items"]] == ["m", "f"]
    assert ada.get(EVENTS, params={"type": "reports.%"}).status_code == 422


def test_the_batch_format_is_a_list_with_a_link(world, ada, after):
    add(world, "a", "b")
    answer = ada.get(
        EVENTS,
        params={"after": after, "limit": 1},
        headers={"Accept": "application/cloudevents-batch+json"},
    )
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    (event,) = answer.json()
    assert event["subject"] == "a"
    assert set(event) >= {"specversion", "id", "source", "type", "time", "data"}
    assert all(name.isalnum() and name == name.lower() for name in event)
    assert 'rel="next"' in answer.headers["link"]


def test_one_of_another_tenant_and_one_without_the_permission_read_nothing(world, bob):
    assert bob.get(EVENTS).status_code == 404
    assert bob.get(f"{EVENTS}/stream").status_code == 404
    with world.client("vic") as viewer:
        for address in (EVENTS, f"{EVENTS}/stream", "/v1/tenants/acme/event-types"):
            assert viewer.get(address).status_code == 403


def test_a_stream_tells_what_happens_and_nothing_of_others(world, listen):
    stream = listen()
    wait_until_listening(world, 1)
    add(world, "theirs", tenant="brava")
    add(world, "a")
    add(world, "b")
    assert stream.wait_for(2) == ["a", "b"]
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert [name for _, name, _ in stream.events] == ["report.finished"] * 2


def test_a_stream_goes_on_after_the_last_event_that_is_known(world, listen, after):
    add(world, "a", "b", "c")
    stream = listen(f"?after={after}", **{"Last-Event-ID": str(after + 1)})
    assert stream.wait_for(2) == ["b", "c"]
    assert [int(number) for number, _, _ in stream.events] == [after + 2, after + 3]


def test_a_stream_longer_than_what_is_read_at_once_has_no_gap(world, listen, after):
    add(world, *(str(n) for n in range(250)))
    assert listen(f"?after={after}").wait_for(250) == [str(n) for n in range(250)]


@pytest.mark.parametrize("given", ["x", "-1", "1.5", str(2**63), "1; drop"])
def test_a_place_that_is_none_is_refused(ada, given):
    answer = ada.get(f"{EVENTS}/stream", headers={"Last-Event-ID": given})
    assert answer.status_code == 422


def test_a_stream_ends_when_the_membership_does(world, listen):
    with world.database.jobs() as work:
        work.users.add_membership("acme", world.users["eve"].id, "admin")
    stream = listen(nickname="eve")
    wait_until_listening(world, 1)
    with world.database.jobs() as work:
        work.session.execute(
            text("delete from reviewgraph.memberships where user_id = :id"),
            {"id": world.users["eve"].id},
        )
        work.events.add("membership.removed", str(world.users["eve"].id), tenant_id="acme")
    stream.end()
    assert stream.events == []


def test_a_tenant_has_so_many_streams_and_no_more(world, listen, ada, monkeypatch):
    monkeypatch.setattr(hub, "MAX_LISTENERS_OF_TENANT", 2)
    listen()
    listen()
    wait_until_listening(world, 2)
    answer = ada.get(f"{EVENTS}/stream")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")


def test_an_idle_stream_uses_up_no_requests(world, listen, ada, monkeypatch):
    looks = []

    def counted(*given, read=service._read):
        looks.append(1)
        return read(*given)

    def left():
        told = ada.get(f"{EVENTS}?after=0&limit=1").headers["ratelimit"]
        return int(re.search(r'"tenant";r=(\d+)', told)[1])

    monkeypatch.setattr(service, "_read", counted)
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.01)
    listen()
    wait_until_listening(world, 1)
    before = left()
    while len(looks) < 40:
        time.sleep(0.01)
    assert before - left() <= 1


def test_a_reader_who_takes_nothing_is_cut_off(world, monkeypatch, after):
    monkeypatch.setattr(hub, "SLOW_SECONDS", 0.5)
    add(world, *("x" * 30_000 for _ in range(500)))
    address = urlsplit(world.base)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((address.hostname, address.port))
        reader.sendall(
            f"GET {EVENTS}/stream?after={after} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {world.token('ada')}\r\n\r\n".encode()
        )
        wait_until_listening(world, 1)
        wait_until_listening(world, 0)


def test_listeners_hear_again_after_the_connection_was_lost(world, listen):
    stream = listen()
    wait_until_listening(world, 1)
    add(world, "before")
    stream.wait_for(1)
    url = world.database.owner_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as owner:
        ended = owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'events' and datname = current_database()"
        ).fetchall()
    assert ended
    add(world, "after")
    assert stream.wait_for(2) == ["before", "after"]


def test_streams_end_when_the_server_stops(module_settings, world):
    app = create_app(module_settings, world.database, world.snapshots, world.objects)
    with serving(app) as base, world.client("ada") as client:
        stream = Stream(client, f"{base}{EVENTS}/stream")
        deadline = time.monotonic() + 30
        while not app.state.event_hub._listeners:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        began = time.monotonic()
    stream.end()
    assert time.monotonic() - began < 9  # it would be cut off after ten
