"""Addresses of the topics slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.published import OF_HISTORY, Answering, answering
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.topics import schemas, service

TAG = Tag(name="topics", description="What reviews speak of, and how that changes.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/topics",
    tags=[TAG["name"]],
    responses=OF_HISTORY
    | documented(
        "unauthenticated",
        "insufficient-scope",
        "not-found",
        "nothing-published",
        "invalid-parameters",
        "numbers-unreadable",
        "unavailable",
    ),
)


@router.get(
    "",
    operation_id="list_topics",
    summary="List topics",
    response_model=schemas.TopicPage,
    responses=documented("invalid-parameters", "invalid-cursor"),
)
def list_topics(
    parameters: Annotated[schemas.TopicListParameters, Query()],
    services: CurrentServices,
    from_snapshot: Annotated[Answering, Depends(answering("metrics:read"))],
) -> Response:
    """Topics, most mentioned first, each with its counts and its last weeks."""
    return from_snapshot(
        lambda snapshot: service.list_topics(snapshot, parameters, services.cursors),
        workspace=parameters.workspace,
    )
