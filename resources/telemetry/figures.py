"""Figures for a Prometheus server: what is asked, how long it takes, and who is not well.

Labels are few and known in advance: routes by their template, never by an address, no tenant and no
user. So the figures neither grow without bound nor tell anything of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from resources.telemetry.breakers import all_breakers

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATES = {"closed": 0, "half-open": 1, "open": 2}

registry = CollectorRegistry()
_requests = Counter(
    "reviewgraph_requests", "Requests that were answered.", ("method", "route", "status"),
    registry=registry,
)  # fmt: skip
_seconds = Histogram(
    "reviewgraph_request_seconds", "How long requests took.", ("method", "route"),
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
_jobs = Counter("reviewgraph_jobs", "Jobs that were tried.", ("task", "outcome"), registry=registry)


class _Breakers(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The state of every breaker of this process."""
        family = GaugeMetricFamily(
            "reviewgraph_breaker_state",
            "Whether a service is called: 0 yes, 1 once to see, 2 no.",
            labels=["service"],
        )
        for breaker in all_breakers():
            family.add_metric([breaker.name], _STATES[breaker.state])
        yield family


registry.register(_Breakers())


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    named = route or "none"  # nothing that a client sends becomes a label
    _requests.labels(method, named, str(status)).inc()
    _seconds.labels(method, named).observe(seconds)


def observe_job(task: str, outcome: str) -> None:
    """Count a job that was tried."""
    _jobs.labels(task, outcome).inc()


def render() -> bytes:
    """All figures, as Prometheus reads them."""
    return generate_latest(registry)
