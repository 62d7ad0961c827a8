"""Addresses of the settings slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from serving_api.kit.auth import AsMember
from serving_api.kit.caching import REVALIDATE, is_any, matches
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.tenant_settings import schemas, service

TAG = Tag(name="tenant settings", description="What a tenant chose for itself, with its history.")

router = APIRouter(
    prefix="/v1/tenants/{tenant}/settings",
    tags=[TAG["name"]],
    responses=documented("unauthenticated", "insufficient-scope", "not-found", "unavailable"),
    route_class=Route,
)
_ETAG = {
    "ETag": {
        "description": "Names this revision; send it in If-Match with a change.",
        "schema": {"type": "string"},
    }
}


@router.get(
    "",
    operation_id="read_settings",
    summary="The settings",
    response_model=schemas.Settings,
    responses={200: {"headers": _ETAG}, 304: {"description": "The client's copy is current."}},
)
def read_settings(
    session: AsMember,
    response: Response,
    if_none_match: Annotated[str | None, Header(description="ETags that the client holds.")] = None,
) -> schemas.Settings | Response:
    """The settings of the tenant: what it chose, and the defaults for the rest."""
    settings = service.get_settings(session)
    headers = {"ETag": service.etag_of(settings), "Cache-Control": REVALIDATE}
    if matches(if_none_match, headers["ETag"]) or is_any(if_none_match):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return settings


@router.patch(
    "",
    operation_id="change_settings",
    summary="Change settings",
    responses={
        200: {"headers": _ETAG},
        **documented(
            "forbidden",
            "insufficient-scope",
            "precondition-failed",
            "invalid-parameters",
            "body-too-large",
        ),
    },
)
def change_settings(
    wanted: schemas.SettingsPatch,
    session: AsMember,
    response: Response,
    if_match: Annotated[
        str | None, Header(description="The ETag of the settings that were read.")
    ] = None,
) -> schemas.Settings:
    """Change the settings that are given. Owners and administrators may.

    With If-Match, a change that somebody else made meanwhile is not written over: 412.
    """
    settings = service.change_settings(session, wanted, if_match)
    response.headers["ETag"] = service.etag_of(settings)
    return settings


@router.get(
    "/history",
    operation_id="list_settings_changes",
    summary="The history of the settings",
    responses=documented("invalid-parameters"),
)
def list_settings_changes(
    parameters: Annotated[schemas.HistoryParameters, Query()], session: AsMember
) -> schemas.Changes:
    """Who changed what, when, from what to what; the latest first."""
    return service.list_changes(session, parameters)
