"""Runs of the graph in the calling process, recorded in the same Dagster instance as all others.

The command line uses this for imports, backfills and the demo: the run shows in the Dagster UI with
its events and metadata, and needs no daemon.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import interrupts, run_tags
from pipelines.complaints import keep_complaints
from pipelines.dead_runs import holding_lease
from pipelines.run_traces import Steps, continuing, traced
from pipelines.session import Session
from resources.errors import ReviewGraphError
from resources.metrics.compiling import prepare_marts
from resources.settings import PROJECT_ROOT
from resources.telemetry import spans
from resources.vocabulary import DayRange, utc_today

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

_STATEMENT_MILLISECONDS = 120_000
_RECYCLE_SECONDS = 3600
_MAX_ERRORS = 3
_MAX_LINES = 8


class RunFailedError(ReviewGraphError):
    """A run of the graph failed; the message names the step and its error.

    Attributes:
        details: What only a developer can use, such as the traceback of the step.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class StepEvent:
    """A step of a run started or ended.

    Attributes:
        step: Name of the asset or check.
        state: ``started``, ``done``, ``failed``, or ``skipped`` because nothing was new.
        seconds: Duration, for a step that is done.
        failed_check: Name of an asset check that did not pass, if this is one.
    """

    step: str
    state: str
    seconds: float = 0.0
    failed_check: str | None = None


