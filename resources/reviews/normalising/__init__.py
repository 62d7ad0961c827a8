"""From raw records to reviews: one schema, stable keys, versions, and reasons for what is refused.

Here belongs what turns rows of ``raw_reviews`` into rows of ``reviews`` and ``rejected_reviews``,
on any engine. Reading files is :mod:`resources.collection`; where the tables live and when the work
runs is decided by the assets.
"""

from resources.reviews.normalising.day import (
    KNOWN_SCHEMA,
    NormalisedDay,
    NormalisedRows,
    known_from,
    normalise,
    normalise_day,
)
from resources.reviews.normalising.readings import (
    BatchCounts,
    Group,
    Reading,
    SharedReadings,
    count_open_values,
    is_of_these_rules,
    to_fingerprint,
)

__all__ = [
    "KNOWN_SCHEMA",
    "BatchCounts",
    "Group",
    "NormalisedDay",
    "NormalisedRows",
    "Reading",
    "SharedReadings",
    "count_open_values",
    "is_of_these_rules",
    "known_from",
    "normalise",
    "normalise_day",
    "to_fingerprint",
]
