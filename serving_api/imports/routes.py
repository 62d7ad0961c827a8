"""Addresses of the imports slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from serving_api.imports import schemas, service
from serving_api.kit.auth import AsMember
from serving_api.kit.caching import NO_STORE
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="imports", description="The files that have landed.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/imports",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated", "insufficient-scope", "not-found", "invalid-parameters", "unavailable"
    ),
)
ImportId = Annotated[str, Path(description="The import's id.", min_length=1, max_length=200)]


@router.get(
    "",
    operation_id="list_imports",
    summary="List imports",
    responses=documented("invalid-parameters", "invalid-cursor"),
)
def list_imports(
    parameters: Annotated[schemas.ListParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.ImportPage:
    """The files that have landed, the latest first, each with what became of its records."""
    return service.list_imports(session, parameters, services.cursors)


@router.get("/{import_id}", operation_id="read_import", summary="One import")
def read_import(import_id: ImportId, session: AsMember) -> schemas.Import:
    """One file that has landed, and what became of its records."""
    return service.get_import(session, import_id)


@router.get(
    "/{import_id}/rejected-rows",
    operation_id="list_rejected_rows",
    summary="The rejected rows of an import",
    responses=documented("invalid-parameters", "invalid-cursor"),
)
def list_rejected_rows(
    import_id: ImportId,
    parameters: Annotated[schemas.ListParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.RejectedRowPage:
    """Records that could not be used, in the order of the file, each with the reason."""
    return service.list_rejected(session, import_id, parameters, services.lake, services.cursors)


@router.get(
    "/{import_id}/rejected-rows.csv",
    operation_id="download_rejected_rows",
    summary="The rejected rows of an import as a file",
    response_class=Response,
    responses={
        200: {
            "description": "The file, UTF-8.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
)
def download_rejected_rows(
    import_id: ImportId,
    parameters: Annotated[schemas.CsvParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> Response:
    """Up to 100,000 rejected records as CSV, of which no cell becomes a formula.

    Where there are more, ask again with `after` set to the last record number of the file.
    """
    text = service.rejected_as_csv(session, import_id, parameters.after, services.lake)
    return Response(
        text,
        headers={
            "Cache-Control": NO_STORE,
            "Content-Disposition": 'attachment; filename="rejected-rows.csv"',
        },
        media_type="text/csv; charset=utf-8",
    )
