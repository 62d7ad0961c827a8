"""The port through which reviews come in: what a collector is, and what it brings.

A vendor's client, the API's inbox and a crawler are collectors. A collector knows how to get
records, and what became of its own dealings: tasks bought, entries taken from an inbox. It does not
know the lake: what it brings is landed and recorded in one place, ``collection.arrivals``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class CollectedBatch:
    """Records of one source that arrived together, to be landed exactly once.

    Attributes:
        tenant_id: Whose reviews these are.
        source: The reviews' source, as the tenant named it.
        day: The ingestion day (UTC) that they land on.
        batch_id: The same whenever the same records are brought again; unique in the lake.
        rows: With the schema of ``raw_reviews``, all of this tenant, source, day and batch; empty
            when the source had nothing.
        task_id: The vendor's name for what was bought, None where nothing was.
        cost_usd: What the batch cost, in US dollars.
        claimed_count: Reviews that the source says it has, None where it does not say.
        receipt: What the collector knows the batch by when it is told that it has landed.
    """

    tenant_id: str
    source: str
    day: date
    batch_id: str
    rows: pa.Table
    task_id: str | None = None
    cost_usd: float = 0.0
    claimed_count: int | None = None
    receipt: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceFailure:
    """A source from which nothing came; the others are not held up by it.

    Attributes:
        tenant_id: Whose source it is.
        source: Its name.
        reason: Why, in a sentence.
        code: The vendor's status code, None where there is none.
    """

    tenant_id: str
    source: str
    reason: str
    code: int | None = None


class Collector(Protocol):
    """One way in. Any number of them serve ``raw_reviews``."""

    @property
    def name(self) -> str:
        """What people call it, for example ``dataforseo``."""

    def collect(
        self, day: date, *, tenants: Collection[str], run_id: str | None
    ) -> Iterable[CollectedBatch | SourceFailure]:
        """Ask every active source once for an ingestion day, and bring what earlier days left open.

        It is called for the current day only, any number of times. A source that has answered for
        the day is not asked again; what was brought and not landed is brought again, under the same
        batch id.

        Args:
            day: The ingestion day (UTC), on which everything that is brought lands.
            tenants: Only these tenants; all when empty.
            run_id: The Dagster run, None outside of one.

        Yields:
            Batches as they come, and the sources that failed.

        Raises:
            ReviewGraphError: Nothing can be collected at all.
        """

    def landed(self, batch: CollectedBatch) -> None:
        """Take note that a batch is in the lake and recorded; it need not be brought again."""
