"""Addresses of the reviews slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from resources.vocabulary import utc_today
from serving_api.kit.auth import AsMember
from serving_api.kit.caching import NO_STORE
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.published import (
    OF_HISTORY,
    Answering,
    answering,
    current_snapshot,
    tell_of_history,
)
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.reviews import schemas, service

TAG = Tag(name="reviews", description="The reviews themselves.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/reviews",
    tags=[TAG["name"]],
    responses=OF_HISTORY
    | documented(
        "unauthenticated",
        "insufficient-scope",
        "beyond-history",
        "not-acceptable",
        "not-found",
        "nothing-published",
        "invalid-parameters",
        "numbers-unreadable",
        "unavailable",
    ),
)

FromSnapshot = Annotated[Answering, Depends(answering("reviews:read"))]


@router.get(
    "",
    operation_id="list_reviews",
    summary="Search reviews",
    response_model=schemas.ReviewPage,
    responses=documented("invalid-parameters", "invalid-cursor", "snapshot-gone"),
)
def list_reviews(
    parameters: Annotated[schemas.ReviewListParameters, Query()],
    services: CurrentServices,
    from_snapshot: FromSnapshot,
) -> Response:
    """The reviews that pass all filters. Figures link here to show the reviews behind them."""
    return from_snapshot(
        lambda snapshot: service.list_reviews(snapshot, parameters, services.cursors),
        workspace=parameters.workspace,
        version=parameters.snapshot,
        cache_control=NO_STORE,
    )


@router.get(
    "/{review_key}",
    operation_id="read_review",
    summary="One review",
    response_model=schemas.ReviewDetails,
)
def read_review(
    review_key: Annotated[str, Path(description="The review's stable name.")],
    from_snapshot: FromSnapshot,
) -> Response:
    """One review as it stands now."""
    return from_snapshot(
        lambda snapshot: service.get_review(snapshot, review_key), cache_control=NO_STORE
    )


@router.get(
    "/{review_key}/versions",
    operation_id="list_review_versions",
    summary="All versions of a review",
)
def list_review_versions(
    review_key: Annotated[str, Path(description="The review's stable name.")],
    session: AsMember,
    services: CurrentServices,
    response: Response,
) -> schemas.ReviewVersions:
    """What the author wrote at first and at every edit, each with all that was read from it."""
    session.require("reviews:read")
    snapshot = current_snapshot(session, services)
    tell_of_history(session, response, utc_today())
    return service.get_versions(snapshot, services.lake, review_key)
