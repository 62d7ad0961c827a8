"""What runs because something happened."""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipelines.jobs import report_job
from resources.database import Database, ReportRequest

# A tick stays well under Dagster's limit of 60 seconds, and one tenant's flood of requests leaves
# room for the others.
REQUESTS_PER_TICK = 20


@dg.sensor(
    job=report_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Answers report requests: one run each, in the order in which they came.",
)
def report_requests(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a run for each queued report request."""
    with database.jobs() as work:
        queued = work.reports.requests("queued", limit=REQUESTS_PER_TICK)
    context.log.debug("%d report requests are queued.", len(queued))
    if queued:
        yield from plan_runs(queued)
    else:
        yield dg.SkipReason("No report is asked for.")


def plan_runs(queued: Sequence[ReportRequest]) -> Iterator[dg.RunRequest]:
    """Return one run request per queued report request.

    A run key works once and for ever, so it holds the attempt: a request that is queued again after
    a failure gets a run of its own.
    """
    for request in queued:
        yield dg.RunRequest(
            run_key=f"{request.id}:{request.attempt}",
            run_config={
                "resources": {
                    "scope": {
                        "config": {
                            "tenants": [request.tenant_id],
                            "report_requests": [str(request.id)],
                        }
                    }
                }
            },
            tags={"reviewgraph/tenant": request.tenant_id},
        )
