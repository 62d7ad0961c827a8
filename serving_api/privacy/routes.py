"""Addresses of the privacy slice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from serving_api.kit.auth import AsMember
from serving_api.kit.errors import documented
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices
from serving_api.privacy import schemas, service

TAG = Tag(name="privacy", description="Erasing people who wrote reviews, with a receipt.")

router = APIRouter(
    route_class=Route,
    prefix="/v1/tenants/{tenant}/erasures",
    tags=[TAG["name"]],
    responses=documented(
        "unauthenticated", "forbidden", "not-found", "invalid-parameters", "unavailable"
    ),
)


@router.post(
    "",
    operation_id="request_erasure",
    summary="Erase a person",
    status_code=202,
    responses={
        202: {
            "headers": {
                "Location": {
                    "description": "Where to read how far the erasure is.",
                    "schema": {"type": "string"},
                }
            }
        },
    },
)
def request_erasure(
    wanted: schemas.NewErasure,
    session: AsMember,
    services: CurrentServices,
    response: Response,
) -> schemas.Erasure:
    """Erase a person's reviews everywhere, for ever. Owners may.

    The name is kept sealed until it is done and nowhere after that. While the same erasure is open,
    it is the answer.
    """
    asked = service.request_erasure(session, wanted, services.database.keys)
    response.headers["Location"] = service.erasure_address(session.tenant.id, asked.id)
    return asked


@router.get("", operation_id="list_erasures", summary="List erasures")
def list_erasures(
    parameters: Annotated[schemas.ErasureListParameters, Query()],
    session: AsMember,
    services: CurrentServices,
) -> schemas.ErasurePage:
    """The erasures of the tenant, the latest first. Owners may."""
    return service.list_erasures(session, parameters, services.cursors)


@router.get("/{erasure_id}", operation_id="read_erasure", summary="How far an erasure is")
def read_erasure(
    erasure_id: Annotated[str, Path(description="The erasure's id, a UUID.")],
    session: AsMember,
) -> schemas.Erasure:
    """The steps that are done and, at the end, the receipt. Owners may."""
    return service.get_erasure(session, erasure_id)
