"""What runs because published numbers cannot be read any more: they are counted again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

from pipelines import run_tags
from pipelines.damage import snapshot_trouble
from pipelines.jobs import publish_job
from resources.database import Database, SnapshotRecord
from resources.settings import Settings
from resources.storage.snapshots import SnapshotStore

# A look at one snapshot takes under a millisecond in a folder and some twenty at an address; a tick
# stays well under Dagster's limit of 60 seconds, and the next one goes on where it ended.
MAX_LOOKED_AT = 1_000
MAX_TENANTS_OF_A_RUN = 50


@dg.sensor(
    job=publish_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes again what was published and cannot be read: missing or damaged files.",
)
def unreadable_snapshots(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    snapshots: dg.ResourceParam[SnapshotStore],
    settings: dg.ResourceParam[Settings],
) -> dg.RunRequest | dg.SkipReason:
    """Request a run for the tenants whose current snapshot cannot be read."""
    busy = dg.RunsFilter(job_name=publish_job.name, statuses=[*IN_PROGRESS_RUN_STATUSES])
    if context.instance.get_runs(busy, limit=1):
        return dg.SkipReason("A run that publishes again is under way.")
    with database.jobs() as work:
        looked_at = in_turn(work.snapshots.currents(), context.cursor)
    context.update_cursor(looked_at[-1].tenant_id if looked_at else "")
    lost = [
        record
        for record in looked_at
        if snapshot_trouble(snapshots, settings.snapshots_location, record) is not None
    ]
    if not lost:
        return dg.SkipReason("What is published can be read.")
    return plan_repair(lost[:MAX_TENANTS_OF_A_RUN], datetime.now(UTC))


def in_turn(records: Sequence[SnapshotRecord], after: str | None) -> list[SnapshotRecord]:
    """Return the records to look at now: as many as a tick bears, from behind the last one on.

    Args:
        records: The current snapshots, by tenant.
        after: The tenant that was looked at last.
    """
    later = [record for record in records if record.tenant_id > (after or "")]
    earlier = records[: len(records) - len(later)]
    return [*later, *earlier][:MAX_LOOKED_AT]


def plan_repair(lost: Sequence[SnapshotRecord], now: datetime) -> dg.RunRequest:
    """Return the run that publishes snapshots again.

    A run key works once and for ever. It holds the hour, so that what a run could not mend is tried
    again, and not every minute.

    Args:
        lost: The snapshots that cannot be read.
        now: The present moment.
    """
    tenants = [record.tenant_id for record in lost]
    named = " ".join(f"{record.tenant_id}/{record.version}" for record in lost)
    digest = blake2b(named.encode(), digest_size=8).hexdigest()
    return dg.RunRequest(
        run_key=f"{digest}:{now:%Y-%m-%dT%H}",
        run_config={"resources": {"scope": {"config": {"tenants": tenants}}}},
        tags=run_tags.of(
            source="sensor", reason="published numbers cannot be read", tenants=tenants
        ),
    )
