"""The outermost layer: request ids, security headers, body limit, and the last catch of errors.

It is plain ASGI rather than a framework middleware, so that answers stream through it untouched
and a client that hangs up cancels the work behind it.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving_api.kit.errors import Problem, problem_response

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

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


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
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        scope["request_id"] = request_id
        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), send_with_headers)
        except ClientDisconnect:
            logger.info("request %s: the client hung up", request_id)
        except Exception as error:
            logger.exception("request %s failed", request_id)
            if has_started:
                raise  # the server closes the connection: a cut answer must not look whole
            problem = error if isinstance(error, Problem) else Problem("unexpected")
            await problem_response(problem, request_id)(scope, receive, send_with_headers)


def _request_id(given: str | None) -> str:
    """The client's id where it is harmless in a log, else a new one."""
    if given and _GIVEN_REQUEST_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


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
