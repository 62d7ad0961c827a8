"""The hot path: a read that was answered before, for who was let in before, asks nobody.

It stands before the routes and answers what :mod:`serving_api.kit.memory` remembers. Whatever is
not remembered, or not for certain, goes to its route, which decides and answers as if there were no
memory, and tells what it did.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.errors import ReviewGraphError
from serving_api.kit.caching import is_any, matches
from serving_api.kit.errors import Problem
from serving_api.kit.idempotency import CHANGING_METHODS
from serving_api.kit.memory import (
    MAX_SECONDS_GRANTED,
    Grant,
    Observation,
    RememberedAnswer,
    bearer_of,
    observe,
)
from serving_api.kit.services import Services

_LOOKED_AT = (b"authorization", b"if-none-match", b"accept", b"accept-encoding")
_OK, _NOT_MODIFIED, _REFUSED = 200, 304, 400

Asked = Mapping[bytes, bytes]
"""The headers of a request that its answer depends on; empty where it has none."""


class HotPath:
    """ASGI middleware that answers from memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or let the routes answer and learn from them."""
        if scope["type"] == "http" and scope["method"] in CHANGING_METHODS:
            await self._changing(scope, receive, send)
            return
        asked = _asked(scope)
        services: Services | None = scope["app"].state.services if asked else None
        if asked is None or services is None or not services.memory.is_current():
            await self._app(scope, receive, send)
            return
        address = (
            scope["raw_path"],
            scope["query_string"],
            asked[b"accept"],
            asked[b"accept-encoding"],
        )
        bearer = bearer_of(asked[b"authorization"])
        found = services.memory.find(address, bearer)
        if found is not None:
            answer, grant = found
            is_held = _is_held(answer, asked[b"if-none-match"])
            is_known = is_held or answer.body is not None
            if is_known and await _is_admitted(services, grant):
                _note_for_log(scope, answer, grant)
                scope["rate_limit"] = services.allowances.headers(grant.allowances)
                await _send(send, answer, is_held=is_held)
                return
        seen = Observation(
            generation=services.memory.generation,
            address=address,
            bearer=bearer,
            expires_in=_seconds_left(asked[b"authorization"]),
        )
        if await self._observed(scope, receive, send, seen) in {_OK, _NOT_MODIFIED}:
            services.memory.learn(seen)  # the transaction in which it was decided ended well

    async def _changing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the routes change something, and believe nothing until that has been told.

        So who changes something sees it with the next request, as far as it comes to this worker.
        Who changes nothing takes nobody's memory away: else a stranger could for everybody.
        """
        services: Services = scope["app"].state.services

        async def send_when_distrusted(message: Message) -> None:
            if message["type"] == "http.response.start" and _has_changed(scope, message["status"]):
                services.memory.catch_up()  # what was changed is committed by now
            await send(message)

        await self._app(scope, receive, send_when_distrusted)

    async def _observed(self, scope: Scope, receive: Receive, send: Send, seen: Observation) -> int:
        """Let the routes answer; return the status."""
        observe(scope, seen)
        status = 0

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, send_and_look)
        return status


def _has_changed(scope: Scope, status: int) -> bool:
    """Whether a request may have changed what is remembered: of somebody known, and not refused."""
    changes_nothing = getattr(scope.get("endpoint"), "changes_nothing", False)
    return status < _REFUSED and "user_id" in scope and not changes_nothing


def _asked(scope: Scope) -> Asked | None:
    """The headers that count; None for what is no read with a token, or is asked ambiguously."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    asked = dict.fromkeys(_LOOKED_AT, b"")
    for name, value in scope["headers"]:
        if name in asked:
            if asked[name]:
                return None
            asked[name] = value
    return asked if asked[b"authorization"] else None


async def _is_admitted(services: Services, grant: Grant) -> bool:
    """Whether the request may pass on what is remembered; if not, its route says why."""
    if services.allowances.admit_at_once(grant.allowances):
        return True
    generation = services.memory.generation
    try:
        await services.allowances.admit(grant.allowances)
    except (Problem, ReviewGraphError, SQLAlchemyError):
        return False
    # Waiting took a moment, in which what was remembered may have changed.
    return services.memory.is_current() and services.memory.generation == generation


def _is_held(answer: RememberedAnswer, if_none_match: bytes) -> bool:
    if not if_none_match:
        return False
    if if_none_match == answer.etag:  # what nearly every client sends
        return True
    held = if_none_match.decode("latin-1")
    return matches(held, answer.etag.decode("latin-1")) or is_any(held)


def _note_for_log(scope: Scope, answer: RememberedAnswer, grant: Grant) -> None:
    scope["route"], scope["user_id"] = answer.route, grant.user_id
    if grant.key_id is not None:
        scope["key_id"] = grant.key_id
    scope["path_params"] = {"tenant": answer.tenant_id}
    scope["notices"] = getattr(answer.route, "notices", ())


async def _send(send: Send, answer: RememberedAnswer, *, is_held: bool) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": _NOT_MODIFIED if is_held else _OK,
            "headers": answer.headers_if_held if is_held else answer.headers,
        }
    )
    body = b"" if is_held else answer.body or b""
    await send({"type": "http.response.body", "body": body})


def _seconds_left(authorization: bytes) -> float:
    """How long a token is good for, by what it says itself; whether it is true, a route decides."""
    try:
        claims = authorization.split(b".")[1]
        expires = json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["exp"]
        return float(expires) - time.time()
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        return MAX_SECONDS_GRANTED  # an API key, or nothing that a route lets in
