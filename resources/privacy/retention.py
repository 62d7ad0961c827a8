"""Reviews whose time is over: found by their age, and erased as those of a person are.

A review is as old as the day on which its newest version was written; where its source gave no
date, as the day on which that version came in. What was rejected is as old as the day on which it
came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from resources.database import Erasure, UnitOfWork
from resources.keys import Keys
from resources.privacy.asking import write_down
from resources.privacy.finding import Found
from resources.privacy.subjects import ANY_SOURCE, Marker, Sealer, Wanted
from resources.storage.lake import Lake
from resources.storage.schemas import REJECTED_REVIEWS, REVIEWS

MAX_REVIEWS = 500
"""How many reviews one erasure takes: what it needs to go on with is kept in one row."""

MAX_REJECTED = 5_000
"""How many rejected records it takes beside them."""

REQUESTED_BY = "retention"


@dataclass(frozen=True)
class Overdue:
    """What a tenant keeps no longer, the oldest first.

    Attributes:
        review_keys: Reviews, ``MAX_REVIEWS`` at most.
        rejected: Records that were rejected, ``MAX_REJECTED`` at most.
    """

    review_keys: tuple[str, ...]
    rejected: Found

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not self.review_keys and self.rejected.is_empty


def find_overdue(lake: Lake, tenant_id: str, first_day: date) -> Overdue:
    """Find what is older than the first day that is kept."""
    versions = lake.read(REVIEWS, tenants=[tenant_id]).frame
    newest = versions.group_by("review_key").agg(pl.col("posted_day").sort_by("version").last())
    old = newest.filter(pl.col("posted_day") < first_day).sort("posted_day", "review_key")
    rejected = lake.read(REJECTED_REVIEWS, tenants=[tenant_id]).frame
    rows = rejected.filter(pl.col("day") < first_day).select("day", "batch_id", "record_number")
    records = Found()
    for day, batch, number in rows.sort(pl.all()).head(MAX_REJECTED).collect().iter_rows():
        records.days.add(day)
        records.records.setdefault(batch, set()).add(number)
    return Overdue(tuple(old.head(MAX_REVIEWS).collect()["review_key"]), records)


def ask_for_overdue(
    work: UnitOfWork, lake: Lake, keys: Keys, tenant_id: str, *, today: date
) -> Erasure | None:
    """Ask for the erasure of what a tenant keeps no longer.

    Args:
        work: The transaction.
        lake: Where the reviews are.
        keys: The installation's keys.
        tenant_id: The tenant.
        today: From which day the days are counted back.

    Returns:
        The erasure; None where the tenant keeps all for ever, where nothing is old enough, and
        while an erasure of this kind is open: the next one takes what that one leaves.
    """
    choices, _ = work.tenant_settings.current(tenant_id)
    if choices.retention_days is None:
        return None
    if any(one.kind == "retention" for one in work.erasures.open(tenant_id=tenant_id)):
        return None
    overdue = find_overdue(lake, tenant_id, today - timedelta(days=choices.retention_days))
    if overdue.is_empty:
        return None
    marker = Marker(keys, tenant_id)
    wanted = Wanted(review_keys=overdue.review_keys) if overdue.review_keys else None
    batches = sorted(overdue.rejected.records)
    return write_down(
        work,
        tenant_id,
        kind="retention",
        subject=marker.content(ANY_SOURCE, sorted(overdue.review_keys) or batches),
        sealed=Sealer(keys, tenant_id).seal(
            {
                "wanted": None if wanted is None else wanted.to_dict(),
                "found": overdue.rejected.to_dict(),
            }
        ),
        requested_by=REQUESTED_BY,
    )
