"""The shapes of DataForSEO's answers, tolerant as the service needs it.

Every field may be null, numbers may come as integers, and new fields may appear at any time.
Field names follow DataForSEO's own client, release 2.1.10.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True, frozen=True)


class Task(_Tolerant):
    """One task in an answer; its own status code counts, not the envelope's.

    Attributes:
        data: What was asked, echoed.
        result: Null until the task is done, and when nothing was found.
    """

    id: str | None = None
    status_code: int
    status_message: str | None = None
    cost: float | None = None
    data: dict[str, Any] | None = None
    result: list[dict[str, Any]] | None = None

    @property
    def tag(self) -> str | None:
        """The tag the task was posted with."""
        tag = (self.data or {}).get("tag")
        return None if tag is None else str(tag)


class Envelope(_Tolerant):
    """What surrounds every answer."""

    status_code: int
    status_message: str | None = None
    cost: float | None = None
    tasks: list[Task] | None = None


class Rating(_Tolerant):
    """A rating; ``rating_type`` is for example ``Max5``."""

    rating_type: str | None = None
    value: float | None = None
    rating_max: int | None = None

    @property
    def scale(self) -> int | None:
        """The highest possible rating, where the answer says so."""
        if self.rating_max:
            return self.rating_max
        digits = (self.rating_type or "").removeprefix("Max")
        return int(digits) if digits.isascii() and digits.isdigit() else None


class GoogleReview(_Tolerant):
    """One review; ``review_text`` may be a translation of ``original_review_text``."""

    review_id: str | None = None
    review_text: str | None = None
    original_review_text: str | None = None
    original_language: str | None = None
    timestamp: str | None = None
    rating: Rating | None = None
    profile_name: str | None = None
    review_url: str | None = None


class GoogleReviewsResult(_Tolerant):
    """What one task found: a place and its reviews, as dictionaries, just as they came.

    Attributes:
        reviews_count: How many reviews the place has, whatever depth was asked for.
    """

    title: str | None = None
    reviews_count: int | None = None
    items: list[dict[str, Any] | None] | None = None
