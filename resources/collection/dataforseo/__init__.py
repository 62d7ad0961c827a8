"""The client of the DataForSEO v3 API: buying review tasks and collecting what they found.

Belongs here: HTTP, retries and status codes (``client``), the shapes of answers (``models``), and
turning results into raw rows (``google_reviews``). Does not belong here: landing rows in the lake,
which is done for all collectors alike, deciding when to collect, and any reading of dates or
ratings: rows keep what was received.
"""

from __future__ import annotations

from resources.collection.dataforseo.client import (
    AnswerLostError,
    DataForSEOClient,
    DataForSEOError,
    RefusedError,
)
from resources.collection.dataforseo.google_reviews import (
    KIND,
    GoogleReviewsCollector,
    note_landed,
)
from resources.collection.dataforseo.task_book import CollectableSource

__all__ = [
    "KIND",
    "AnswerLostError",
    "CollectableSource",
    "DataForSEOClient",
    "DataForSEOError",
    "GoogleReviewsCollector",
    "RefusedError",
    "note_landed",
]
