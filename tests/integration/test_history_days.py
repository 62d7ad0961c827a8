"""How far back a plan shows reviews: in every answer, and in what is downloaded."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.exporting import write_to
from pipelines.session import Session
from resources.database.tenancy import Tenant
from resources.exporting.history import rows_shown
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import MIN_POSTED_DAY, utc_today
from tests.api_world import all_pages, figures_in, read
from tests.integration.test_changes import wait_until
from tests.lake_world import table_of
from tests.published_reviews import FIRST_DAY, review_key, reviews_of

ACME = "/v1/tenants/acme"
CUT = FIRST_DAY + timedelta(days=20)
HEADER = "history-starts"
SHOWN = [review for review in reviews_of("acme") if review["posted_day"] >= CUT]
HIDDEN = [review for review in reviews_of("acme") if review["posted_day"] < CUT]
ANSWERS = (
    "reviews", "metrics", "metrics/series", "metrics/topics", "metrics/ratings", "topics",
    f"reviews/{SHOWN[0]['review_key']}",
)  # fmt: skip


def give(world, days, tenant="acme"):
    """Let a tenant's plan show so many days."""
    with world.database.jobs() as work:
        work.tenants.set_plan(tenant, "enterprise", limits={"history_days": days})
    memory = world.app.state.services.memory
    memory.catch_up()
    wait_until(memory.is_current)


@pytest.fixture
def unlimited(world):
    """The plan before and after."""
    give(world, None)
    yield
    give(world, None)


@pytest.fixture
def limited(world, unlimited):  # noqa: ARG001 - what it comes from and goes back to
    give(world, (utc_today() - CUT).days)


def test_the_first_day_that_is_shown_is_counted_back_from_today():
    def starts(days):
        tenant = Tenant(
            "acme", "Acme", "#123456", (), {}, "active", None, None, None, "enterprise",
            {"history_days": days}, None,
        )  # fmt: skip
        return tenant.history_starts(date(2026, 3, 31))

    assert starts(30) == date(2026, 3, 1)
    assert starts(0) == date(2026, 3, 31)
    assert starts(None) is None
    assert starts((date(2026, 3, 31) - MIN_POSTED_DAY).days) is None, "no review is as old"
    assert starts(10**12) is None


# A plan without that limit ----------------------------------------------------------------------


@pytest.mark.parametrize("address", ANSWERS)
@pytest.mark.usefixtures("unlimited")
def test_a_plan_without_the_limit_says_nothing_and_answers_as_ever(world, ada, address):
    before = ada.get(f"{ACME}/{address}")
    assert before.status_code == 200
    assert HEADER not in before.headers
    give(world, 10_000)
    wide = ada.get(f"{ACME}/{address}")
    assert wide.headers[HEADER] == (utc_today() - timedelta(days=10_000)).isoformat()
    assert wide.content == before.content, "what leaves out nothing is read from the marts"


# What is shown ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("limited")
def test_reviews_are_those_of_the_days_that_are_shown(ada):
    found = all_pages(ada, f"{ACME}/reviews?limit=7")
    assert {one["review_key"] for one in found} == {one["review_key"] for one in SHOWN}
    page = read(ada, f"{ACME}/reviews", q="review", count=True, **{"from": FIRST_DAY.isoformat()})
    assert page["review_count"] == sum(one["text"] is not None for one in SHOWN)


@pytest.mark.parametrize("address", ANSWERS)
@pytest.mark.usefixtures("limited")
def test_every_answer_says_from_which_day_on(ada, address):
    for _ in range(3):  # also the one from memory
        answer = ada.get(f"{ACME}/{address}")
        assert (answer.status_code, answer.headers[HEADER]) == (200, CUT.isoformat())
    held = {"If-None-Match": answer.headers["etag"]}
    unchanged = ada.get(f"{ACME}/{address}", headers=held)
    assert (unchanged.status_code, unchanged.headers[HEADER]) == (304, CUT.isoformat())


@pytest.mark.usefixtures("limited")
def test_numbers_are_those_of_the_reviews_that_are_shown(ada):
    for dimension in ("all", "source", "product", "location", "language"):
        items = all_pages(ada, f"{ACME}/metrics?dimension={dimension}")
        for item in items:
            own = [one for one in SHOWN if dimension == "all" or one[dimension] == item["member"]]
            ratings = [one["rating"] for one in own if one["rating"] is not None]
            assert item["review_count"]["value"] == len(own) > 0
            assert item["average_rating"]["value"] == pytest.approx(sum(ratings) / len(ratings))
    topics = {
        one["topic"]: one["mention_count"]["value"] for one in read(ada, f"{ACME}/topics")["items"]
    }
    assert topics == {
        topic: sum(topic in one["topics"] for one in SHOWN) for topic in ("price", "delivery")
    }
    for address in ("metrics", "topics", "metrics/topics", "metrics/ratings"):
        for figure in figures_in(read(ada, f"{ACME}/{address}")):
            found = read(ada, f"{figure['reviews']}&count=true")
            assert found["review_count"] == figure["review_count"]


