"""Which batches of a day are still to be normalised, and whether the whole day has to be.

A batch that came later is normalised alone if the outcome is the one that the whole day would give.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import narwhals as nw

from resources.database import BatchRecord
from resources.engine import Engine
from resources.reviews.normalising import BatchCounts, SharedReadings, is_of_these_rules
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange

MAX_ROWS = 200_000


@dataclass(frozen=True)
class LandedBatch:
    """A batch as it lies in ``raw_reviews``.

    Attributes:
        tenant_id: Whose rows these are.
        batch_id: The batch.
        source: Where its rows come from.
        rows: How many there are.
        first: When the first of them was received.
        last: When the last of them was received.
    """

    tenant_id: str
    batch_id: str
    source: str
    rows: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class TenantDay:
    """What is to be done of one tenant's day.

    Attributes:
        tenant_id: The tenant.
        new: The batches to normalise.
        done: The records of those that stay as they are; none when the day is done as a whole.
    """

    tenant_id: str
    new: tuple[LandedBatch, ...]
    done: tuple[BatchRecord, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all batches of the day are done."""
        return not self.done

    @property
    def rows(self) -> int:
        """Raw rows to read."""
        return sum(batch.rows for batch in self.new)

    def shares_names_with(self, other: TenantDay) -> bool:
        """Whether a batch that one of them does has the name of one that the other keeps."""
        new, others = ({batch.batch_id for batch in one.new} for one in (self, other))
        done, kept = ({record.batch_id for record in one.done} for one in (self, other))
        return bool(new & kept or others & done)

    def among(self, counts: Mapping[tuple[str, str], BatchCounts]) -> SharedReadings:
        """How the new batches are read beside those that stay.

        Args:
            counts: (tenant, batch) -> what it leaves open.
        """
        return SharedReadings(
            [record.fingerprint for record in self.done],
            [counts.get((self.tenant_id, batch.batch_id), {}) for batch in self.new],
        )

    def as_whole(self, landed: Sequence[LandedBatch]) -> TenantDay:
        """The same day with everything that has landed to be done."""
        return replace(self, new=tuple(landed), done=())


@dataclass(frozen=True)
class Part:
    """Some tenants' part of a day, normalised together in one commit of each table.

    Attributes:
        day: The ingestion day.
        tenants: What is to be done of each tenant.
    """

    day: date
    tenants: tuple[TenantDay, ...]

    @property
    def names(self) -> list[str]:
        """The tenants' ids."""
        return [tenant.tenant_id for tenant in self.tenants]

    @property
    def batches(self) -> list[str] | None:
        """The batches to do; None when the tenants' days are done as a whole."""
        if all(tenant.is_whole for tenant in self.tenants):
            return None
        return [batch.batch_id for tenant in self.tenants for batch in tenant.new]

    @property
    def done(self) -> list[str]:
        """The batches of the day that stay as they are."""
        return [record.batch_id for tenant in self.tenants for record in tenant.done]


def landed_batches(
    engine: Engine, lake: Lake, day: date, tenants: Collection[str]
) -> dict[str, list[LandedBatch]]:
    """The batches that tenants received on a day, by tenant."""
    raw = engine.read(lake, RAW_REVIEWS, days=DayRange.single(day), tenants=tenants)
    moment = nw.col("received_at")
    grouped = raw.group_by("tenant_id", "batch_id", "source").agg(
        nw.len().alias("rows"), moment.min().alias("first"), moment.max().alias("last")
    )
    names = ("tenant_id", "batch_id", "source", "rows", "first", "last")
    found: dict[str, list[LandedBatch]] = {}
    for row in engine.collect(grouped.select(*names)).sort_by("batch_id").to_pylist():
        found.setdefault(row["tenant_id"], []).append(LandedBatch(**row))
    return dict(sorted(found.items()))


def due_batches(
    landed: Sequence[LandedBatch],
    records: Sequence[BatchRecord],
    *,
    is_trusted: bool,
    base_changed_at: datetime | None,
) -> TenantDay | None:
    """Say what is to be done of one tenant's day, as far as its batches' names and times tell.

    Whether the open values of the batches that stay are read as before is not looked at here.

    Args:
        landed: All batches of the tenant's day, at least one.
        records: Those of them that were normalised.
        is_trusted: Whether the records count: the day ended well, and nobody wants it done again.
        base_changed_at: When the tenant's reviews of earlier days last changed.

    Returns:
        None when nothing is to be done.
    """
    tenant = landed[0].tenant_id
    whole = TenantDay(tenant, tuple(landed))
    done = {record.batch_id: record for record in records}
    there = {batch.batch_id: batch for batch in landed}
    stays = all(
        record.batch_id in there
        and record.rows_in == there[record.batch_id].rows
        and is_of_these_rules(record.fingerprint)
        and (base_changed_at is None or _finished(record) >= base_changed_at)
        for record in records
    )
    if not records or not is_trusted or not stays:
        return whole
    new = [batch for batch in landed if batch.batch_id not in done]
    if not new:
        return None
    if not _come_after(new, [batch for batch in landed if batch.batch_id in done]):
        return whole
    return TenantDay(tenant, tuple(new), tuple(records))


def in_parts(day: date, tenants: Iterable[TenantDay], *, max_rows: int = MAX_ROWS) -> list[Part]:
    """Put tenants together so that a part's rows are few enough for one commit.

    Args:
        day: The ingestion day.
        tenants: What is to be done of each.
        max_rows: Rows of a part; a tenant with more is a part of its own.
    """
    parts: list[Part] = []
    every = sorted(tenants, key=lambda one: one.tenant_id)
    for is_whole in (True, False):
        group: list[TenantDay] = []
        for tenant in (one for one in every if one.is_whole == is_whole):
            rows = sum(one.rows for one in group) + tenant.rows
            if group and (rows > max_rows or any(tenant.shares_names_with(one) for one in group)):
                parts.append(Part(day, tuple(group)))
                group = []
            group.append(tenant)
        if group:
            parts.append(Part(day, tuple(group)))
    return parts


def _come_after(new: Sequence[LandedBatch], done: Sequence[LandedBatch]) -> bool:
    """Whether the new batches' rows all count after those of the same source that are done."""
    last: dict[str, tuple[datetime, str]] = {}
    for batch in done:
        place = (batch.last, batch.batch_id)
        last[batch.source] = max(last.get(batch.source, place), place)
    return all(
        batch.source not in last or (batch.first, batch.batch_id) > last[batch.source]
        for batch in new
    )


def _finished(record: BatchRecord) -> datetime:
    if record.finished_at is None:  # cannot be: what is kept has been given its time
        raise ValueError(record)
    return record.finished_at
