"""How Dagster starts the processes of runs, and how it knows whether one is still there.

Dagster's own launcher never looks again once a run has started: a run whose process was killed kept
its place in the queue for ever. Here every run holds a lease, and the daemon's monitor asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

from pipelines.dead_runs import WHY_DEAD, address_of, holding_lease
from pipelines.run_traces import Steps, traced
from resources.database import leases

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan


class LeasedExecutor(InProcessExecutor):
    """Runs all steps in the run's own process, which holds the run's lease meanwhile."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Execute the plan as Dagster's in-process executor does, as part of its trace."""
        run = plan_context.dagster_run
        with (
            holding_lease(plan_context.instance, run.run_id),
            traced(run.run_id, run.job_name, run.tags) as steps,
        ):
            for event in super().execute(plan_context, execution_plan):
                _tell(steps, event)
                yield event


def _tell(steps: Steps, event: DagsterEvent) -> None:
    if event.step_key is None:
        return
    if event.is_step_start:
        steps.began(event.step_key, time.time())
    elif event.is_step_success or event.is_step_skipped or event.is_step_failure:
        steps.ended(event.step_key, time.time(), failed=event.is_step_failure)


@dg.executor(name="in_process")
def leased_in_process_executor(_: dg.InitExecutorContext) -> LeasedExecutor:
    """All steps in one process: heavy imports are paid for once per run."""
    return LeasedExecutor(retries=RetryMode.ENABLED)


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's launcher, which can also tell whether a run that has started is still at work.

    Named in ``dagster.yaml``; the daemon's run monitoring asks it about every started run.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: the lease tells."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Say whether a started run has a process."""
        url = address_of(self._instance)
        if url is not None and leases.without_process(url, [run.run_id]):
            return CheckRunHealthResult(WorkerStatus.FAILED, WHY_DEAD)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """End a run, also one of the command line, whose process no code server knows."""
        run = self._instance.get_run_by_id(run_id)
        url = address_of(self._instance)
        if run is None or url is None or GRPC_INFO_TAG in run.tags:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        if run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return leases.call_back(url, run_id)
