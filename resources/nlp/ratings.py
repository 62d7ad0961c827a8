"""Star ratings beside texts: how far they disagree. A rating never enters what a text is said."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_MIDDLE_RATING, _STEPS_TO_THE_END = 3.0, 2.0
_LOWEST, _HIGHEST = 1.0, 5.0
_DIGITS = 6  # the metrics count in millionths


def rating_disagreements(reviews: pa.Table | pa.RecordBatch, scores: pa.ChunkedArray) -> pa.Array:
    """How much better a review is rated than it reads.

    Args:
        reviews: With or without a column ``rating`` (1..5, nulls allowed).
        scores: Sentiment score of each, -1..1, null without text.

    Returns:
        ``(rating - 3) / 2 - score``, from -2 (rated far worse than it reads) to 2; null where the
        rating or the score is, and where the rating is none from 1 to 5.
    """
    if "rating" not in reviews.schema.names:
        return pa.nulls(reviews.num_rows, pa.float64())
    given = reviews.column("rating").cast(pa.float64())
    on_scale = pc.and_(pc.greater_equal(given, _LOWEST), pc.less_equal(given, _HIGHEST))
    ratings = pc.if_else(on_scale, given, pa.scalar(None, pa.float64()))
    rated = pc.divide(pc.subtract(ratings, _MIDDLE_RATING), _STEPS_TO_THE_END)
    return pc.round(pc.subtract(rated, scores), ndigits=_DIGITS)
