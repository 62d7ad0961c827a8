"""Addresses of the reports slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from serving_api.kit.auth import AsMember
from serving_api.kit.caching import REVALIDATE, is_any, matches
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.reports import schemas, service

TAG = Tag(name="reports", description="Written reports: list, download, ask for another.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated", "insufficient-scope", "not-found", "invalid-parameters", "unavailable"
    ),
)
ReportId = Annotated[str, Path(description="The report's id, a UUID.")]


@router.get("/reports", operation_id="list_reports", summary="List reports")
def list_reports(
    parameters: Annotated[schemas.ReportListParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.ReportPage:
    """The written reports, the latest first."""
    return service.list_reports(session, parameters, services.cursors)


@router.post(
    "/reports",
    operation_id="request_report",
    summary="Ask for a report",
    status_code=202,
    responses={
        202: {
            "headers": {
                "Location": {
                    "description": "Where to read how far the request has come.",
                    "schema": {"type": "string"},
                }
            }
        },
        **documented(
            "forbidden",
            "insufficient-scope",
            "limit-reached",
            "beyond-history",
            "invalid-parameters",
            "too-many-requests",
        ),
    },
)
def request_report(
    wanted: schemas.NewReport,
    session: AsMember,
    response: Response,
) -> schemas.ReportRequest:
    """Queue a report. Owners, administrators and analysts may.

    While a request for the same report is open, it is the answer. A tenant may have 20 open. Where
    the plan limits the days of history, the report begins with the first that it shows.
    """
    request = service.request_report(session, wanted)
    response.headers["Location"] = service.request_address(session.tenant.id, request.id)
    return request


@router.get("/reports/{report_id}", operation_id="read_report", summary="One report")
def read_report(report_id: ReportId, session: AsMember) -> schemas.Report:
    """One report and where its files are."""
    return service.get_report(session, report_id)


@router.get(
    "/reports/{report_id}/files/{file_format}",
    operation_id="download_report_file",
    summary="Download a file of a report",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file.",
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in (
                    "application/pdf",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    "text/html",
                )
            },
        },
        206: {"description": "The part that the Range header asks for."},
        304: {"description": "The client's copy is the file."},
        **documented("file-gone", "file-damaged", "range-not-satisfiable"),
    },
)
def download_report_file(
    request: Request,
    report_id: ReportId,
    file_format: Annotated[str, Path(description="`html`, `pdf` or `xlsx`.")],
    session: AsMember,
    services: CurrentServices,
) -> Response:
    """The file as an attachment. It never changes: its ETag is the hash of its content.

    A `Range` of bytes gives a part of it, so that a download can be resumed.
    """
    file = service.find_file(session, report_id, file_format)
    headers = {
        "ETag": f'"{file["sha256"]}"',
        "Cache-Control": REVALIDATE,
        "Vary": "Authorization",
        "Accept-Ranges": "bytes",
    }
    held = request.headers.get("if-none-match")
    if matches(held, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    part = service.part_of(
        file, request.headers.get("range"), request.headers.get("if-range"), headers["ETag"]
    )
    download = service.open_file(session, file, report_id, services.objects, part)
    if is_any(held):  # the file is there, and it is what was written
        return Response(status_code=304, headers=headers)
    first, end = part or (0, download.size)
    headers["Content-Length"] = str(end - first)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{download.size}"
    headers["Content-Disposition"] = f'attachment; filename="{download.name}"'
    return StreamingResponse(
        download.chunks,
        status_code=200 if part is None else 206,
        headers=headers,
        media_type=download.media_type,
    )


@router.get(
    "/report-requests/{request_id}",
    operation_id="read_report_request",
    summary="How far a request has come",
)
def read_report_request(
    request_id: Annotated[str, Path(description="The request's id, a UUID.")],
    session: AsMember,
) -> schemas.ReportRequest:
    """The state of a request for a report."""
    return service.get_request(session, request_id)
