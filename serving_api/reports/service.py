"""Reading reports, opening their files, and asking for new ones."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from resources import database
from resources.database.report_queue import MAX_OPEN_REQUESTS
from resources.logs import fields
from resources.storage.objects import (
    ObjectDamagedError,
    ObjectNotFoundError,
    ObjectStore,
    sha256_of,
)
from resources.vocabulary import utc_today
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.kit.identifiers import identifier
from serving_api.kit.paging import Cursors, PageOf
from serving_api.kit.published import beyond_history, shown_part
from serving_api.kit.ranges import RangeNotSatisfiableError, wanted_part
from serving_api.reports.schemas import (
    Format,
    NewReport,
    Report,
    ReportFile,
    ReportListParameters,
    ReportPage,
    ReportRequest,
)

# About how long it takes until one of the open requests is answered.
_SECONDS_PER_REPORT = 30

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """A file on its way to the client.

    Attributes:
        chunks: Its content.
        size: In bytes.
        media_type: For example ``application/pdf``.
        name: What the client may call it; made of our own words only.
        sha256: Of its content, hexadecimal.
    """

    chunks: Iterator[bytes]
    size: int
    media_type: str
    name: str
    sha256: str


def list_reports(
    session: TenantSession, parameters: ReportListParameters, cursors: Cursors
) -> ReportPage:
    """One page of the tenant's reports, the latest first.

    Raises:
        Problem: ``invalid-cursor``.
    """
    session.require("reports:read")
    tenant_id = session.tenant.id
    page = PageOf(cursors, _reports_address(tenant_id), parameters)
    shown, onward = page.of_records(session.work.reports, tenant_id)
    return ReportPage(items=[_report(document) for document in shown], **onward)


def get_report(session: TenantSession, report_id: str) -> Report:
    """One report.

    Raises:
        Problem: ``not-found`` if this tenant has no such report.
    """
    session.require("reports:read")
    return _report(_document(session, report_id))


def find_file(session: TenantSession, report_id: str, file_format: str) -> database.ReportFile:
    """One file of a report, as it is registered.

    Raises:
        Problem: ``not-found`` if this tenant has no such report or the report no such file.
    """
    session.require("reports:read")
    for file in _document(session, report_id).files:
        if file["format"] == file_format:
            return file
    raise Problem("not-found")


def part_of(
    file: database.ReportFile, header: str | None, if_range: str | None, etag: str
) -> tuple[int, int] | None:
    """The part of a file that a request asks for; the whole file when None.

    Raises:
        Problem: ``range-not-satisfiable``.
    """
    try:
        return wanted_part(header, if_range, etag, file["bytes"])
    except RangeNotSatisfiableError:
        size = {"Content-Range": f"bytes */{file['bytes']}"}
        raise Problem("range-not-satisfiable", headers=size) from None


def open_file(
    session: TenantSession,
    file: database.ReportFile,
    report_id: str,
    objects: ObjectStore,
    part: tuple[int, int] | None = None,
) -> Download:
    """Open a file of a report for sending, or a part of it.

    Its content is compared with the checksum that is registered before anything is sent.

    Raises:
        Problem: ``file-gone`` if the object store no longer has it; ``file-damaged`` if what it has
            is not what was written.
    """
    tenant_id = session.tenant.id
    # The key comes from our own database; this holds even if a row of it were ever wrong.
    if not file["key"].startswith(f"tenants/{tenant_id}/"):
        raise Problem("not-found")
    try:
        chunks = _sound_chunks(file, objects, part)
    except ObjectNotFoundError:
        raise Problem("file-gone") from None
    except ObjectDamagedError:
        logger.exception("report file damaged", extra=fields(report=report_id))
        raise Problem("file-damaged") from None
    return Download(
        chunks=chunks,
        size=file["bytes"],
        media_type=file["media_type"],
        name=f"{tenant_id}-report-{report_id[:8]}.{file['format']}",
        sha256=file["sha256"],
    )


def _sound_chunks(
    file: database.ReportFile, objects: ObjectStore, part: tuple[int, int] | None
) -> Iterator[bytes]:
    """The content of a file, of which the store, its name and the register say the same.

    Raises:
        ObjectDamagedError: They do not.
        ObjectNotFoundError: The store has no such file.
    """
    key = file["key"]
    if file["sha256"] != sha256_of(key) or file["bytes"] != objects.size(key):
        raise ObjectDamagedError(
            f"The object {key} is not the one that its report registered. Make the report again."
        )
    return objects.stream(key, within=part)


def request_report(session: TenantSession, wanted: NewReport) -> ReportRequest:
    """Ask for a report; who asks for the same as an open request is given that one.

    Args:
        session: Who asks.
        wanted: What the report shall cover.

    Raises:
        Problem: ``forbidden`` for a member who may only read; ``not-found`` if there is no such
            workspace; ``beyond-history`` if the plan shows none of the days; ``too-many-requests``
            while the tenant has as many open as it may.
    """
    session.require("reports:write")
    part = shown_part(session, wanted.workspace, utc_today())
    if part.first_day is not None and wanted.period_end and wanted.period_end < part.first_day:
        raise beyond_history(part.first_day)
    try:
        request = session.work.report_queue.ask(
            session.tenant.id,
            requested_by=str(session.principal.user_id),
            period_start=wanted.period_start,
            period_end=wanted.period_end,
            workspace_id=None if part.contents is None else part.contents.workspace.id,
        )
    except database.TooManyOpenRequestsError:
        raise Problem(
            "too-many-requests",
            f"{MAX_OPEN_REQUESTS} of your report requests are open, as many as there may be. "
            "Wait until one is answered, then ask again.",
            headers={"Retry-After": str(_SECONDS_PER_REPORT)},
        ) from None
    return _request(request)


def get_request(session: TenantSession, request_id: str) -> ReportRequest:
    """The state of a request.

    Raises:
        Problem: ``not-found`` if this tenant has no such request.
    """
    session.require("reports:read")
    request = session.work.reports.get_request(session.tenant.id, identifier(request_id))
    if request is None:
        raise Problem("not-found")
    return _request(request)


def requests_by_id(
    session: TenantSession, request_ids: list[uuid.UUID | None]
) -> dict[uuid.UUID, ReportRequest]:
    """The requests that some reports answer, by their ids."""
    session.require("reports:read")
    wanted = {one for one in request_ids if one is not None}
    found = session.work.reports.requests_by_id(session.tenant.id, wanted)
    return {request_id: _request(request) for request_id, request in found.items()}


def request_address(tenant_id: str, request_id: uuid.UUID) -> str:
    """Where the state of a request can be read."""
    return f"/v1/tenants/{tenant_id}/report-requests/{request_id}"


def _document(session: TenantSession, report_id: str) -> database.ReportDocument:
    document = session.work.reports.get(session.tenant.id, identifier(report_id))
    if document is None:
        raise Problem("not-found")
    return document


def _reports_address(tenant_id: str) -> str:
    return f"/v1/tenants/{tenant_id}/reports"


def _report(document: database.ReportDocument) -> Report:
    address = f"{_reports_address(document.tenant_id)}/{document.id}/files"
    return Report(
        id=document.id,
        title=document.title,
        period_start=document.period_start,
        period_end=document.period_end,
        workspace=document.workspace_id,
        review_count=document.review_count,
        snapshot=document.snapshot_version,
        request_id=document.request_id,
        created_at=document.created_at,
        files=[
            ReportFile(
                format=cast("Format", file["format"]),
                media_type=file["media_type"],
                bytes=file["bytes"],
                sha256=file["sha256"],
                href=f"{address}/{file['format']}",
            )
            for file in document.files
        ],
    )


def _request(request: database.ReportRequest) -> ReportRequest:
    return ReportRequest(
        id=request.id,
        status=request.status,
        attempt=request.attempt,
        period_start=request.period_start,
        period_end=request.period_end,
        workspace=request.workspace_id,
        created_at=request.created_at,
        finished_at=request.finished_at,
        reports=_reports_address(request.tenant_id),
    )
