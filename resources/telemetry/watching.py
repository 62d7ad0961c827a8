"""Requests and statements as spans, by the instrumentation of OpenTelemetry.

What a client sends as ``traceparent`` continues nothing: it could have its requests taken down for
ever, against the share that is set, or put into other people's traces. It is linked to instead, so
that both ends can be found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator

from resources.telemetry.spans import context_of, tracing_now

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Engine

_NOT_TRACED = r"/healthz$,/readyz$,^[a-z]+://[^/]*/metrics$"


def watch_requests(app: FastAPI) -> None:
    """Let every request to an application be a span, from its first byte to its last."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.metrics import NoOpMeterProvider

    propagate.set_global_textmap(_Nothing())
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=_ProviderNow(),
        meter_provider=NoOpMeterProvider(),
        server_request_hook=_link_to_client,
        excluded_urls=_NOT_TRACED,
        exclude_spans=["receive", "send"],
    )


def watch_statements(engine: Engine) -> None:
    """Let every statement to a database be a span, where it is part of a trace."""
    # The library's own way in would also watch each engine that Dagster makes.
    from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
    from opentelemetry.metrics import NoOpUpDownCounter

    EngineTracer(  # type: ignore[no-untyped-call]
        _TracerNow(), engine, NoOpUpDownCounter("connections")
    )


def _link_to_client(server_span: trace.Span, scope: dict[str, Any]) -> None:
    """Link a request to the trace that its client says it is part of."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            given = trace.get_current_span(context_of(value.decode("latin-1"))).get_span_context()
            if given.is_valid:  # without its tracestate, which is a text of the client's
                server_span.add_link(trace.SpanContext(given.trace_id, given.span_id, True))  # noqa: FBT003 - as the library takes it
            return


class _Nothing(TextMapPropagator):
    """Lets libraries read no trace from a request by themselves, and write none into any."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        del carrier, getter
        return context or Context()

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        """Write nothing."""

    @property
    def fields(self) -> set[str]:
        return set()


class _TracerNow(trace.Tracer):
    """Makes spans as long as this process traces: what it is given to outlives a block."""

    def start_span(self, *given: Any, **named: Any) -> trace.Span:
        return self._tracer().start_span(*given, **named)

    def start_as_current_span(self, *given: Any, **named: Any) -> Any:
        return self._tracer().start_as_current_span(*given, **named)

    def _tracer(self) -> trace.Tracer:
        tracing = tracing_now()
        return trace.NoOpTracer() if tracing is None else tracing.tracer


class _ProviderNow(trace.TracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return _TracerNow()
