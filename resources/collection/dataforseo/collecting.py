"""DataForSEO as a collector: the tenants' active sources, asked through one session."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from resources.collection.dataforseo.client import DataForSEOClient
from resources.collection.dataforseo.google_reviews import (
    KIND,
    GoogleReviewsCollector,
    note_landed,
)
from resources.collection.port import CollectedBatch, SourceFailure
from resources.database import Database, Source
from resources.settings import Settings

# The sandbox answers within a second; the vendor within a minute at the best.
_FIRST_WAIT_SECONDS = {True: 0.2, False: 10.0}


@dataclass(frozen=True)
class DataForSEOCollector:
    """Asks DataForSEO for the active sources' reviews.

    Attributes:
        settings: Address and credentials; with no login set, nothing is asked.
        database: Where sources and tasks are.
    """

    settings: Settings
    database: Database

    @property
    def name(self) -> str:
        """What people call it."""
        return "dataforseo"

    def collect(
        self,
        day: date,
        *,
        tenants: Collection[str] = (),
        run_id: str | None = None,  # noqa: ARG002 - tasks are bought for a day, whichever run asks
    ) -> Iterator[CollectedBatch | SourceFailure]:
        """Collect each active source once for a day, and the tasks that earlier days left open.

        Args:
            day: The ingestion day.
            tenants: Only these tenants; all when empty.
            run_id: The Dagster run.

        Yields:
            A batch per finished task; then the sources that failed or are not finished.

        Raises:
            DataForSEOError: Nothing can be collected: credentials, funds, limits, no answer.
        """
        sources = [one for one in self._sources() if not tenants or one.tenant_id in tenants]
        login, password = self.settings.dataforseo_login, self.settings.dataforseo_password
        if not sources or login is None or password is None:
            return
        with DataForSEOClient(
            self.settings.dataforseo_url, login, password.get_secret_value()
        ) as client:
            is_local = self.settings.dataforseo_url.startswith("http://127.0.0.1")
            reviews = GoogleReviewsCollector(
                client, self.database.jobs, first_wait=_FIRST_WAIT_SECONDS[is_local]
            )
            yield from reviews.collect(sources, day)
            yield from reviews.failures
            yield from reviews.unfinished

    def landed(self, batch: CollectedBatch) -> None:
        """Note that the rows of a task are in the lake."""
        note_landed(self.database.jobs, batch)

    def _sources(self) -> tuple[Source, ...]:
        """The sources of tenants whose plan leaves room for what they bring."""
        with self.database.jobs() as work:
            return tuple(
                source
                for source in work.sources.active(KIND)
                if work.limits.has_room(source.tenant_id, "reviews_per_month")
            )
