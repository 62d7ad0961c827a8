"""One day's batches to reviews and rejections in the lake: what came since, or the whole day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from assets.partitions import FIRST_DAY
from resources.database import Database, StageRecord
from resources.engine import Engine
from resources.reviews.due_batches import (
    LandedBatch,
    Part,
    TenantDay,
    due_batches,
    in_parts,
    landed_batches,
)
from resources.reviews.normalising import (
    BatchCounts,
    Group,
    Reading,
    count_open_values,
    normalise,
)
from resources.storage.lake import Commit, Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import DayRange


@dataclass(frozen=True)
class NormalisedPart:
    """What normalising some tenants' part of a day did.

    Attributes:
        part: What was done.
        counts: As ``NormalisedRows.counts``.
        open_values: (tenant, batch) -> what the batch leaves open.
        input_version: Version of ``raw_reviews`` that was read.
        reviews: The commit that replaced the part in ``reviews``.
        rejected: The commit that replaced the part in ``rejected_reviews``.
    """

    part: Part
    counts: pl.DataFrame
    open_values: Mapping[tuple[str, str], BatchCounts]
    input_version: int
    reviews: Commit
    rejected: Commit


@dataclass(frozen=True)
class DayPlan:
    """What is to be done of a day.

    Attributes:
        parts: The parts to normalise, each with what its batches leave open.
        settled: The ledger's records of tenants of whom nothing is to be done.
    """

    parts: tuple[tuple[Part, Mapping[tuple[str, str], BatchCounts]], ...]
    settled: tuple[StageRecord, ...]


def plan_day(
    engine: Engine,
    lake: Lake,
    database: Database,
    day: date,
    tenants: Sequence[str],
    *,
    redo: bool = False,
) -> DayPlan:
    """Say which batches of a day are to be normalised.

    Args:
        engine: What raw rows are counted with.
        lake: Where they are.
        database: Where it stands what was done.
        day: The ingestion day.
        tenants: Whose reviews.
        redo: Whether to do everything again.
    """
    landed = landed_batches(engine, lake, day, tenants)
    names = list(landed)
    with database.jobs() as work:
        records = work.batches.of_days("normalised", (day, day), names)
        changed = work.batches.last_done_before("normalised", day, names)
        ledger = {
            record.tenant_id: record
            for record in work.ledger.for_day(day)
            if record.stage == "normalised" and record.status == "done"
        }
    due = [
        due_batches(
            landed[tenant],
            [record for record in records if record.tenant_id == tenant],
            is_trusted=tenant in ledger and not redo,
            base_changed_at=changed.get(tenant),
        )
        for tenant in names
    ]
    todo = [one for one in due if one is not None]
    open_values = _open_values(engine, lake, day, todo)
    checked = [_with_old_readings(one, landed[one.tenant_id], open_values) for one in todo]
    again = [one for one, before in zip(checked, todo, strict=True) if one is not before]
    open_values |= _open_values(engine, lake, day, again)
    busy = {one.tenant_id for one in todo}
    return DayPlan(
        parts=tuple((part, open_values) for part in in_parts(day, checked)),
        settled=tuple(record for name, record in ledger.items() if name in set(names) - busy),
    )


def normalise_part(
    engine: Engine, lake: Lake, part: Part, open_values: Mapping[tuple[str, str], BatchCounts]
) -> NormalisedPart:
    """Replace the tenants' part of one day in both tables by what the raw rows say.

    The result is a function of the part's raw rows and of the versions first seen before them, so
    doing it twice changes nothing.
    """
    day, tenants, batches = part.day, part.names, part.batches
    days = DayRange.single(day)
    version = lake.version(RAW_REVIEWS)
    raw = engine.read(
        lake, RAW_REVIEWS, days=days, tenants=tenants, batches=batches, version=version
    )
    done = normalise(engine, raw, _reviews_before(engine, lake, part), _readings(part, open_values))
    return NormalisedPart(
        part=part,
        counts=done.counts,
        open_values=open_values,
        input_version=version,
        reviews=lake.replace(
            REVIEWS, engine.stream(done.reviews), day=day, tenants=tenants, batches=batches
        ),
        rejected=lake.replace(
            REJECTED_REVIEWS,
            engine.stream(done.rejected),
            day=day,
            tenants=tenants,
            batches=batches,
        ),
    )


def normalise_whole(
    engine: Engine, lake: Lake, day: date, tenants: Sequence[str]
) -> list[NormalisedPart]:
    """Normalise a day of some tenants as a whole, whatever was done before."""
    landed = landed_batches(engine, lake, day, tenants)
    whole = [TenantDay(tenant, tuple(batches)) for tenant, batches in landed.items()]
    open_values = _open_values(engine, lake, day, whole)
    return [normalise_part(engine, lake, part, open_values) for part in in_parts(day, whole)]


def _readings(
    part: Part, open_values: Mapping[tuple[str, str], BatchCounts]
) -> dict[Group, Reading]:
    readings: dict[Group, Reading] = {}
    for tenant in part.tenants:
        readings |= tenant.among(open_values).by_group
    return readings


def _with_old_readings(
    tenant: TenantDay,
    landed: Sequence[LandedBatch],
    open_values: Mapping[tuple[str, str], BatchCounts],
) -> TenantDay:
    """The tenant's day, as a whole where its new batches change how the others are read."""
    return tenant if tenant.among(open_values).keep_the_old else tenant.as_whole(landed)


def _open_values(
    engine: Engine, lake: Lake, day: date, tenants: Sequence[TenantDay]
) -> dict[tuple[str, str], BatchCounts]:
    if not tenants:
        return {}
    raw = engine.read(
        lake,
        RAW_REVIEWS,
        days=DayRange.single(day),
        tenants=[tenant.tenant_id for tenant in tenants],
        batches=[batch.batch_id for tenant in tenants for batch in tenant.new],
    )
    return count_open_values(engine, raw)


def _reviews_before(engine: Engine, lake: Lake, part: Part) -> nw.LazyFrame[Any]:
    """The tenants' review versions that were first seen before the part's rows."""
    first = date.fromisoformat(FIRST_DAY)
    earlier = DayRange(first, max(first, part.day - timedelta(days=1)))
    before = engine.read(lake, REVIEWS, days=earlier, tenants=part.names)
    before = before.filter(nw.col("day") < part.day)
    if not part.done:
        return before
    same_day = engine.read(
        lake,
        REVIEWS,
        days=DayRange.single(part.day),
        tenants=part.names,
        batches=part.done,
    )
    return nw.concat([before, same_day], how="vertical")
