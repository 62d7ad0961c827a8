"""Every way in, through the real asset: what lands where, once, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from assets.clock import Clock
from assets.scope import RunScope
from pipelines.definitions import UnknownResourceError, build_definitions, build_resources
from pipelines.file_import import FileImport
from pipelines.session import Session
from resources.collection.arrivals import Arrival, MislabelledBatchError, collect_day
from resources.collection.dataforseo.collecting import DataForSEOCollector
from resources.collection.port import CollectedBatch, SourceFailure
from resources.errors import ReviewGraphError
from resources.sandbox.dataforseo import DataForSEOSandbox
from resources.sandbox.world import generate_world
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange, utc_today

TODAY = date(2026, 7, 2)
YESTERDAY = TODAY - timedelta(days=1)


def batch(day, number=1, *, tenant_id="acme", source="inbox", texts=("Good.",), **told):
    """A batch such as any collector may bring."""
    batch_id = f"{source}-{number}"
    rows = [
        {
            "day": day,
            "tenant_id": tenant_id,
            "source": source,
            "batch_id": batch_id,
            "record_number": position,
            "received_at": datetime(2026, 7, 2, 9, tzinfo=UTC),
            "text": text,
            "payload": "{}",
        }
        for position, text in enumerate(texts, start=1)
    ]
    return CollectedBatch(
        tenant_id=tenant_id,
        source=source,
        day=day,
        batch_id=batch_id,
        rows=pa.Table.from_pylist(rows, RAW_REVIEWS.schema),
        receipt=batch_id,
        **told,
    )


@dataclass
class Inbox:
    """A collector over a list: what a program posted and nobody has taken yet."""

    entries: list[tuple[str, ...]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    asked_for: list[date] = field(default_factory=list)
    name: str = "inbox"

    def collect(self, day, **_):
        self.asked_for.append(day)
        for number, texts in enumerate(self.entries, start=1):
            brought = batch(day, number, texts=texts, claimed_count=7)
            if brought.receipt not in self.taken:
                yield brought

    def landed(self, batch):
        self.taken.append(batch.receipt)


@pytest.fixture
def lake(settings):
    return Lake.from_settings(settings)


@pytest.fixture
def tenant(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    return "acme"


@pytest.fixture
def materialise(settings, database, lake):
    """Materialise a partition of ``raw_reviews`` on an ephemeral instance, on any day."""

    def run(day, *collectors, today=TODAY, resources=None):
        definitions = build_definitions(
            settings,
            database=database,
            lake=lake,
            collectors=collectors,
            clock=Clock(today),
            **(resources or {}),
        )
        asset = definitions.get_assets_def("raw_reviews")
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [asset],
                instance=instance,
                partition_key=day.isoformat(),
                resources={
                    name: definitions.resources[name]
                    for name in ("lake", "database", "collectors", "clock", "scope")
                },
            )
            (event,) = result.asset_materializations_for_node("raw_reviews")
        return event.metadata

    return run


def shown(table):
    """The rows of a table in a materialization's metadata."""
    return [record.data for record in table.value.records]


def collected_batches(database, tenant_id):
    """The batches that count as used today, those without rows included."""
    with database.jobs() as work:
        entries = work.usage.of_tenant(tenant_id, (TODAY, TODAY))
    return {entry.subject for entry in entries if entry.kind == "reviews_collected"}


def rows_of(lake, day=None):
    days = None if day is None else DayRange.single(day)
    return lake.read(RAW_REVIEWS, days=days).frame.collect()


def test_what_an_unknown_collector_brings_lands_through_the_asset(
    materialise, lake, database, tenant
):
    inbox = Inbox([("Good.", "Bad."), ("Fine.",)])
    told = materialise(TODAY, inbox)
    rows = rows_of(lake, TODAY).sort("batch_id", "record_number")
    assert rows["text"].to_list() == ["Good.", "Bad.", "Fine."]
    assert inbox.taken == ["inbox-1", "inbox-2"]
    assert told["dagster/row_count"].value == 3
    assert [(row["batch_id"], row["rows"]) for row in shown(told["batches"])] == [
        ("inbox-1", 2),
        ("inbox-2", 1),
    ]
    assert [(row["collector"], row["records"]) for row in shown(told["asked"])] == [
        ("inbox", 2),
        ("inbox", 1),
    ]
    with database.jobs() as work:
        (line,) = work.ledger.for_tenant(tenant)
        (source,) = work.source_days.for_tenant(tenant)
        usage = work.usage.of_tenant(tenant, (TODAY, TODAY))
    assert (line.stage, line.rows_in, line.rows_kept) == ("collected", 3, 3)
    assert (source.source, source.fetched, source.claimed) == ("inbox", 3, 7)
    assert {(one.kind, one.subject, one.quantity) for one in usage} == {
        ("reviews_collected", "inbox-1", 2),
        ("reviews_collected", "inbox-2", 1),
    }


