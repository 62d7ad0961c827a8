"""Erasures as the graph carries them out: from the command line, from a sensor, after a restore."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from assets import leftovers
from pipelines.dead_runs import end_dead_runs
from pipelines.launch import dagster_instance, run_for_tenant
from pipelines.session import Session
from resources.database import Erasure
from resources.errors import ReviewGraphError
from resources.keys import Keys
from resources.privacy.erasing import Eraser
from resources.privacy.searching import Installation
from resources.privacy.subjects import Marker, Sealer, Wanted

if TYPE_CHECKING:
    from resources.database import UnitOfWork

MAX_WAIT_SECONDS = 6 * 3600
"""How long an erasure waits for runs that began before it."""

ERASURE_JOB = "erasure_job"
"""The job that carries erasures out; it waits for all other runs, and for none of its own kind."""

_LOOK_SECONDS = 0.5
_TENANT_TAG = "reviewgraph/tenant"


class RunsDoNotEndError(ReviewGraphError):
    """Runs that began before an erasure went on for longer than it waits."""


class InstallationGraph:
    """The graph of an installation, as an erasure needs it.

    Args:
        session: The installation.
        own_run: The run that carries the erasure out, which is not waited for.
    """

    def __init__(self, session: Session, own_run: str | None = None) -> None:
        self._session = session
        self._own_run = own_run

    def wait_for_runs(self, tenant_id: str) -> None:
        """Return once all runs have ended that began before and may hold the tenant's records.

        Raises:
            RunsDoNotEndError: They did not within ``MAX_WAIT_SECONDS``.
        """
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        with dagster_instance(self._session) as instance:
            waited_for = self._under_way(instance, tenant_id)
            while waited_for:
                end_dead_runs(instance)
                waited_for &= self._under_way(instance, tenant_id)
                if not waited_for:
                    return
                if time.monotonic() > deadline:
                    raise RunsDoNotEndError(
                        f"The run {min(waited_for)} does not end. Cancel it in the Dagster UI, "
                        "then run `reviewgraph erase --resume`."
                    )
                time.sleep(_LOOK_SECONDS)

    def count_again(self, tenant_id: str) -> None:
        """Compute facts, marts, snapshot and report of a tenant from the reviews that are left."""
        run_for_tenant(self._session, "publish_job", tenant_id, reason="erasure")

    def write_reports(self, tenant_id: str) -> None:
        """Write the reports that are queued for a tenant."""
        with self._session.database.jobs() as work:
            queued = work.reports.requests("queued", tenant_id=tenant_id)
        if queued:
            run_for_tenant(
                self._session,
                "report_job",
                tenant_id,
                reason="erasure",
                report_requests=[str(request.id) for request in queued],
            )

    def clear_scratch(self) -> list[str]:
        """Delete what ended runs have left in the scratch folder; returns its names."""
        with dagster_instance(self._session) as instance:
            gone = leftovers.sweep(instance, self._session.settings.scratch_path)
        return [path.name for path in gone]

    def _under_way(self, instance: dg.DagsterInstance, tenant_id: str) -> set[str]:
        begun = dg.RunsFilter(
            statuses=[
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
                dg.DagsterRunStatus.CANCELING,
            ]
        )
        return {
            run.run_id
            for run in instance.get_runs(begun)
            if run.run_id != self._own_run
            and run.job_name != ERASURE_JOB
            and run.tags.get(_TENANT_TAG, tenant_id) == tenant_id
        }


def eraser_of(
    session: Session,
    *,
    own_run: str | None = None,
    on_step: Callable[[str], object] = lambda _: None,
) -> Eraser:
    """What carries out the erasures of an installation.

    Args:
        session: The installation.
        own_run: The Dagster run it works in, if it does.
        on_step: Told the name of each step when it is done.
    """
    installation = Installation(
        session.settings, session.database, session.lake, session.snapshots, session.objects
    )
    return Eraser(installation, InstallationGraph(session, own_run), on_step)


def ask_for(
    work: UnitOfWork,
    keys: Keys,
    tenant_id: str,
    wanted: Wanted,
    *,
    requested_by: str,
    suppress: bool = True,
) -> Erasure:
    """Write an erasure down, for whoever carries it out."""
    from resources.privacy.asking import ask

    marker, sealer = Marker(keys, tenant_id), Sealer(keys, tenant_id)
    return ask(
        work, tenant_id, wanted, marker, sealer, requested_by=requested_by, suppress=suppress
    )
