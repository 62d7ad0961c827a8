"""A tenant's last review is erased: what is left is a tenant without reviews, and nothing fails."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.erasing import ask_for, eraser_of
from pipelines.file_import import FileImport
from pipelines.session import open_session
from resources.privacy.subjects import Wanted
from resources.storage.schemas import TABLES
from serving_api.main import create_app
from tests.api_world import World, read, serving
from tests.erasure_world import AUTHOR, NAME, WORDS, Reviews, bring_in, found_in, own_keys

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ACME = "/v1/tenants/acme"
PASSWORD = "correct horse battery staple"
LISTS = (
    "reviews", "reports", "runs", "imports", "topics", "sources", "erasures", "events", "exports",
)  # fmt: skip


@pytest.fixture(scope="module")
def session(module_settings, postgres):
    with postgres.database(module_settings), open_session(module_settings) as session:
        yield session


@pytest.fixture(scope="module")
def erased(session, tmp_path_factory):
    """The key of the one review that there was, the versions before it went, and the receipt."""
    bring_in(session, Reviews("acme", WORDS, count=1), tmp_path_factory.mktemp("all"))
    (key,) = own_keys(session, "acme")
    versions = session.snapshots.versions("acme")
    with session.database.jobs() as work:
        assert work.reports.list("acme"), "there was a report of it"
        request = work.report_queue.ask("acme", requested_by="ann")
        wanted = Wanted(author=AUTHOR)
        asked = ask_for(work, session.database.keys, "acme", wanted, requested_by="ann")
    done = eraser_of(session).carry_out("acme", asked.id)
    return {"key": key, "versions": versions, "receipt": done.receipt, "request": request}


@pytest.fixture(scope="module")
def ada(session, erased):  # noqa: ARG001 - afterwards
    """The owner of the tenant, logged in."""
    with session.database.jobs() as work:
        user = work.users.create("ada@example.com", "Ada", PASSWORD)
        work.users.add_membership("acme", user.id, "owner")
    app = create_app(session.settings, session.database)
    with serving(app) as base:
        world = World(
            app, base, session.settings, session.database, session.snapshots, session.objects,
            {"ada": user}, {},
        )  # fmt: skip
        with world.client("ada") as client:
            yield client


def test_nothing_of_the_person_is_left_anywhere(session, erased):
    assert (erased["receipt"]["records"], erased["receipt"]["reviews"]) == (1, 1)
    assert set(erased["receipt"]["searched"].values()) == {0}
    for needle in (NAME, WORDS, "acct-77"):
        assert found_in(session, needle) == set()


def test_the_tables_of_the_lake_hold_no_row_of_the_tenant(session, erased):
    assert erased
    for spec in TABLES.values():
        assert session.lake.read(spec, tenants=["acme"]).frame.collect().is_empty(), spec.name


def test_the_snapshot_is_one_without_reviews_and_there_is_no_report(session, erased):
    with session.database.jobs() as work:
        current = work.snapshots.current("acme")
        reports = work.reports.list("acme")
        request = work.reports.get_request("acme", erased["request"].id)
        due = list(work.ledger.all_due(None, tenants=["acme"]))
    assert session.snapshots.versions("acme") == [current.version]
    assert current.version not in erased["versions"]
    snapshot = session.snapshots.open("acme", current.version)
    for name in snapshot.manifest["tables"]:
        assert snapshot.table(name).is_empty(), name
    assert reports == ()
    assert (request.status, "no review" in request.error.lower()) == ("held", True)
    assert due == []


def test_the_api_answers_that_there_is_nothing(ada, erased):
    for name in ("reviews", "reports", "metrics/topics"):
        assert read(ada, f"{ACME}/{name}")["items"] == []
    for dimension in ("all", "source", "product"):
        assert read(ada, f"{ACME}/metrics", dimension=dimension)["items"] == []
    for chosen in ({}, {"grain": "week"}, {"metric": "average_rating"}, {"source": "shop"}):
        assert read(ada, f"{ACME}/metrics/series", **chosen)["points"] == []
    ratings = read(ada, f"{ACME}/metrics/ratings")["items"]
    assert [rating["count"]["value"] for rating in ratings] == [0] * 5
    for address in (*LISTS, "freshness", "usage"):
        assert ada.get(f"{ACME}/{address}").status_code == 200, address
    assert ada.get(f"{ACME}/reviews/{erased['key']}").status_code == 404
    for version in erased["versions"]:
        assert ada.get(f"{ACME}/reviews", params={"snapshot": version}).status_code == 410


def test_graphql_answers_that_there_is_nothing(ada):
    query = '{ tenant(id: "acme") { reviews { items { text } } reports { items { id } } } }'
    answer = ada.post("/v1/graphql", json={"query": query})
    assert answer.json() == {
        "data": {"tenant": {"reviews": {"items": []}, "reports": {"items": []}}},
        "errors": None,
    }


def test_an_import_begins_anew(session, erased, tmp_path):
    path = tmp_path / "later.csv"
    rows = [row | {"author": f"Somebody {n}", "author_id": f"other-{n}", "text": f"Later on, {n}"}
            for n, row in enumerate(Reviews("acme", "x", count=3).rows())]  # fmt: skip
    pl.DataFrame(rows).write_csv(path)
    work = FileImport.of(session, "acme", path, source="shop")
    landing = work.land()
    work.process(landing)
    assert work.balance(landing).kept == 3
    with session.database.jobs() as database:
        current = database.snapshots.current("acme")
        reports = database.reports.list("acme")
    assert session.snapshots.open("acme", current.version).table("reviews").height == 3
    assert [report.review_count for report in reports] == [3]
    assert current.version not in erased["versions"]
