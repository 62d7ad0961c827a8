"""The queue of report requests: who may ask for how much, and whose turn it is.

A tenant that asks for three hundred reports keeps nobody waiting for theirs: it may have only so
many requests open at once, equal ones are one, and the tenants take turns.
"""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import ColumnElement, func, select, text, update

from resources.database.errors import TooManyOpenRequestsError
from resources.database.event_records import EventRepository
from resources.database.plan_limits import PlanLimits
from resources.database.report_records import (
    ReportRequest,
    RequestStatus,
    report_requests,
)
from resources.database.report_repository import ReportRepository
from resources.database.repository import Repository
from resources.database.tenancy import tenants

MAX_OPEN_REQUESTS = 20
"""How many requests of a tenant may wait or run at once."""

MAX_RUNS_OF_A_TENANT = 2
"""How many requests of a tenant are in the hands of runs at once; the others wait."""

_OPEN: tuple[RequestStatus, ...] = ("queued", "running")


class ReportQueue(Repository):
    """The open report requests."""

    def ask(
        self,
        tenant_id: str,
        *,
        requested_by: str | None = None,
        period_start: date | None = None,
        period_end: date | None = None,
        workspace_id: uuid.UUID | None = None,
    ) -> ReportRequest:
        """Ask for a report; whoever asks for the same while a request is open, joins that one.

        Raises:
            TooManyOpenRequestsError: The tenant has ``MAX_OPEN_REQUESTS`` open already.
            LimitReachedError: Its plan allows no further report in this month.
        """
        self._wait_for_the_others_of(tenant_id)
        same = (
            select(report_requests)
            .where(
                *_open_of(tenant_id),
                report_requests.c.period_start.is_not_distinct_from(period_start),
                report_requests.c.period_end.is_not_distinct_from(period_end),
                report_requests.c.workspace_id.is_not_distinct_from(workspace_id),
            )
            .order_by(report_requests.c.created_at)
            .limit(1)
        )
        found = self._one(ReportRequest, same)
        if found is not None:
            return found
        if self._count_open(tenant_id) >= MAX_OPEN_REQUESTS:
            raise TooManyOpenRequestsError(
                f"{tenant_id} has {MAX_OPEN_REQUESTS} report requests open, as many as there may "
                "be at once. Wait until one is answered, then ask again."
            )
        PlanLimits(self.session).admit(tenant_id, "reports_per_month")
        return ReportRepository(self.session).request(
            tenant_id,
            requested_by=requested_by,
            period_start=period_start,
            period_end=period_end,
            workspace_id=workspace_id,
        )

    def in_turn(self, *, limit: int) -> tuple[ReportRequest, ...]:
        """The requests that should be in the hands of runs now and still wait to be taken up.

        First the oldest of every tenant, then the second of each, and no more of a tenant than
        ``MAX_RUNS_OF_A_TENANT`` with those that are running. Those of tenants that are not active
        rest in the queue.

        Args:
            limit: How many at most.
        """
        turn = func.row_number().over(
            partition_by=report_requests.c.tenant_id,
            order_by=(
                report_requests.c.status == "queued",  # those that are running come first
                report_requests.c.created_at,
                report_requests.c.id,
            ),
        )
        open_ones = (
            select(report_requests, turn.label("turn"))
            .join(tenants, tenants.c.id == report_requests.c.tenant_id)
            .where(report_requests.c.status.in_(_OPEN), tenants.c.status == "active")
            .subquery()
        )
        statement = (
            select(open_ones)
            .where(open_ones.c.status == "queued", open_ones.c.turn <= MAX_RUNS_OF_A_TENANT)
            .order_by(open_ones.c.turn, open_ones.c.created_at, open_ones.c.id)
            .limit(limit)
        )
        return self._all(ReportRequest, statement)

    def running(self) -> tuple[ReportRequest, ...]:
        """The requests that a run has taken up and not ended, oldest first."""
        statement = (
            select(report_requests)
            .where(report_requests.c.status == "running")
            .order_by(report_requests.c.created_at)
        )
        return self._all(ReportRequest, statement)

    def give_up(self, request: ReportRequest, error: str) -> ReportRequest | None:
        """End a request that no run brings to its end.

        Returns:
            The request, or None when it has been taken up or ended since.
        """
        statement = (
            update(report_requests)
            .where(
                *_open_of(request.tenant_id),
                report_requests.c.id == request.id,
                report_requests.c.attempt == request.attempt,
                report_requests.c.status == request.status,
            )
            .values(status="failed", error=error, finished_at=func.now())
            .returning(report_requests)
        )
        ended = self._one(ReportRequest, statement)
        if ended is not None:
            EventRepository(self.session).add(
                "report.failed", str(ended.id), tenant_id=ended.tenant_id
            )
        return ended

    def _count_open(self, tenant_id: str) -> int:
        statement = select(func.count()).select_from(report_requests).where(*_open_of(tenant_id))
        return int(self._execute(statement).scalar_one())

    def _wait_for_the_others_of(self, tenant_id: str) -> None:
        """Until this transaction ends nobody else adds to the tenant's queue: the cap is exact."""
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"report queue of {tenant_id}"},
        )


def _open_of(tenant_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return report_requests.c.tenant_id == tenant_id, report_requests.c.status.in_(_OPEN)
