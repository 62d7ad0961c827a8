"""The annotations of a part of a day, in one commit, with what the ledger and operators count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa

from assets.enrichment.due_batches import DuePart
from resources.engine import Engine
from resources.enrichment.annotated_reviews import Reading, annotate_reviews
from resources.storage.lake import Commit, Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS
from resources.vocabulary import SENTIMENTS, DayRange

SUMMARY_SCHEMA = pl.Schema(
    {
        "day": pl.Date,
        "tenant_id": pl.String,
        "reviews": pl.Int64,
        "languages": pl.Int64,
        **dict.fromkeys(SENTIMENTS, pl.Int64),
        "annotated": pl.Int64,
        "reused": pl.Int64,
        "repeated": pl.Int64,
        "corrected": pl.Int64,
    }
)


@dataclass(frozen=True)
class AnnotatedPart:
    """What annotating some tenants' part of a day did.

    Attributes:
        summary: A row per tenant: its reviews, languages and sentiments, and how many of its texts
            the models read (``annotated``), how many annotations stood in the table (``reused``)
            and how many rows repeat a text (``repeated``): together they are its reviews.
        rows: (tenant, batch) -> annotations written; a batch with none is not there.
        tiers: How many rows each tier of sentiment judged.
        input_version: Version of ``reviews`` that was read.
        commit: The commit that replaced the part in ``review_enrichments``.
    """

    summary: pl.DataFrame
    rows: Mapping[tuple[str, str], int]
    tiers: Counter[str]
    input_version: int
    commit: Commit


def annotate_part(
    engine: Engine, lake: Lake, day: date, part: DuePart, readings: Mapping[str, Reading]
) -> AnnotatedPart:
    """Replace the tenants' part of a day by the annotations of its review versions.

    What the day's table holds already of the same text and the same models is not done again.

    Args:
        engine: What the work runs on.
        lake: Where ``reviews`` is read and ``review_enrichments`` is written.
        day: The ingestion day.
        part: Tenants and their batches.
        readings: Tenant -> what its reviews are read with, of these tenants at least.
    """
    days, version = DayRange.single(day), lake.version(REVIEWS)
    tenants, batches = part.tenants, part.batches
    annotated = annotate_reviews(
        engine,
        engine.read(lake, REVIEWS, days=days, tenants=tenants, batches=batches, version=version),
        engine.read(lake, REVIEW_ENRICHMENTS, days=days, tenants=tenants),
        {tenant: readings[tenant] for tenant in tenants},
    )
    tally = _Tally()
    rows = tally.counted(engine.stream(annotated.rows))
    commit = lake.replace(REVIEW_ENRICHMENTS, rows, day=day, tenants=tenants, batches=batches)
    texts = {row["tenant_id"]: row for row in annotated.texts.to_dicts()}
    summary = [{"day": day, **tally.of(tenant, texts.get(tenant, {}))} for tenant in tenants]
    return AnnotatedPart(
        pl.DataFrame(summary, schema=SUMMARY_SCHEMA), tally.batches, tally.tiers, version, commit
    )


@dataclass
class _Tally:
    """What rows add up to that pass by."""

    batches: Counter[tuple[str, str]] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    _corrected: Counter[str] = field(default_factory=Counter)
    _sentiments: Counter[tuple[str, str]] = field(default_factory=Counter)
    _languages: Counter[tuple[str, str]] = field(default_factory=Counter)

    def counted(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The same rows, counted on their way."""
        return pa.RecordBatchReader.from_batches(rows.schema, self._each(rows))

    def of(self, tenant: str, texts: Mapping[str, int]) -> dict[str, Any]:
        """One tenant's row of the summary, without the day."""
        reviews = sum(rows for (name, _), rows in self.batches.items() if name == tenant)
        different, known = texts.get("texts", 0), texts.get("known", 0)
        return {
            "tenant_id": tenant,
            "reviews": reviews,
            "languages": sum(name == tenant for name, _ in self._languages),
            **{label: self._sentiments[tenant, label] for label in SENTIMENTS},
            "annotated": different - known,
            "reused": known,
            "repeated": reviews - different,
            "corrected": self._corrected[tenant],
        }

    def _each(self, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in rows:
            self._count(pl.DataFrame(batch))
            yield batch

    def _count(self, rows: pl.DataFrame) -> None:
        for counter, column in (
            (self.batches, "batch_id"),
            (self._sentiments, "sentiment"),
            (self._languages, "language"),
        ):
            for tenant, value, count in rows.group_by("tenant_id", column).len().iter_rows():
                counter[tenant, value] += count
        self.tiers.update(rows["tier"].drop_nulls())
        self._corrected.update(rows.filter(pl.col("corrected").list.len() > 0)["tenant_id"])
