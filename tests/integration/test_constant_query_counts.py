"""A longer list costs no more questions: the same statements at ten rows and at a thousand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from resources.database import BatchRecord, ImportBatch, SourceDay, StageRecord
from resources.storage.snapshots import Snapshot
from resources.vocabulary import STAGES
from tests.api_world import read
from tests.counting import statements_of
from tests.published_reviews import review_key, reviews_of, tables_of

ACME = "/v1/tenants/acme"
LISTS = (
    "/sources",
    "/imports",
    "/runs",
    "/freshness",
    "/reports",
    "/topics",
    "/reviews",
    "/metrics?dimension=product",
    "/metrics?dimension=source",
    "/metrics/topics",
    "/metrics/series",
)
FIRST = date(2023, 1, 1)


def fill(world, first, last):
    """Give the tenant rows of every kind, from one number to another."""
    numbers = range(first, last)
    with world.database.jobs() as work:
        for n in numbers:
            work.sources.create("acme", "google_reviews", f"source {n:05}")
            work.imports.record(
                ImportBatch(
                    id=f"file {n}",
                    tenant_id="acme",
                    source="shop",
                    file_name=f"{n}.csv",
                    byte_count=1,
                    record_count=1,
                    day=FIRST,
                    mapping={},
                    landed_at=datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
                )
            )
            work.reports.add_document(
                "acme",
                snapshot_version=world.ids["acme"]["snapshot"],
                title=f"Report {n}",
                review_count=n,
                files=[],
            )
        days = [FIRST + timedelta(days=n) for n in numbers]
        work.source_days.record_all(
            SourceDay(tenant_id="acme", day=day, source=f"source {n:05}", fetched=1)
            for n, day in zip(numbers, days, strict=True)
        )
        work.ledger.record_all(
            StageRecord(tenant_id="acme", day=day, stage=stage) for day in days for stage in STAGES
        )
        work.batches.record_all(
            BatchRecord(
                tenant_id="acme",
                day=FIRST,
                stage="normalised",
                batch_id=f"file {n}",
                source="shop",
                rows_in=1,
                rows_kept=1,
            )
            for n in numbers
        )
    publish(world, last)


def publish(world, count):
    """Publish as many reviews, products and topics as there are rows of everything else."""
    pattern = reviews_of("acme")[7]
    reviews = [
        pattern
        | {
            "review_key": review_key("many", n),
            "product": f"product {n}",
            "source": f"source {n:05}",
            "topics": [f"topic {n}"],
            "topic_reasons": ["so"],
        }
        for n in range(count)
    ]
    made = world.snapshots.publish("acme", tables_of(reviews), {})
    with world.database.jobs() as work:
        work.snapshots.point_to("acme", made.version, path=str(made.path), row_count=count)


@pytest.fixture
def questions_to_snapshots(monkeypatch):
    """Collects what is asked of snapshots."""
    asked = []
    query = Snapshot.query

    def note(self, sql, parameters=None):
        asked.append(sql)
        return query(self, sql, parameters)

    monkeypatch.setattr(Snapshot, "query", note)
    return asked


def test_a_list_of_a_thousand_asks_what_a_list_of_ten_asks(world, ada, questions_to_snapshots):
    counts: list[Counter[str]] = []
    lengths: list[dict[str, int]] = []
    begin = 0
    for end in (10, 1000):
        fill(world, begin, end)
        begin = end
        counts.append(Counter())
        lengths.append({})
        for path in LISTS:
            asked = []
            for _ in range(2):  # now and then a request also looks for new signing keys
                del questions_to_snapshots[:]
                world.app.state.services.answers._answers.clear()
                with statements_of(world.database) as statements:
                    answer = read(ada, f"{ACME}{path}")
                asked.append(len(statements) + len(questions_to_snapshots))
            counts[-1][path] = min(asked)
            lengths[-1][path] = len(answer.get("items") or answer.get("points") or ())
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 14
    for path in ("/sources", "/imports", "/runs", "/reports", "/topics", "/reviews"):
        assert 10 <= lengths[0][path] <= 12, path
        assert lengths[1][path] >= 30, path
