"""What one tenant may read of the lake, whose tables hold the rows of all.

Snapshots are walled by file: a tenant's folder holds nothing of anybody else. The lake is not, so
here too there are two walls. The lake is asked for the tenant's rows alone, and what comes back is
looked through once more before it is handed on: a row of somebody else is an error and no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from resources.errors import ReviewGraphError
from resources.storage.lake import Lake
from resources.storage.schemas import REJECTED_REVIEWS, REVIEW_ENRICHMENTS, REVIEWS, TableSpec
from resources.vocabulary import DayRange


class ForeignRowsError(ReviewGraphError):
    """The lake gave rows of another tenant than the one that was asked about."""


@dataclass(frozen=True)
class TenantRows:
    """One tenant's rows.

    Attributes:
        lake: Where they are.
        tenant_id: Whose they are.
    """

    lake: Lake
    tenant_id: str

    def rejected(self, batch_id: str, day: date, *, after: int, limit: int) -> pl.DataFrame:
        """Records of a batch that could not be used, by their position in it.

        Args:
            batch_id: The batch.
            day: The day on which it landed.
            after: Only records behind this position; 0 for all.
            limit: How many at most.
        """
        rows = (
            self._read(REJECTED_REVIEWS, days=DayRange.single(day), batch_id=batch_id)
            .filter(pl.col("record_number") > after)
            .bottom_k(limit, by="record_number")
            .sort("record_number")
        )
        return self._own(rows)

    def versions(self, review_key: str) -> pl.DataFrame:
        """Every version of a review with what was said of it, from the first on.

        Columns of ``reviews``, and those of ``review_enrichments`` that it lacks, null where a
        version was never annotated.
        """
        key = pl.col("review_key") == review_key
        annotations = self._read(REVIEW_ENRICHMENTS).filter(key).drop("day", "batch_id")
        versions = (
            self._read(REVIEWS)
            .filter(key)
            .join(annotations, on=["tenant_id", "review_key", "version"], how="left")
            .sort("version")
        )
        return self._own(versions)

    def _read(
        self, spec: TableSpec, *, days: DayRange | None = None, batch_id: str | None = None
    ) -> pl.LazyFrame:
        batches = None if batch_id is None else [batch_id]
        return self.lake.read(spec, days=days, tenants=[self.tenant_id], batches=batches).frame

    def _own(self, rows: pl.LazyFrame) -> pl.DataFrame:
        found = self.lake.collect(rows)
        if not found["tenant_id"].eq(self.tenant_id).all():
            raise ForeignRowsError(
                f"The lake gave rows of other tenants when asked about {self.tenant_id}. Nothing "
                "of them was handed on. Report this: it is a fault of ReviewGraph."
            )
        return found
