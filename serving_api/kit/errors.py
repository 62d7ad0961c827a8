"""Problem documents (RFC 9457): the one shape in which the API says no.

A slug of :data:`REGISTRY` is a contract: clients branch on ``type``, which holds it. Titles and
details are for people and may change. No document repeats what the client sent, so that neither
a password nor the name of another tenant can come back in one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from resources.database.errors import LimitReachedError
from resources.errors import ReviewGraphError
from resources.storage.snapshot_files import SnapshotDamagedError, SnapshotMissingError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:reviewgraph:problem:"
HELP_PREFIX = "/problems/"
CHALLENGE = 'Bearer realm="reviewgraph"'

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProblemKind:
    """One way in which a request can fail.

    Attributes:
        status: The HTTP status it is answered with.
        title: The same short sentence for every occurrence.
        detail: What the client can do; an occurrence may say it more precisely.
    """

    status: HTTPStatus
    title: str
    detail: str


REGISTRY: dict[str, ProblemKind] = {
    "bad-request": ProblemKind(
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "Send a well-formed HTTP request with a JSON body where one is expected.",
    ),
    "invalid-parameters": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some parameters are not valid",
        "Correct the parameters listed in errors and send the request again.",
    ),
    "invalid-cursor": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The cursor does not belong to this list",
        "Use a cursor only with the tenant, filters and sort order it was given for, "
        "or start from the first page.",
    ),
    "unauthenticated": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "An access token is needed",
        "Send a valid access token in the Authorization header; POST /v1/auth/token gives one.",
    ),
    "invalid-credentials": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "Email or password is wrong",
        "Check both and try again.",
    ),
    "email-not-verified": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The email address is not confirmed yet",
        "Follow the link in the mail that was sent when the account was made; "
        "POST /v1/auth/register sends another one.",
    ),
    "code-not-valid": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "The code is not valid",
        "Send the code that is shown now, each once, or a recovery code. After five minutes log in "
        "anew.",
    ),
    "code-needed": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "A code of the second factor is needed",
        "Send the password and, as code, what the second factor shows or a recovery code.",
    ),
    "one-time-token-not-valid": ProblemKind(
        HTTPStatus.BAD_REQUEST,
        "The link does not work, or no longer",
        "It works once and for a limited time, and a newer one replaces it. Ask for a new one.",
    ),
    "address-taken": ProblemKind(
        HTTPStatus.CONFLICT,
        "The address belongs to another account by now",
        "Choose another address, or log in to that account.",
    ),
    "provider-refused": ProblemKind(
        HTTPStatus.UNAUTHORIZED,
        "The identity provider's answer is not accepted",
        "Start the log-in again in the same browser. If it fails again, ask your operator, whose "
        "log says why. Your address has to be verified at the provider, and of a "
        "domain that has been verified to be the tenant's.",
    ),
    "provider-unavailable": ProblemKind(
        HTTPStatus.BAD_GATEWAY,
        "The identity provider does not answer",
        "Try again in a minute, or log in with a password if you have one.",
    ),
    "provider-exists": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant has an identity provider of that issuer",
        "Remove it first, or change it at the provider.",
    ),
    "second-factor-exists": ProblemKind(
        HTTPStatus.CONFLICT,
        "There is a second factor already",
        "Remove it first: POST /v1/me/second-factor/remove.",
    ),
    "forbidden": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "Your role does not allow this",
        "Ask an owner or administrator of the tenant for a role that does.",
    ),
    "insufficient-scope": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The API key does not reach this",
        "Use a key with the scope that is named, or log in where no key will do.",
    ),
    "tenant-suspended": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The tenant is suspended",
        "Nothing of it can be used. Reading the tenant itself gives the reason; ask your operator.",
    ),
    "limit-reached": ProblemKind(
        HTTPStatus.FORBIDDEN,
        "The tenant's plan allows no more of this",
        "Make room, wait for the next month where the limit is a month's, or ask for a larger "
        "plan. The tenant's usage shows every limit.",
    ),
    "not-found": ProblemKind(
        HTTPStatus.NOT_FOUND,
        "There is nothing here",
        "The address is wrong, or what it names does not exist for you.",
    ),
    "nothing-published": ProblemKind(
        HTTPStatus.NOT_FOUND,
        "Nothing has been counted for this tenant yet",
        "Import reviews and let the daily run finish; then ask again.",
    ),
    "snapshot-gone": ProblemKind(
        HTTPStatus.GONE,
        "These numbers have been replaced",
        "The snapshot is no longer kept. Leave the snapshot parameter out to read the current one.",
    ),
    "file-gone": ProblemKind(
        HTTPStatus.GONE,
        "The file is no longer kept",
        "Request the report again to have it written anew.",
    ),
    "invitation-invalid": ProblemKind(
        HTTPStatus.GONE,
        "The invitation cannot be accepted",
        "It was used, taken back, replaced by a newer mail, or its time is over. Ask for another.",
    ),
    "invitation-for-another": ProblemKind(
        HTTPStatus.CONFLICT,
        "The invitation is for another address",
        "Log in with the address that the mail was sent to. The invitation is still open for it.",
    ),
    "already-there": ProblemKind(
        HTTPStatus.CONFLICT,
        "Something of that name is there already",
        "Choose another name, or change what is there.",
    ),
    "last-owner": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant would be left without an owner",
        "Make another member an owner first.",
    ),
    "tenant-closing": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant is closing",
        "It can be read and exported until it is gone, not changed. An owner can open it again.",
    ),
    "wrong-status": ProblemKind(
        HTTPStatus.CONFLICT,
        "That cannot be done in this state",
        "Read it again to see how it stands.",
    ),
    "precondition-failed": ProblemKind(
        HTTPStatus.PRECONDITION_FAILED,
        "It was changed since you read it",
        "Read it again, look at what changed, and send the request with the new ETag in If-Match.",
    ),
    "method-not-allowed": ProblemKind(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This address does not take that method",
        "Use one of the methods in the Allow header.",
    ),
    "body-too-large": ProblemKind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request body is too large",
        "Send less at once.",
    ),
    "file-damaged": ProblemKind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The stored file is not what was written",
        "It is not sent. Request the report again to have it written anew, and give your operator "
        "the request id.",
    ),
    "idempotency-key-reused": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The idempotency key stands for another request",
        "Send the request that the key was first used with, or take a new key.",
    ),
    "too-many-keys": ProblemKind(
        HTTPStatus.CONFLICT,
        "The tenant has as many API keys as it may have",
        "Revoke keys that are no longer needed, then make the new one.",
    ),
    "not-acceptable": ProblemKind(
        HTTPStatus.NOT_ACCEPTABLE,
        "The answer does not come in a form that the client takes",
        "Leave the Accept header out, or name one of the media types that the operation has.",
    ),
    "request-in-flight": ProblemKind(
        HTTPStatus.CONFLICT,
        "The first request with this idempotency key is still being worked on",
        "Wait the seconds given in Retry-After, then send the request again with its key.",
    ),
    "unsupported-media-type": ProblemKind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not of the right type",
        "Send it as application/json, and say so in the Content-Type header.",
    ),
    "graphql-invalid": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The GraphQL document is not valid",
        "Correct the document and send it again.",
    ),
    "graphql-too-expensive": ProblemKind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The GraphQL document asks for too much at once",
        "Ask for less at once: fewer fields, fewer aliases, smaller pages.",
    ),
    "name-taken": ProblemKind(
        HTTPStatus.CONFLICT,
        "The name is taken",
        "Choose another name, or change what has this one.",
    ),
    "in-use": ProblemKind(
        HTTPStatus.CONFLICT,
        "Something else depends on it",
        "It cannot be removed while something else depends on it.",
    ),
    "too-many-requests": ProblemKind(
        HTTPStatus.TOO_MANY_REQUESTS,
        "More is asked for than can be worked on",
        "Wait the seconds given in Retry-After, then send the request again.",
    ),
    "range-not-satisfiable": ProblemKind(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "The file has no such part",
        "Ask for bytes within the size in Content-Range, or for the whole file.",
    ),
    "numbers-unreadable": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The published numbers cannot be read",
        "Their files are missing or damaged. They are published again within minutes where the "
        "graph is running. If this lasts, tell your operator: `reviewgraph status --due` names "
        "the command that publishes them again.",
    ),
    "unavailable": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A part the API stands on does not answer",
        "Try again in a few seconds. If it lasts, give your operator the request id.",
    ),
    "too-slow": ProblemKind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The request took longer than it may",
        "Send fewer or shorter texts at once, or try again when less is going on.",
    ),
    "unexpected": ProblemKind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side",
        "The error has been logged. Give your operator the request id.",
    ),
}

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
        slug: A key of :data:`REGISTRY`.
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
                    location=".".join(str(part) for part in found["loc"]), message=found["msg"]
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
