"""The kind of route that every slice uses: ``APIRouter(route_class=Route)``.

It adds what all routes owe their clients and no endpoint should have to think of: a request that
changes something may be sent twice (see :mod:`serving_api.kit.idempotency`), and an operation that
will go says so with every answer (see :mod:`serving_api.kit.deprecation`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from serving_api.kit.deprecation import Deprecation
from serving_api.kit.errors import documented
from serving_api.kit.idempotency import (
    CHANGING_METHODS,
    PARAMETER,
    AnsweredBeforeError,
    attempt_of,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """A route of the API."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.takes_key = bool(CHANGING_METHODS & set(options.get("methods") or ())) and not hasattr(
            endpoint, "without_key"
        )
        if self.takes_key:
            _describe_key(options)
        deprecation: Deprecation | None = getattr(endpoint, "deprecation", None)
        self.notices = [] if deprecation is None else deprecation.headers
        if deprecation is not None:
            options["deprecated"] = True
            extra = options.get("openapi_extra") or {}
            options["openapi_extra"] = {**extra, "x-sunset": deprecation.sunset.isoformat()}
        if "{tenant}" in path:
            _describe_status(options, endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """The framework's handler, and around it what this kind of route adds."""
        handle = super().get_route_handler()
        if self.takes_key:
            handle = self._answering_once(handle)
        return self._giving_notice(handle) if self.notices else handle

    def _giving_notice(self, handle: Handler) -> Handler:
        async def handle_with_notice(request: Request) -> Response:
            request.scope["notices"] = self.notices  # the edge puts them on problems as well
            return await handle(request)

        return handle_with_notice

    def _answering_once(self, handle: Handler) -> Handler:
        async def handle_once(request: Request) -> Response:
            attempt = await attempt_of(request, self.operation_id or self.name)
            try:
                answer = await handle(request)
            except AnsweredBeforeError as before:
                return before.answer
            if attempt is not None:
                attempt.answer = answer
            return answer

        return handle_once


def _describe_key(options: dict[str, Any]) -> None:
    """Add the header and its refusals to what the OpenAPI document says of a route."""
    extra = dict(options.get("openapi_extra") or {})
    extra["parameters"] = [*extra.get("parameters", ()), PARAMETER]
    options["openapi_extra"] = extra
    _also_answer(options, "request-in-flight", "idempotency-key-reused")


def _describe_status(options: dict[str, Any], endpoint: Callable[..., Any]) -> None:
    """Add what a tenant that is not active answers, see :mod:`serving_api.kit.auth`."""
    served: frozenset[str] = getattr(endpoint, "serves", frozenset())
    if "suspended" not in served:
        _also_answer(options, "tenant-suspended")
    if "closing" not in served and CHANGING_METHODS & set(options.get("methods") or ()):
        _also_answer(options, "tenant-closing")


def _also_answer(options: dict[str, Any], *slugs: str) -> None:
    """Add refusals to those that a route declares."""
    responses = dict(options.get("responses") or {})
    for slug in slugs:
        for status, refusal in documented(slug).items():
            said = responses.get(status)
            if said is not None and "description" in said:
                if f"(`{slug}`)" in said["description"]:
                    continue
                refusal["description"] = f"{said['description']}; {refusal['description']}"
            responses[status] = {**(said or {}), **refusal}
    options["responses"] = responses
