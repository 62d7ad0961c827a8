"""The tenants' reviews on Google, in the shape the DataForSEO sandbox serves them.

Field names and types follow DataForSEO's own client, release 2.1.10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

_LOCATION_CODE, _LANGUAGE_CODE = 2826, "en"


def _digits(text: str, count: int) -> str:
    return str(int(sha256(text.encode()).hexdigest(), 16))[:count]


def _token(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]


@dataclass
class Place:
    """One business location on Google Maps, with its reviews."""

    brand: str
    location: str
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name Google shows."""
        return f"{self.brand} {self.location}"

    @property
    def place_id(self) -> str:
        """Google's id of the place."""
        return f"ChIJ{_token(self.title, 23)}"

    @property
    def cid(self) -> str:
        """Google's other id of the place, 19 decimal digits."""
        return _digits(f"cid {self.title}", 19)

    def served(self) -> dict[str, Any]:
        """The place as google_reviews.json holds it, newest review first."""
        return {
            "title": self.title,
            "keyword": self.title.lower(),
            "cid": self.cid,
            "place_id": self.place_id,
            "feature_id": f"0x{_token(self.title, 16)}:0x{_token(self.cid, 16)}",
            "location_code": _LOCATION_CODE,
            "language_code": _LANGUAGE_CODE,
            "items": self.items[::-1],
        }

    def source(self) -> dict[str, Any]:
        """A source that collects this place, as the product's table of sources keeps it."""
        return {
            "kind": "google_reviews",
            "name": f"google {self.location.lower()}",
            "config": {
                "place_id": self.place_id,
                "location_code": _LOCATION_CODE,
                "language_code": _LANGUAGE_CODE,
                "depth": 4490,
                "sort_by": "newest",
                "location": self.location,
            },
        }


def google_item(
    *,
    review_id: str,
    text: str | None,
    translation: str | None,
    language: str,
    rating: int,
    author: str,
    posted: datetime,
    today: date,
    answer: str | None,
) -> dict[str, Any]:
    """One review as DataForSEO returns it.

    Args:
        review_id: Google's id of the review.
        text: The review as written, in ``language``; None for a rating without words.
        translation: Google's translation into the language asked for, if it made one.
        language: ISO 639-1 code of ``text``.
        rating: Stars, 1 to 5; delivered as a JSON integer, as Google's often are.
        author: Name of the profile.
        posted: When it was posted, UTC.
        today: The last day of the world, from which "a week ago" is counted.
        answer: The owner's answer, if any.
    """
    profile = _digits(f"profile {author} {review_id}", 21)
    answered = posted + timedelta(days=2)
    return {
        "type": "google_reviews_search",
        "position": "right",
        "xpath": None,
        "review_text": translation or text,
        "original_review_text": text if translation else None,
        "original_language": language if text else None,
        "time_ago": _time_ago(today, posted.date()),
        "timestamp": f"{posted:%Y-%m-%d %H:%M:%S} +00:00",
        "rating": {"rating_type": "Max5", "value": rating, "votes_count": None, "rating_max": None},
        "reviews_count": int(profile[:2]),
        "photos_count": int(profile[3]),
        "local_guide": profile[4] in "012",
        "profile_name": author,
        "profile_url": f"https://www.google.example/maps/contrib/{profile}/reviews",
        "review_url": f"https://www.google.example/maps/reviews/{review_id}",
        "profile_image_url": f"https://images.google.example/{profile}",
        "owner_answer": answer,
        "original_owner_answer": None,
        "owner_time_ago": _time_ago(today, answered.date()) if answer else None,
        "owner_timestamp": f"{answered:%Y-%m-%d %H:%M:%S} +00:00" if answer else None,
        "review_id": review_id,
        "images": None,
        "review_highlights": None,
    }


def _time_ago(today: date, day: date) -> str:
    days = max((today - day).days, 0)
    for size, unit in ((365, "year"), (30, "month"), (7, "week"), (1, "day")):
        if days >= size:
            count = days // size
            return f"a {unit} ago" if count == 1 else f"{count} {unit}s ago"
    return "today"
