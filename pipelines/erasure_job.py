"""The job and the sensor that carry out what was asked for through the API, or was interrupted."""

import uuid
from collections.abc import Iterator

import dagster as dg

from pipelines import run_tags
from pipelines.erasing import ERASURE_JOB, eraser_of
from pipelines.retention import forget_old_reviews_of
from pipelines.run_processes import leased_in_process_executor
from pipelines.run_traces import continuing
from pipelines.session import Session
from resources.database import Database
from resources.settings import Settings

MAX_RUNS_PER_ERASURE = 5
"""After so many attempts somebody has to look why it does not end."""

ERASURE_TAG = "reviewgraph/erasure"


class ErasureConfig(dg.Config):
    """Which erasure a run carries out.

    Attributes:
        tenant: Whose reviews.
        erasure: The erasure's id.
    """

    tenant: str
    erasure: str


@dg.op
def erase(
    context: dg.OpExecutionContext,
    config: ErasureConfig,
    database: dg.ResourceParam[Database],
    settings: dg.ResourceParam[Settings],
) -> None:
    """Carry out one erasure, or go on with it; its receipt stands in the database."""
    session = Session(settings, database)
    eraser = eraser_of(session, own_run=context.run.run_id, on_step=context.log.info)
    done = eraser.carry_out(config.tenant, uuid.UUID(config.erasure), run_id=context.run.run_id)
    context.log.info("%d places in the receipt.", len(done.receipt.get("erased", {})))
    if done.kind == "retention":  # one erasure takes only so many reviews
        forget_old_reviews_of(session, config.tenant)


@dg.job(
    name=ERASURE_JOB,
    executor_def=leased_in_process_executor,
    description=(
        "Erases a person's reviews, or those whose time is over, everywhere, counts again, and "
        "searches every place."
    ),
    tags={"dagster/max_retries": "0"},
)
def erasure_job() -> None:
    """One erasure."""
    erase()


@dg.sensor(
    job=erasure_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Carries out erasures that were asked for, and goes on with those that were cut.",
)
def erasure_requests(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a run for each erasure that waits and that nobody works on."""
    with database.jobs() as work:
        waiting = work.erasures.open()
    planned = 0
    for erasure in waiting:
        name = str(erasure.id)
        runs = context.instance.get_runs(dg.RunsFilter(tags={ERASURE_TAG: name}))
        if len(runs) >= MAX_RUNS_PER_ERASURE or any(not run.is_finished for run in runs):
            continue
        planned += 1
        yield dg.RunRequest(
            run_key=f"{name}:{len(runs)}",
            run_config={
                "ops": {"erase": {"config": {"tenant": erasure.tenant_id, "erasure": name}}}
            },
            tags={
                **run_tags.of(source="sensor", reason="erasure", tenants=[erasure.tenant_id]),
                **continuing(erasure.traceparent),
                ERASURE_TAG: name,
            },
        )
    if not planned:
        yield dg.SkipReason("No erasure waits.")
