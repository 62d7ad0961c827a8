"""Texts in, annotations out: parsing, the engine, the answers that are kept, and the answer."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from anyio import move_on_after, to_thread
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from resources.enrichment.tenant_context import tenant_context
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.cache import annotate_cached, models_of
from resources.nlp.context import AnnotationContext
from resources.nlp.interrupting import InterruptedWorkError, ending_when, seam
from resources.nlp.privacy import Span, redact
from resources.nlp.texts import ReviewTexts
from serving_api.analysis.schemas import AnalysisRequest, TextToAnalyze
from serving_api.kit.auth import TenantSession
from serving_api.kit.caching import AnswerCache
from serving_api.kit.errors import Problem
from serving_api.kit.turns import Turns

# A text that was sent is no review yet: it has neither of these.
_COLUMNS_OF_REVIEWS = ("review_key", "version")
# What is read without letting others have a turn: whatever comes first.
_SLICE_TEXTS, _SLICE_CHARACTERS = 256, 100_000
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
# An escape in JSON; "whole" unless it is half of a character.
_ESCAPE = re.compile(
    rb"\\(?:(?P<whole>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?!u[dD][89a-fA-F]).)|u[dD][89a-fA-F][0-9a-fA-F]{2})",
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"


@dataclass(frozen=True)
class Reading:
    """What the texts of one request are read with.

    Attributes:
        tenant_id: Whose context it is. Answers are kept apart by tenant: how fast one comes must
            not tell what another tenant has asked.
        context: The tenant's names, topics, aspects and models.
    """

    tenant_id: str
    context: AnnotationContext

    @classmethod
    def of(cls, session: TenantSession) -> Reading:
        """The context of the tenant that is asked about."""
        session.require("analysis:run")
        return cls(session.tenant.id, tenant_context(session.work, session.tenant.id))


@dataclass(frozen=True)
class Analyzer:
    """Annotates the texts of requests, slice by slice, so that no request keeps others waiting.

    Attributes:
        kept: Annotations of texts that were asked for before.
        turns: Who may work now.
        seconds: How long a request may take, its waiting included.
        count: Told of whose texts were annotated, and how many.
    """

    kept: AnswerCache[bytes]
    turns: Turns
    seconds: float
    count: Callable[[str, int], None] = lambda _tenant, _texts: None

    @classmethod
    def with_workers(
        cls,
        count: int,
        *,
        seconds: float,
        metered: Callable[[str, int], None] = lambda _tenant, _texts: None,
    ) -> Analyzer:
        """An analyzer that works on ``count`` slices at a time; needs an event loop."""
        return cls(AnswerCache(), Turns(count), seconds, metered)

    async def analyze(
        self, body: bytes, reading: Reading, until_left: Callable[[], Awaitable[None]]
    ) -> bytes:
        """Answer a request, see :func:`analyze`; whatever happens, its work has ended with it.

        Args:
            body: The request's body.
            reading: What to read the texts with.
            until_left: Returns once the client waits no longer.

        Raises:
            Problem: ``too-slow`` if there is no answer in time.
            ClientDisconnect: The client has left.
            RequestValidationError: The body is not an ``AnalysisRequest``.
        """
        has_left = threading.Event()
        deadline = time.monotonic() + self.seconds

        def is_over() -> bool:
            return has_left.is_set() or time.monotonic() >= deadline

        with move_on_after(self.seconds) as scope:

            async def end_with_the_client() -> None:
                await until_left()
                has_left.set()
                scope.cancel()

            watching = asyncio.create_task(end_with_the_client())
            try:
                return await self._answer(
                    answering(body, reading, self.kept, self.count), reading, is_over
                )
            except InterruptedWorkError:
                pass  # told by what follows
            finally:
                watching.cancel()
        if has_left.is_set():
            raise ClientDisconnect
        raise Problem(
            "too-slow",
            f"There was no answer within {self.seconds:g} seconds. Send fewer or shorter texts at "
            "once, or try again when less is going on.",
        )

    async def _answer(
        self, slices: Iterator[bytes | None], reading: Reading, is_over: Callable[[], bool]
    ) -> bytes:
        turns = self.turns.of(reading.tenant_id)
        while True:
            async with turns:
                answer = await to_thread.run_sync(
                    _next_slice, slices, is_over, limiter=self.turns.all
                )
            if answer is not None:
                return answer


def _next_slice(slices: Iterator[bytes | None], is_over: Callable[[], bool]) -> bytes | None:
    with ending_when(is_over):
        seam()
        return next(slices)


def analyze(body: bytes, reading: Reading, kept: AnswerCache[bytes]) -> bytes:
    """Answer a request; takes about a millisecond for each text that is not known.

    Args:
        body: The request's body.
        reading: What to read the texts with.
        kept: Annotations of texts that were asked for before.

    Returns:
        JSON after the schema ``Analysis``.

    Raises:
        RequestValidationError: The body is not an ``AnalysisRequest``.
    """
    return next(answer for answer in answering(body, reading, kept) if answer is not None)


def answering(
    body: bytes,
    reading: Reading,
    kept: AnswerCache[bytes],
    count: Callable[[str, int], None] = lambda _tenant, _texts: None,
) -> Iterator[bytes | None]:
    """The work of :func:`analyze` slice by slice: None until the answer is there, then the answer.

    A slice takes about a tenth of a second, longer only where a single text is very long.
    """
    request = _parsed(body)
    items: list[dict[str, Any]] = []
    for place, texts in enumerate(_slices(request.texts)):
        if place > 0 or len(body) > _SLICE_CHARACTERS:  # parsing is work too
            yield None
        items += _annotated(texts, reading, kept, with_redacted=request.redact)
    answer = orjson.dumps({"items": items})
    count(reading.tenant_id, len(items))  # what was refused or left has cost its sender nothing
    yield answer


def _slices(texts: Sequence[TextToAnalyze]) -> Iterator[Sequence[TextToAnalyze]]:
    """Texts in their order, a few at a time."""
    first = length = 0
    for place, one in enumerate(texts):
        length += len(one.text) + len(one.title or "")
        if length >= _SLICE_CHARACTERS or place + 1 - first == _SLICE_TEXTS:
            yield texts[first : place + 1]
            first, length = place + 1, 0
    if first < len(texts):
        yield texts[first:]


def _annotated(
    sent: Sequence[TextToAnalyze],
    reading: Reading,
    kept: AnswerCache[bytes],
    *,
    with_redacted: bool,
) -> list[dict[str, Any]]:
    reviews = _as_reviews(sent)
    texts = ReviewTexts.of(reviews)
    models = models_of(reading.context)
    keys = [(reading.tenant_id, models, text_hash) for text_hash in texts.hashes]
    found = {key: row for key in dict.fromkeys(keys) if (row := kept.get(key)) is not None}
    known = pa.Table.from_pylist([orjson.loads(row) for row in found.values()], ANNOTATION_SCHEMA)
    table = pa.Table.from_batches([reviews])
    annotated, _ = annotate_cached(table, reading.context, known)
    rows = annotated.to_pylist()
    for key, row in zip(keys, rows, strict=True):
        if key not in found:
            kept.put(key, orjson.dumps(row))
    return _items(rows, texts, with_redacted=with_redacted)


def _parsed(body: bytes) -> AnalysisRequest:
    try:
        return AnalysisRequest.model_validate_json(_without_lone_surrogates(body))
    except ValidationError as error:
        raise RequestValidationError(
            [{**found, "loc": ("body", *found["loc"])} for found in error.errors()]
        ) from None


def _without_lone_surrogates(body: bytes) -> bytes:
    """JSON whose halves of characters are replacement characters, as browsers show them.

    Clients cut texts between the two halves of an emoji; that must not refuse the other texts.
    """
    if not _SURROGATE_ESCAPE.search(body):
        return body
    return _ESCAPE.sub(lambda escape: escape[0] if escape["whole"] else _REPLACEMENT, body)


def _as_reviews(sent: Sequence[TextToAnalyze]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "review_key": pa.array([""] * len(sent), pa.string()),
            "version": pa.array([1] * len(sent), pa.int32()),
            "title": pa.array([one.title for one in sent], pa.string()),
            "text": pa.array([one.text for one in sent], pa.string()),
            "rating": pa.array([one.rating for one in sent], pa.float64()),
            "language_given": pa.array([one.language for one in sent], pa.string()),
        }
    )


def _items(
    rows: Sequence[dict[str, Any]], texts: ReviewTexts, *, with_redacted: bool
) -> list[dict[str, Any]]:
    items = []
    for row, text in zip(rows, texts.joined.to_list(), strict=True):
        item = {name: value for name, value in row.items() if name not in _COLUMNS_OF_REVIEWS}
        item["models"] = json.loads(row["models"])
        if with_redacted:
            item["redacted"] = redact(text, [Span(**span) for span in row["pii"]])
        items.append(item)
    return items
