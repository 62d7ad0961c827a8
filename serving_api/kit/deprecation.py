"""Operations that will go: since when, until when, and what to use instead.

A client hears of it with every answer (``Deprecation``, RFC 9745; ``Sunset``, RFC 8594) and in the
OpenAPI document. What has not been announced so may not be removed: the contract's test sees to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

MIN_NOTICE = timedelta(days=90)
"""How long an operation works on after its end was announced."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deprecation:
    """The announced end of an operation.

    Attributes:
        since: The day of the announcement.
        sunset: The day from which it may be gone.
        instead: Address of what explains what to use instead.
    """

    since: date
    sunset: date
    instead: str

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What each answer says of it."""
        since, sunset = (datetime.combine(day, time(), UTC) for day in (self.since, self.sunset))
        told = {
            "deprecation": f"@{int(since.timestamp())}",
            "sunset": format_datetime(sunset, usegmt=True),
            "link": f'<{self.instead}>; rel="deprecation"',
        }
        return [(name.encode(), value.encode()) for name, value in told.items()]


def deprecated(*, since: date, sunset: date, instead: str) -> Callable[[Endpoint], Endpoint]:
    """Announce the end of the decorated endpoint.

    Place it below the decorator of the route, so that the router registers what it returns.

    Args:
        since: Today.
        sunset: The day from which it may be gone.
        instead: Address of what explains what to use instead, for example ``/docs#read_metrics``.

    Raises:
        ValueError: If that is too soon.
    """
    if sunset - since < MIN_NOTICE:
        raise ValueError(f"an operation works on for {MIN_NOTICE.days} days after its announcement")

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.deprecation = Deprecation(since, sunset, instead)  # type: ignore[attr-defined]
        return endpoint

    return declare
