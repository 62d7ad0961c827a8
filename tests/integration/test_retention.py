"""Reviews go when their time is over: found by their age, asked for once, and gone for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.background import Background, build_app
from pipelines.erasure_job import erasure_requests
from pipelines.retention import forget_old_reviews, forget_old_reviews_of
from pipelines.session import Session
from resources.privacy import retention
from resources.privacy.retention import ask_for_overdue, find_overdue
from resources.privacy.suppression import ERASED_HINTS
from resources.storage.schemas import (
    RAW_REVIEWS,
    REJECTED_REVIEWS,
    REVIEW_ENRICHMENTS,
    REVIEWS,
)
from resources.vocabulary import utc_today
from tests.integration.test_erasing import deliver, eraser_on
from tests.lake_world import table_of

TODAY = utc_today()
CAME_IN = TODAY - timedelta(days=1)
KEPT_DAYS = 100
FIRST_KEPT = TODAY - timedelta(days=KEPT_DAYS)
OLD, LAST_GONE = TODAY - timedelta(days=400), FIRST_KEPT - timedelta(days=1)

VERSIONS = {
    # name: the days on which each version was written, and whether its source said so
    "young": [(CAME_IN, True)],
    "old": [(OLD, True)],
    "last to go": [(LAST_GONE, True)],
    "first to stay": [(FIRST_KEPT, True)],
    "rewritten": [(OLD, True), (CAME_IN, True)],
    "put back": [(CAME_IN, True), (OLD, True)],
    "undated": [(CAME_IN, False)],
    "undated and old": [(OLD, False)],
}
GONE = {"old", "last to go", "put back", "undated and old"}


def key_of(name):
    return name.encode().hex()[:32].ljust(32, "0")


def rows():
    """Reviews of all ages with their records, and rejected records, one young and one old."""
    raw, reviews, read = [], [], []
    for name, versions in VERSIONS.items():
        for version, (posted, is_dated) in enumerate(versions, start=1):
            own = {"tenant_id": "acme", "day": CAME_IN, "batch_id": "batch"}
            record = {"record_number": len(raw) + 1, "source": "shop"}
            key = {"review_key": key_of(name), "version": version}
            text = {"text": f"What {name} says in version {version}", "author": f"The {name} one"}
            raw.append({**own, **record, **text, "review_id": name, "payload": "{}"})
            reviews.append(
                {**own, **record, **key, **text, "source_review_id": name, "is_deleted": False,
                 "posted_day": posted, "has_posted_date": is_dated}
            )  # fmt: skip
            read.append({**own, **key, "sentiment": "mixed"})
    rejected = []
    for day in (OLD, CAME_IN):
        own = {"tenant_id": "acme", "day": day, "batch_id": f"of {day}", "record_number": 1}
        raw.append({**own, "source": "shop", "text": "Unusable", "payload": "{}"})
        rejected.append({**own, "source": "shop", "reason_code": "empty", "payload": "{}"})
    return {
        RAW_REVIEWS: raw, REVIEWS: reviews, REVIEW_ENRICHMENTS: read, REJECTED_REVIEWS: rejected,
    }  # fmt: skip


@pytest.fixture
def session(settings, database):
    settings.home.mkdir(exist_ok=True)
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    session = Session(settings, database)
    for spec, table in rows().items():
        session.lake.replace(spec, table_of(spec, table), tenants=["acme"])
    return session


def choose(session, days):
    with session.database.jobs() as work:
        work.tenant_settings.change("acme", {"retention_days": days}, author="test")


def ask(session, **when):
    with session.database.jobs() as work:
        return ask_for_overdue(
            work, session.lake, session.database.keys, "acme", today=when.get("today", TODAY)
        )


def names_in(session, spec=REVIEWS):
    rows = session.lake.read(spec, tenants=["acme"]).frame.collect()
    if spec is RAW_REVIEWS:
        return set(rows["review_id"].drop_nulls())
    return {name for name in VERSIONS if key_of(name) in set(rows["review_key"])}


def carry_out(session, erasure):
    return eraser_on(session.settings, session.database).carry_out("acme", erasure.id)


def test_what_is_old_goes_and_what_is_young_stays(session):
    choose(session, KEPT_DAYS)
    done = carry_out(session, ask(session))
    for spec in (REVIEWS, REVIEW_ENRICHMENTS, RAW_REVIEWS):
        assert names_in(session, spec) == set(VERSIONS) - GONE, spec.name
    assert (done.kind, done.status, done.requested_by) == ("retention", "done", "retention")
    assert done.receipt["reviews"] == len(GONE)
    assert done.receipt["erased"]["lake reviews"] == len(GONE) + 1  # one has two versions
    assert done.receipt["erased"]["lake rejected_reviews"] == 1
    assert set(done.receipt["searched"].values()) == {0}
    rejected = session.lake.read(REJECTED_REVIEWS).frame.collect()
    assert rejected["day"].to_list() == [CAME_IN]


def test_the_age_is_that_of_the_newest_version_and_of_the_day_of_writing(session):
    found = find_overdue(session.lake, "acme", FIRST_KEPT)
    assert set(found.review_keys) == {key_of(name) for name in GONE}
    assert find_overdue(session.lake, "acme", OLD).is_empty
    assert find_overdue(session.lake, "brava", FIRST_KEPT).is_empty


def test_nothing_goes_while_nobody_chose_how_long_it_is_kept(session):
    assert forget_old_reviews(session) == []
    choose(session, 3650)
    assert forget_old_reviews(session) == [], "nothing is as old"
    choose(session, KEPT_DAYS)
    choose(session, None)
    assert forget_old_reviews(session) == []
    assert names_in(session) == set(VERSIONS)


def test_while_an_erasure_is_open_no_further_one_is_asked_for(session):
    choose(session, KEPT_DAYS)
    (first,) = forget_old_reviews(session)
    assert forget_old_reviews(session) == []
    carry_out(session, first)
    assert forget_old_reviews(session) == [], "nothing is left"
    (later,) = [ask(session, today=TODAY + timedelta(days=KEPT_DAYS))]
    assert later.id != first.id
    carry_out(session, later)
    assert names_in(session) == set()


def test_many_old_reviews_go_batch_by_batch_the_oldest_first(session, monkeypatch):
    monkeypatch.setattr(retention, "MAX_REVIEWS", 2)
    choose(session, KEPT_DAYS)
    carry_out(session, ask(session))
    left = names_in(session) & GONE
    assert len(left) == 2
    assert "last to go" in left, "the youngest of the old goes last"
    carry_out(session, forget_old_reviews_of(session, "acme"))
    assert names_in(session) & GONE == set()
    assert forget_old_reviews_of(session, "acme") is None


def test_rejected_records_alone_are_reason_enough(session):
    choose(session, KEPT_DAYS)
    carry_out(session, ask(session))
    old = {"tenant_id": "acme", "day": OLD, "batch_id": "b", "record_number": 7, "source": "shop"}
    for spec in (RAW_REVIEWS, REJECTED_REVIEWS):
        row = {**old, "reason_code": "empty", "payload": "{}"}
        session.lake.replace(spec, table_of(spec, [row]), day=OLD, tenants=["acme"])
    done = carry_out(session, ask(session))
    assert (done.receipt["records"], done.receipt["reviews"]) == (1, 0)
    assert session.lake.read(RAW_REVIEWS).frame.filter(day=OLD).collect().is_empty()


def test_what_is_gone_is_refused_when_it_comes_again(session):
    choose(session, KEPT_DAYS)
    carry_out(session, ask(session))
    again = {"id": ["old", "new"], "text": ["Came again", "Came first"], "rating": ["5", "5"]}
    deliver(session.settings, session.database, again)
    landed = session.lake.read(RAW_REVIEWS, tenants=["acme"]).frame.collect()
    refused = landed.filter(hints=ERASED_HINTS)
    assert (refused.height, refused["text"].to_list()) == (1, [None])
    assert "Came first" in landed["text"].to_list()


def test_authors_words_of_others_models_and_kept_answers_stay(session):
    """Who wrote an old review may write young ones: nobody is to be forgotten."""
    home = session.settings.home
    words = "What old says in version 1"
    kept = {home / "models/acme/v1/words.json": words, home / "logs/api.log": "The old one\n"}
    copy = home / "reports/acme/report.html"
    for path, said in {**kept, copy: words}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said)
    with session.database.jobs() as work:
        work.nlp_settings.use_models("acme", str(home / "models/acme/v1"))
        work.tenant_settings.change("acme", {"report_name": "The old one"}, author="test")
        work.corrections.record("acme", key_of("old"), "topics", ["x"], author="ann", note="n")
        work.corrections.record("acme", key_of("young"), "topics", ["x"], author="ann", note="n")
    choose(session, KEPT_DAYS)
    done = carry_out(session, ask(session))
    assert {path.read_text() for path in kept} == set(kept.values())
    assert not copy.exists(), "a copy of a report tells of old reviews"
    with session.database.jobs() as work:
        assert work.nlp_settings.get("acme").models_folder is not None
        assert work.tenant_settings.current("acme")[0].report_name == "The old one"
        assert work.corrections.count("acme", {key_of("old")}) == 0
        assert work.corrections.count("acme", {key_of("young")}) == 1
    assert done.receipt["erased"]["table reviewgraph.corrections"] == 1


def test_the_request_and_the_end_are_events_that_name_nobody(session):
    choose(session, KEPT_DAYS)
    erasure = ask(session)
    carry_out(session, erasure)
    with session.database.jobs() as work:
        told = [one for one in work.events.unpublished() if one.subject == str(erasure.id)]
    assert [one.type for one in told] == ["privacy.erasure_requested", "privacy.erased"]
    assert {one.data["kind"] for one in told} == {"retention"}


def test_an_erasure_that_was_cut_goes_on_with_the_rejected_records(session):
    choose(session, KEPT_DAYS)
    erasure = ask(session)

    def stop(name):
        if name == "rows":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eraser_on(session.settings, session.database, stop).carry_out("acme", erasure.id)
    done = carry_out(session, erasure)
    assert done.receipt["reviews"] == len(GONE)
    assert done.receipt["erased"]["lake rejected_reviews"] == 1


def test_the_worker_asks_every_hour_and_the_graph_carries_it_out(session):
    choose(session, KEPT_DAYS)
    background = Background(session, mailer=None)
    app = build_app(session.database.jobs_url, background)
    periodic = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert periodic["forget_old_reviews"] == "37 * * * *"
    app.tasks["forget_old_reviews"].func(timestamp=0)
    with session.database.jobs() as work:
        (erasure,) = work.erasures.open(tenant_id="acme")
        assert work.erasures.open(tenant_id="brava") == ()
    assert erasure.kind == "retention"

    import dagster as dg

    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(
            instance=instance, resources={"database": session.database}
        )
        (asked,) = erasure_requests.evaluate_tick(context).run_requests
    config = asked.run_config["ops"]["erase"]["config"]
    assert config == {"tenant": "acme", "erasure": str(erasure.id)}


def test_a_closed_tenant_is_left_alone(session):
    choose(session, KEPT_DAYS)
    with session.database.jobs() as work:
        work.tenants.set_status("acme", "closing", closes_at=datetime.now(UTC))
        work.tenants.set_status("acme", "closed")
    assert forget_old_reviews(session) == []


@pytest.mark.parametrize("days", [29, 3651])
def test_how_long_it_is_kept_has_bounds(session, days):
    with pytest.raises(ValueError, match="retention_days"):
        choose(session, days)
    assert forget_old_reviews(session) == []
