"""What runs because something happened."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pipelines import run_tags
from pipelines.jobs import report_job
from pipelines.run_traces import continuing
from resources.database import Database, ReportRequest, UnitOfWork

# A tick stays well under Dagster's limit of 60 seconds.
MAX_REQUESTS_PER_TICK = 20
# A request whose runs die again and again would else hold its tenant's place for ever.
MAX_RUNS_PER_REQUEST = 3

REQUEST_TAG = "reviewgraph/report_request"


@dg.sensor(
    job=report_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Answers report requests: one run each, the tenants taking turns.",
)
def report_requests(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a run for each report request whose turn it is."""
    with database.jobs() as work:
        _queue_again_what_died(context.instance, work)
        waiting = work.report_queue.in_turn(limit=MAX_REQUESTS_PER_TICK)
        ended = ended_runs(context.instance, waiting)
        for request in waiting:
            if ended[str(request.id)] >= MAX_RUNS_PER_REQUEST:
                _give_up(work, request)
    planned = list(plan_runs(waiting, ended))
    context.log.debug("%d report requests have their turn.", len(planned))
    if planned:
        yield from planned
    else:
        yield dg.SkipReason("No report is asked for.")


def plan_runs(
    waiting: Sequence[ReportRequest], ended: Mapping[str, int]
) -> Iterator[dg.RunRequest]:
    """Return one run request per report request that waits.

    A run key works once and for ever, so it holds how many runs of the request have ended: one
    that waits again, or whose run died before it took the request up, gets a run of its own.

    Args:
        waiting: The requests whose turn it is.
        ended: How many runs of each have ended, by the request's id.
    """
    for request in waiting:
        name = str(request.id)
        if ended.get(name, 0) < MAX_RUNS_PER_REQUEST:
            yield dg.RunRequest(
                run_key=f"{name}:{ended.get(name, 0)}",
                run_config={
                    "resources": {
                        "scope": {
                            "config": {"tenants": [request.tenant_id], "report_requests": [name]}
                        }
                    }
                },
                tags={
                    **run_tags.of(
                        source="sensor", reason="report request", tenants=[request.tenant_id]
                    ),
                    **continuing(request.traceparent),
                    REQUEST_TAG: name,
                    "dagster/max_retries": "0",  # what dies is queued again here
                },
            )


def ended_runs(instance: dg.DagsterInstance, requests: Sequence[ReportRequest]) -> Counter[str]:
    """Return how many runs have ended, well or not, of each request, by its id."""
    if not requests:
        return Counter()
    runs = instance.get_runs(
        dg.RunsFilter(tags={REQUEST_TAG: [str(request.id) for request in requests]})
    )
    return Counter(run.tags[REQUEST_TAG] for run in runs if run.is_finished)


def _queue_again_what_died(instance: dg.DagsterInstance, work: UnitOfWork) -> None:
    """Let requests wait again whose run ended without a word, as one does that is killed."""
    died = [
        request
        for request in work.report_queue.running()
        if (run := instance.get_run_by_id(request.run_id or "")) is None or run.is_finished
    ]
    ended = ended_runs(instance, died)
    for request in died:
        if max(ended[str(request.id)], request.attempt) >= MAX_RUNS_PER_REQUEST:
            _give_up(work, request)
        else:
            work.reports.requeue(request)


def _give_up(work: UnitOfWork, request: ReportRequest) -> None:
    work.report_queue.give_up(
        request,
        f"{MAX_RUNS_PER_REQUEST} runs ended before the report was written. See why in the runs "
        f"with the tag {REQUEST_TAG}={request.id}, then ask again.",
    )
