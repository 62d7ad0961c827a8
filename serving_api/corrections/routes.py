"""Addresses of the corrections slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving_api.corrections import schemas, service
from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="corrections", description="What people say of reviews where the models err.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/reviews/{review_key}/corrections",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated",
        "insufficient-scope",
        "not-found",
        "nothing-published",
        "invalid-parameters",
        "numbers-unreadable",
        "unavailable",
    ),
)
ReviewKey = Annotated[str, Path(description="The review's stable name.")]


@router.post(
    "",
    operation_id="correct_review",
    summary="Correct a review",
    status_code=201,
    responses=documented("forbidden", "insufficient-scope"),
)
def correct_review(
    review_key: ReviewKey,
    said: schemas.NewCorrection,
    session: AsMember,
    services: CurrentServices,
) -> schemas.Correction:
    """Say what one field should hold. Owners, administrators and analysts may.

    It wins over the models from the next run of the review's day on, in every reprocess, and is
    learned from in the next training.
    """
    return service.correct(session, services.snapshots, review_key, said)


@router.get("", operation_id="list_corrections", summary="What was said of a review")
def list_corrections(
    review_key: ReviewKey, session: AsMember, services: CurrentServices
) -> schemas.CorrectionHistory:
    """All corrections of a review, the latest first, those that were withdrawn included."""
    return service.history(session, services.snapshots, review_key)
