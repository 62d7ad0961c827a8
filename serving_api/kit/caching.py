"""Answers that follow from a snapshot alone: named by an ETag, kept while they are asked for.

A snapshot never changes, so an answer is a function of tenant, version and query. Planning a query
costs more than sending its answer: what is asked again comes from memory. Access is decided before
anything here is looked at, with every request.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from urllib.parse import urlencode

from cachetools import LRUCache
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

AnswerKey = tuple[str, str, str]
"""Tenant, snapshot version, and path with query."""

DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
# Raise it when the shape of an answer changes: clients then fetch anew what they hold.
_SHAPE = "2"

# Numbers may be kept by the client but are asked for anew each time, so that a removed membership
# counts at once; texts and names of people are not kept at all.
REVALIDATE = "private, no-cache"
NO_STORE = "no-store"


class AnswerCache:
    """The most recently used answers, bounded by their size in memory.

    Args:
        maximum_bytes: Total size of the bodies that are kept.
    """

    def __init__(self, maximum_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._answers: LRUCache[AnswerKey, bytes] = LRUCache(maximum_bytes, getsizeof=len)
        self._lock = threading.Lock()  # cachetools leaves it to its users: get reorders too

    def get(self, key: AnswerKey) -> bytes | None:
        """The kept answer, if there is one."""
        with self._lock:
            return self._answers.get(key)

    def put(self, key: AnswerKey, body: bytes) -> None:
        """Keep an answer; the ones not asked for the longest make room for it."""
        if len(body) > self._answers.maxsize // 16:  # one huge answer must not empty the cache
            return
        with self._lock:
            self._answers[key] = body

    @property
    def size(self) -> int:
        """Bytes of the bodies that are kept."""
        return int(self._answers.currsize)


def answer(
    request: Request,
    cache: AnswerCache,
    *,
    tenant_id: str,
    version: str,
    produce: Callable[[], BaseModel],
    cache_control: str,
) -> Response:
    """Answer from the client's copy, from memory, or by ``produce``, in this order.

    Args:
        request: The request, for its address and ``If-None-Match``.
        cache: The answers that are kept.
        tenant_id: The tenant whose snapshot it is; access has been decided.
        version: The snapshot version that is read.
        produce: Computes the answer.
        cache_control: :data:`REVALIDATE` or :data:`NO_STORE`.
    """
    query = f"{request.url.path}?{urlencode(sorted(request.query_params.multi_items()))}"
    digest = hashlib.sha256(f"{_SHAPE}\0{version}\0{query}".encode()).hexdigest()
    etag = f'"{version[:16]}-{digest[:16]}"'
    headers = {"ETag": etag, "Cache-Control": cache_control, "Vary": "Authorization"}
    wanted_unless = request.headers.get("if-none-match")
    if matches(wanted_unless, etag):
        return Response(status_code=304, headers=headers)
    key = (tenant_id, version, query)
    body = cache.get(key)
    if body is None:
        body = produce().model_dump_json().encode()
        cache.put(key, body)
    if is_any(wanted_unless):  # known only now: an answer that does not exist is no answer
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client says that it holds what ``etag`` names (RFC 9110, 13.1.2)."""
    return etag in {held.removeprefix("W/") for held in _listed(if_none_match)}


def is_any(if_none_match: str | None) -> bool:
    """Whether the client holds whatever there is: ``*``, which says nothing of what there is not.

    Ask only once it is certain that there is something to answer with.
    """
    return "*" in _listed(if_none_match)


def _listed(if_none_match: str | None) -> set[str]:
    return {held.strip() for held in (if_none_match or "").split(",")}
