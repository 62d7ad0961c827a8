"""Asking for reports: fair between tenants, once where it was meant once, and never without end."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import dagster as dg
import pytest

from pipelines.sensors import (
    MAX_REQUESTS_PER_TICK,
    MAX_RUNS_PER_REQUEST,
    REQUEST_TAG,
    report_requests,
)
from resources.database.report_queue import MAX_OPEN_REQUESTS, MAX_RUNS_OF_A_TENANT
from resources.vocabulary import utc_today

ACME = "/v1/tenants/acme"
BRAVA = "/v1/tenants/brava"
FIRST = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def _nothing_is_open(world):
    with world.database.jobs() as work:
        for request in work.reports.requests("queued", "running", limit=1000):
            work.report_queue.give_up(request, "swept away before a test")


@pytest.fixture
def instance():
    with dg.instance_for_test() as instance:
        yield instance


def days(n):
    return {
        "period_start": FIRST.isoformat(),
        "period_end": (FIRST + timedelta(days=n)).isoformat(),
    }


def flood(world, tenant, count, *, status="queued"):
    """Requests as an older installation may hold them: more than could be asked for now."""
    made = []
    for number in range(count):
        with world.database.jobs() as work:  # one transaction each, so that each has its time
            request = work.reports.request(
                tenant, period_start=FIRST, period_end=FIRST + timedelta(days=number)
            )
            if status == "running":
                request = work.reports.claim("a run that died", request.id)
        made.append(request)
    return made


def tick(world, instance):
    """What the sensor asks for, as Dagster would evaluate it."""
    context = dg.build_sensor_context(instance=instance, resources={"database": world.database})
    data = report_requests.evaluate_tick(context)
    return data.run_requests or []


def launch(instance, run_request, status):
    """A run as Dagster's daemon makes it of a run request."""
    run = dg.DagsterRun(
        job_name="report_job",
        run_id=str(uuid.uuid4()),
        tags={**run_request.tags, "dagster/run_key": run_request.run_key},
        status=status,
    )
    instance.add_run(run)
    return run


# The turns of tenants --------------------------------------------------------------------------


def test_three_hundred_requests_of_one_tenant_leave_another_s_its_turn(world, instance):
    flood(world, "acme", 300)
    (late,) = flood(world, "brava", 1)

    asked = tick(world, instance)

    tenants = Counter(one.tags["reviewgraph/tenant"] for one in asked)
    assert tenants == {"acme": MAX_RUNS_OF_A_TENANT, "brava": 1}
    assert asked[1].tags[REQUEST_TAG] == str(late.id)  # before the second of the other tenant


def test_a_request_that_runs_counts_for_its_tenant_s_turn(world, instance):
    flood(world, "acme", 5)
    with world.database.jobs() as work:
        for request in work.report_queue.in_turn(limit=MAX_REQUESTS_PER_TICK):
            run = launch(instance, next(iter(tick(world, instance))), dg.DagsterRunStatus.STARTED)
            assert work.reports.claim(run.run_id, request.id)
    assert tick(world, instance) == []


def test_the_oldest_request_of_a_tenant_comes_first(world, instance):
    made = flood(world, "acme", 3)
    assert [one.tags[REQUEST_TAG] for one in tick(world, instance)] == [
        str(one.id) for one in made[:MAX_RUNS_OF_A_TENANT]
    ]


# What dies -------------------------------------------------------------------------------------


def test_a_request_whose_run_died_before_it_was_taken_up_gets_another_run(world, instance):
    flood(world, "acme", 1)
    (first,) = tick(world, instance)
    launch(instance, first, dg.DagsterRunStatus.STARTED)
    assert [one.run_key for one in tick(world, instance)] == [first.run_key]

    instance.delete_run(instance.get_runs()[0].run_id)
    launch(instance, first, dg.DagsterRunStatus.FAILURE)

    (second,) = tick(world, instance)
    assert second.run_key != first.run_key
    assert second.tags[REQUEST_TAG] == first.tags[REQUEST_TAG]


def test_a_request_whose_run_was_killed_is_queued_again_and_given_up_at_last(world, instance):
    (request,) = flood(world, "acme", 1)
    keys = []
    for _ in range(MAX_RUNS_PER_REQUEST):
        (asked,) = tick(world, instance)
        keys.append(asked.run_key)
        run = launch(instance, asked, dg.DagsterRunStatus.FAILURE)
        with world.database.jobs() as work:
            assert work.reports.claim(run.run_id, request.id)

    assert tick(world, instance) == []
    assert len(set(keys)) == MAX_RUNS_PER_REQUEST
    with world.database.jobs() as work:
        ended = work.reports.get_request("acme", request.id)
    assert ended.status == "failed"
    assert REQUEST_TAG in ended.error


def test_a_tenant_whose_runs_all_died_may_ask_again(world, instance):
    flood(world, "acme", MAX_OPEN_REQUESTS, status="running")
    with world.client("ada") as ada:
        assert ada.post(f"{ACME}/reports", json=days(99)).status_code == 429
        for _ in range(MAX_RUNS_PER_REQUEST * MAX_OPEN_REQUESTS):
            for asked in tick(world, instance):
                launch(instance, asked, dg.DagsterRunStatus.FAILURE)
        assert ada.post(f"{ACME}/reports", json=days(99)).status_code == 202


# The cap, and equal requests -------------------------------------------------------------------