def prepare_environment(session: Session) -> dict[str, str]:
    """Make Dagster's home, compile the marts, and return the variables that its processes need."""
    prepare_marts()
    home = session.settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    _copy_whole(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
    return {
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        # A range of days writes two events a day; in batches that is twenty times faster.
        "DAGSTER_EVENT_BATCH_SIZE": "1000",
        "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
        "REVIEWGRAPH_DAGSTER_URL": session.database.dagster_url,
        "REVIEWGRAPH_HOME": str(session.settings.home),
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
    }


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a small file so that nobody ever reads half of it: commands may start side by side."""
    content = source.read_bytes()
    if target.exists() and target.read_bytes() == content:
        return
    draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
    draft.write_bytes(content)
    draft.replace(target)


def run_days(
    session: Session,
    days: DayRange,
    tenants: Sequence[str] = (),
    *,
    redo: bool = False,
    reason: str = "days asked for",
    on_event: Callable[[StepEvent], None] = lambda _: None,
    resources: dict[str, Any] | None = None,
) -> str:
    """Run the daily job over a range of days, in order, as one run.

    Args:
        session: The installation.
        days: The ingestion days.
        tenants: The tenants to work for; everyone with rows in those days when empty.
        redo: Whether to do the days again as a whole, whatever was done of them before.
        reason: Why the run is made, as its tags say it, for example ``import of reviews.csv``.
        on_event: Told of each step as it starts and ends.
        resources: Resources to replace, by name.

    Returns:
        The run's id.

    Raises:
        RunFailedError: A step failed or a blocking check did not pass.
    """
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
    )

    tags = {
        ASSET_PARTITION_RANGE_START_TAG: days.first.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: days.last.isoformat(),
    }
    tags |= run_tags.of_command("daily_job", reason, days, tenants)
    scope = {"scope": {"config": {"tenants": list(tenants), "redo": redo}}}
    return _execute(
        session,
        "daily_job",
        resource_config=scope,
        tags=tags,
        on_event=on_event,
        resources=resources,
    )


def run_for_tenant(
    session: Session,
    job_name: str,
    tenant_id: str,
    *,
    reason: str,
    report_requests: Sequence[str] = (),
) -> str:
    """Run a job that is not about days for one tenant.

    Args:
        session: The installation.
        job_name: ``publish_job`` or ``report_job``.
        tenant_id: The tenant.
        reason: Why the run is made, as its tags say it.
        report_requests: Ids of the report requests that it answers.

    Returns:
        The run's id.

    Raises:
        RunFailedError: A step failed.
    """
    config = {"tenants": [tenant_id], "report_requests": list(report_requests)}
    today = DayRange.single(utc_today())
    return _execute(
        session,
        job_name,
        resource_config={"scope": {"config": config}},
        tags=run_tags.of_command(job_name, reason, today, [tenant_id]),
        on_event=lambda _: None,
        resources=None,
    )


def _execute(
    session: Session,
    job_name: str,
    *,
    resource_config: dict[str, Any],
    tags: dict[str, str],
    on_event: Callable[[StepEvent], None],
    resources: dict[str, Any] | None,
) -> str:
    run_id = str(uuid.uuid4())
    tags = {**tags, **continuing(spans.current_traceparent())}
    errors: list[str] = []
    details: list[str] = []
    with (
        _browser_ready(session),
        dagster_instance(session) as instance,
        holding_lease(instance, run_id),
        _cancelled_by_signals(instance, run_id),
        traced(run_id, job_name, tags, session.settings) as steps,
    ):
        from pipelines.definitions import build_definitions

        definitions = build_definitions(
            session.settings, **{**session.resources, **(resources or {})}
        )

        def listen(event: dg.EventLogEntry) -> None:
            told = _step_event(event)
            if told is not None:
                on_event(told)
                _trace(steps, told, event.timestamp)
            error = _error_of(event)
            if error is not None:
                errors.append(_sentence_of(event.step_key, error))
                details.append(error.to_string())

        instance.add_event_listener(run_id, listen)
        with keep_complaints() as complaints:
            result = definitions.resolve_job_def(job_name).execute_in_process(
                instance=instance,
                run_id=run_id,
                run_config={"resources": resource_config, "loggers": _quiet()},
                # No daemon can try again what it did not start; the same command can.
                tags={**tags, "dagster/max_retries": "0"},
                raise_on_error=False,
            )
    if not result.success:
        raise RunFailedError(
            "\n".join(errors[:_MAX_ERRORS]) or f"The run {run_id} failed.",
            "\n".join([*details, *complaints]),
        )
    return run_id


@contextmanager
def _browser_ready(session: Session) -> Iterator[None]:
    """Let the browser that will print the reports start while the run works towards them."""
    from resources.reporting.html import rehearsal_page
    from resources.reporting.printing import start_early

    with start_early(session.settings.chromium, rehearsal_page):
        yield


@contextmanager
def _cancelled_by_signals(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run as cancelled, whatever it is doing just then."""

    def cancel() -> None:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceling(run, message=interrupts.SENTENCE)

    def cancelled() -> None:
        run = instance.get_run_by_id(run_id)
        if run is not None and (not run.is_finished or _was_interrupted(run)):
            instance.report_run_canceled(run, interrupts.SENTENCE)

    with interrupts.obeyed(cancel, cancelled):
        yield


def _was_interrupted(run: dg.DagsterRun) -> bool:
    """Whether Dagster ended a run as failed because the signal came before the cancellation."""
    from dagster._core.events import RunFailureReason
    from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG

    reason = run.tags.get(RUN_FAILURE_REASON_TAG)
    return run.is_failure and reason == RunFailureReason.UNEXPECTED_TERMINATION.value


@contextmanager
def dagster_instance(session: Session) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance whose storage is the installation's PostgreSQL."""
    os.environ.update(prepare_environment(session))
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        # Dagster opens a connection for every statement unless it is told to keep one: a run writes
        # hundreds of events, and connecting takes longer than writing them.
        instance.optimize_for_webserver(
            statement_timeout=_STATEMENT_MILLISECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            max_overflow=20,
        )
        yield instance


def _quiet() -> dict[str, Any]:
    return {"console": {"config": {"log_level": "CRITICAL"}}}


def _step_event(event: dg.EventLogEntry) -> StepEvent | None:
    from dagster import DagsterEventType

    step = event.step_key
    if not event.is_dagster_event or step is None:
        return None
    dagster_event = event.get_dagster_event()
    match event.dagster_event_type:
        case DagsterEventType.STEP_START:
            return StepEvent(step, "started")
        case DagsterEventType.STEP_SUCCESS:
            milliseconds = dagster_event.step_success_data.duration_ms
            return StepEvent(step, "done", milliseconds / 1000)
        case DagsterEventType.STEP_FAILURE | DagsterEventType.STEP_SKIPPED as kind:
            has_failed = kind is DagsterEventType.STEP_FAILURE
            return StepEvent(step, "failed" if has_failed else "skipped")
        case DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = dagster_event.asset_check_evaluation_data
            if not evaluation.passed:
                return StepEvent(step, "failed", failed_check=evaluation.check_name)
    return None


def _trace(steps: Steps, told: StepEvent, at: float) -> None:
    if told.state == "started":
        steps.began(told.step, at)
    elif told.failed_check is None:
        steps.ended(told.step, at, failed=told.state == "failed")


def _error_of(event: dg.EventLogEntry) -> SerializableErrorInfo | None:
    """The error of a step that failed."""
    from dagster import DagsterEventType

    if event.dagster_event_type != DagsterEventType.STEP_FAILURE:
        return None
    return event.get_dagster_event().step_failure_data.error


def _sentence_of(step: str | None, error: SerializableErrorInfo) -> str:
    """What the innermost cause says, without the statement and the values that a driver adds."""
    while error.cause is not None:
        error = error.cause
    said = error.message.partition("\n[SQL:")[0].strip()
    lines = said.splitlines()[:_MAX_LINES]
    return f"The step {step} failed: " + "\n".join(lines)
