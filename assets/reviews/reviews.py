"""``reviews`` and ``rejected_reviews``: one schema and stable keys, or a reason why not."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from assets import catalogue, preview
from assets.damage import damage_named
from assets.partition_rows import NOTHING_NEW, describe_days
from assets.partitions import DAYS, ONE_RUN
from assets.reviews.normalising import NormalisedPart, normalise_part, plan_day
from assets.scope import RunScope
from resources.database import (
    BatchOutcome,
    Database,
    DayOutcome,
    SourceDay,
    SourceOutcome,
    StageRecord,
    StageRecorder,
    UnitOfWork,
)
from resources.engine import open_engine
from resources.reviews.normalising import to_fingerprint
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import DayRange

_CODE = ("assets/reviews", "resources/reviews", "resources/values")
_COUNTS = ("tenant_id", "collected", "kept", "unchanged", "rejected")
_SOURCE_COUNTS = ("new", "changed", "unchanged", "rejected", "gone")
_SCHEMA = pl.Schema(
    {"day": pl.Date, "tenant_id": pl.String, **dict.fromkeys(_COUNTS[1:], pl.Int64)}
)
_NO_COUNTS = pl.DataFrame(schema=_SCHEMA)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "reviews",
            deps=["raw_reviews"],
            description=(
                "Every version of every review: one schema, a stable key, ratings on 1 to 5, dates "
                "in UTC. A changed review is a new version; an unchanged one is no new row."
            ),
            kinds={"deltalake", "polars"},
            **catalogue.entry("reviews", *_CODE, table=REVIEWS),
        ),
        dg.AssetSpec(
            "rejected_reviews",
            deps=["raw_reviews"],
            description="Raw rows that cannot be used, each with its reason, field and value.",
            kinds={"deltalake", "polars"},
            **catalogue.entry("reviews", *_CODE, table=REJECTED_REVIEWS),
        ),
    ],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def normalised_reviews(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    settings: dg.ResourceParam[Settings],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None]]:
    """Normalise the run's days one after the other: each needs the versions seen before it."""
    tenants = scope.collected_tenants(context, lake)
    totals = [_NO_COUNTS]
    with damage_named(lake), open_engine(settings) as engine:
        for day in scope.days(context).days():
            recorder = StageRecorder("normalised", context.run.run_id)
            plan = plan_day(engine, lake, database, day, tenants, redo=scope.redo)
            keep_settled(database, recorder, lake.version(RAW_REVIEWS), plan.settled)
            for part, open_values in plan.parts:
                recorder = StageRecorder("normalised", context.run.run_id)
                done = normalise_part(engine, lake, part, open_values)
                with database.jobs() as work:
                    recorder.record(work, outcomes_of(done, work))
                counts = done.counts.group_by("tenant_id").agg(pl.col(_COUNTS[1:]).sum())
                totals.append(counts.select(pl.lit(day).alias("day"), *_COUNTS).cast(_SCHEMA))
    counts = pl.concat(totals).sort("day", "tenant_id")
    days = scope.days(context)
    rejected = rejected_rows(lake, days, tenants)
    describe_days(context, lake, REVIEWS, days, lambda day: _described(_of_day(counts, day)))
    describe_days(
        context, lake, REJECTED_REVIEWS, days, lambda day: _rejections(_of_day(rejected, day))
    )
    yield dg.MaterializeResult(asset_key="reviews")
    yield dg.MaterializeResult(asset_key="rejected_reviews")


def outcomes_of(done: NormalisedPart, work: UnitOfWork) -> Iterator[DayOutcome]:
    """Say for the ledger what normalising a part did of each tenant's day.

    Args:
        done: The part.
        work: The transaction that it is recorded in.
    """
    day = done.part.day
    for tenant in done.part.tenants:
        counts = done.counts.filter(pl.col("tenant_id") == tenant.tenant_id)
        # What the batches before gave their sources stands: these are added to it.
        before = (
            () if tenant.is_whole else work.source_days.for_tenant(tenant.tenant_id, (day, day))
        )
        yield DayOutcome(
            tenant_id=tenant.tenant_id,
            day=day,
            table_version=done.reviews.version,
            input_version=done.input_version,
            is_whole=tenant.is_whole,
            batches=[
                BatchOutcome(
                    batch_id=row["batch_id"],
                    source=row["source"],
                    rows_in=row["collected"],
                    rows_kept=row["kept"],
                    rows_unchanged=row["unchanged"],
                    rows_rejected=row["rejected"],
                    fingerprint=to_fingerprint(
                        done.open_values.get((tenant.tenant_id, row["batch_id"]), {})
                    ),
                )
                for row in counts.iter_rows(named=True)
            ],
            sources=list(_sources(counts, {known.source: known for known in before})),
        )


def _sources(counts: pl.DataFrame, before: Mapping[str, SourceDay]) -> Iterator[SourceOutcome]:
    """Say of each source what its rows were, beside what its earlier batches were."""
    new = pl.col("kept") - pl.col("changed") - pl.col("gone")
    sums = counts.with_columns(new=new).group_by("source").agg(pl.col(_SOURCE_COUNTS).sum())
    for row in sums.iter_rows(named=True):
        known = before.get(row["source"])
        numbers = {name: row[name] + (getattr(known, name, 0) or 0) for name in _SOURCE_COUNTS}
        yield SourceOutcome(source=row["source"], **numbers)


def keep_settled(
    database: Database, recorder: StageRecorder, version: int, settled: Iterable[StageRecord]
) -> None:
    """Note that tenants of whom nothing was to be done have seen the newest rows as well."""
    with database.jobs() as work:
        recorder.record(
            work,
            (
                DayOutcome(
                    tenant_id=record.tenant_id,
                    day=record.day,
                    table_version=record.table_version,
                    input_version=version,
                    model_versions=record.model_versions,
                    cost_usd=record.cost_usd,
                )
                for record in settled
            ),
        )


def rejected_rows(lake: Lake, days: DayRange, tenants: list[str]) -> pl.DataFrame:
    """List rejected rows without what customers wrote: no values, and no reasons that quote them.

    Returns:
        Columns ``day, tenant_id, source, batch_id, record_number, reason_code, field``, in this
        order.
    """
    columns = ("day", "tenant_id", "source", "batch_id", "record_number", "reason_code", "field")
    rejected = lake.read(REJECTED_REVIEWS, days=days, tenants=tenants).frame
    return rejected.select(columns).sort(columns).collect()


def _of_day(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    return rows.filter(pl.col("day") == day)


def _described(counts: pl.DataFrame) -> dict[str, Any]:
    """What the run did of a day."""
    if counts.is_empty():
        return {"this_run": NOTHING_NEW}
    said = ", ".join(f"{counts[name].sum():,} {name}" for name in _COUNTS[1:])
    return {"this_run": said, "preview": preview.table(counts)}


def _rejections(rows: pl.DataFrame) -> dict[str, Any]:
    """The rejected rows of a day, and how many there are for each reason."""
    by_reason = rows.group_by("tenant_id", "reason_code", "field").agg(pl.len().alias("rows"))
    by_reason = by_reason.sort("rows", "tenant_id", "reason_code", descending=[True, False, False])
    return {"by_reason": preview.table(by_reason), "preview": preview.table(rows)}
