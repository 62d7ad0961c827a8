"""What stands before Dagster's UI: it is for people at this machine, not for the pages they visit.

Dagster's server has no log-in and takes orders from whoever reaches it. It listens on loopback, so
the danger is the browser of whoever works here: any page could send requests to it, by a form, by
an image, or by a name of its own that leads to this machine. So a request must be addressed to this
machine, come from the UI's own pages or from a program, and orders must come in a form that no
foreign page can send without asking first.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http import HTTPStatus

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?")
_SAFE_METHODS = {"GET", "HEAD"}
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
# Pages of others can neither show the UI in a frame nor load what it serves.
_HEADERS = {
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let through.

    Attributes:
        status: The HTTP status it is answered with.
        reason: What is wrong, and what to do instead.
    """

    status: HTTPStatus
    reason: str


class UiGuard:
    """ASGI middleware around Dagster's server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request or connection through, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = refusal_of(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
            return
        logger.warning("refused with %d: %s", refusal.status, refusal.reason)
        if scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        allowed = {"Allow": "POST"} if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED else None
        answer = JSONResponse({"error": refusal.reason}, refusal.status, allowed)
        await answer(scope, receive, _with_headers(send))


def refusal_of(scope: Scope) -> Refusal | None:
    """Why a request or connection is refused; None for one that is let through.

    Args:
        scope: The ASGI scope of an HTTP request or a websocket.
    """
    headers = Headers(scope=scope)
    refusal = _wrong_host(headers) or _wrong_origin(headers, scope)
    if refusal is None and scope["type"] == "http":
        is_safe = scope["method"] in _SAFE_METHODS
        refusal = _order_in_address(scope) if is_safe else _wrong_body(headers)
    return refusal


def _wrong_host(headers: Headers) -> Refusal | None:
    """A name that somebody else let lead to this machine is not one of ours (DNS rebinding)."""
    hosts = headers.getlist("host")
    if len(hosts) == 1 and _LOOPBACK.fullmatch(hosts[0].lower()):
        return None
    return Refusal(
        HTTPStatus.FORBIDDEN,
        "Dagster's UI answers under 127.0.0.1 and localhost only. Open it under one of them.",
    )


def _wrong_origin(headers: Headers, scope: Scope) -> Refusal | None:
    origins = headers.getlist("origin")
    own = {f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")}
    if not {origin.lower() for origin in origins} <= own:
        return _foreign()
    site = headers.get("sec-fetch-site", "none")
    if site not in {"same-origin", "none"} and not _is_followed_link(headers, scope):
        return _foreign()
    return None


def _is_followed_link(headers: Headers, scope: Scope) -> bool:
    """Whether somebody opens the UI from a page elsewhere, as a page of its own."""
    return (
        scope["type"] == "http"
        and scope["method"] in _SAFE_METHODS
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _foreign() -> Refusal:
    return Refusal(
        HTTPStatus.FORBIDDEN,
        "A page of another origin may not speak to Dagster's UI. Use the UI's own pages.",
    )


def _wrong_body(headers: Headers) -> Refusal | None:
    """Forms, and pages that do not ask first, cannot send JSON under its own name."""
    types = headers.getlist("content-type")
    if len(types) == 1 and types[0].partition(";")[0].strip().lower() == "application/json":
        return None
    return Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON, with the content type application/json."
    )


def _order_in_address(scope: Scope) -> Refusal | None:
    """A mutation in the query of an address, which a link or an image could carry."""
    if "graphql" not in scope["path"].lower():
        return None
    queries = QueryParams(scope["query_string"]).getlist("query")
    if all(_only_asks(query) for query in queries):
        return None
    return Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "An address may only ask. Send a mutation by POST, with the content type application/json.",
    )


def _only_asks(query: str) -> bool:
    """Whether a GraphQL document holds nothing but queries."""
    try:
        document = parse(query)
    except (GraphQLError, RecursionError):
        return False
    return all(
        definition.operation is OperationType.QUERY
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    )


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return send_with_headers
