"""A tenant chooses how long it keeps reviews: older ones are gone from everywhere an hour later."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import dagster as dg
import httpx2
import polars as pl
import pytest

from pipelines.background import Background, build_app
from pipelines.definitions import build_definitions
from pipelines.erasure_job import erasure_requests
from pipelines.file_import import FileImport
from pipelines.launch import dagster_instance
from pipelines.session import open_session
from resources.database.users import hash_password
from resources.vocabulary import utc_today
from serving_api.main import create_app
from tests.api_world import PASSWORD, read, serving
from tests.erasure_world import found_in

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ACME = "/v1/tenants/acme"
KEPT_DAYS, OLD_DAYS = 90, 200
OLD, YOUNG = 12, 24
OLD_WORDS, YOUNG_WORDS = "corncrake-5512", "goldfinch-6623"
PLACES = {
    *(f"lake {name}" for name in ("raw_reviews", "reviews")),
    *(f"files of lake {name}" for name in ("raw_reviews", "reviews")),
    "snapshot",
    "object",
}


def rows():
    """Old reviews and young ones, in words of their own that reports quote."""
    for age, words, count in ((OLD_DAYS, OLD_WORDS, OLD), (10, YOUNG_WORDS, YOUNG)):
        for n in range(count):
            yield {
                "id": f"{words} {n}",
                "author": f"Author {n}",  # of an old review and a young one
                "text": "The delivery was terribly late and the price is far too high, says "
                f"{words} on line {n}. Never again!",
                "rating": "1",
                "date": (utc_today() - timedelta(days=age + n)).isoformat(),
                "product": "Kettle",
            }


@pytest.fixture(scope="module")
def kept(module_settings, postgres, tmp_path_factory):
    """The installation with its API, before and after the tenant's choice was carried out."""
    path = tmp_path_factory.mktemp("files") / "acme.csv"
    pl.DataFrame(list(rows())).write_csv(path)
    with postgres.database(module_settings), open_session(module_settings) as session:
        work_on = FileImport.of(session, "acme", path, source="shop")
        work_on.create_tenant_if_new()
        work_on.process(work_on.land())
        with session.database.jobs() as work:
            hashed = hash_password(PASSWORD)
            ada = work.users.add("ada@example.com", "Ada", hashed, is_verified=True)
            work.users.add_membership("acme", ada.id, "owner")
        app = create_app(session.settings, session.database, session.snapshots, session.objects)
        with serving(app) as base, httpx2.Client(base_url=base, trust_env=False) as client:
            log_in = {"email": "ada@example.com", "password": PASSWORD}
            token = client.post("/v1/auth/token", json=log_in).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            before = SimpleNamespace(
                places=found_in(session, OLD_WORDS),
                count=read(client, f"{ACME}/reviews", q=OLD_WORDS, count=True)["review_count"],
                reports=read(client, f"{ACME}/reports")["items"],
                untouched=carried_out(session),
            )
            chosen = client.patch(f"{ACME}/settings", json={"retention_days": KEPT_DAYS})
            assert chosen.status_code == 200, chosen.text
            erasures = carried_out(session)
            yield SimpleNamespace(session=session, client=client, before=before, erasures=erasures)


def carried_out(session):
    """What the worker's upkeep asks for, carried out by runs of the graph until nothing waits."""
    app = build_app(session.database.jobs_url, Background(session, mailer=None))
    app.tasks["forget_old_reviews"].func(timestamp=0)
    job = build_definitions(session.settings, **session.resources).resolve_job_def("erasure_job")
    done = []
    with dagster_instance(session) as instance:
        while True:
            context = dg.build_sensor_context(instance=instance)
            (wanted,) = erasure_requests(context, database=session.database)
            if isinstance(wanted, dg.SkipReason):
                return done
            run = job.execute_in_process(
                instance=instance, run_config=wanted.run_config, tags=wanted.tags
            )
            assert run.success
            done.append(wanted.run_config["ops"]["erase"]["config"]["erasure"])


def test_before_the_choice_everything_is_kept(kept):
    assert kept.before.places >= PLACES
    assert kept.before.count == OLD
    assert [one["review_count"] for one in kept.before.reports] == [OLD + YOUNG]
    assert kept.before.untouched == []


def test_old_reviews_are_found_nowhere_afterwards(kept):
    assert found_in(kept.session, OLD_WORDS) == set()


def test_young_reviews_stay_everywhere(kept):
    assert found_in(kept.session, YOUNG_WORDS) >= PLACES


def test_the_api_answers_of_what_is_left(kept):
    reviews = read(kept.client, f"{ACME}/reviews", count=True, limit=200)
    assert reviews["review_count"] == YOUNG
    assert all(YOUNG_WORDS in one["text"] for one in reviews["items"])
    assert read(kept.client, f"{ACME}/reviews", q=OLD_WORDS, count=True)["review_count"] == 0
    (summary,) = read(kept.client, f"{ACME}/metrics")["items"]
    assert summary["review_count"]["value"] == YOUNG


def test_reports_are_those_of_what_is_left(kept):
    reports = read(kept.client, f"{ACME}/reports")["items"]
    assert [one["review_count"] for one in reports] == [YOUNG]
    (gone,) = kept.before.reports
    assert kept.client.get(f"{ACME}/reports/{gone['id']}").status_code == 404


def test_the_receipt_is_read_by_the_owner(kept):
    (erasure,) = read(kept.client, f"{ACME}/erasures")["items"]
    assert [erasure["id"]] == kept.erasures
    assert (erasure["kind"], erasure["status"]) == ("retention", "done")
    assert (erasure["receipt"]["reviews"], erasure["receipt"]["records"]) == (OLD, OLD)
    assert set(erasure["receipt"]["searched"].values()) == {0}


def test_the_choice_and_what_followed_are_events(kept):
    with kept.session.database.jobs() as work:
        told = {one.type: one for one in work.events.unpublished(limit=1000)}
    assert told["settings.changed"].data["changed"] == ["retention_days"]
    assert told["privacy.erased"].data["kind"] == "retention"


def test_nothing_is_due_and_the_next_hour_finds_nothing(kept):
    with kept.session.database.jobs() as work:
        assert list(work.ledger.all_due(None, tenants=["acme"])) == []
    assert carried_out(kept.session) == []


def test_what_its_source_delivers_again_is_refused(kept, tmp_path):
    path = tmp_path / "again.csv"
    pl.DataFrame([*rows()][:OLD]).write_csv(path)
    work_on = FileImport.of(kept.session, "acme", path, source="shop")
    landing = work_on.land()
    work_on.process(landing)
    balance = work_on.balance(landing)
    assert (balance.collected, balance.kept, balance.rejected) == (OLD, 0, OLD)
    assert found_in(kept.session, OLD_WORDS) == set()
