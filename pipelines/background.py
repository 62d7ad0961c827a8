"""The worker: does what was deferred, one job at a time in each of its places, until it is stopped.

A job belongs to the worker that took it as long as that worker's heartbeat goes on. Jobs of a
worker that was killed, or lost its machine, are waiting again half a minute later; a task is
therefore written so that doing it twice has the effect of once. A task that fails is tried again
after growing pauses; one that cannot succeed, or has failed too often, stays there as failed.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from pipelines.exporting import FORGET_TASK, forget_exports, make_export
from pipelines.retention import forget_old_reviews
from pipelines.session import Session
from resources.database.jobs import MAIL_QUEUE, MAIL_TASK, TRACEPARENT
from resources.database.schema import JOBS_SCHEMA
from resources.database.tenant_exports import EXPORT_TASK
from resources.logs import bound, fields
from resources.messaging import Mailer, MailRefusedError, SmtpMailer, send_once
from resources.privacy.copies import removing_gone_copies
from resources.telemetry import spans
from resources.telemetry.figures import observe_job

PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14400)
"""Seconds until a task that failed is tried again; then it stays failed."""
PLACES = 2
"""Jobs that one worker does side by side."""
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 30.0
"""After so long without a heartbeat a worker is taken for dead."""
STOP_SECONDS = 15.0
KEPT_HOURS = 24 * 30
"""How long jobs that failed are kept for whoever looks into them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Background:
    """What tasks stand on.

    Attributes:
        session: The installation.
        mailer: What takes mails.
    """

    session: Session
    mailer: Mailer


@dataclass(frozen=True)
class Task:
    """Something that is done in the background.

    Attributes:
        run: Does it, told the arguments of the job by name.
        queue: The queue that its jobs wait in.
        refusals: Errors after which trying again makes no sense.
    """

    run: Callable[..., object]
    queue: str = "default"
    refusals: tuple[type[Exception], ...] = ()


def send_mail(
    background: Background, *, mail_id: str, template: str, to: str, data: Mapping[str, Any]
) -> None:
    """Send one mail."""
    send_once(
        background.session.database,
        background.mailer,
        background.session.settings,
        mail_id=uuid.UUID(mail_id),
        template=template,
        to=to,
        data=data,
    )


def export_tenant(background: Background, *, tenant_id: str, export_id: str) -> None:
    """Make the archive of a tenant that was asked for."""
    make_export(background.session, tenant_id, uuid.UUID(export_id))


TASKS: dict[str, Task] = {
    MAIL_TASK: Task(send_mail, queue=MAIL_QUEUE, refusals=(MailRefusedError,)),
    EXPORT_TASK: Task(export_tenant),
    FORGET_TASK: Task(lambda background: forget_exports(background.session)),
}
"""Everything that ``work.jobs.defer`` can ask for, by its name."""


@dataclass(frozen=True)
class GrowingPauses(BaseRetryStrategy):
    """Tries again after :data:`PAUSES`, unless the error says that it makes no sense.

    Attributes:
        refusals: Errors that say so.
    """

    refusals: tuple[type[Exception], ...] = ()

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again; None for never."""
        if isinstance(exception, self.refusals) or job.attempts >= len(PAUSES):
            return None
        return RetryDecision(retry_in={"seconds": PAUSES[job.attempts]})


def run_worker(session: Session) -> None:
    """Do jobs until SIGINT or SIGTERM; what is under way then is finished first."""
    # Its lines repeat the arguments of jobs, which hold addresses; ours do not.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    settings = session.settings
    with (
        spans.running(settings.traces_endpoint, "reviewgraph-worker", settings.traces_share),
        mailer_of(session) as mailer,
        removing_gone_copies(session.database, session.snapshots),
    ):
        logger.info("started")
        asyncio.run(_work(session, Background(session, mailer)))
    logger.info("stopped")


@contextmanager
def mailer_of(session: Session) -> Iterator[Mailer]:
    """The mail server that is set, else the sandbox's, which runs while the block lasts."""
    if session.settings.smtp_url is not None:
        yield SmtpMailer.from_url(session.settings.smtp_url)
        return
    from pydantic import SecretStr

    from resources.sandbox.mail import running_mail_server

    with running_mail_server(session.settings.mails_path) as address:
        yield SmtpMailer.from_url(SecretStr(address))


