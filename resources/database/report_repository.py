"""Asking for reports, working on what was asked for, and keeping the documents that came of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import SupersededAttemptError
from resources.database.event_records import EventRepository
from resources.database.report_records import (
    ReportDocument,
    ReportFile,
    ReportRequest,
    RequestStatus,
    report_documents,
    report_requests,
)
from resources.database.repository import Repository
from resources.database.snapshot_records import snapshot_pointers
from resources.telemetry.spans import current_traceparent


class ReportRepository(Repository):
    """The report requests and documents."""

    def request(
        self,
        tenant_id: str,
        *,
        requested_by: str | None = None,
        period_start: date | None = None,
        period_end: date | None = None,
        workspace_id: uuid.UUID | None = None,
    ) -> ReportRequest:
        """Write a report request; people ask through ``ReportQueue.ask``, which joins and caps.

        That it was asked for is an event.
        """
        statement = insert(report_requests).values(
            tenant_id=tenant_id,
            requested_by=requested_by,
            period_start=period_start,
            period_end=period_end,
            workspace_id=workspace_id,
            traceparent=current_traceparent(),
        )
        request = self._exactly_one(ReportRequest, statement.returning(report_requests))
        self._tell(
            "report.requested",
            tenant_id,
            request.id,
            _coverage(period_start, period_end, workspace_id),
        )
        return request

    def get_request(self, tenant_id: str, request_id: uuid.UUID) -> ReportRequest | None:
        """One request of the tenant."""
        statement = select(report_requests).where(
            report_requests.c.tenant_id == tenant_id, report_requests.c.id == request_id
        )
        return self._one(ReportRequest, statement)

    def requests_by_id(
        self, tenant_id: str, request_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, ReportRequest]:
        """Some of the tenant's requests, by their ids; those that it does not have are left out."""
        statement = select(report_requests).where(
            report_requests.c.tenant_id == tenant_id, report_requests.c.id.in_(request_ids)
        )
        return {request.id: request for request in self._all(ReportRequest, statement)}

    def requests(
        self, *statuses: RequestStatus, tenant_id: str | None = None, limit: int = 100
    ) -> tuple[ReportRequest, ...]:
        """Requests, oldest first.

        Args:
            *statuses: Only those of these statuses; of any when none is given.
            tenant_id: Only those of this tenant; of all in sight when not given.
            limit: How many at most.
        """
        statement = select(report_requests).order_by(report_requests.c.created_at).limit(limit)
        if statuses:
            statement = statement.where(report_requests.c.status.in_(statuses))
        if tenant_id is not None:
            statement = statement.where(report_requests.c.tenant_id == tenant_id)
        return self._all(ReportRequest, statement)

    def queued(self, *, limit: int = 100) -> tuple[ReportRequest, ...]:
        """Requests that wait for a run, oldest first."""
        return self.requests("queued", limit=limit)

    def claim(self, run_id: str, request_id: uuid.UUID | None = None) -> ReportRequest | None:
        """Take up the oldest queued request, or the given one, as a new attempt of this run.

        Two runs never take up the same request: one that another is just taking is passed over.

        Returns:
            The request with the number of the attempt, or None when there is nothing to take up.
        """
        queued = select(report_requests.c.id).where(report_requests.c.status == "queued")
        if request_id is not None:
            queued = queued.where(report_requests.c.id == request_id)
        chosen = (
            queued.order_by(report_requests.c.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            update(report_requests)
            .where(report_requests.c.id == chosen)
            .values(
                status="running",
                attempt=report_requests.c.attempt + 1,
                run_id=run_id,
                error=None,
                started_at=func.now(),
                finished_at=None,
            )
            .returning(report_requests)
        )
        return self._one(ReportRequest, statement)

    def finish(self, request: ReportRequest) -> ReportRequest:
        """End an attempt well.

        Raises:
            SupersededAttemptError: If another attempt has taken over since.
        """
        return self._end(request, "done", None)

    def fail(self, request: ReportRequest, error: str) -> ReportRequest:
        """End an attempt that went wrong; raises as ``finish`` does."""
        ended = self._end(request, "failed", error)
        self._tell("report.failed", ended.tenant_id, ended.id)
        return ended

    def hold(self, request: ReportRequest, reason: str) -> ReportRequest:
        """Hold a report back because its numbers cannot be trusted; raises as ``finish`` does."""
        ended = self._end(request, "held", reason)
        self._tell("report.held", ended.tenant_id, ended.id)
        return ended

    def requeue(self, request: ReportRequest) -> ReportRequest | None:
        """Queue a request again whose run died, failed or was held back.

        Returns:
            The queued request, or None when another attempt has taken over since.
        """
        statement = (
            update(report_requests)
            .where(
                *_is_attempt(request), report_requests.c.status.in_(("running", "failed", "held"))
            )
            .values(status="queued", finished_at=None)
            .returning(report_requests)
        )
        return self._one(ReportRequest, statement)

    def add_document(
        self,
        tenant_id: str,
        *,
        snapshot_version: str,
        title: str,
        review_count: int,
        files: Sequence[ReportFile],
        request_id: uuid.UUID | None = None,
        period_start: date | None = None,
        period_end: date | None = None,
        workspace_id: uuid.UUID | None = None,
    ) -> ReportDocument:
        """Keep a finished report; another attempt at the same request replaces it.

        That it is ready is an event.
        """
        values: dict[str, Any] = {
            "snapshot_version": snapshot_version,
            "title": title,
            "period_start": period_start,
            "period_end": period_end,
            "workspace_id": workspace_id,
            "review_count": review_count,
            "files": list(files),
        }
        statement = (
            insert(report_documents)
            .values(tenant_id=tenant_id, request_id=request_id, **values)
            .on_conflict_do_update(
                index_elements=[report_documents.c.tenant_id, report_documents.c.request_id],
                set_=values,
            )
        )
        document = self._exactly_one(ReportDocument, statement.returning(report_documents))
        told = {"document": str(document.id), "reviews": review_count}
        self._tell(
            "report.finished",
            tenant_id,
            request_id or document.id,
            {**told, **_coverage(period_start, period_end, workspace_id)},
        )
        return document

    def get(self, tenant_id: str, document_id: uuid.UUID) -> ReportDocument | None:
        """One document of the tenant."""
        statement = select(report_documents).where(
            report_documents.c.tenant_id == tenant_id, report_documents.c.id == document_id
        )
        return self._one(ReportDocument, statement)

    def list(
        self, tenant_id: str, *, limit: int = 50, before: ReportDocument | None = None
    ) -> tuple[ReportDocument, ...]:
        """The tenant's documents, latest first.

        Args:
            tenant_id: The tenant.
            limit: How many at most.
            before: The last document of the page before this one.
        """
        order = tuple_(report_documents.c.created_at, report_documents.c.id)
        statement = select(report_documents).where(report_documents.c.tenant_id == tenant_id)
        if before is not None:
            statement = statement.where(order < tuple_(before.created_at, before.id))
        return self._all(ReportDocument, statement.order_by(order.desc()).limit(limit))

    def referenced_versions(self, tenant_id: str) -> set[str]:
        """Snapshots that must stay: the current one, and those that reports were made from."""
        pointed = select(snapshot_pointers.c.version).where(
            snapshot_pointers.c.tenant_id == tenant_id
        )
        reported = select(report_documents.c.snapshot_version).where(
            report_documents.c.tenant_id == tenant_id
        )
        return {row.version for row in self._execute(pointed.union(reported))}

    def _tell(
        self, kind: str, tenant_id: str, subject: uuid.UUID, data: Mapping[str, Any] | None = None
    ) -> None:
        EventRepository(self.session).add(kind, str(subject), tenant_id=tenant_id, data=data)

    def _end(
        self, request: ReportRequest, status: RequestStatus, error: str | None
    ) -> ReportRequest:
        statement = (
            update(report_requests)
            .where(*_is_attempt(request), report_requests.c.status == "running")
            .values(status=status, error=error, finished_at=func.now())
            .returning(report_requests)
        )
        ended = self._one(ReportRequest, statement)
        if ended is None:
            raise SupersededAttemptError(
                f"Attempt {request.attempt} at report request {request.id} is no longer the "
                "current one; its result is not recorded."
            )
        return ended


def _coverage(
    start: date | None, end: date | None, workspace_id: uuid.UUID | None
) -> dict[str, str | None]:
    """What a report is about, as events tell it."""
    told = {
        "period_start": None if start is None else start.isoformat(),
        "period_end": None if end is None else end.isoformat(),
    }
    return told if workspace_id is None else {**told, "workspace": str(workspace_id)}


def _is_attempt(request: ReportRequest) -> tuple[Any, Any, Any]:
    return (
        report_requests.c.tenant_id == request.tenant_id,
        report_requests.c.id == request.id,
        report_requests.c.attempt == request.attempt,
    )
