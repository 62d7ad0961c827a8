"""Runs whose process is gone: found by their leases, ended, and their places given to others.

The daemon looks every few seconds (through ``WatchedRunLauncher``), and so does every command when
it opens the installation: nobody waits behind a run that was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resources.database import leases

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.session import Session

WHY_DEAD = (
    "The process of this run ended before the run did: it was killed, or its machine stopped. "
    "What its stages had finished is kept, and the next run of these days does the rest."
)


def end_dead_runs_of(session: Session) -> tuple[str, ...]:
    """End the runs of an installation that have no process any more; return their ids.

    Costs one query unless there is such a run.
    """
    if not leases.begun_and_free(session.database.owner_url):
        return ()
    from pipelines.launch import dagster_instance

    with dagster_instance(session) as instance:
        return end_dead_runs(instance)


def end_dead_runs(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """End the runs of a Dagster instance that have no process any more; return their ids.

    A run that waits in the queue, or that the daemon is just starting, has no process yet and is
    left alone: for those Dagster has limits of its own.
    """
    import dagster as dg

    url = address_of(instance)
    if url is None:
        return ()
    begun = {run.run_id: run for run in _begun(instance)}
    ended = []
    for run_id in sorted(leases.without_process(url, begun)):
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:  # meanwhile
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, WHY_DEAD)
        else:
            instance.report_run_failed(run, WHY_DEAD)
        ended.append(run_id)
    return tuple(ended)


@contextmanager
def holding_lease(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the lease of a run while the block lasts, and stop when somebody ends the run.

    An instance that does not keep its runs in PostgreSQL is nobody's but this process's own, and
    there is nothing to hold.
    """
    url = address_of(instance)
    if url is None:
        yield
        return
    from pipelines.interrupts import interrupt_this_process

    with leases.held(url, run_id, when_ended=interrupt_this_process):
        yield


def address_of(instance: dg.DagsterInstance) -> str | None:
    """Where an instance keeps its runs; None if that is not a PostgreSQL."""
    return getattr(instance.run_storage, "postgres_url", None)


def _begun(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    from dagster import DagsterRunStatus, RunsFilter

    # A run of the command line is its process's from the first moment on; one that the daemon
    # launches is created by it and is another process's only once it has started.
    at_work = [DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    yield from instance.get_runs(RunsFilter(statuses=at_work))
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.NOT_STARTED])):
        if run.remote_job_origin is None:
            yield run
