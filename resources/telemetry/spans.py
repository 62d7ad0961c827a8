"""Traces: what became of a request, on its way through the outbox to the run that it led to.

A process traces within :func:`running`, if an address for traces is set. Otherwise the functions
here do nothing, and nothing of OpenTelemetry is loaded.

What continues a trace is its ``traceparent`` (W3C), written into the row of what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    from resources.telemetry.tracing import Tracing

Kind = Literal["internal", "consumer"]

_active: Tracing | None = None


def is_on() -> bool:
    """Whether this process traces."""
    return _active is not None


@contextmanager
def running(endpoint: str | None, service: str, share: float = 1.0) -> Iterator[None]:
    """Trace what this process does within the block; nothing changes if it traces already.

    Args:
        endpoint: Where spans go; nothing is traced without one.
        service: Which process this is, as traces name it.
        share: The share of requests that are traced, from 0 to 1.
    """
    global _active  # noqa: PLW0603 - there is one process
    if endpoint is None or _active is not None:
        yield
        return
    from resources.telemetry.tracing import Tracing

    _active = Tracing(endpoint, service, share)
    try:
        yield
    finally:
        ended, _active = _active, None
        ended.close()


@contextmanager
def span(
    name: str, *, parent: str | None = None, kind: Kind = "internal", **told: str | int
) -> Iterator[None]:
    """A part of a trace, as long as the block lasts; nothing without traces.

    Args:
        name: What is done.
        parent: The ``traceparent`` of what led to it; else it is part of what is going on, or a
            trace of its own.
        kind: ``consumer`` where work was taken out of a queue.
        **told: Attributes, without the ``reviewgraph.`` before their names.
    """
    if _active is None:
        yield
        return
    from opentelemetry import trace

    with _active.tracer.start_as_current_span(
        name,
        context_of(parent),
        trace.SpanKind.CONSUMER if kind == "consumer" else trace.SpanKind.INTERNAL,
        attributes={f"reviewgraph.{name}": value for name, value in told.items()},
        record_exception=False,  # its message may quote what somebody wrote
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except BaseException as error:
            fail(current, type(error).__name__)
            raise


def context_of(traceparent: str | None) -> Context | None:
    """What continues a trace; None where there is none to continue."""
    if traceparent is None:
        return None
    from opentelemetry.context import Context

    return _w3c().extract({"traceparent": traceparent}, Context())


def begun(name: str, at: float) -> Span | None:
    """A part of what is going on that began at a moment, in seconds since 1970, for who ends it."""
    return None if _active is None else _active.tracer.start_span(name, start_time=int(at * 1e9))


def fail(failed: Span, kind: str) -> None:
    """Note that a span ended badly, and by which kind of error."""
    from opentelemetry import trace

    failed.set_attribute("error.type", kind)
    failed.set_status(trace.StatusCode.ERROR)


def current_traceparent() -> str | None:
    """The ``traceparent`` of what is going on, for what is deferred; None without traces."""
    if _active is None:
        return None
    carrier: dict[str, str] = {}
    _w3c().inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The trace of what is going on, for the log; None without traces."""
    traceparent = current_traceparent()
    return None if traceparent is None else traceparent.split("-")[1]


def note(**told: str | None) -> None:
    """Add attributes to the span of what is going on; what is None is left out."""
    if _active is not None:
        from opentelemetry import trace

        current = trace.get_current_span()
        for name, value in told.items():
            if value is not None:
                current.set_attribute(f"reviewgraph.{name}", value)


def tracing_now() -> Tracing | None:
    """The traces of this process, for libraries that make spans themselves."""
    return _active


def _w3c() -> TraceContextTextMapPropagator:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()
