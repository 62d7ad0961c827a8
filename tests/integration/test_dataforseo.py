"""The DataForSEO client against its sandbox: real HTTP, real faults, a real database."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
import requests

from resources.collection.dataforseo import (
    AnswerLostError,
    DataForSEOClient,
    DataForSEOError,
    GoogleReviewsCollector,
    RefusedError,
    note_landed,
)
from resources.collection.dataforseo.client import UnavailableError
from resources.collection.dataforseo.google_reviews import PATH, task_tag
from resources.collection.dataforseo.models import GoogleReview
from resources.sandbox.dataforseo import REVIEWS, DataForSEOSandbox, Faults
from resources.sandbox.world import generate_world
from resources.storage.schemas import RAW_REVIEWS

DAY = date(2026, 7, 1)
AUTH = ("sandbox", "sandbox")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("world")
    return out, generate_world(out, reviews=1200, tenants=2, end_day=date(2026, 6, 30))


@pytest.fixture
def sandbox(world):
    return DataForSEOSandbox(world[0])


@pytest.fixture
def address(sandbox):
    with sandbox.running() as base_url:
        yield base_url


@contextmanager
def session(address, **options):
    patient = {"first_wait": 0.01, "rate_limit_wait": 0.01, "timeout": (2.0, 10.0)}
    with DataForSEOClient(address, *AUTH, **(patient | options)) as client:
        yield client


@pytest.fixture
def client(address):
    with session(address) as client:
        yield client


@pytest.fixture
def sources(world, database):
    """The first tenant's places on Google, as sources in the database."""
    out, manifest = world
    tenant = orjson.loads((out / manifest.tenants[0].id / "tenant.json").read_bytes())
    with database.jobs() as work:
        work.tenants.create(tenant["id"], tenant["name"], colour=tenant["colour"])
        return [
            work.sources.create(tenant["id"], row["kind"], row["name"], row["config"])
            for row in tenant["sources"]
        ]


def collector(client, database, **options):
    return GoogleReviewsCollector(client, database.jobs, first_wait=0.01, **options)


def collect_and_land(collecting, sources, day=DAY):
    """Collect everything and say that it landed."""
    collected = list(collecting.collect(sources, day))
    for batch in collected:
        note_landed(collecting.work, batch)
    return collected


def fields(**changes):
    return {
        "keyword": "nowhere",
        "location_code": 2826,
        "language_code": "en",
        **changes,
    }


def test_every_review_is_collected_as_a_raw_row(world, sandbox, client, database, sources):
    out, manifest = world
    tenant = manifest.tenants[0]
    collected = collect_and_land(collector(client, database), sources)
    rows = [row for task in collected for row in task.rows.to_pylist()]
    served = {
        item["review_id"]: item
        for place in orjson.loads((out / tenant.id / "google_reviews.json").read_bytes())["places"]
        for item in place["items"]
    }
    assert all(task.rows.schema == RAW_REVIEWS.schema for task in collected)
    assert {row["review_id"] for row in rows} == set(served)
    assert len(rows) == tenant.deliveries["google_reviews.json"].collected
    for row in rows:
        item = served[row["review_id"]]
        assert row["text"] == (item["original_review_text"] or item["review_text"])
        assert row["rating"] == str(item["rating"]["value"])
        assert row["posted_at"] == item["timestamp"]
        assert item.items() <= orjson.loads(row["payload"]).items()
        assert orjson.loads(row["hints"])["rating_scale"] == 5
        assert row["location"] in {"Online", "Oslo", "Munich", "Innsbruck", "Edinburgh", "Grenoble"}
        assert row["batch_id"] == f"dataforseo-{row['task_id']}"
        assert row["day"] == DAY
    assert sum(task.cost_usd for task in collected) == pytest.approx(sandbox.desk.charged_usd)
    for task in collected:
        assert task.rows["record_number"].to_pylist() == list(range(1, task.rows.num_rows + 1))


def test_collecting_twice_a_day_buys_once_and_the_next_day_buys_again(
    sandbox, client, database, sources
):
    collect_and_land(collector(client, database), sources)
    assert collect_and_land(collector(client, database), sources) == []
    assert len(sandbox.desk.tasks) == len(sources)
    collect_and_land(collector(client, database), sources, DAY + timedelta(days=1))
    assert len(sandbox.desk.tasks) == 2 * len(sources)


