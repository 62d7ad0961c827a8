"""The words that stages share: sentiments, tiers, languages, tenant ids, ranges of days.

One list for each, from which database constraints, gates, API types and reports are made. A word
belongs here once a second room needs it; what only one room says stays with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from resources.errors import WrongUsageError

Sentiment = Literal["positive", "neutral", "mixed", "negative"]
SENTIMENTS: tuple[str, ...] = get_args(Sentiment)
"""What a review can say, from the best to the worst."""

TierName = Literal["fast", "cascade", "deep", "plugin"]
TIER_NAMES: tuple[TierName, ...] = get_args(TierName)
"""How thoroughly sentiment is judged, from the fastest on; ``plugin`` is the tenant's own model."""

CorrectedField = Literal["aspects", "entities", "language", "sentiment", "topics"]
CORRECTED_FIELDS: tuple[CorrectedField, ...] = get_args(CorrectedField)
"""The annotations that a person can correct."""

Stage = Literal["collected", "normalised", "enriched", "counted", "published", "reported"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The stages in the order in which a review passes them, as the ledger names them."""

MIN_POSTED_DAY = date(1990, 1, 1)
"""No review is older: what claims to be has a wrong date."""

MAX_DAYS_AHEAD = 2
"""How far a review's date may lie ahead of ours: clocks differ, and so do calendars."""

UNDETERMINED = "und"
"""The language of a text that says too little: ISO 639-2's code for "undetermined"."""

TENANT_ID = r"[a-z0-9][a-z0-9-]{0,62}"
"""Pattern of a tenant's id: lower-case letters, digits and hyphens, at most 63."""

_TENANT_ID = re.compile(TENANT_ID)
_REVIEW_KEY = re.compile(r"[0-9a-f]{32}")


class DayRangeError(WrongUsageError):
    """A range of days that ends before it starts."""


@dataclass(frozen=True)
class DayRange:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise DayRangeError(
                f"A range of days must not end ({self.last}) before it starts ({self.first})."
            )

    @classmethod
    def single(cls, day: date) -> DayRange:
        """The range that holds one day."""
        return cls(day, day)

    def days(self) -> Iterator[date]:
        """Each day, in order."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


def is_review_key(text: str) -> bool:
    """Whether a text can be the stable name of a review."""
    return _REVIEW_KEY.fullmatch(text) is not None


def utc_today() -> date:
    """The current day in UTC: the ingestion day of what arrives now."""
    return datetime.now(UTC).date()


def is_tenant_id(text: str) -> bool:
    """Whether a text can be a tenant's id."""
    return _TENANT_ID.fullmatch(text) is not None
