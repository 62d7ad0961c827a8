"""Spans on their way out: which are made, what of them leaves the process, and how.

They go to a collector over HTTP (OTLP), in batches, from a thread of their own: a collector that is
slow or gone costs spans and nobody's time.

What leaves the process is named in ``_TOLD``: routes and not addresses, statements without their
values, tenants and no people; an error by its kind alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

MAX_WAITING_SPANS = 4096
"""Spans that wait to be sent; when there are more, the oldest are lost."""
MAX_BATCH = 512
SEND_EVERY_SECONDS = 2.0
MAX_SEND_SECONDS = 2.0
"""A collector that takes longer to answer is not waited for."""
MAX_FLUSH_SECONDS = 3.0
"""How long the end of a process may take for spans that are not sent yet."""
MAX_VALUE_LENGTH = 1000

_TOLD = frozenset(
    {
        "db.name",
        "db.statement",
        "db.system",
        "error.type",
        "http.method",
        "http.route",
        "http.status_code",
        "reviewgraph.attempt",
        "reviewgraph.job",
        "reviewgraph.problem",
        "reviewgraph.run",
        "reviewgraph.tenant",
        "reviewgraph.task",
    }
)
"""The attributes that leave the process; libraries set others, which tell of clients."""

logger = logging.getLogger(__name__)


class Tracing:
    """The traces of one process.

    Args:
        endpoint: Where spans go, for example ``http://127.0.0.1:4318/v1/traces``.
        service: Which process this is, as traces name it.
        share: The share of requests that are traced, from 0 to 1.
    """

    def __init__(self, endpoint: str, service: str, share: float) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        # Every failed batch would be a line of theirs, with a traceback; ours says it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = _Discreet(OTLPSpanExporter(endpoint, timeout=MAX_SEND_SECONDS))
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=MAX_WAITING_SPANS,
            max_export_batch_size=MAX_BATCH,
            schedule_delay_millis=SEND_EVERY_SECONDS * 1000,
        )
        provider = TracerProvider(
            sampler=ParentBased(_OfOurs(share)),
            resource=Resource.create(
                {"service.name": service, "service.version": version("reviewgraph")}
            ),
            span_limits=SpanLimits(max_span_attribute_length=MAX_VALUE_LENGTH),
            shutdown_on_exit=False,  # whoever began it ends it, and does not wait for long
        )
        provider.add_span_processor(self._processor)
        self.tracer = provider.get_tracer("reviewgraph")

    def close(self) -> None:
        """Send what waits, for no longer than ``MAX_FLUSH_SECONDS``."""
        sending = threading.Thread(target=self._processor.shutdown, daemon=True)
        sending.start()
        sending.join(MAX_FLUSH_SECONDS)
        if sending.is_alive():
            self._exporter.shutdown()


class _OfOurs(Sampler):
    """Chooses the traces that begin here: a share of what is asked, and no statement by itself."""

    def __init__(self, share: float) -> None:
        self._ratio = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        *more: Any,
        **named: Any,
    ) -> SamplingResult:
        if kind is trace.SpanKind.CLIENT:
            return SamplingResult(Decision.DROP)
        return self._ratio.should_sample(parent_context, trace_id, name, kind, *more, **named)

    def get_description(self) -> str:
        return f"requests by {self._ratio.get_description()}"


class _Discreet(SpanExporter):
    """Hands on what may leave the process, and says when nobody takes it.

    Args:
        inner: What sends spans.
    """

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export([_without_secrets(span) for span in spans])
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing and not self._is_failing:
            logger.warning("the collector takes no traces: they are lost until it does")
        elif self._is_failing and not is_failing:
            logger.info("the collector takes traces again")
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


def _without_secrets(span: ReadableSpan) -> ReadableSpan:
    """A span with what is told of it: no event either, since those quote errors."""
    given = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in given.items() if name in _TOLD},
        links=[trace.Link(link.context) for link in span.links],
        kind=span.kind,
        status=trace.Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
