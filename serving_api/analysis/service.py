"""Texts in, annotations out: parsing, the engine, the answers that are kept, and the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from anyio import CapacityLimiter, to_thread
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from resources.enrichment.tenant_context import tenant_context
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.cache import annotate_cached, models_of
from resources.nlp.context import AnnotationContext
from resources.nlp.privacy import Span, redact
from resources.nlp.texts import ReviewTexts
from serving_api.analysis.schemas import AnalysisRequest
from serving_api.kit.auth import TenantSession
from serving_api.kit.caching import AnswerCache

# A text that was sent is no review yet: it has neither of these.
_COLUMNS_OF_REVIEWS = ("review_key", "version")


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
        return cls(session.tenant.id, tenant_context(session.work, session.tenant.id))


@dataclass(frozen=True)
class Analyzer:
    """Annotates the texts of requests, a few requests at a time.

    Attributes:
        kept: Annotations of texts that were asked for before.
        limiter: Of the requests that are worked on at the same time.
    """

    kept: AnswerCache
    limiter: CapacityLimiter

    @classmethod
    def with_workers(cls, count: int) -> Analyzer:
        """An analyzer that works on at most ``count`` requests at a time; needs an event loop."""
        return cls(AnswerCache(), CapacityLimiter(count))

    async def analyze(self, body: bytes, reading: Reading) -> bytes:
        """Answer a request in a thread of its own, see :func:`analyze`."""
        return await to_thread.run_sync(analyze, body, reading, self.kept, limiter=self.limiter)


def analyze(body: bytes, reading: Reading, kept: AnswerCache) -> bytes:
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
    request = _parsed(body)
    reviews = _as_reviews(request)
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
    return orjson.dumps({"items": _items(rows, texts, request)})


def _parsed(body: bytes) -> AnalysisRequest:
    try:
        return AnalysisRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**found, "loc": ("body", *found["loc"])} for found in error.errors()]
        ) from None


def _as_reviews(request: AnalysisRequest) -> pa.RecordBatch:
    sent = request.texts
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
    rows: Sequence[dict[str, Any]], texts: ReviewTexts, request: AnalysisRequest
) -> list[dict[str, Any]]:
    items = []
    for row, text in zip(rows, texts.joined.to_list(), strict=True):
        item = {name: value for name, value in row.items() if name not in _COLUMNS_OF_REVIEWS}
        item["models"] = json.loads(row["models"])
        if request.redact:
            item["redacted"] = redact(text, [Span(**span) for span in row["pii"]])
        items.append(item)
    return items