def test_a_rerun_lands_nothing_again_and_uses_nothing_again(materialise, lake, database, tenant):
    inbox = Inbox([("Good.", "Bad.")])
    materialise(TODAY, inbox)
    inbox.taken.clear()  # as if killed before it was told
    told = materialise(TODAY, inbox)
    assert len(rows_of(lake)) == 2
    assert [row["trouble"] for row in shown(told["asked"])] == [f"landed before on {TODAY}"]
    with database.jobs() as work:
        assert len(work.usage.of_tenant(tenant, (TODAY, TODAY))) == 1


@pytest.mark.usefixtures("tenant")
def test_only_the_partition_of_the_current_day_asks(materialise, lake):
    inbox = Inbox([("Good.",)])
    told = materialise(YESTERDAY, inbox, today=TODAY)
    assert inbox.asked_for == []
    assert "asked" not in told
    assert rows_of(lake).is_empty()
    materialise(TODAY, inbox, today=TODAY)
    assert inbox.asked_for == [TODAY]


@pytest.mark.usefixtures("tenant")
def test_yesterdays_partition_is_the_same_whenever_it_is_rerun(materialise, lake):
    inbox = Inbox([("Good.",)])
    materialise(YESTERDAY, inbox, today=YESTERDAY)
    before = rows_of(lake, YESTERDAY)
    inbox.entries.append(("Written today.",))
    told = materialise(YESTERDAY, inbox, today=TODAY)
    assert rows_of(lake, YESTERDAY).equals(before)
    assert told["dagster/row_count"].value == 1
    materialise(TODAY, inbox, today=TODAY)
    assert rows_of(lake, TODAY)["text"].to_list() == ["Written today."]
    assert rows_of(lake, YESTERDAY).equals(before)


def test_a_batch_landed_yesterday_and_not_noted_is_recorded_for_yesterday(lake, database, tenant):
    lake.append(RAW_REVIEWS, batch(YESTERDAY).rows, batches=["inbox-1"])  # then it was killed
    (arrival,) = collect_day([Inbox([("Good.",)])], TODAY, lake=lake, database=database)
    assert (arrival.day, arrival.is_new) == (YESTERDAY, False)
    with database.jobs() as work:
        (line,) = work.ledger.for_tenant(tenant)
    assert (line.day, line.rows_in) == (YESTERDAY, 1)
    assert rows_of(lake, TODAY).is_empty()


def test_a_collector_that_fails_does_not_hold_up_the_others(lake, database, tenant):
    class Broken(Inbox):
        def collect(self, *_, **__):
            yield SourceFailure(tenant_id=tenant, source="shop", reason="It is closed.")
            raise ReviewGraphError("The vendor does not answer.")

    outcomes = []
    asked = collect_day([Broken(), Inbox([("Good.",)])], TODAY, lake=lake, database=database)
    with pytest.raises(ReviewGraphError, match="does not answer"):
        outcomes.extend(outcome for outcome in asked)
    assert [outcome.sentence for outcome in outcomes] == [
        "acme/shop: It is closed.",
        "acme/inbox: 1 records for 0.00000 USD.",
    ]


@pytest.mark.usefixtures("tenant")
def test_rows_of_another_tenant_are_refused_before_they_land(lake, database):
    class Confused(Inbox):
        def collect(self, day, **_):
            told = batch(day)
            yield CollectedBatch(
                tenant_id="acme",
                source="inbox",
                day=day,
                batch_id=told.batch_id,
                rows=batch(day, tenant_id="bolt").rows,
            )

    with pytest.raises(MislabelledBatchError, match="tenant_id acme, but rows in it say bolt"):
        list(collect_day([Confused()], TODAY, lake=lake, database=database))
    assert rows_of(lake).is_empty()


def test_an_answer_without_rows_costs_what_it_cost(lake, database, tenant):
    class Vendor(Inbox):
        def collect(self, day, **_):
            yield batch(day, texts=(), cost_usd=0.00075, task_id="t", claimed_count=0)

    (arrival,) = collect_day([Vendor()], TODAY, lake=lake, database=database)
    assert isinstance(arrival, Arrival)
    with database.jobs() as work:
        usage = {one.kind: one for one in work.usage.of_tenant(tenant, (TODAY, TODAY))}
        (source,) = work.source_days.for_tenant(tenant)
    assert float(usage["vendor_cost"].cost_usd) == 0.00075
    assert usage["reviews_collected"].quantity == 0
    assert (source.fetched, source.claimed) == (0, 0)