def test_a_run_killed_before_landing_collects_the_same_tasks_again(
    sandbox, client, database, sources
):
    killed = list(collector(client, database).collect(sources, DAY))
    again = collect_and_land(collector(client, database), sources)
    assert {task.batch_id for task in killed} == {task.batch_id for task in again}
    assert len(sandbox.desk.tasks) == len(sources)


def test_a_run_killed_between_buying_and_noting_finds_its_purchase_by_tag(
    sandbox, client, database, sources
):
    source = sources[0]
    tag = task_tag(source, DAY)
    with database.jobs() as work:
        work.tasks.plan(source.tenant_id, tag, DAY, source.id)
    bought = fields(keyword=None, place_id=source.config["place_id"], tag=tag)
    client.post_tasks(PATH, [bought])
    collected = collect_and_land(collector(client, database), [source])
    assert [batch.receipt for batch in collected] == [tag]
    assert len(sandbox.desk.tasks) == 1


def test_a_task_planned_and_never_bought_is_bought_by_the_next_run(
    sandbox, client, database, sources
):
    source = sources[0]
    with database.jobs() as work:
        work.tasks.plan(source.tenant_id, task_tag(source, DAY), DAY, source.id)
    assert len(collect_and_land(collector(client, database), [source])) == 1
    assert len(sandbox.desk.tasks) == 1


def test_a_lost_answer_to_a_purchase_is_not_paid_twice(sandbox, client, database, sources):
    sandbox.faults.upcoming.extend(["answer_lost"])
    assert len(collect_and_land(collector(client, database), sources)) == len(sources)
    assert len(sandbox.desk.tasks) == len(sources)


def test_a_request_that_never_arrived_is_sent_again(sandbox, client, database, sources):
    sandbox.faults.upcoming.extend(["http_500"])
    assert len(collect_and_land(collector(client, database), sources)) == len(sources)
    assert len(sandbox.desk.tasks) == len(sources)


def test_what_a_killed_day_left_open_is_collected_the_next_day(client, database, sources):
    list(collector(client, database).collect(sources[:1], DAY))
    tomorrow = DAY + timedelta(days=1)
    collected = collect_and_land(collector(client, database), sources[:1], tomorrow)
    assert {batch.receipt for batch in collected} == {
        task_tag(sources[0], DAY),
        task_tag(sources[0], tomorrow),
    }


def test_through_a_storm_of_faults_everything_arrives_once(world, database, sources):
    faults = Faults(http_500=0.1, internal_error=0.1, rate_limited=0.1, slow=0.1, slow_seconds=0.01)
    sandbox = DataForSEOSandbox(world[0], faults=faults, seed=11)
    with sandbox.running() as base_url, session(base_url, attempts=12) as client:
        for _ in range(10):
            try:
                collect_and_land(collector(client, database), sources)
            except (AnswerLostError, UnavailableError):
                continue
            break
    assert len(sandbox.desk.tasks) == len(sources)
    with database.jobs() as work:
        tasks = work.tasks.list(sources[0].tenant_id, day=DAY)
    assert {task.status for task in tasks} == {"collected"}


def test_a_task_that_failed_is_bought_anew_but_not_for_ever(world, database, sources):
    sandbox = DataForSEOSandbox(world[0], faults=Faults(execution_failed=1.0))
    with sandbox.running() as base_url, session(base_url) as client:
        collecting = collector(client, database)
        assert collect_and_land(collecting, sources[:1]) == []
        assert collect_and_land(collector(client, database), sources[:1]) == []
    assert len(sandbox.desk.tasks) == 3
    assert [failure.code for failure in collecting.failures] == [40103]


def test_one_failing_source_does_not_hold_up_the_others(client, database, sources):
    tenant_id = sources[0].tenant_id
    with database.jobs() as work:
        broken = work.sources.create(tenant_id, "google_reviews", "broken", {"place_id": "x"})
    collecting = collector(client, database)
    collected = collect_and_land(collecting, [broken, *sources])
    assert len(collected) == len(sources)
    assert [(failure.source, failure.code) for failure in collecting.failures] == [
        ("broken", 40501)
    ]


def test_a_place_without_results_ends_with_no_rows(client, database, sources):
    config = fields(keyword="a shop that does not exist")
    with database.jobs() as work:
        source = work.sources.create(sources[0].tenant_id, "google_reviews", "empty", config)
    (task,) = collect_and_land(collector(client, database), [source])
    assert task.rows.num_rows == 0


