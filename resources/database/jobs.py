"""Work for later: jobs and mails that exist if, and only if, this transaction ends well.

A request sends nothing and waits for nobody: it writes down what is to be done, in the transaction
that makes it necessary, and a worker does it (``reviewgraph worker``). The queue is that of
procrastinate; this module only calls the function by which jobs get into it, on the connection of
the unit of work. What can be done, and how often it is tried, is in ``pipelines.background``.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from resources.database.repository import Repository
from resources.database.schema import JOBS_SCHEMA
from resources.errors import WrongUsageError
from resources.telemetry.spans import current_traceparent

DEFAULT_QUEUE = "default"
MAIL_QUEUE = "mail"
MAIL_TASK = "send_mail"
MAX_ADDRESS_LENGTH = 254
TRACEPARENT = "traceparent"
"""The argument of a job that says which trace it continues; no task is told it."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# One address and nothing that a header could be made of.
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\"\\\x00-\x1f\x7f]+")
# Rows of jobs are read by operators and stand in every dump, so nothing secret may be in one.
_SECRET_NAME = re.compile(r"token|secret|password|code|link|url|key", re.IGNORECASE)
_OPEN_NAMES = frozenset({"token_id", "key_id", "key_name", "key_prefix"})

_DEFER = text(
    "select reviewgraph.defer_job(:task, :queue, cast(:arguments as jsonb), :lock, :queueing_lock,"
    " now() + make_interval(secs => :seconds))"
)


class JobQueue(Repository):
    """The jobs."""

    def defer(
        self,
        task: str,
        *,
        queue: str = DEFAULT_QUEUE,
        lock: str | None = None,
        queueing_lock: str | None = None,
        delay: timedelta | None = None,
        **arguments: Any,
    ) -> int | None:
        """Let a worker do something once this transaction has been committed.

        Args:
            task: What: a name in ``pipelines.background``.
            queue: The queue that it waits in.
            lock: Jobs with the same lock are done one after the other, in their order.
            queueing_lock: While a job with the same one waits, no second one is added.
            delay: Not before so much time has passed.
            **arguments: What the task is told; plain values that JSON can hold, and no secret.

        Returns:
            The job's number; None if one with the same ``queueing_lock`` is waiting already.
        """
        traceparent = current_traceparent()
        if traceparent is not None:
            arguments[TRACEPARENT] = traceparent
        number = self.session.scalar(
            _DEFER,
            {
                "task": task,
                "queue": queue,
                "arguments": json.dumps(arguments),
                "lock": lock,
                "queueing_lock": queueing_lock,
                "seconds": None if delay is None else delay.total_seconds(),
            },
        )
        return None if number is None else int(number)


@dataclass(frozen=True)
class MailQueue:
    """The mails that this transaction sends.

    Attributes:
        jobs: The queue that they wait in.
    """

    jobs: JobQueue

    def send(self, template: str, *, to: str, **data: Any) -> uuid.UUID:
        """Send a mail once this transaction has been committed.

        Args:
            template: A file of ``resources/messaging/templates``, without its ending.
            to: The address. Whoever may choose it has been checked by the caller.
            **data: What the template needs. A one-time link is told by ``token_id``, the id of its
                row: the worker derives the link when it writes the mail.

        Returns:
            The mail's id: its Message-ID is made of it, and it is sent once.

        Raises:
            WrongUsageError: If an address cannot be one, or if the data seem to hold a secret.
        """
        if not _NAME.fullmatch(template):
            raise WrongUsageError("A mail's template is named in small letters.")
        _refuse_bad_address(to)
        for name in data:
            if _SECRET_NAME.search(name) and name not in _OPEN_NAMES:
                raise WrongUsageError(
                    f"{name} may hold a secret, and jobs are kept in the clear. Give the id of "
                    "its row as token_id, and let the worker derive it."
                )
        mail_id = uuid.uuid4()
        self.jobs.defer(
            MAIL_TASK, queue=MAIL_QUEUE, mail_id=str(mail_id), template=template, to=to, data=data
        )
        return mail_id


class SentMails(Repository):
    """Which mails have been handed over, for the worker: none is sent twice."""

    def take(self, mail_id: uuid.UUID) -> bool:
        """Whether the mail is still to be sent.

        Until this transaction ends, another worker who comes for the same mail waits here, and
        finds what became of it.
        """
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"mail {mail_id}"},
        )
        statement = text(f"select exists (select from {JOBS_SCHEMA}.mails_sent where id = :id)")
        return not self.session.scalar(statement, {"id": mail_id})

    def note(self, mail_id: uuid.UUID) -> None:
        """Note that a mail server has taken the mail."""
        self._execute(
            text(f"insert into {JOBS_SCHEMA}.mails_sent (id) values (:id)"), {"id": mail_id}
        )


def _refuse_bad_address(address: str) -> None:
    if len(address) > MAX_ADDRESS_LENGTH or not _ADDRESS.fullmatch(address):
        raise WrongUsageError("A mail needs one plain address, such as ann@example.com.")