def test_imported_files_are_shown_by_the_day_they_landed_on(
    materialise, settings, database, tmp_path, tenant
):
    path = tmp_path / "july.csv"
    path.write_text("review_id,text,rating\n1,Good shoes and fast delivery,5\n2,Never again,1\n")
    session = Session(settings, database)
    FileImport.of(session, tenant, path, source="shop", day=YESTERDAY).land()
    told = materialise(YESTERDAY, Inbox([("Good.",)]))
    (row,) = shown(told["batches"])
    assert (row["file"], row["bytes"], row["rows"]) == ("july.csv", path.stat().st_size, 2)
    assert told["dagster/row_count"].value == 2
    with database.jobs() as work:
        (line,) = work.ledger.for_tenant(tenant)
        (source,) = work.source_days.for_tenant(tenant)
        (entry,) = work.usage.of_tenant(tenant, (YESTERDAY, YESTERDAY))
    assert (line.day, line.rows_in) == (YESTERDAY, 2)
    assert (source.source, source.fetched, source.claimed) == ("shop", 2, None)
    assert (entry.kind, entry.quantity) == ("reviews_collected", 2)


@pytest.fixture
def vendor(tmp_path, settings, database):
    """DataForSEO's sandbox over a small world, its first tenant's places as sources."""
    manifest = generate_world(tmp_path / "world", reviews=200, tenants=1, end_day=YESTERDAY)
    told = pl.read_json(tmp_path / "world" / manifest.tenants[0].id / "tenant.json").to_dicts()[0]
    with database.jobs() as work:
        work.tenants.create(told["id"], told["name"])
        for one in told["sources"]:
            work.sources.create(told["id"], one["kind"], one["name"], one["config"])
    sandbox = DataForSEOSandbox(tmp_path / "world")
    with sandbox.running() as address:
        asked = settings.model_copy(
            update={
                "dataforseo_url": address,
                "dataforseo_login": "sandbox",
                "dataforseo_password": type(settings.secret_key)("sandbox"),
            }
        )
        yield sandbox, DataForSEOCollector(asked, database), told


def test_the_vendor_is_asked_once_a_day_and_what_was_left_open_arrives_today(
    materialise, lake, database, vendor
):
    sandbox, collector, told = vendor
    # The run of yesterday was killed when the tasks were bought and nothing had landed.
    list(collector.collect(YESTERDAY))
    count = len(told["sources"])
    assert len(sandbox.desk.tasks) == count
    materialise(YESTERDAY, collector, today=TODAY)
    assert len(sandbox.desk.tasks) == count, "yesterday's partition buys nothing today"
    assert rows_of(lake).is_empty()
    asked = shown(materialise(TODAY, collector, today=TODAY)["asked"])
    assert len(sandbox.desk.tasks) == 2 * count, "today's partition asks each source once"
    assert set(rows_of(lake)["day"]) == {TODAY}
    assert len(collected_batches(database, told["id"])) == 2 * count
    assert {row["source"] for row in asked} == {source["name"] for source in told["sources"]}
    materialise(TODAY, collector, today=TODAY)
    assert len(sandbox.desk.tasks) == 2 * count
    with database.jobs() as work:
        spent = sum(one.cost_usd for one in work.usage.totals(told["id"], (TODAY, TODAY)))
        sources = work.source_days.for_day(TODAY)
    assert float(spent) == pytest.approx(sandbox.desk.charged_usd)
    assert len(sources) == count
    assert all(one.fetched == 2 * one.claimed for one in sources), "two tasks found all there is"


def test_overriding_a_resource_reaches_everything_built_on_it(settings, database, lake):
    built = build_resources(settings, {"lake": lake, "database": database})
    assert built["lake"] is lake
    assert all(collector.database is database for collector in built["collectors"])
    other = settings.model_copy(update={"dataforseo_login": "someone"})
    built = build_resources(settings, {"settings": other})
    assert [one.settings.dataforseo_login for one in built["collectors"]] == ["someone"]
    assert built["database"] is not database


def test_an_override_of_nothing_is_refused(settings):
    with pytest.raises(UnknownResourceError, match="collector"):
        build_definitions(settings, collector=object())


def test_the_clock_runs_until_it_is_stopped():
    assert Clock().today() == utc_today()
    assert Clock(YESTERDAY).today() == YESTERDAY
    assert RunScope().tenants == []
