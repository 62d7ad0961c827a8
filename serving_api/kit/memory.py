"""What a worker remembers, so that a request that was asked before asks the database nothing.

Three things are remembered of a request that a route has answered: that this very token or key may
read this operation of this tenant (a grant), which snapshot the tenant's numbers come from, and the
answer. Nothing is decided here: the route decided, in a transaction, and what it decided on is
watched (:mod:`resources.database.changes`). When any of it changes, what followed from it is
forgotten; when changes can no longer be heard, nothing remembered is used at all.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Protocol

from cachetools import LRUCache
from starlette.responses import Response
from starlette.types import Scope

from resources.database.changes import Changes
from resources.vocabulary import utc_today
from serving_api.kit.caching import AnswerCache, KeptBody
from serving_api.kit.limits import Allowance
from serving_api.kit.tokens import Principal

MAX_SECONDS_GRANTED = 10.0
"""After this a route decides again: what ends by the clock alone is told by no change."""

_SECONDS_AHEAD = 2.0  # one request lets the route decide again before all would have to

MAX_GRANTS = 20_000
MAX_ANSWERS_BYTES = 64 * 1024 * 1024
_MAX_ADDRESS = 4096
_OF_BODIES = frozenset({b"content-length", b"content-type", b"content-encoding"})
_SCOPE = "reviewgraph.observation"

Address = tuple[bytes, bytes, bytes, bytes]
"""Path, query, ``Accept`` and ``Accept-Encoding`` of a request, as they came."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who bears a certain token or key may read an operation of a tenant.

    Attributes:
        subjects: What that was decided on, as changes name it.
        allowances: What each request takes from.
        user_id: For the log.
        key_id: For the log; None for who has logged in.
        until: When a route has to decide again, by the monotonic clock.
    """

    subjects: frozenset[str]
    allowances: tuple[Allowance, ...]
    user_id: str
    key_id: str | None
    until: float


@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """An answer from a snapshot.

    Attributes:
        tenant_id: Whose snapshot.
        operation: What was asked for; grants are given by operation.
        version: The snapshot's.
        follows_current: Whether it is right only while this snapshot is the current one.
        etag: Its name.
        headers: All its headers.
        headers_if_held: Those that go without its body.
        good_on: The only day on which it is right, where it goes back so many days from today.
        body: Its body; None where only its name is known, because the client had the body.
        route: For the log.
    """

    tenant_id: str
    operation: str
    version: str
    follows_current: bool
    etag: bytes
    headers: list[tuple[bytes, bytes]]
    headers_if_held: list[tuple[bytes, bytes]]
    good_on: date | None
    body: bytes | None
    route: object


@dataclass(slots=True)
class Observation:
    """What a route tells of a request that it answers, to be remembered once it has ended well.

    Attributes:
        generation: How many changes had been heard when the request began.
        address: What was asked for.
        bearer: Fingerprint of who asks.
        expires_in: Seconds until the token ends.
    """

    generation: int
    address: Address
    bearer: bytes
    expires_in: float
    began: float = field(default_factory=time.monotonic)
    grant: Grant | None = None
    answer: RememberedAnswer | None = None


class Listener(Protocol):
    """Keeps something that follows from rows of the database. What it does is done at once."""

    def on_change(self, subject: str) -> None:
        """Be told what a change is about, for example ``numbers:acme``."""

    def on_gap(self) -> None:
        """Be told that changes may have been missed."""


class Memory:
    """What one worker remembers.

    Args:
        answers: The answers by their content; those of a tenant go when its numbers change.
        on_other_keys: Called before what keys of tokens opened is forgotten, so that nothing is
            remembered anew of a token that they signed.

    Attributes:
        generation: How many changes have been heard.
    """

    def __init__(
        self, answers: AnswerCache[KeptBody], on_other_keys: Callable[[], object] = lambda: None
    ) -> None:
        self._kept = answers
        self._on_other_keys = on_other_keys
        self._changes: Changes | None = None
        self.generation = 0
        self._lock = threading.Lock()
        self._grants: LRUCache[tuple[bytes, str, str], Grant] = LRUCache(MAX_GRANTS)
        self._renewing: set[tuple[bytes, str, str]] = set()
        self._versions: dict[str, str] = {}
        self._answers: LRUCache[Address, RememberedAnswer] = LRUCache(
            MAX_ANSWERS_BYTES, getsizeof=_size
        )

    def watch(self, url: str, *others: Listener) -> Changes:
        """What tells of changes of a database; nothing is believed before it is entered.

        Args:
            url: Address of the database.
            *others: Who else is told, after this memory.
        """
        listeners: tuple[Listener, ...] = (self, *others)

        def on_change(subject: str) -> None:
            for listener in listeners:
                listener.on_change(subject)

        def on_gap() -> None:
            for listener in listeners:
                listener.on_gap()

        self._changes = Changes(url, on_change, on_gap)
        return self._changes

    def is_current(self) -> bool:
        """Whether what is remembered may be believed."""
        return self._changes is not None and self._changes.is_current

    def catch_up(self) -> None:
        """Believe nothing until the change that was just made here has been told."""
        if self._changes is not None:
            self._changes.catch_up()

    def find(self, address: Address, bearer: bytes) -> tuple[RememberedAnswer, Grant] | None:
        """The answer to a request, if it is remembered, right, and for who asks."""
        with self._lock:
            answer = self._answers.get(address)
            if answer is None:
                return None
            if answer.follows_current and self._versions.get(answer.tenant_id) != answer.version:
                return None
            if answer.good_on is not None and answer.good_on != utc_today():
                return None
            key = (bearer, answer.tenant_id, answer.operation)
            grant = self._grants.get(key)
            if grant is None:
                return None
            left = grant.until - time.monotonic()
            if left < _SECONDS_AHEAD and key not in self._renewing:
                self._renewing.add(key)
                return None
        return (answer, grant) if left > 0 else None

    def learn(self, seen: Observation) -> None:
        """Remember a request that ended well, unless anything has changed since it began."""
        if seen.grant is None or seen.answer is None:
            return
        answer = seen.answer
        with self._lock:
            self._renewing.discard((seen.bearer, answer.tenant_id, answer.operation))
            if seen.generation != self.generation:
                return
            self._grants[seen.bearer, answer.tenant_id, answer.operation] = seen.grant
            if answer.follows_current:
                self._versions[answer.tenant_id] = answer.version
            known = self._answers.get(seen.address)
            is_poorer = known is not None and answer.body is None and known.etag == answer.etag
            if _size(answer) <= MAX_ANSWERS_BYTES // 64 and not is_poorer:
                self._answers[seen.address] = answer

    def on_change(self, subject: str) -> None:
        """Forget what followed from something that has changed."""
        kind, _, name = subject.partition(":")
        if kind == "signing":
            self._on_other_keys()
        with self._lock:
            self.generation += 1
            if kind == "numbers":
                self._versions.pop(name, None)
                for address in [a for a, one in self._answers.items() if one.tenant_id == name]:
                    del self._answers[address]
                self._kept.forget(name)
                return
            if kind == "signing":
                self._grants.clear()
                self._renewing.clear()
                return
            for key in [key for key, one in self._grants.items() if subject in one.subjects]:
                del self._grants[key]
                self._renewing.discard(key)

    def on_gap(self) -> None:
        """Forget everything that changes could have told about."""
        self._on_other_keys()
        with self._lock:
            self.generation += 1
            self._grants.clear()
            self._renewing.clear()
            self._versions.clear()


def bearer_of(authorization: bytes) -> bytes:
    """The fingerprint under which a token or key is remembered; it leads back to neither."""
    return hashlib.sha256(authorization).digest()


def observe(scope: Scope, seen: Observation) -> None:
    """Let whoever answers the request tell of it."""
    scope[_SCOPE] = seen


def tell(
    scope: Scope,
    *,
    principal: Principal,
    allowances: tuple[Allowance, ...],
    tenant_id: str,
    version: str,
    follows_current: bool,
    response: Response,
    good_on: date | None = None,
) -> None:
    """Tell of an answer from a snapshot: who got it and what it follows from."""
    seen: Observation | None = scope.get(_SCOPE)
    if seen is None or sum(map(len, seen.address)) > _MAX_ADDRESS:
        return
    route = scope.get("route")
    operation = str(getattr(route, "operation_id", None))
    ids = {"user": principal.user_id, "session": principal.session_id, "key": principal.key_id}
    seen.grant = Grant(
        subjects=frozenset(
            [f"tenant:{tenant_id}", *(f"{kind}:{id_}" for kind, id_ in ids.items() if id_)]
        ),
        allowances=allowances,
        user_id=str(principal.user_id),
        key_id=None if principal.key_id is None else str(principal.key_id),
        until=seen.began + min(MAX_SECONDS_GRANTED, seen.expires_in),
    )
    is_whole = response.status_code == HTTPStatus.OK
    seen.answer = RememberedAnswer(
        tenant_id=tenant_id,
        operation=operation,
        version=version,
        follows_current=follows_current,
        etag=response.headers["etag"].encode("latin-1"),
        headers=list(response.raw_headers),
        headers_if_held=[one for one in response.raw_headers if one[0] not in _OF_BODIES],
        good_on=good_on,
        body=bytes(response.body) if is_whole else None,
        route=route,
    )


def _size(answer: RememberedAnswer) -> int:
    return len(answer.body or b"") + 2048