def build_app(url: str, background: Background) -> App:
    """The queue with all tasks.

    Args:
        url: The database's address for the role of the graph.
        background: What tasks stand on.
    """
    connector = PsycopgConnector(
        conninfo=url.replace("postgresql+psycopg://", "postgresql://", 1),
        kwargs={"options": f"-csearch_path={JOBS_SCHEMA}", "connect_timeout": 5},
        min_size=1,
        max_size=PLACES + 2,
    )
    app = App(connector=connector)
    for name, task in TASKS.items():
        app.task(
            name=name, queue=task.queue, retry=GrowingPauses(refusals=task.refusals),
            pass_context=True,
        )(_told(name, task, background))  # fmt: skip
    app.periodic(cron="* * * * * */10")(
        app.task(name="take_over_stalled_jobs", queue="upkeep", pass_context=True)(_take_over)
    )
    app.periodic(cron="17 * * * *")(
        app.task(name="forget_old_jobs", queue="upkeep", pass_context=True)(_forget)
    )
    app.periodic(cron="27 * * * *")(
        app.task(name="forget_ended_sessions", queue="upkeep")(_forgetting_sessions(background))
    )
    app.periodic(cron="37 * * * *")(
        app.task(name="forget_old_reviews", queue="upkeep")(_forgetting_reviews(background))
    )
    return app


async def _work(session: Session, background: Background) -> None:
    app = build_app(session.database.jobs_url, background)
    async with app.open_async():
        await app.run_worker_async(
            concurrency=PLACES,
            shutdown_graceful_timeout=STOP_SECONDS,
            delete_jobs="successful",  # an address is kept no longer than it is needed
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
        )


def _told(name: str, task: Task, background: Background) -> Callable[..., None]:
    """The task as the queue calls it: with what it stands on, and with lines in our log."""

    def run(context: JobContext, **arguments: Any) -> None:
        attempt = context.job.attempts + 1
        traceparent = arguments.pop(TRACEPARENT, None)
        with (
            bound(job=context.job.id, task=name),
            spans.span(
                f"job {name}", parent=traceparent, kind="consumer",
                task=name, job=context.job.id or 0, attempt=attempt,
            ),
        ):  # fmt: skip
            try:
                task.run(background, **arguments)
            except Exception as error:
                is_last = context.job.attempts >= len(PAUSES) or isinstance(error, task.refusals)
                logger.exception("job failed", extra=fields(attempt=attempt, is_last=is_last))
                observe_job(name, "failed")
                raise
            observe_job(name, "done")
            logger.info("job done", extra=fields(attempt=attempt))

    return run


async def _take_over(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - of each turn
    """Let jobs wait again whose worker is gone."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        logger.warning("job taken over", extra=fields(job=job.id, task=job.task_name))
        await manager.retry_job(job)


async def _forget(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - of each turn
    """Delete what failed long ago."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )


def _forgetting_sessions(background: Background) -> Callable[..., None]:
    """Deletes what is kept of log-ins that ended long ago: where somebody was, and with what."""

    def forget(timestamp: int) -> None:  # noqa: ARG001 - of each turn
        with background.session.database.jobs() as work:
            work.sessions.forget()

    return forget


def _forgetting_reviews(background: Background) -> Callable[..., None]:
    """Asks for the erasure of reviews that are older than their tenant keeps them."""

    def forget(timestamp: int) -> None:  # noqa: ARG001 - of each turn
        forget_old_reviews(background.session)

    return forget
