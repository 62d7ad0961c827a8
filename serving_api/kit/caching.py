"""Answers that follow from a snapshot alone: named by an ETag, kept while they are asked for.

A snapshot never changes, so an answer is a function of tenant, version, part and query. Planning a
query costs more than sending its answer: what is asked again comes from memory. Access is decided
before anything here is looked at, with every request.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from cachetools import LRUCache
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from serving_api.kit.negotiation import (
    MEDIA_TYPES,
    MIN_BYTES_TO_COMPRESS,
    PLAIN,
    Form,
    chosen_encoding,
    chosen_form,
    encoded,
)
from serving_api.kit.tabular import Rows, as_json, as_table, chosen_fields, rows_of

Kept = TypeVar("Kept", bound=Sized)
AnswerKey = tuple[str, str, str]
"""Tenant, snapshot version, and path with query, form and what of the snapshot was read."""

DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
# Raise it when the shape of an answer changes: clients then fetch anew what they hold.
_SHAPE = "3"

# Numbers may be kept by the client but are asked for anew each time, so that a removed membership
# counts at once; texts and names of people are not kept at all.
REVALIDATE = "private, no-cache"
NO_STORE = "no-store"


class AnswerCache(Generic[Kept]):
    """The most recently used answers, bounded by their size in memory.

    Args:
        maximum_bytes: Total size of the bodies that are kept.
    """

    def __init__(self, maximum_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._answers: LRUCache[AnswerKey, Kept] = LRUCache(maximum_bytes, getsizeof=len)
        self._lock = threading.Lock()  # cachetools leaves it to its users: get reorders too

    def get(self, key: AnswerKey) -> Kept | None:
        """The kept answer, if there is one."""
        with self._lock:
            return self._answers.get(key)

    def put(self, key: AnswerKey, kept: Kept) -> None:
        """Keep an answer; the ones not asked for the longest make room for it."""
        if len(kept) > self._answers.maxsize // 16:  # one huge answer must not empty the cache
            return
        with self._lock:
            self._answers[key] = kept

    def forget(self, tenant_id: str) -> None:
        """Let go of the answers of a tenant: its numbers are others now, or may not be kept."""
        with self._lock:
            for key in [key for key in self._answers if key[0] == tenant_id]:
                del self._answers[key]

    @property
    def size(self) -> int:
        """Bytes of the bodies that are kept."""
        return int(self._answers.currsize)


@dataclass(frozen=True)
class Wanted:
    """What a client wants of an answer, besides the answer itself.

    Attributes:
        rows: The answer's rows; None where it is no table.
        fields: The fields of each row; all of them when None.
        form: JSON, or a table in another form.
        encoding: How its body is compressed.
    """

    rows: Rows | None
    fields: tuple[str, ...] | None
    form: Form
    encoding: str

    @classmethod
    def of(cls, request: Request, answer: type[BaseModel] | None) -> Wanted:
        """What a request wants of a kind of answer.

        Raises:
            Problem: ``not-acceptable``; ``invalid-parameters`` for fields that there are not.
        """
        rows = rows_of(answer)
        offered: tuple[Form, ...] = ("json",) if rows is None else tuple(MEDIA_TYPES)
        return cls(
            rows=rows,
            fields=chosen_fields(request.query_params.get("fields"), rows) if rows else None,
            form=chosen_form(request.headers.get("accept"), offered),
            encoding=chosen_encoding(request.headers.get("accept-encoding")),
        )

    def body_of(self, answer: BaseModel) -> bytes:
        """The answer's body, not compressed yet."""
        if self.rows is None or self.form == "json":
            return as_json(answer, self.rows, self.fields)
        return as_table(answer, self.rows, self.fields, self.form)


@dataclass(frozen=True)
class KeptBody:
    """An answer that is kept.

    Attributes:
        content: Its body, compressed as it is sent.
        headers: What belongs to the body: how it is compressed, where the next page is.
    """

    content: bytes
    headers: dict[str, str]

    def __len__(self) -> int:
        return len(self.content)


def answer(
    request: Request,
    cache: AnswerCache[KeptBody],
    *,
    tenant_id: str,
    version: str,
    part: str,
    model: type[BaseModel] | None,
    produce: Callable[[], BaseModel],
    cache_control: str,
) -> Response:
    """Answer from the client's copy, from memory, or by ``produce``, in this order.

    Answers from snapshots hold nothing secret beside what the client sent, so that compressing them
    gives nothing away (BREACH); no other answer is compressed.

    Args:
        request: The request, for its address and headers.
        cache: The answers that are kept.
        tenant_id: The tenant whose snapshot it is; access has been decided.
        version: The snapshot version that is read.
        part: Names the part of it that is read; empty for all of it.
        model: The kind of answer.
        produce: Computes the answer.
        cache_control: :data:`REVALIDATE` or :data:`NO_STORE`.

    Raises:
        Problem: As :meth:`Wanted.of`.
    """
    wanted = Wanted.of(request, model)
    query = f"{request.url.path}?{urlencode(sorted(request.query_params.multi_items()))}"
    name = f"{query}\0{wanted.form}\0{wanted.encoding}" + (f"\0{part}" if part else "")
    digest = hashlib.sha256(f"{_SHAPE}\0{version}\0{name}".encode()).hexdigest()
    etag = f'"{version[:16]}-{digest[:16]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": cache_control,
        "Vary": "Authorization, Accept, Accept-Encoding",
    }
    wanted_unless = request.headers.get("if-none-match")
    if matches(wanted_unless, etag):
        return Response(status_code=304, headers=headers)
    key = (tenant_id, version, name)
    kept = cache.get(key)
    if kept is None:
        kept = _kept(produce(), wanted)
        cache.put(key, kept)
    if is_any(wanted_unless):  # known only now: an answer that does not exist is no answer
        return Response(status_code=304, headers=headers)
    return Response(
        kept.content, headers={**headers, **kept.headers}, media_type=MEDIA_TYPES[wanted.form]
    )


def _kept(answer: BaseModel, wanted: Wanted) -> KeptBody:
    body = wanted.body_of(answer)
    headers = {}
    following = getattr(answer, "next", None)
    if following is not None:  # a table has no place for it
        headers["Link"] = f'<{following}>; rel="next"'
    if wanted.encoding != PLAIN and len(body) >= MIN_BYTES_TO_COMPRESS:
        body = encoded(body, wanted.encoding)
        headers["Content-Encoding"] = wanted.encoding
    return KeptBody(body, headers)


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
