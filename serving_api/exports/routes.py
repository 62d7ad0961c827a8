"""Addresses of the exports slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.responses import StreamingResponse

from serving_api.exports import schemas, service
from serving_api.kit.auth import AsMember, serves
from serving_api.kit.caching import NO_STORE
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="exports", description="Archives of everything that a tenant has.")

router = APIRouter(
    prefix="/v1/tenants/{tenant}/exports",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated",
        "forbidden",
        "insufficient-scope",
        "not-found",
        "unavailable",
    ),
    route_class=Route,
)
ExportId = Annotated[str, Path(description="The export's id, a UUID.")]


@router.get("", operation_id="list_exports", summary="The archives")
def list_exports(session: AsMember) -> schemas.Exports:
    """The archives that were asked for, the latest first. Owners see them."""
    return service.list_exports(session)


@router.post("", operation_id="request_export", summary="Ask for an archive", status_code=202)
@serves("closing")
def request_export(session: AsMember, response: Response) -> schemas.Export:
    """Have everything that the tenant has put into one archive. Owners may.

    It is made in the background; owners are mailed when it is ready. While one is in the making,
    that one is the answer.
    """
    export = service.request_export(session)
    response.headers["Location"] = service.export_address(session.tenant.id, export.id)
    return export


@router.get("/{export_id}", operation_id="read_export", summary="One archive")
def read_export(export_id: ExportId, session: AsMember) -> schemas.Export:
    """How far an archive has come, and where to download it."""
    return service.read_export(session, export_id)


@router.get(
    "/{export_id}/archive",
    operation_id="download_archive",
    summary="Download an archive",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The archive.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented("file-gone", "file-damaged"),
    },
)
def download_archive(
    export_id: ExportId, session: AsMember, services: CurrentServices
) -> StreamingResponse:
    """The archive as an attachment: Parquet, CSV, JSON lines, and the files of all reports."""
    archive = service.open_archive(session, export_id, services.objects)
    return StreamingResponse(
        archive.chunks,
        headers={
            "Cache-Control": NO_STORE,
            "Content-Length": str(archive.size),
            "Content-Disposition": f'attachment; filename="{archive.name}"',
            "ETag": f'"{archive.sha256}"',
        },
        media_type="application/zip",
    )
