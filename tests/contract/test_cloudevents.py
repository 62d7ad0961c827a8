"""Events are CloudEvents 1.0: every type, as the pages, the batches and the stream really tell it.

The official SDK reads what we send and must find in it what was sent, in each of its content modes,
as the conformance features for HTTP ask of a receiver. It accepts more than the specification
allows, so each MUST of the specification, and of its JSON format, is looked at here as well.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator

from resources.database.event_types import EVENT_TYPES, MAX_DATA_BYTES
from tests.api_world import read, running_world
from tests.odd_events import add_odd_event

NOT_APPLIED = {
    "receiving (binary, structured, batched)": "no route takes events; we only tell them",
    "binary content mode": "it carries one event a message, its attributes as headers; pages and "
    "streams carry many. The SDK turns ours into it and back, so nothing in them stands against it",
    "data_base64": "all our data are JSON objects",
    "dataschema": "optional; /event-types tells the schema of each type",
    "SHOULD: type prefixed with a reverse DNS name": "whoever runs an installation has a name, and "
    "we have none; the source tells us from other producers",
    "Kafka, AMQP, MQTT, NATS, Avro, Protobuf, XML": "not offered",
}
"""What the specification asks beyond this file, and why it is not asked here."""

EVENTS = "/v1/tenants/acme/events"
BATCH = "application/cloudevents-batch+json"
REQUIRED = {"specversion", "id", "source", "type"}
SAMPLES = {
    "string": 'Größe 水 "quoted" \\ %41\n\x07',
    "integer": 2**53,
    "number": 0.1,
    "boolean": False,
    "array": ["ä", 1, None],
    "object": {"Schlüssel": {"tief": []}},
    "null": None,
}
SUBJECTS = ("018f4e6a-7c1d-4b52-9d3e-5a0c1f2b3d4e", "2026-03-31", "bücher.example/ä?b#c%20 &<水>")
MIN_EVENTS = 12  # so that the numbers of their places do not all have the same length


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        _tell_every_type(world)
        yield world


def _tell_every_type(world):
    """One event of each type without data, with all of them, and with each kind of null."""
    with world.database.jobs() as work:
        for tenant in ("acme", "brava"):
            for n, (name, kind) in enumerate(EVENT_TYPES.items()):
                subject = SUBJECTS[n % len(SUBJECTS)]
                for which in (0, -1):
                    data = {field: SAMPLES[kinds[which]] for field, kinds in kind.data.items()}
                    add_odd_event(work, name, subject, tenant_id=tenant, data=data)
                work.events.add(name, subject, tenant_id=tenant)
        longest = {"name": "ä" * ((MAX_DATA_BYTES - 20) // 6)}
        add_odd_event(work, "source.created", SUBJECTS[0], tenant_id="acme", data=longest)


@pytest.fixture(scope="module")
def ada(world):
    with world.client("ada") as client:
        yield client


@pytest.fixture(scope="module")
def paged(ada):
    """All events of the tenant, from pages."""
    events, address = [], f"{EVENTS}?limit=50"
    while address:
        page = read(ada, address)
        events += page["items"]
        address = page["next"]
    return events


@pytest.fixture(scope="module")
def batched(ada):
    """All events of the tenant, from batches, by the links of their headers."""
    events, address = [], f"{EVENTS}?limit=50"
    while address:
        answer = ada.get(address, headers={"Accept": BATCH})
        assert answer.headers["content-type"].partition(";")[0] == BATCH
        batch = json.loads(answer.content.decode("utf-8"))
        assert isinstance(batch, list)
        events += batch
        following = re.fullmatch('<(.+)>; rel="next"', answer.headers.get("link", ""))
        address = following and following[1]
    return events


@pytest.fixture(scope="module")
def streamed(ada, paged):
    """All events of the tenant, from the stream, with the names and ids that they have there."""
    events, told = [], {}
    with ada.stream("GET", f"{EVENTS}/stream?after=0") as answer:
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            told[name] = value
            if not line and "data" in told:
                events.append((told["event"], told["id"], json.loads(told["data"])))
                told = {}
            if len(events) == len(paged):
                return events
    pytest.fail("the stream ended before its last event")


@pytest.fixture(scope="module")
def sdk():
    """The official SDK: its events over HTTP."""
    return pytest.importorskip("cloudevents.core.bindings.http")


def test_every_type_is_told(paged):
    assert {event["type"] for event in paged} >= set(EVENT_TYPES)
    assert len(paged) >= MIN_EVENTS


def test_pages_batches_and_the_stream_tell_the_same(paged, batched, streamed):
    assert paged == batched
    assert paged == [event for _, _, event in streamed]
    for name, number, event in streamed:
        assert (name, number) == (event["type"], event["sequence"])


# The specification, sentence by sentence -------------------------------------------------------


def attributes(event):
    return {name: value for name, value in event.items() if name != "data"}


def test_required_attributes_are_there_and_not_empty(paged):
    for event in paged:
        assert event.keys() >= REQUIRED
        assert event["specversion"] == "1.0"
        assert all(isinstance(event[name], str) and event[name] for name in REQUIRED)


def test_names_of_attributes_are_short_small_letters_and_digits(paged):
    for event in paged:
        for name in attributes(event):
            assert re.fullmatch("[a-z0-9]{1,20}", name), name


def test_values_of_attributes_are_of_the_types_there_are(paged):
    """Boolean, 32-bit integer or string without control characters, surrogates, noncharacters."""
    for event in paged:
        for name, value in attributes(event).items():
            if isinstance(value, str):
                assert all(is_allowed(ord(letter)) for letter in value), name
            elif not isinstance(value, bool):
                assert isinstance(value, int), name
                assert -(2**31) <= value < 2**31, name


def is_allowed(point):
    return not (
        point <= 0x1F
        or 0x7F <= point <= 0x9F
        or 0xD800 <= point <= 0xDFFF
        or 0xFDD0 <= point <= 0xFDEF
        or point & 0xFFFE == 0xFFFE
    )


def test_sources_are_references_to_addresses(paged):
    """RFC 3986: only its letters, and a percent sign only before two digits."""
    letters = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
    for event in paged:
        assert re.fullmatch(letters, event["source"])
        assert event["source"].count("#") <= 1


def test_times_are_those_of_rfc_3339(paged):
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    for event in paged:
        assert re.fullmatch(shape, event["time"], re.ASCII)
        assert datetime.fromisoformat(event["time"]).utcoffset() is not None


def test_optional_attributes_are_not_empty(paged):
    for event in paged:
        assert event["subject"]
        assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", event["datacontenttype"], re.ASCII)


def test_data_are_told_once_as_what_they_are_said_to_be(paged):
    """``data`` or ``data_base64``; JSON, in the shape that the type promises."""
    for event in paged:
        assert "data_base64" not in event
        assert event["datacontenttype"] == "application/json"
        Draft202012Validator(EVENT_TYPES[event["type"]].schema).validate(event["data"])


def test_no_two_events_have_the_same_source_and_id(world, paged):
    with world.client("bob") as bob:
        theirs = read(bob, "/v1/tenants/brava/events", limit=1000)["items"]
    names = [(event["source"], event["id"]) for event in paged + theirs]
    assert len(set(names)) == len(names)
    assert {event["source"] for event in paged} & {event["source"] for event in theirs} == set()


def test_events_are_short_enough_for_whoever_passes_them_on(paged):
    assert max(len(json.dumps(event).encode()) for event in paged) <= 64 * 1024


def test_sequences_sort_as_text_as_the_extension_of_that_name_asks(paged):
    sequences = [event["sequence"] for event in paged]
    assert sequences == sorted(sequences)
    assert [int(each) for each in sequences] == list(range(1, len(paged) + 1))


@pytest.mark.parametrize("how", ["as it is told", "as a number"])
def test_reading_goes_on_behind_a_sequence(ada, paged, how):
    known, following = paged[10]["sequence"], paged[11]
    after = known if how == "as it is told" else int(known)
    assert read(ada, EVENTS, after=after, limit=1)["items"] == [following]
    headers = {"Last-Event-ID": str(after)}
    with ada.stream("GET", f"{EVENTS}/stream", headers=headers) as answer:
        assert following["sequence"] in next(line for line in answer.iter_lines() if "id: " in line)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BATCH, BATCH),
        (BATCH.upper(), BATCH),
        (f"{BATCH}; charset=utf-8", BATCH),
        (f"application/json;q=0.5, {BATCH}", BATCH),
        (f"application/json, {BATCH};q=0.5", "application/json"),
        (f"application/json, {BATCH};q=0", "application/json"),
        (f"{BATCH};q=0", "application/json"),
        ("*/*", "application/json"),
        ("application/cloudevents+json", "application/json"),
    ],
)
def test_a_batch_comes_to_whom_it_is_dearest(ada, accept, kind):
    answer = ada.get(EVENTS, params={"limit": 1}, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind


def test_a_batch_may_be_empty(ada, paged):
    answer = ada.get(EVENTS, params={"after": len(paged)}, headers={"Accept": BATCH})
    assert answer.json() == []


# The conformance features, with the official SDK as the receiver -------------------------------


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"]
)
def test_structured_content_is_read_as_it_was_meant(sdk, streamed, content_type):
    for _, _, event in streamed:
        body = json.dumps(event, ensure_ascii=False).encode()
        found = sdk.from_http_event(sdk.HTTPMessage({"content-type": content_type}, body))
        assert_same(found, event)


def test_batched_content_is_read_as_it_was_meant(sdk, batched):
    for event in batched:
        message = sdk.HTTPMessage({"content-type": BATCH}, json.dumps(event).encode())
        assert_same(sdk.from_structured_event(message), event)


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_who_passes_an_event_on_loses_nothing(sdk, paged, mode):
    for event in paged:
        body = json.dumps(event).encode()
        found = sdk.from_structured_event(sdk.HTTPMessage({}, body))
        passed_on = getattr(sdk, f"to_{mode}_event")(found)
        assert_same(sdk.from_http_event(passed_on), event)


def assert_same(found, event):
    told = attributes(event)
    assert found.get_attributes() == told | {"time": datetime.fromisoformat(told["time"])}
    assert found.get_data() == event["data"]