def test_a_tenant_has_only_so_many_requests_open_and_others_are_not_touched(world):
    with world.client("ada") as ada, world.client("bob") as bob:
        answers = [ada.post(f"{ACME}/reports", json=days(n)) for n in range(MAX_OPEN_REQUESTS + 3)]
        other = bob.post(f"{BRAVA}/reports", json=days(1))

    assert [one.status_code for one in answers] == [202] * MAX_OPEN_REQUESTS + [429] * 3
    assert other.status_code == 202
    refused = answers[-1]
    assert refused.json()["type"] == "urn:reviewgraph:problem:too-many-requests"
    assert int(refused.headers["retry-after"]) > 0


def test_the_cap_holds_for_requests_that_come_at_once(world):
    with world.client("ada") as ada, ThreadPoolExecutor(16) as threads:
        codes = Counter(
            threads.map(
                lambda n: ada.post(f"{ACME}/reports", json=days(n)).status_code,
                range(MAX_OPEN_REQUESTS + 20),
            )
        )
    assert codes == {202: MAX_OPEN_REQUESTS, 429: 20}


@pytest.mark.parametrize("wish", [{}, days(3), {"period_start": "2026-02-01"}])
def test_equal_requests_are_one_while_it_is_open(world, wish):
    with world.client("ada") as ada, ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda _: ada.post(f"{ACME}/reports", json=wish), range(MAX_OPEN_REQUESTS * 2)
            )
        )
        assert {one.status_code for one in answers} == {202}
        (name,) = {one.json()["id"] for one in answers}
        with world.database.jobs() as work:
            (request,) = work.reports.requests("queued", tenant_id="acme")
            assert str(request.id) == name
            work.report_queue.give_up(request, "ended by the test")
        assert ada.post(f"{ACME}/reports", json=wish).json()["id"] != name


# Keys ------------------------------------------------------------------------------------------


def test_the_same_key_and_body_get_the_same_answer_and_have_one_effect(world):
    headers = {"Idempotency-Key": "order 1".replace(" ", "-")}
    with world.client("ada") as ada:
        first = ada.post(f"{ACME}/reports", json=days(5), headers=headers)
        with world.database.jobs() as work:
            (request,) = work.reports.requests("queued", tenant_id="acme")
            work.report_queue.give_up(request, "ended by the test")
        again = ada.post(f"{ACME}/reports", json=days(5), headers=headers)

    assert first.status_code == 202
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    with world.database.jobs() as work:
        assert work.reports.requests("queued", tenant_id="acme") == ()


def test_a_refusal_is_not_kept_under_its_key(world):
    headers = {"Idempotency-Key": "refused-first"}
    requests = flood(world, "acme", MAX_OPEN_REQUESTS)
    with world.client("ada") as ada:
        assert ada.post(f"{ACME}/reports", json=days(90), headers=headers).status_code == 429
        with world.database.jobs() as work:
            work.report_queue.give_up(requests[0], "ended by the test")
        assert ada.post(f"{ACME}/reports", json=days(90), headers=headers).status_code == 202


# Days ------------------------------------------------------------------------------------------

TODAY = utc_today()
WRONG_DAYS = [
    ("0001-01-01", "9999-12-31"),
    ("0001-01-01", "2026-01-31"),
    ("2026-01-01", "9999-12-31"),
    ("1989-12-31", "2026-01-31"),
    ("2026-03-01", "2026-02-01"),
    ((TODAY + timedelta(days=30)).isoformat(), (TODAY + timedelta(days=60)).isoformat()),
    ((TODAY - timedelta(days=30)).isoformat(), (TODAY + timedelta(days=30)).isoformat()),
    ("2026-02-30", "2026-03-01"),
    ("10000-01-01", "10001-01-01"),
]


@pytest.mark.parametrize(("first", "last"), WRONG_DAYS)
def test_days_on_which_no_review_can_be_are_refused_wherever_a_range_is_taken(world, first, last):
    with world.client("ada") as ada:
        answers = [
            ada.post(f"{ACME}/reports", json={"period_start": first, "period_end": last}),
            ada.get(f"{ACME}/metrics/series", params={"from": first, "to": last, "grain": "month"}),
            ada.get(f"{ACME}/reviews", params={"from": first, "to": last}),
        ]
    for answer in answers:
        assert answer.status_code == 422, answer.url
        assert answer.json()["type"] == "urn:reviewgraph:problem:invalid-parameters"
        assert answer.json()["errors"][0]["message"]
    with world.database.jobs() as work:
        assert work.reports.requests("queued", tenant_id="acme") == ()


@pytest.mark.parametrize("name", ["period_start", "period_end"])
@pytest.mark.parametrize("day", ["0001-01-01", "1989-12-31", "9999-12-31"])
def test_one_end_alone_is_looked_at_too(world, name, day):
    with world.client("ada") as ada:
        answer = ada.post(f"{ACME}/reports", json={name: day})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == f"body.{name}"


def test_days_that_reviews_can_have_are_taken(world):
    wide = {"from": "1990-01-01", "to": TODAY.isoformat()}
    with world.client("ada") as ada:
        assert ada.get(f"{ACME}/reviews", params=wide).status_code == 200
        series = ada.get(f"{ACME}/metrics/series", params=wide | {"grain": "month"})
        assert series.status_code == 200
        asked = ada.post(
            f"{ACME}/reports", json={"period_start": wide["from"], "period_end": wide["to"]}
        )
    assert asked.status_code == 202
