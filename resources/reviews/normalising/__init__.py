"""From raw records to reviews: one schema, stable keys, versions, and reasons for what is refused.

Here belongs what turns a day's rows of ``raw_reviews`` into rows of ``reviews`` and
``rejected_reviews``: pure functions over Polars frames. Reading files is
:mod:`resources.collection`; where the tables live and when the work runs is decided by the assets.
"""

from resources.reviews.normalising.day import KNOWN_SCHEMA, NormalisedDay, known_from, normalise_day

__all__ = ["KNOWN_SCHEMA", "NormalisedDay", "known_from", "normalise_day"]
