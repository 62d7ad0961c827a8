"""What of an installation cannot be read, and what makes it again.

Reviews, annotations and facts are functions of the raw rows, and snapshots of those, so a run makes
them again. Raw rows are what the sources sent: nothing but a backup brings them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from resources.database import SnapshotRecord, UnitOfWork
from resources.storage.lake_damage import DamagedFile, LakeDamagedError, trouble_of
from resources.storage.places import is_address
from resources.storage.schemas import RAW_REVIEWS, TABLES
from resources.storage.snapshot_files import table_path
from resources.storage.snapshots import (
    SnapshotDamagedError,
    SnapshotMissingError,
    SnapshotStore,
)
from resources.vocabulary import DayRange, Stage

if TYPE_CHECKING:
    from pipelines.session import Session
    from resources.storage.lake import Lake

STAGE_OF_TABLE: dict[str, Stage] = {
    "raw_reviews": "collected",
    "reviews": "normalised",
    "rejected_reviews": "normalised",
    "review_enrichments": "enriched",
    "daily_facts": "counted",
    "daily_label_facts": "counted",
}
"""The stage that writes each table of the lake."""


def lake_damage(
    lake: Lake, *, days: DayRange | None = None, thorough: bool = False
) -> list[DamagedFile]:
    """The damaged files of all tables; arguments as for ``Lake.damage``."""
    return [
        file for spec in TABLES.values() for file in lake.damage(spec, days=days, thorough=thorough)
    ]


def snapshot_trouble(snapshots: SnapshotStore, location: str, record: SnapshotRecord) -> str | None:
    """Say what is wrong with a published snapshot; None when nothing seems to be.

    One at an address is only looked up, not fetched.

    Args:
        snapshots: The snapshots.
        location: Where they are.
        record: The snapshot.
    """
    if is_address(location):
        there = record.version in snapshots.versions(record.tenant_id)
        return None if there else f"its snapshot {record.version[:12]} is missing"
    try:
        snapshot = snapshots.open(record.tenant_id, record.version)
    except SnapshotMissingError:
        return f"its snapshot {record.version[:12]} is missing"
    except SnapshotDamagedError as error:
        return str(error)
    for name, entry in snapshot.manifest["tables"].items():
        path = table_path(snapshot.path, name)
        what = trouble_of(path, entry["bytes"])
        if what is not None:
            return f"the file {path} of its snapshot is damaged: {what}"
    return None


def require_readable(damage: Sequence[DamagedFile], days: DayRange) -> None:
    """See that a run of some days can read what it needs and make again what it cannot.

    Raises:
        LakeDamagedError: Raw rows of the days are damaged, or other days have to be made again
            before these.
    """
    for file in damage:
        if file.table == RAW_REVIEWS.name and file.day and days.first <= file.day <= days.last:
            raise LakeDamagedError(
                f"{file.sentence} It holds what the sources sent on {file.day}, which cannot be "
                "made again: put the file back from a backup, then run the same command again."
            )
    earlier = [file for file in damage if file.day is not None and file.table != RAW_REVIEWS.name]
    outside = [file for file in earlier if not days.first <= (file.day or days.first) <= days.last]
    if outside:
        raise LakeDamagedError(f"{outside[0].sentence} {next_step(outside)}")


def next_step(damage: Iterable[DamagedFile]) -> str:
    """Say which command makes damaged files again."""
    raw = [file for file in damage if file.table == RAW_REVIEWS.name]
    if raw:
        return "Raw rows cannot be made again: put the file back from a backup."
    days = sorted(file.day for file in damage if file.day is not None)
    if not days:
        return "Next: reviewgraph status --due, which names the command that counts it again."
    return f"Next, to make it again: reviewgraph backfill --from {days[0]} --to {days[-1]}"


def take_out(session: Session, damage: Sequence[DamagedFile]) -> None:
    """Take the rows of damaged files out of their tables, and note that they have to be made again.

    The note comes first: a process that is killed in between leaves a day that is due.

    Args:
        session: The installation.
        damage: Files of tables that can be made again.
    """
    with session.database.jobs() as work:
        last = work.ledger.last_days()
        for file in damage:
            for tenant, day in concerned_by(work, file, last):
                work.ledger.fail(tenant, day, STAGE_OF_TABLE[file.table], file.sentence)
    for file in damage:
        session.lake.drop(TABLES[file.table], file)


def concerned_by(
    work: UnitOfWork, file: DamagedFile, last: Mapping[str, date]
) -> list[tuple[str, date]]:
    """The tenants and days whose rows a damaged file held.

    Args:
        work: A transaction that sees the tenants.
        file: The file.
        last: The last day of which each tenant has a record: counting it makes its facts again.
    """
    if file.day is not None:
        tenants = {record.tenant_id for record in work.ledger.for_day(file.day)}
        return [(tenant, file.day) for tenant in sorted(tenants)]
    if file.tenant_id is None or file.tenant_id not in last:
        return []
    return [(file.tenant_id, last[file.tenant_id])]
