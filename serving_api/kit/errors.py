"""Problem documents (RFC 9457): the one shape in which the API says no.

A slug of ``problem_kinds.REGISTRY`` is a contract: clients branch on ``type``, which holds it.
Titles and details are for people and may change. No document repeats what the client sent, so that
neither a password nor the name of another tenant can come back in one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from resources.database.errors import LimitReachedError
from resources.errors import ReviewGraphError
from resources.storage.snapshot_files import SnapshotDamagedError, SnapshotMissingError
from serving_api.kit.problem_kinds import REGISTRY

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:reviewgraph:problem:"
HELP_PREFIX = "/problems/"
CHALLENGE = 'Bearer realm="reviewgraph"'

logger = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SLUG_OF_STATUS = {
    HTTPStatus.BAD_REQUEST: "bad-request",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not-acceptable",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body-too-large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid-parameters",
}


class ParameterError(BaseModel):
    """One parameter that is not valid."""

    location: str = Field(description="Where it stands, for example `query.limit`.")
    message: str = Field(description="What is wrong with it.")


class ProblemDocument(BaseModel):
    """A problem document after RFC 9457."""

    type: str = Field(description=f"`{TYPE_PREFIX}` and a slug that clients may rely on.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What to do about it.")
    request_id: str = Field(description="Names this request in the server's log.")
    help: str = Field(description="Address of a page that explains the kind of problem.")
    errors: list[ParameterError] | None = Field(
        default=None, description="The parameters that are not valid, where that is the problem."
    )


class Problem(HTTPException):
    """Raised anywhere below a route to answer with a problem document.

    Args:
        slug: A key of ``problem_kinds.REGISTRY``.
        detail: Says it more precisely than the registry; must not repeat what the client sent.
        headers: Further headers of the answer.
        errors: The parameters that are not valid.
    """

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[ParameterError] = (),
    ) -> None:
        kind = REGISTRY[slug]
        super().__init__(kind.status, detail or kind.detail, headers)
        self.slug = slug
        self.errors = tuple(errors)


def invalid_parameter(location: str, message: str) -> Problem:
    """A problem with one parameter, found after the parameters were parsed."""
    return Problem(
        "invalid-parameters", errors=[ParameterError(location=location, message=message)]
    )


def problem_response(problem: Problem, request_id: str) -> Response:
    """The HTTP answer of a problem."""
    kind = REGISTRY[problem.slug]
    document = ProblemDocument(
        type=TYPE_PREFIX + problem.slug,
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        request_id=request_id,
        help=HELP_PREFIX + problem.slug,
        errors=list(problem.errors) or None,
    )
    # Plain ASCII: a field name in an invalid body may hold text that UTF-8 cannot spell.
    content = json.dumps(document.model_dump(exclude_none=True), ensure_ascii=True)
    return Response(content, kind.status, headers=problem.headers, media_type=MEDIA_TYPE)


def documented(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can answer with these problems."""
    by_status: dict[int | str, list[str]] = {}
    for slug in slugs:
        by_status.setdefault(int(REGISTRY[slug].status), []).append(slug)
    return {
        status: {
            "description": "; ".join(
                f"{REGISTRY[slug].title} (`{slug}`)" for slug in slugs_of_status
            ),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status, slugs_of_status in by_status.items()
    }


def request_id_of(request: Request) -> str:
    """The id that the edge gave this request."""
    return str(request.scope.get("request_id", ""))


def install(app: FastAPI) -> None:
    """Let every error leave the application as a problem document."""

    def answer_problem(request: Request, error: Exception) -> Response:
        if not isinstance(error, Problem):
            error = _from_framework(request, error)
        request.scope["problem"] = error.slug
        return problem_response(error, request_id_of(request))

    def answer_outage(request: Request, error: Exception) -> Response:
        logger.error("unavailable", exc_info=error)
        return answer_problem(request, Problem("unavailable", headers={"Retry-After": "5"}))

    def answer_damage(request: Request, error: Exception) -> Response:
        logger.error("numbers-unreadable", exc_info=error)
        return answer_problem(request, Problem("numbers-unreadable", headers={"Retry-After": "60"}))

    # Handlers are plain functions of microseconds, yet Starlette would send them to a thread.
    async def on_problem(request: Request, error: Exception) -> Response:
        return answer_problem(request, error)

    async def on_outage(request: Request, error: Exception) -> Response:
        return answer_outage(request, error)

    async def on_damage(request: Request, error: Exception) -> Response:
        return answer_damage(request, error)

    app.add_exception_handler(HTTPException, on_problem)
    app.add_exception_handler(RequestValidationError, on_problem)
    app.add_exception_handler(LimitReachedError, on_problem)
    for damage in (SnapshotMissingError, SnapshotDamagedError):
        app.add_exception_handler(damage, on_damage)
    for outage in (OperationalError, PoolTimeoutError, ReviewGraphError):
        app.add_exception_handler(outage, on_outage)


def _from_framework(request: Request, error: Exception) -> Problem:
    if isinstance(error, RequestValidationError):
        return Problem(
            "invalid-parameters",
            errors=[
                ParameterError(
                    location=".".join(str(part) for part in found["loc"]), message=_in_words(found)
                )
                for found in error.errors()
            ],
        )
    if isinstance(error, LimitReachedError):
        return Problem("limit-reached", str(error))
    if isinstance(error, HTTPException):
        slug = _SLUG_OF_STATUS.get(HTTPStatus(error.status_code), "bad-request")
        headers = error.headers
        if slug == "method-not-allowed":
            headers = {"Allow": ", ".join(_allowed_methods(request))}
        return Problem(slug, headers=headers)
    raise error


def _in_words(found: Mapping[str, Any]) -> str:
    """What is wrong with a value; of a text that was looked at before Pydantic counts "items"."""
    bound = {"too_long": ("most", "max_length"), "too_short": ("least", "min_length")}.get(
        found["type"]
    )
    if bound is None or not isinstance(found["input"], str | SecretStr):
        return str(found["msg"])
    count = found["ctx"][bound[1]]
    return f"String should have at {bound[0]} {count} character{'' if count == 1 else 's'}"


def _allowed_methods(request: Request) -> list[str]:
    """The methods of an address over all its routes; the router names those of the first alone."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]
