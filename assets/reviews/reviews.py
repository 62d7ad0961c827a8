"""``reviews`` and ``rejected_reviews``: one schema and stable keys, or a reason why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl

from assets import preview
from assets.partitions import DAYS, FIRST_DAY, ONE_RUN
from assets.scope import RunScope
from resources.database import Database, StageRecord
from resources.reviews.normalising import known_from, normalise_day
from resources.storage.lake import Commit, Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import DayRange

_COUNTS = ("tenant_id", "collected", "kept", "unchanged", "rejected")
_SCHEMA = pl.Schema(
    {"day": pl.Date, "tenant_id": pl.String, **dict.fromkeys(_COUNTS[1:], pl.Int64)}
)
_NO_COUNTS = pl.DataFrame(schema=_SCHEMA)


@dataclass(frozen=True)
class NormalisedPart:
    """What normalising one day's part for some tenants did.

    Attributes:
        counts: Per tenant ``tenant_id, collected, kept, unchanged, rejected``.
        input_version: Version of ``raw_reviews`` that was read.
        reviews: The commit that replaced the part in ``reviews``.
        rejected: The commit that replaced the part in ``rejected_reviews``.
    """

    counts: pl.DataFrame
    input_version: int
    reviews: Commit
    rejected: Commit


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "reviews",
            deps=["raw_reviews"],
            description=(
                "Every version of every review: one schema, a stable key, ratings on 1 to 5, dates "
                "in UTC. A changed review is a new version; an unchanged one is no new row."
            ),
            group_name="reviews",
            owners=preview.OWNERS,
            kinds={"deltalake", "polars"},
        ),
        dg.AssetSpec(
            "rejected_reviews",
            deps=["raw_reviews"],
            description="Raw rows that cannot be used, each with its reason, field and value.",
            group_name="reviews",
            owners=preview.OWNERS,
            kinds={"deltalake", "polars"},
        ),
    ],
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
)
def normalised_reviews(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    database: dg.ResourceParam[Database],
    scope: RunScope,
) -> Iterator[dg.MaterializeResult[None]]:
    """Normalise the run's days one after the other: each needs the versions seen before it."""
    tenants = scope.collected_tenants(context, lake)
    totals = [_NO_COUNTS]
    for day in scope.days(context).days():
        for group in tenant_groups(lake, day, tenants):
            started = datetime.now(UTC)
            part = normalise_part(lake, day, group)
            with database.jobs() as work:
                work.ledger.record_all(
                    StageRecord(
                        tenant_id=row["tenant_id"],
                        day=day,
                        stage="normalised",
                        rows_in=row["collected"],
                        rows_kept=row["kept"],
                        rows_unchanged=row["unchanged"],
                        rows_rejected=row["rejected"],
                        input_version=part.input_version,
                        table_version=part.reviews.version,
                        run_id=context.run.run_id,
                        started_at=started,
                        finished_at=datetime.now(UTC),
                    )
                    for row in part.counts.iter_rows(named=True)
                )
            totals.append(part.counts.select(pl.lit(day).alias("day"), *_COUNTS).cast(_SCHEMA))
    counts = pl.concat(totals)
    yield _result(lake, "reviews", counts, "kept")
    yield _result(lake, "rejected_reviews", counts, "rejected")


def tenant_groups(
    lake: Lake, day: date, tenants: list[str], *, max_rows: int = 200_000
) -> list[list[str]]:
    """Put tenants together so that a group's raw rows of the day fit in memory with ease.

    Args:
        lake: Where the raw rows are.
        day: The ingestion day.
        tenants: The tenants to group; those without rows that day are left out.
        max_rows: Rows of a group; a tenant with more is a group of its own.
    """
    raw = lake.read(RAW_REVIEWS, days=DayRange.single(day), tenants=tenants).frame
    sizes = raw.group_by("tenant_id").agg(pl.len()).sort("tenant_id").collect()
    groups: list[list[str]] = []
    room = 0
    for tenant, rows in sizes.iter_rows():
        if rows > room:
            groups.append([])
            room = max_rows
        groups[-1].append(tenant)
        room -= rows
    return groups


def normalise_part(lake: Lake, day: date, tenants: list[str]) -> NormalisedPart:
    """Replace the tenants' part of one day in both tables by what the raw rows say.

    The result is a function of the day's raw rows and of the versions first seen on the days before
    it, so doing it twice changes nothing.
    """
    raw = lake.read(RAW_REVIEWS, days=DayRange.single(day), tenants=tenants)
    part = normalise_day(raw.frame, known_from(reviews_before(lake, day, tenants)))
    return NormalisedPart(
        counts=part.counts,
        input_version=raw.version,
        reviews=lake.replace(REVIEWS, part.reviews.to_arrow(), day=day, tenants=tenants),
        rejected=lake.replace(REJECTED_REVIEWS, part.rejected.to_arrow(), day=day, tenants=tenants),
    )


def reviews_before(lake: Lake, day: date, tenants: list[str]) -> pl.LazyFrame:
    """Return the tenants' review versions that were first seen on the days before one day."""
    first = date.fromisoformat(FIRST_DAY)
    days = DayRange(first, max(first, day - timedelta(days=1)))
    return lake.read(REVIEWS, days=days, tenants=tenants).frame.filter(pl.col("day") < day)


def _result(lake: Lake, name: str, counts: pl.DataFrame, column: str) -> dg.MaterializeResult[None]:
    spec = {"reviews": REVIEWS, "rejected_reviews": REJECTED_REVIEWS}[name]
    return dg.MaterializeResult(
        asset_key=name,
        metadata={
            "dagster/row_count": int(counts[column].sum()),
            "table_version": lake.version(spec),
            "preview": preview.table(counts),
        },
    )
