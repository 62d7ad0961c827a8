"""The outermost layer: request ids, the log, headers, body limit, and the last catch of errors.

It is plain ASGI rather than a framework middleware, so that answers stream through it untouched
and a client that hangs up cancels the work behind it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.logs import bound, fields
from resources.telemetry import spans
from resources.telemetry.figures import observe_request
from resources.vocabulary import is_tenant_id
from serving_api.kit.errors import METHODS, Problem, problem_response
from serving_api.kit.hosts import AllowedHosts
from serving_api.kit.proxies import TrustedProxies

DEFAULT_MAX_BODY_BYTES = 64 * 1024
_GIVEN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# The API answers with data: nothing it sends may run, be framed or be guessed at. Its one page
# brings a policy of its own, which lets its style in and nothing else.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}

_UNLESS_GIVEN = [
    (name.lower().encode(), value.encode())
    for name, value in {**SECURITY_HEADERS, "Cache-Control": "no-store"}.items()
]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# Who looks for intruders reads these.
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}

logger = logging.getLogger(__name__)
requests = logging.getLogger("serving_api.requests")


def takes_bodies(*, up_to: int) -> Callable[[Endpoint], Endpoint]:
    """Declare how long a body the decorated endpoint takes, where 64 KiB are too few.

    Place it below the decorator of the route, so that the router registers what it returns.

    Args:
        up_to: The longest body, in bytes.
    """

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.max_body_bytes = up_to  # type: ignore[attr-defined]
        return endpoint

    return declare


class Edge:
    """ASGI middleware around the whole application.

    Args:
        app: What it surrounds.
        proxies: Finds the client behind them; everything within sees that address alone.
        hosts: The names under which the application answers.
    """

    def __init__(self, app: ASGIApp, proxies: TrustedProxies, hosts: AllowedHosts) -> None:
        self._app = app
        self._proxies = proxies
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        scope["request_id"] = request_id
        scope["client"] = self._proxies.client_of(scope)
        with bound(request_id=request_id):
            await self._serve(scope, receive, send, request_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        has_started = False
        status, sent_bytes, began = 0, 0, time.monotonic()

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started, status, sent_bytes
            if message["type"] == "http.response.start":
                has_started, status = True, message["status"]
                _note_for_trace(scope, status)
                message["headers"] = _with_headers(scope, message["headers"], request_id)
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            if (refused := self._refusal(scope)) is not None:
                scope["problem"] = refused
                refusal = problem_response(Problem(refused), request_id)
                await refusal(scope, receive, send_with_headers)
                return
            await self._app(scope, _limited(scope, receive), send_with_headers)
        except ClientDisconnect:
            logger.info("the client hung up")
        except Exception as error:
            logger.exception("failed")
            if has_started:
                raise  # the server closes the connection: a cut answer must not look whole
            problem = error if isinstance(error, Problem) else Problem("unexpected")
            scope["problem"] = problem.slug
            await problem_response(problem, request_id)(scope, receive, send_with_headers)
        finally:
            seconds = time.monotonic() - began
            _log_request(scope, status, sent_bytes, seconds)
            observe_request(_method_of(scope), _route_of(scope), status, seconds)

    def _refusal(self, scope: Scope) -> str | None:
        """The slug of why a request goes no further; None for one that does."""
        if not self._hosts.allows(scope):
            return "wrong-host"
        # Nothing has such a name, and PostgreSQL cannot spell it.
        return "not-found" if "\0" in scope["path"] else None


def _with_headers(
    scope: Scope, given: Iterable[tuple[bytes, bytes]], request_id: str
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer and what belongs to every answer, on the raw lists for speed.

    The list is a new one: the given one may be that of an answer that is remembered.
    """
    headers = list(given)
    names = {name for name, _ in headers}
    headers += [one for one in _UNLESS_GIVEN if one[0] not in names]
    headers.append((b"x-request-id", request_id.encode()))
    headers += scope.get("rate_limit", ())
    headers += scope.get("notices", ())
    return headers


def _log_request(scope: Scope, status: int, sent_bytes: int, seconds: float) -> None:
    """Write the line of a request: what was asked of whom by whom, and what became of it.

    The address is told by its route and its tenant. What else is in it is the client's: what
    people search for, and now and then a password in the wrong place.
    """
    requests.log(
        _level_of(status),
        "request",
        extra=fields(
            method=_method_of(scope),
            route=_route_of(scope),
            tenant=_tenant_of(scope),
            trace=spans.current_trace_id(),
            user=scope.get("user_id"),
            key=scope.get("key_id"),
            client=scope["client"][0] if scope.get("client") else None,
            status=status or None,  # none where the client hung up before there was one
            problem=scope.get("problem"),
            bytes=sent_bytes,
            milliseconds=round(seconds * 1000, 1),
        ),
    )


def _note_for_trace(scope: Scope, status: int) -> None:
    """Tell of whom was asked, if there is such a tenant, before the span ends with the answer."""
    is_refused = status >= HTTPStatus.BAD_REQUEST
    spans.note(tenant=None if is_refused else _tenant_of(scope), problem=scope.get("problem"))


def _tenant_of(scope: Scope) -> str | None:
    tenant = scope.get("path_params", {}).get("tenant", "")
    return tenant if is_tenant_id(tenant) else None


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"


def _route_of(scope: Scope) -> str | None:
    """The route's template; None where the address leads nowhere."""
    return getattr(scope.get("route"), "path", None)


def _level_of(status: int) -> int:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.ERROR
    return logging.WARNING if status in _REFUSALS else logging.INFO


def _request_id(given: str | None) -> str:
    """The client's id where it is harmless in a log, else a new one."""
    if given and _GIVEN_REQUEST_ID.fullmatch(given):
        return given
    return os.urandom(16).hex()


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Stop reading a body that is longer than its endpoint takes."""
    declared = Headers(scope=scope).get("content-length", "")
    received = 0

    def refuse_more_than_the_limit(length: int) -> None:
        # Whoever reads a body has been routed to, and routing has put the endpoint into the scope.
        limit = getattr(scope.get("endpoint"), "max_body_bytes", DEFAULT_MAX_BODY_BYTES)
        if length > limit:
            raise Problem(
                "body-too-large",
                f"Send at most {limit // 1024} KiB.",
                headers={"Connection": "close"},
            )

    async def receive_at_most() -> Message:
        nonlocal received
        if declared.isdecimal():
            refuse_more_than_the_limit(int(declared))
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            refuse_more_than_the_limit(received)
        return message

    return receive_at_most
