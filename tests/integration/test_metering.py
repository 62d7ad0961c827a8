"""What is analysed over the API is counted, once, without waiting for the database."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import NullPool, create_engine, text

from resources.vocabulary import utc_today
from serving_api.analysis.metering import Meter


@pytest.fixture
def meter(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
        work.tenants.create("bolt", "Bolt")
    meter = Meter(database, seconds=3600)
    yield meter
    meter.close()


def used(database, tenant):
    with database.jobs() as work:
        totals = work.usage.totals(tenant, (utc_today(), utc_today()))
    return sum(total.quantity for total in totals if total.kind == "texts_analyzed")


def test_counts_of_many_requests_become_one_entry_of_each_tenant(database, meter):
    threads = [
        threading.Thread(target=lambda: [meter.count("acme", 2) for _ in range(500)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    meter.count("bolt", 1)
    assert used(database, "acme") == 0
    meter.flush()
    meter.flush()
    assert (used(database, "acme"), used(database, "bolt")) == (8000, 1)
    with database.jobs() as work:
        assert len(work.usage.of_tenant("acme", (utc_today(), utc_today()))) == 1


def test_what_could_not_be_written_is_written_later_and_once(database, meter):
    engine = create_engine(database.owner_url, poolclass=NullPool)
    meter.count("acme", 3)
    with engine.begin() as connection:
        connection.execute(
            text("alter table reviewgraph.usage_entries rename to usage_entries_away")
        )
    meter._try_to_flush()
    meter.count("acme", 4)
    with engine.begin() as connection:
        connection.execute(
            text("alter table reviewgraph.usage_entries_away rename to usage_entries")
        )
    meter.flush()
    meter.flush()
    assert used(database, "acme") == 7


def test_the_last_counts_are_written_at_the_end(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
    meter = Meter(database, seconds=3600)
    meter.count("acme", 5)
    meter.close()
    assert used(database, "acme") == 5


def test_texts_are_counted_as_they_are_analysed_and_refused_beyond_the_plan(world):
    app = world.app
    with world.database.jobs() as work:
        work.tenants.set_plan("brava", "team", limits={"analyzed_texts_per_month": 5})
    with world.client("bob") as bob:
        before = used(world.database, "brava")
        first = bob.post("/v1/analyze", json={"texts": ["Good.", "Bad.", "Late."]})
        assert first.status_code == 200, first.text
        assert bob.post("/v1/analyze", json={"texts": [3]}).status_code == 422
        app.state.meter.flush()
        assert used(world.database, "brava") - before == 3
        assert bob.post("/v1/analyze", json={"texts": ["Good.", "Bad."]}).status_code == 200
        refused = bob.post("/v1/analyze", json={"texts": ["One more."]})  # none is written yet
        assert refused.status_code == 403
        assert refused.json()["type"].endswith("limit-reached")
        usage = bob.get("/v1/tenants/brava/usage").json()
    limits = {one["name"]: one for one in usage["limits"]}
    assert limits["analyzed_texts_per_month"]["limit"] == 5
    assert usage["plan_name"] == "Team"
    app.state.meter.flush()
    with world.client("bob") as bob:
        after = bob.get("/v1/tenants/brava/usage").json()
        assert {"kind": "texts_analyzed", "unit": "text", "quantity": 5} in after["entries"]
        features = bob.get("/v1/tenants/brava/features")
        assert features.json() == {"items": []}
