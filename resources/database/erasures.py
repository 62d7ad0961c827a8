"""Erasures of people who write reviews: what was asked for, how far it is, and what must stay gone.

The name of an erased person stands here sealed, and only until the erasure has ended. What is kept
for ever are keyed marks, see ``resources.privacy.subjects``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.repository import Repository, upsert
from resources.database.schema import (
    TIMESTAMP,
    created_at,
    json_column,
    metadata,
    one_of,
    tenant_column,
)
from resources.telemetry.spans import current_traceparent

ErasureStatus = Literal["queued", "running", "done", "failed"]
ERASURE_STATUSES: tuple[ErasureStatus, ...] = ("queued", "running", "done", "failed")
ErasureKind = Literal["author", "account", "review", "retention"]
ERASURE_KINDS: tuple[ErasureKind, ...] = ("author", "account", "review", "retention")


@dataclass(frozen=True)
class Erasure:
    """One erasure.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose reviews.
        kind: By what the person is known: ``author``, ``account`` or ``review``; ``retention`` for
            reviews whose time is over.
        requested_by: A user's identifier, or for example ``command line`` or ``retention``.
        status: ``queued``, ``running``, ``done`` or ``failed``; a failed one can go on.
        attempt: How often somebody has worked on it.
        suppress: Whether later imports of the same reviews are refused.
        subject: Keyed hash of who was asked for.
        sealed: What the work needs, readable by the installation alone; None once it is done.
        receipt: What was erased where; empty until it is done.
        run_id: The Dagster run that worked on it last, if it was one.
        error: Why the last attempt ended early.
        traceparent: The trace of the request that asked for it, where that is traced.
        created_at: When it was asked for.
        started_at: When work on it first began.
        finished_at: When it was done.
    """

    id: uuid.UUID
    tenant_id: str
    kind: ErasureKind
    requested_by: str
    status: ErasureStatus
    attempt: int
    suppress: bool
    subject: str
    sealed: str | None
    receipt: Mapping[str, Any] = field(hash=False)
    run_id: str | None
    error: str | None
    traceparent: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class ErasureStep:
    """A step of an erasure that was done.

    Attributes:
        tenant_id: Whose reviews.
        erasure_id: The erasure.
        step: Its name.
        removed: Each place that held something, and how much was taken out of it.
        done_at: When.
    """

    tenant_id: str
    erasure_id: uuid.UUID
    step: str
    removed: Mapping[str, Any] = field(hash=False)
    done_at: datetime


@dataclass(frozen=True)
class ErasureMark:
    """What must stay gone.

    Attributes:
        tenant_id: Whose reviews.
        mark: A keyed hash.
        erasure_id: The erasure that it came from; None where only the copy of the ledger knew it.
        suppress: Whether imports of what bears the mark are refused.
        created_at: When.
    """

    tenant_id: str
    mark: str
    erasure_id: uuid.UUID | None
    suppress: bool
    created_at: datetime


erasures = Table(
    "erasures",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("kind", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'queued'")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("suppress", Boolean, nullable=False, server_default=text("true")),
    Column("subject", Text, nullable=False),
    Column("sealed", Text),
    json_column("receipt", empty="{}"),
    Column("run_id", Text),
    Column("error", Text),
    Column("traceparent", Text),
    created_at(),
    Column("started_at", TIMESTAMP),
    Column("finished_at", TIMESTAMP),
    UniqueConstraint("tenant_id", "id"),
    CheckConstraint(one_of("kind", ERASURE_KINDS), name="kind"),
    CheckConstraint(one_of("status", ERASURE_STATUSES), name="status"),
    CheckConstraint("status <> 'done' or sealed is null", name="done_is_unsealed"),
    Index(None, "tenant_id", "created_at", "id"),
)

erasure_steps = Table(
    "erasure_steps",
    metadata,
    tenant_column(),
    Column("erasure_id", Uuid, nullable=False),
    Column("step", Text, nullable=False),
    json_column("removed", empty="{}"),
    Column("done_at", TIMESTAMP, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "erasure_id", "step"),
    ForeignKeyConstraint(["tenant_id", "erasure_id"], [erasures.c.tenant_id, erasures.c.id]),
)

erasure_marks = Table(
    "erasure_marks",
    metadata,
    tenant_column(),
    Column("mark", Text, nullable=False),
    Column("erasure_id", Uuid),
    Column("suppress", Boolean, nullable=False, server_default=text("true")),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "mark"),
    ForeignKeyConstraint(["tenant_id", "erasure_id"], [erasures.c.tenant_id, erasures.c.id]),
    CheckConstraint("mark ~ '^[a-z]+:[0-9a-f]{40}$'", name="mark_is_hash"),
    Index(None, "tenant_id", "erasure_id"),
)


class ErasureRepository(Repository):
    """The erasures, their steps, and the marks that outlive them."""

    def ask(
        self,
        tenant_id: str,
        *,
        kind: ErasureKind,
        requested_by: str,
        subject: str,
        sealed: str,
        suppress: bool = True,
    ) -> Erasure:
        """Ask for an erasure; while the same one is not done, asking again changes nothing."""
        name = f"erasures of {tenant_id}"
        self._execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        same = select(erasures).where(
            erasures.c.tenant_id == tenant_id,
            erasures.c.subject == subject,
            erasures.c.status != "done",
        )
        found = self._one(Erasure, same.order_by(erasures.c.created_at).limit(1))
        if found is not None:
            return found
        statement = insert(erasures).values(
            tenant_id=tenant_id,
            kind=kind,
            requested_by=requested_by,
            subject=subject,
            sealed=sealed,
            suppress=suppress,
            traceparent=current_traceparent(),
        )
        return self._exactly_one(Erasure, statement.returning(erasures))

    def get(self, tenant_id: str, erasure_id: uuid.UUID) -> Erasure | None:
        """One erasure of the tenant."""
        return self._one(Erasure, select(erasures).where(*_is(tenant_id, erasure_id)))

    def list(
        self, tenant_id: str, *, limit: int = 50, before: Erasure | None = None
    ) -> tuple[Erasure, ...]:
        """The tenant's erasures, latest first.

        Args:
            tenant_id: The tenant.
            limit: How many at most.
            before: The last erasure of the page before this one.
        """
        order = tuple_(erasures.c.created_at, erasures.c.id)
        statement = select(erasures).where(erasures.c.tenant_id == tenant_id)
        if before is not None:
            statement = statement.where(order < tuple_(before.created_at, before.id))
        return self._all(Erasure, statement.order_by(order.desc()).limit(limit))

    def open(self, *, tenant_id: str | None = None, limit: int = 100) -> tuple[Erasure, ...]:
        """The erasures that are not done, oldest first; of all tenants when none is named."""
        statement = select(erasures).where(erasures.c.status != "done")
        if tenant_id is not None:
            statement = statement.where(erasures.c.tenant_id == tenant_id)
        return self._all(Erasure, statement.order_by(erasures.c.created_at).limit(limit))

    def begin(self, erasure: Erasure, run_id: str | None) -> Erasure:
        """Note that somebody works on an erasure."""
        return self._change(
            erasure,
            status="running",
            attempt=erasures.c.attempt + 1,
            run_id=run_id,
            error=None,
            started_at=func.coalesce(erasures.c.started_at, func.now()),
        )

    def keep(self, erasure: Erasure, sealed: str) -> Erasure:
        """Keep what the work has found out, for whoever goes on with it."""
        return self._change(erasure, sealed=sealed)

    def fail(self, erasure: Erasure, error: str) -> Erasure:
        """Note that an attempt ended early; the steps that were done stay done."""
        return self._change(erasure, status="failed", error=error)

    def finish(self, erasure: Erasure, receipt: Mapping[str, Any]) -> Erasure:
        """End an erasure; nothing is kept of the person but marks."""
        return self._change(
            erasure,
            status="done",
            sealed=None,
            error=None,
            receipt=dict(receipt),
            finished_at=func.now(),
        )

    def step_done(self, erasure: Erasure, step: str, removed: Mapping[str, Any]) -> ErasureStep:
        """Note in the transaction of a step, or right after it, that it is done."""
        statement = upsert(erasure_steps).values(
            tenant_id=erasure.tenant_id,
            erasure_id=erasure.id,
            step=step,
            removed=dict(removed),
            done_at=func.now(),
        )
        return self._exactly_one(ErasureStep, statement.returning(erasure_steps))

    def steps(self, erasure: Erasure) -> tuple[ErasureStep, ...]:
        """What has been done of an erasure, in order."""
        statement = select(erasure_steps).where(
            erasure_steps.c.tenant_id == erasure.tenant_id,
            erasure_steps.c.erasure_id == erasure.id,
        )
        return self._all(ErasureStep, statement.order_by(erasure_steps.c.done_at))

    def mark_all(
        self,
        tenant_id: str,
        marks: Iterable[str],
        *,
        erasure_id: uuid.UUID | None,
        suppress: bool = True,
    ) -> None:
        """Keep marks; those that are kept already stay as they are."""
        rows = [
            {"tenant_id": tenant_id, "mark": mark, "erasure_id": erasure_id, "suppress": suppress}
            for mark in sorted(set(marks))
        ]
        if rows:
            self._execute(insert(erasure_marks).on_conflict_do_nothing(), rows)

    def marks(
        self, tenant_id: str, *, erasure_id: uuid.UUID | None = None
    ) -> tuple[ErasureMark, ...]:
        """The marks of a tenant, of one erasure if it is given."""
        statement = select(erasure_marks).where(erasure_marks.c.tenant_id == tenant_id)
        if erasure_id is not None:
            statement = statement.where(erasure_marks.c.erasure_id == erasure_id)
        return self._all(ErasureMark, statement.order_by(erasure_marks.c.mark))

    def while_nothing_lands(self, tenant_id: str) -> None:
        """Wait until no landing of the tenant is under way, and let none begin before the end.

        Whoever lands holds :meth:`while_landing` and looks at the marks after it. So what was not
        held against a mark has landed when this returns.
        """
        self._execute(select(func.pg_advisory_xact_lock(_landing_lock(tenant_id))))

    def while_landing(self, tenant_id: str) -> None:
        """Say until the end of this transaction that records of the tenant are landing."""
        self._execute(select(func.pg_advisory_xact_lock_shared(_landing_lock(tenant_id))))

    def _change(self, erasure: Erasure, **values: Any) -> Erasure:
        statement = update(erasures).where(*_is(erasure.tenant_id, erasure.id)).values(**values)
        return self._exactly_one(Erasure, statement.returning(erasures))


def _is(tenant_id: str, erasure_id: uuid.UUID) -> tuple[Any, Any]:
    return erasures.c.tenant_id == tenant_id, erasures.c.id == erasure_id


def _landing_lock(tenant_id: str) -> Any:
    return func.hashtextextended(f"landing of {tenant_id}", 0)
