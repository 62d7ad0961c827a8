"""How the program is doing, and how it bears that others are not well.

Belongs here: circuit breakers and retry budgets round outside services, the figures that a
Prometheus server fetches (``figures``), and traces (``spans``, ``tracing``, ``watching``). Does not
belong here: the log (``resources.logs``) and what a service answers (that is read beside its
client).
"""

from __future__ import annotations

from resources.telemetry.breakers import (
    Breaker,
    BreakerGroup,
    BreakerState,
    RetryBudget,
    ServiceDownError,
    all_breakers,
    breaker_of,
    breakers_of,
)

__all__ = [
    "Breaker",
    "BreakerGroup",
    "BreakerState",
    "RetryBudget",
    "ServiceDownError",
    "all_breakers",
    "breaker_of",
    "breakers_of",
]