@pytest.mark.parametrize("choice", [{}, {"product": "kettle"}, {"language": "de"}])
@pytest.mark.usefixtures("limited")
def test_a_series_begins_with_the_first_day_that_is_shown(ada, choice):
    series = read(ada, f"{ACME}/metrics/series", **{"from": FIRST_DAY.isoformat()}, **choice)
    own = [
        one
        for one in SHOWN
        if one["has_posted_date"] and all(one[name] == value for name, value in choice.items())
    ]
    assert series["points"][0]["start"] == CUT.isoformat(), "no day that is hidden looks empty"
    assert sum(point["value"] for point in series["points"]) == len(own)


@pytest.mark.usefixtures("limited")
def test_graphql_shows_what_rest_does_and_says_so(ada):
    document = f"""{{ tenant(id: "acme") {{
        historyStarts
        reviews(count: true) {{ reviewCount }}
        metrics {{ items {{ reviewCount {{ value }} }} }}
        series(firstDay: "{FIRST_DAY}") {{ points {{ start }} }}
        review(key: "{HIDDEN[0]["review_key"]}") {{ text versions {{ text }} }}
    }} }}"""
    answer = ada.post("/v1/graphql", json={"query": document}).json()
    tenant = answer["data"]["tenant"]
    assert tenant["historyStarts"] == CUT.isoformat()
    assert tenant["reviews"]["reviewCount"] == len(SHOWN)
    assert tenant["metrics"]["items"][0]["reviewCount"]["value"] == len(SHOWN)
    assert tenant["series"]["points"][0]["start"] == CUT.isoformat()
    assert tenant["review"] is None
    (error,) = answer["errors"]
    assert error["extensions"]["slug"] == "beyond-history"


@pytest.mark.usefixtures("limited")
def test_the_days_of_a_workspace_are_cut_as_well(ada):
    made = ada.post(f"{ACME}/workspaces", json={"name": "Short of memory"}).json()
    address = f"{ACME}/workspaces/{made['id']}"
    ada.put(f"{address}/contents", json={"sources": ["google"], "products": []})
    answer = read(ada, f"{ACME}/metrics", workspace=made["id"])
    assert answer["items"][0]["review_count"]["value"] == sum(
        one["source"] == "google" for one in SHOWN
    )
    assert ada.delete(address).status_code == 204


# What is older ----------------------------------------------------------------------------------


def is_beyond(answer):
    assert answer.status_code == 403, answer.text
    problem = answer.json()
    assert problem["type"].endswith(":beyond-history")
    assert CUT.isoformat() in problem["detail"]
    return True


@pytest.mark.parametrize("address", ["reviews", "metrics/series"])
@pytest.mark.usefixtures("limited")
def test_days_that_are_not_shown_are_refused_by_name(ada, address):
    last = (CUT - timedelta(days=1)).isoformat()
    for days in ({"to": last}, {"from": FIRST_DAY.isoformat(), "to": last}):
        assert is_beyond(ada.get(f"{ACME}/{address}", params=days))
    assert ada.get(f"{ACME}/{address}", params={"to": CUT.isoformat()}).status_code == 200


@pytest.mark.usefixtures("limited")
def test_a_review_that_is_not_shown_is_there_and_an_unknown_one_is_not(ada):
    hidden = HIDDEN[0]["review_key"]
    assert is_beyond(ada.get(f"{ACME}/reviews/{hidden}"))
    assert is_beyond(ada.get(f"{ACME}/reviews/{hidden}/versions"))
    assert ada.get(f"{ACME}/reviews/{review_key('brava', 0)}").status_code == 404


@pytest.mark.usefixtures("limited")
def test_a_report_on_days_that_are_not_shown_is_refused(ada):
    last = (CUT - timedelta(days=1)).isoformat()
    assert is_beyond(ada.post(f"{ACME}/reports", json={"period_end": last}))
    assert ada.post(f"{ACME}/reports", json={"period_end": CUT.isoformat()}).status_code == 202


# What is remembered -----------------------------------------------------------------------------


@pytest.mark.usefixtures("unlimited")
def test_a_smaller_plan_counts_with_the_next_request(world, ada):
    asked = f"{ACME}/reviews?limit=200"
    for _ in range(3):
        whole = ada.get(asked)
    give(world, (utc_today() - CUT).days)
    ada.get(f"{ACME}/reviews?limit=199")  # the grant is learnt anew by another answer
    cut = ada.get(asked, headers={"If-None-Match": whole.headers["etag"]})
    assert (cut.status_code, len(cut.json()["items"])) == (200, len(SHOWN))


