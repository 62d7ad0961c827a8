"""The client of the DataForSEO v3 API: buying review tasks and collecting what they found.

Belongs here: HTTP, retries and status codes (``client``), the shapes of answers (``models``), and
turning results into raw rows (``google_reviews``). Does not belong here: landing rows in the lake,
deciding when to collect, and any reading of dates or ratings: rows keep what was received.
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
    CollectedTask,
    GoogleReviewsCollector,
    SourceFailure,
)
from resources.collection.dataforseo.task_book import CollectableSource

__all__ = [
    "KIND",
    "AnswerLostError",
    "CollectableSource",
    "CollectedTask",
    "DataForSEOClient",
    "DataForSEOError",
    "GoogleReviewsCollector",
    "RefusedError",
    "SourceFailure",
]
