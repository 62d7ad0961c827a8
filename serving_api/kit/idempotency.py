"""Requests that may be sent twice: the header ``Idempotency-Key``, and what it promises.

With the same key and the same request comes the answer of the first time, without a second effect;
with the same key and another request a refusal; while the first is being worked on, a refusal that
says when to ask again. Only what succeeded is kept: a request that was refused may be mended and
sent again with its key.

Every route that changes something keeps this promise by being what it is: a :class:`~serving_api.
kit.routing.Route` that works in a session. The route reads the key and, once the endpoint has
answered, hands over the whole answer; the session's unit of work, which is still open then, keeps
it in the transaction of the effect.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response
from starlette.types import Scope

from resources.database import RequestInFlightError, UnitOfWork
from resources.database.idempotency import TIME_KEPT
from resources.keys import Keys, UnreadableSecretError
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.kit.tokens import Principal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255
CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A name of your choice for this request, up to 255 visible ASCII characters. "
    f"Sent again with it within {TIME_KEPT.days} days, the request has no second effect and gets "
    "the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
"""How the OpenAPI document describes the header."""

_SCOPE = "reviewgraph.attempt"
_VISIBLE = re.compile(r"[!-~]+")
_IN_FLIGHT_RETRY_SECONDS = "1"
_PURPOSE = "kept answers"
_FINGERPRINT = "fingerprints of requests"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def without_key(reason: str, *, changes_nothing: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Declare that an endpoint takes no ``Idempotency-Key``, and why it needs none.

    Place it below the decorator of the route, so that the router registers what it returns.

    Args:
        reason: Why.
        changes_nothing: Whether it only reads, whatever its method says.
    """

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.without_key = reason  # type: ignore[attr-defined]
        endpoint.changes_nothing = changes_nothing  # type: ignore[attr-defined]
        return endpoint

    return declare


@dataclass
class Attempt:
    """One request that bears a key.

    Attributes:
        key: As the client gave it.
        operation: What is asked for: the operation's name in the API's document.
        fingerprint: Of method, address and body.
        answer: What the endpoint answered; None until it has.
    """

    key: str
    operation: str
    fingerprint: str
    answer: Response | None = None


class AnsweredBeforeError(Exception):
    """The request has been answered before; ``answer`` is what it was answered."""

    def __init__(self, answer: Response) -> None:
        super().__init__("answered before")
        self.answer = answer


def seal(keys: Keys, answer: Response, belongs_to: str) -> bytes:
    """Encrypt an answer, so that a copy of the database shows none of it."""
    content = {
        "status": answer.status_code,
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.raw_headers
        ],
        "body": bytes(answer.body).decode("latin-1"),
    }
    return keys.seal(_PURPOSE, json.dumps(content).encode(), belongs_to=belongs_to)


def unseal(keys: Keys, sealed: bytes, belongs_to: str) -> Response:
    """The answer that :func:`seal` encrypted for the same request.

    Raises:
        UnreadableSecretError: It was encrypted with another key, or for another request.
    """
    kept = json.loads(keys.unseal(_PURPOSE, sealed, belongs_to=belongs_to))
    answer = Response(kept["body"].encode("latin-1"), kept["status"])
    answer.raw_headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in kept["headers"]
    ]
    answer.headers[REPLAYED] = "true"
    return answer


async def attempt_of(request: Request, operation: str) -> Attempt | None:
    """The attempt that a request makes; None for a request without a key.

    Raises:
        Problem: ``invalid-parameters`` for a key that cannot be one.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if len(key) > MAX_KEY_LENGTH or not _VISIBLE.fullmatch(key):
        raise invalid_parameter(
            f"header.{HEADER}", f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters"
        )
    digest = hashlib.sha256()
    scope = request.scope
    # Each part behind its length, so that no two requests are spelled the same.
    for part in (
        request.method.encode(),
        scope.get("raw_path") or scope["path"].encode(),
        scope["query_string"],
        await request.body(),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    attempt = Attempt(key, operation, digest.hexdigest())
    scope[_SCOPE] = attempt
    return attempt


@contextmanager
def kept_once(
    scope: Scope, keys: Keys, work: UnitOfWork, principal: Principal, tenant_id: str | None
) -> Iterator[None]:
    """Surround what a session does for a request, so that its key has one effect.

    Raises:
        AnsweredBeforeError: The key stands for this very request.
        Problem: ``idempotency-key-reused`` if it stands for another one; ``request-in-flight``
            while that is being worked on.
    """
    attempt: Attempt | None = scope.get(_SCOPE)
    if attempt is None:
        yield
        return
    user_id, name = principal.user_id, attempt.key
    if principal.key_id is not None:
        # Programs choose their names without knowing of each other, nor of the user who made their
        # API keys; a client's own name holds no space.
        name = f"{principal.key_id} {attempt.key}"
    # Signed: a request may hold a name, and a bare hash would let one try names against it.
    signed = keys.signatures(_FINGERPRINT, attempt.fingerprint.encode())
    # What a user was answered is not for the API keys that the user made, nor what one key was
    # answered for another.
    known_as = [f"{one.hex()} {principal.key_id or ''}".rstrip() for one in signed]
    try:
        kept = work.idempotency.take(user_id, tenant_id, name)
    except RequestInFlightError:
        raise Problem(
            "request-in-flight", headers={"Retry-After": _IN_FLIGHT_RETRY_SECONDS}
        ) from None
    if kept is not None:
        if kept.operation != attempt.operation or kept.fingerprint not in known_as:
            raise Problem("idempotency-key-reused")
        try:
            bound_to = f"{user_id} {tenant_id} {kept.fingerprint}"
            raise AnsweredBeforeError(unseal(keys, kept.sealed, bound_to))
        except UnreadableSecretError:  # the installation's key was changed since
            raise Problem("idempotency-key-reused") from None
    yield
    answer = attempt.answer
    if answer is not None and answer.status_code < HTTPStatus.BAD_REQUEST:
        work.idempotency.keep(
            user_id,
            tenant_id,
            name,
            operation=attempt.operation,
            fingerprint=known_as[0],
            sealed=seal(keys, answer, f"{user_id} {tenant_id} {known_as[0]}"),
        )