def test_tasks_that_take_too_long_are_left_to_the_next_run(world, database, sources):
    sandbox = DataForSEOSandbox(world[0], polls_in_queue=6)
    with sandbox.running() as base_url, session(base_url) as client:
        impatient = collector(client, database, patience=0.0)
        assert list(impatient.collect(sources[:1], DAY)) == []
        (left,) = impatient.unfinished
        assert task_tag(sources[0], DAY) in left.reason
        assert len(collect_and_land(collector(client, database), sources[:1])) == 1
    assert len(sandbox.desk.tasks) == 1


def test_a_task_is_in_queue_then_handed_then_done_and_leaves_the_ready_list(client):
    (posted,) = client.post_tasks(PATH, [fields(tag="t", depth=11, cid=None)])
    assert posted.status_code == 20100
    assert posted.data["depth"] == 20
    codes = [client.get_task(PATH, posted.id).status_code for _ in range(3)]
    assert codes == [40602, 40601, 40102]
    assert client.ready_tasks(PATH) == {}


def test_the_ready_list_names_finished_tasks_with_their_tags(client):
    (posted,) = client.post_tasks(PATH, [fields(tag="mine")])
    assert client.ready_tasks(PATH) == {}
    client.ready_tasks(PATH)
    assert client.ready_tasks(PATH) == {posted.id: "mine"}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (fields(keyword=None), 40501),
        (fields(location_code=None), 40501),
        (fields(language_code=None), 40501),
        (fields(depth=0), 40501),
        (fields(sort_by="best"), 40501),
        (fields(tag="x" * 256), 40501),
        (fields(colour="red"), 40506),
    ],
)
def test_a_wrong_task_is_refused_and_its_neighbour_accepted(client, task, code):
    answers = client.post_tasks(PATH, [task, fields()])
    assert [answer.status_code for answer in answers] == [code, 20100]


def test_wrong_credentials_stop_at_once_and_show_no_password(address):
    with (
        DataForSEOClient(address, "someone", "a-secret-word", first_wait=30) as client,
        pytest.raises(RefusedError, match="REVIEWGRAPH_DATAFORSEO_LOGIN") as caught,
    ):
        client.error_messages()
    assert caught.value.code == 40100
    assert "a-secret-word" not in repr(caught.value)


def test_a_rate_limit_is_waited_for_even_when_buying(sandbox, client):
    sandbox.faults.upcoming.extend(["rate_limited", "rate_limited"])
    assert client.post_tasks(PATH, [fields()])[0].status_code == 20100


def test_nobody_at_home_is_said_in_a_sentence():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            session(address, attempts=2) as client,
            pytest.raises(DataForSEOError, match="does not answer"),
        ):
            client.post_tasks(PATH, [fields()])


def test_an_unknown_task_says_so(client):
    assert client.get_task(PATH, "07231252-7652-0139-0000-301b3ccdda6f").status_code == 40401


def test_other_endpoints_answer_with_a_clear_error(address):
    answer = requests.get(f"{address}/v3/business_data/trustpilot/reviews/x", auth=AUTH, timeout=5)
    assert answer.status_code == 404
    assert answer.json()["status_code"] == 40402


def test_more_than_a_hundred_tasks_are_refused_by_the_sandbox(address):
    url = f"{address}{REVIEWS}/task_post"
    answer = requests.post(url, json=[fields()] * 101, auth=AUTH, timeout=5)
    assert answer.json()["status_code"] == 40006
    assert requests.post(url, data=b"{", auth=AUTH, timeout=5).json()["status_code"] == 40503
    assert requests.post(url, json=[], auth=AUTH, timeout=5).json()["status_code"] == 40502


def test_purchases_are_found_by_tag(client):
    client.post_tasks(PATH, [fields(tag="one"), fields(tag="two")])
    since = datetime.now(UTC) - timedelta(hours=1)
    assert set(client.find_by_tag(PATH, ["two", "three"], since=since)) == {"two"}


def test_nulls_integers_and_new_fields_are_taken_as_they_come():
    review = GoogleReview.model_validate(
        {"review_id": 5, "rating": {"value": 4, "rating_type": "Max5"}, "timestamp": None, "new": 1}
    )
    assert review.review_id == "5"
    assert review.rating.scale == 5
    assert GoogleReview.model_validate({"rating": None}).rating is None
