"""What day it is, as a resource, so that a test can set it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from resources.vocabulary import utc_today


@dataclass(frozen=True)
class Clock:
    """Tells the current ingestion day.

    Attributes:
        stopped_on: The day it always is; the clock runs when None.
    """

    stopped_on: date | None = None

    def today(self) -> date:
        """Return the current day in UTC."""
        return self.stopped_on or utc_today()
