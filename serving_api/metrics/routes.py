"""Addresses of the metrics slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.published import OF_HISTORY, Answering, answering
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.metrics import schemas, service
from serving_api.metrics.series import series

TAG = Tag(name="metrics", description="Numbers, each with the reviews behind it.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/metrics",
    tags=[TAG["name"]],
    responses=OF_HISTORY
    | documented(
        "unauthenticated",
        "insufficient-scope",
        "not-acceptable",
        "not-found",
        "nothing-published",
        "invalid-parameters",
        "numbers-unreadable",
        "unavailable",
    ),
)

FromSnapshot = Annotated[Answering, Depends(answering("metrics:read"))]


@router.get(
    "",
    operation_id="read_metrics",
    summary="Summaries",
    response_model=schemas.MetricsPage,
)
def read_metrics(
    parameters: Annotated[schemas.MetricsParameters, Query()],
    services: CurrentServices,
    from_snapshot: FromSnapshot,
) -> Response:
    """Review counts, ratings and sentiment with their intervals, of everything or told apart."""
    return from_snapshot(
        lambda snapshot: service.summaries(snapshot, parameters, services.cursors),
        workspace=parameters.workspace,
    )


@router.get(
    "/series",
    operation_id="read_metric_series",
    summary="A metric over time",
    response_model=schemas.Series,
    responses=documented("insufficient-scope", "beyond-history"),
)
def read_metric_series(
    parameters: Annotated[schemas.SeriesParameters, Query()],
    from_snapshot: FromSnapshot,
) -> Response:
    """One metric by day, week or month. A stretch without reviews is a point of its own."""
    return from_snapshot(
        lambda snapshot: series(snapshot, parameters), workspace=parameters.workspace
    )


@router.get(
    "/topics",
    operation_id="read_topics",
    summary="Topics",
    response_model=schemas.Topics,
)
def read_topics(
    parameters: Annotated[schemas.ProductParameters, Query()],
    from_snapshot: FromSnapshot,
) -> Response:
    """What reviews speak of, how often, and with which sentiment."""
    return from_snapshot(
        lambda snapshot: service.topics(snapshot, parameters), workspace=parameters.workspace
    )


@router.get(
    "/ratings",
    operation_id="read_ratings",
    summary="Distribution of ratings",
    response_model=schemas.Ratings,
)
def read_ratings(
    parameters: Annotated[schemas.RatingParameters, Query()],
    from_snapshot: FromSnapshot,
) -> Response:
    """How often each of the five ratings was given."""
    return from_snapshot(
        lambda snapshot: service.ratings(snapshot, parameters), workspace=parameters.workspace
    )
