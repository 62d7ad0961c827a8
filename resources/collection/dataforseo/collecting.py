"""A day's vendor reviews of all tenants: asked for, landed exactly once, written to the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from resources.collection.dataforseo.client import DataForSEOClient
from resources.collection.dataforseo.google_reviews import (
    KIND,
    CollectedTask,
    GoogleReviewsCollector,
)
from resources.collection.day_totals import note_collected
from resources.database import Database, Source
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS

# The sandbox answers within a second; the vendor within a minute at the best.
_FIRST_WAIT_SECONDS = {True: 0.2, False: 10.0}


@dataclass(frozen=True)
class CollectionReport:
    """What asking one source came to.

    Attributes:
        tenant_id: Whose source it is.
        source: Its name.
        records: Rows landed.
        cost_usd: What its task cost.
        trouble: Why nothing came, null when all went well.
    """

    tenant_id: str
    source: str
    records: int
    cost_usd: float
    trouble: str | None = None

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        if self.trouble:
            return f"{self.tenant_id}/{self.source}: {self.trouble}"
        return (
            f"{self.tenant_id}/{self.source}: {self.records} records for {self.cost_usd:.5f} USD."
        )


@dataclass(frozen=True)
class DataForSEOCollector:
    """Asks DataForSEO for the active sources' reviews.

    Attributes:
        settings: Address and credentials; with no login set, nothing is asked.
        database: Where sources, tasks and the ledger are.
        lake: Where the rows land.
    """

    settings: Settings
    database: Database
    lake: Lake

    def collect_day(
        self, day: date, *, tenants: Collection[str] = (), run_id: str | None = None
    ) -> list[CollectionReport]:
        """Collect each active source once for a day, whatever earlier runs had begun.

        Args:
            day: The ingestion day.
            tenants: Only these tenants; all when empty.
            run_id: The Dagster run, for the ledger.

        Returns:
            One report per source that was asked or that failed.

        Raises:
            DataForSEOError: Nothing can be collected: credentials, funds, limits, no answer.
        """
        sources = [one for one in self._sources() if not tenants or one.tenant_id in tenants]
        login, password = self.settings.dataforseo_login, self.settings.dataforseo_password
        if not sources or login is None or password is None:
            return []
        with DataForSEOClient(
            self.settings.dataforseo_url, login, password.get_secret_value()
        ) as client:
            is_local = self.settings.dataforseo_url.startswith("http://127.0.0.1")
            collector = GoogleReviewsCollector(
                client, self.database.jobs, first_wait=_FIRST_WAIT_SECONDS[is_local]
            )
            reports = [
                self._land(collector, task, day, run_id) for task in collector.collect(sources, day)
            ]
        return [
            *reports,
            *(
                CollectionReport(failure.tenant_id, failure.source, 0, 0.0, failure.reason)
                for failure in collector.failures
            ),
            *(
                CollectionReport("", tag, 0, 0.0, "not finished; the next run collects it")
                for tag in collector.unfinished
            ),
        ]

    def _sources(self) -> tuple[Source, ...]:
        with self.database.jobs() as work:
            return work.sources.active(KIND)

    def _land(
        self, collector: GoogleReviewsCollector, task: CollectedTask, day: date, run_id: str | None
    ) -> CollectionReport:
        """Land a task's rows, then note it: killed in between, it is landed again as a no-op."""
        if task.rows.num_rows:
            self.lake.append(RAW_REVIEWS, task.rows, batches=[task.batch_id])
        with self.database.jobs() as work:
            note_collected(work, self.lake, task.tenant_id, day, run_id=run_id)
        collector.landed(task)
        return CollectionReport(task.tenant_id, task.source, task.rows.num_rows, task.cost_usd)
