"""What one run is about: which days, and whose reviews.

Every stage asks the scope, so that a run limited to the tenants with something new stays limited
from the first asset to the last, the unpartitioned ones included.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from pydantic import Field

from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REVIEWS
from resources.vocabulary import DayRange

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


class RunScope(dg.ConfigurableResource[None]):
    """The limits of one run, given as run configuration.

    Attributes:
        tenants: The tenants to work for; everyone with rows in the run's days when empty.
        report_requests: Ids of the report requests that this run answers.
        redo: Whether days are done again as a whole, whatever was done of them before.
    """

    tenants: list[str] = Field(default_factory=list)
    report_requests: list[str] = Field(default_factory=list)
    redo: bool = False

    def days(self, context: Context) -> DayRange:
        """Return the run's ingestion days: its partition, its range, or else the last two days."""
        tags = context.run.tags
        today = datetime.now(UTC).date()
        first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or tags.get(PARTITION_NAME_TAG)
        last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or tags.get(PARTITION_NAME_TAG)
        if first is None or last is None:
            return DayRange(today - timedelta(days=1), today)
        return DayRange(date.fromisoformat(first), date.fromisoformat(last))

    def collected_tenants(self, context: Context, lake: Lake) -> list[str]:
        """Return the tenants with raw rows in the run's days, within the run's limits."""
        return self._within_limits(lake.tenants(RAW_REVIEWS, self.days(context)))

    def reviewed_tenants(self, context: Context, lake: Lake) -> list[str]:
        """Return the tenants whose numbers may have moved: those with reviews in the days."""
        present = lake.tenants(REVIEWS, self.days(context))
        return self._within_limits(sorted({*present, *self.tenants}))

    def _within_limits(self, tenants: list[str]) -> list[str]:
        return [tenant for tenant in tenants if not self.tenants or tenant in self.tenants]
