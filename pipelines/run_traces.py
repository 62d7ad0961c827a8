"""Runs as parts of traces: the tag that says which, and a span for the run and each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resources.settings import Settings
from resources.telemetry import spans

if TYPE_CHECKING:
    from opentelemetry.trace import Span

TRACE_TAG = "reviewgraph/traceparent"
_TENANT_TAG = "reviewgraph/tenant"


def continuing(traceparent: str | None) -> dict[str, str]:
    """The tag of a run that is part of a trace; none for one that is not."""
    return {} if traceparent is None else {TRACE_TAG: traceparent}


class Steps:
    """The steps of a run that is traced, told as they begin and end."""

    def __init__(self) -> None:
        self._begun: dict[str, Span] = {}

    def began(self, step: str, at: float) -> None:
        """Note that a step began, at a moment in seconds since 1970."""
        begun = spans.begun(f"step {step}", at)
        if begun is not None:
            self._begun[step] = begun

    def ended(self, step: str, at: float, *, failed: bool) -> None:
        """Note that a step ended."""
        span = self._begun.pop(step, None)
        if span is not None:
            if failed:
                spans.fail(span, "step failed")
            span.end(int(at * 1e9))

    def cut(self) -> None:
        """End what the run has left open."""
        for span in self._begun.values():
            spans.fail(span, "cut")
            span.end()


@contextmanager
def traced(
    run_id: str, job_name: str, tags: Mapping[str, str], settings: Settings | None = None
) -> Iterator[Steps]:
    """Trace a run within the block, as part of the trace that its tags name.

    Args:
        run_id: The run.
        job_name: Its job.
        tags: Its tags.
        settings: The installation; read from the environment when not given.
    """
    used = settings or Settings()
    steps = Steps()
    with (
        spans.running(used.traces_endpoint, "reviewgraph-graph", used.traces_share),
        spans.span(f"run {job_name}", parent=tags.get(TRACE_TAG), run=run_id),
    ):
        spans.note(tenant=tags.get(_TENANT_TAG))
        try:
            yield steps
        finally:
            steps.cut()