@pytest.mark.usefixtures("limited")
def test_what_is_remembered_is_forgotten_at_midnight(ada, monkeypatch):
    asked = f"{ACME}/metrics"
    for _ in range(3):
        today = ada.get(asked)
    tomorrow = utc_today() + timedelta(days=1)
    for module in ("memory", "published"):
        monkeypatch.setattr(f"serving_api.kit.{module}.utc_today", lambda: tomorrow)
    later = ada.get(asked)
    assert later.headers[HEADER] == (CUT + timedelta(days=1)).isoformat()
    assert later.headers["etag"] != today.headers["etag"]


# Archives ---------------------------------------------------------------------------------------


@pytest.fixture
def session(world):
    session = Session(world.settings, world.database)
    session.__dict__["objects"] = world.objects
    session.__dict__["snapshots"] = world.snapshots
    return session


@pytest.mark.usefixtures("limited")
def test_an_archive_that_members_ask_for_holds_what_is_shown(session, tmp_path):
    write_to(tmp_path / "shown.zip", session, "acme", as_plan_shows=True)
    with zipfile.ZipFile(tmp_path / "shown.zip") as archive:
        reviews = pl.read_parquet(io.BytesIO(archive.read("snapshot/reviews.parquet")))
        summary = pl.read_parquet(io.BytesIO(archive.read("snapshot/metric_summary.parquet")))
        told = json.loads(archive.read("manifest.json"))
        assert CUT.isoformat() in archive.read("README.txt").decode()
    assert set(reviews["review_key"]) == {one["review_key"] for one in SHOWN}
    assert summary.filter(dimension="all")["review_count"].to_list() == [len(SHOWN)]
    assert told["history_starts"] == CUT.isoformat()


@pytest.mark.usefixtures("limited")
def test_an_archive_of_the_operator_holds_everything(session, tmp_path):
    write_to(tmp_path / "all.zip", session, "acme")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        reviews = pl.read_parquet(io.BytesIO(archive.read("snapshot/reviews.parquet")))
        assert json.loads(archive.read("manifest.json"))["history_starts"] is None
    assert len(reviews) == 90


RAW_ROWS = {
    # batch, number: source's id, day on which it came in
    ("one", 1): ("young", date(2026, 3, 1)),
    ("one", 2): ("old", date(2026, 3, 1)),
    ("one", 3): ("rejected", date(2026, 3, 1)),
    ("two", 1): ("young", date(2026, 3, 2)),  # unchanged
    ("two", 2): ("old", date(2026, 3, 2)),
    ("zero", 1): ("rejected long ago", date(2025, 3, 2)),
}


def test_raw_records_go_with_their_reviews(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    raw = [
        {"tenant_id": "acme", "day": day, "source": "shop", "batch_id": batch,
         "record_number": number, "review_id": name, "payload": "{}", "hints": "{}"}
        for (batch, number), (name, day) in RAW_ROWS.items()
    ]  # fmt: skip
    reviews = [
        {"tenant_id": "acme", "day": date(2026, 3, 1), "source": "shop", "batch_id": "one",
         "record_number": number, "source_review_id": name, "review_key": name, "version": 1,
         "posted_day": day, "has_posted_date": True, "is_deleted": False}
        for number, name, day in ((1, "young", date(2026, 2, 28)), (2, "old", date(2020, 1, 1)))
    ]  # fmt: skip
    rejected = [
        {"tenant_id": "acme", "day": day, "source": "shop", "batch_id": batch,
         "record_number": number, "reason_code": "empty", "payload": "{}"}
        for (batch, number), (name, day) in RAW_ROWS.items() if name.startswith("rejected")
    ]  # fmt: skip
    for spec, rows in ((RAW_REVIEWS, raw), (REVIEWS, reviews), (REJECTED_REVIEWS, rejected)):
        lake.replace(spec, table_of(spec, rows), tenants=["acme"])

    def shown(spec):
        rows = rows_shown(lake, spec, "acme", date(2026, 1, 1)).collect()
        return set(zip(rows["batch_id"], rows["record_number"], strict=True))

    assert shown(RAW_REVIEWS) == {("one", 1), ("two", 1), ("one", 3)}
    assert shown(REVIEWS) == {("one", 1)}
    assert shown(REJECTED_REVIEWS) == {("one", 3)}
    assert rows_shown(lake, DAILY_FACTS, "acme", date(2026, 1, 1)) is None
    assert rows_shown(lake, RAW_REVIEWS, "acme", None).collect().height == len(RAW_ROWS)
