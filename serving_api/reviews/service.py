"""Reading reviews from a tenant's snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from resources.storage.snapshots import Snapshot
from resources.vocabulary import is_review_key
from serving_api.kit.errors import Problem
from serving_api.kit.paging import Cursors, digest_of, link
from serving_api.reviews.schemas import Review, ReviewListParameters, ReviewPage

_COLUMNS = """
    review_key, version, source, source_review_id, title, text, rating, posted_at, posted_day,
    has_posted_date, author, product, location, url, language, sentiment, sentiment_score,
    sentiment_confidence, coalesce(topics, []) as topics, coalesce(keywords, []) as keywords,
    coalesce(entities, []) as entities, day as received_day, batch_id, record_number
"""
_ORDERS = {"newest": ("desc", "<"), "oldest": ("asc", ">")}


def list_reviews(
    snapshot: Snapshot, parameters: ReviewListParameters, cursors: Cursors
) -> ReviewPage:
    """One page of the reviews that pass the filters.

    Raises:
        Problem: ``invalid-cursor``.
    """
    binding = ("reviews", snapshot.tenant_id, parameters.sort, digest_of(parameters))
    direction, beyond = _ORDERS[parameters.sort]
    condition, values = parameters.conditions()
    position, start = "true", []
    if parameters.cursor is not None:
        day, key = cursors.read(binding, parameters.cursor, length=2)
        position, start = (
            f"(posted_day, review_key) {beyond} (?, ?)",
            [date.fromisoformat(day), key],
        )
    # One row more than the page holds tells whether another page follows.
    rows = _rows(
        snapshot,
        f"select {_COLUMNS} from reviews where {condition} and {position} "
        f"order by posted_day {direction}, review_key {direction} limit ?",
        [*values, *start, parameters.limit + 1],
    )
    reviews = [Review.model_validate(row) for row in rows][: parameters.limit]
    cursor = None
    if len(rows) > parameters.limit:
        last = reviews[-1]
        cursor = cursors.write(binding, (last.posted_day.isoformat(), last.review_key))
    return ReviewPage(
        items=reviews,
        next_cursor=cursor,
        next=_next_address(snapshot.tenant_id, parameters, cursor),
        snapshot=snapshot.version,
        review_count=_count(snapshot, condition, values) if parameters.count else None,
    )


def get_review(snapshot: Snapshot, review_key: str) -> Review:
    """One review.

    Raises:
        Problem: ``not-found`` if this tenant has no such review.
    """
    if not is_review_key(review_key):
        raise Problem("not-found")
    for row in _rows(
        snapshot, f"select {_COLUMNS} from reviews where review_key = ?", [review_key]
    ):
        return Review.model_validate(row)
    raise Problem("not-found")


def _count(snapshot: Snapshot, condition: str, values: list[Any]) -> int:
    (row,) = _rows(snapshot, f"select count(*) as n from reviews where {condition}", values)
    return int(row["n"])


def _rows(snapshot: Snapshot, sql: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = snapshot.query(sql, list(values)).to_pylist()
    return rows


def _next_address(
    tenant_id: str, parameters: ReviewListParameters, cursor: str | None
) -> str | None:
    if cursor is None:
        return None
    given = parameters.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True, exclude={"cursor"}
    )
    pairs = [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in given.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return link(f"/v1/tenants/{tenant_id}/reviews", [*pairs, ("cursor", cursor)])
