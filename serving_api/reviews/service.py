"""Reading reviews from a tenant's snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

from resources.storage.lake import Lake
from resources.storage.snapshots import Snapshot
from resources.storage.tenant_rows import TenantRows
from resources.vocabulary import is_review_key
from serving_api.kit.errors import Problem
from serving_api.kit.paging import Cursors, digest_of, link
from serving_api.kit.published import beyond_history, require_shown
from serving_api.reviews.schemas import (
    MAX_VERSIONS,
    Annotations,
    Review,
    ReviewDetails,
    ReviewListParameters,
    ReviewPage,
    ReviewVersion,
    ReviewVersions,
    Sort,
)

_COLUMNS = """
    review_key, version, source, source_review_id, title, text, rating, posted_at, posted_day,
    has_posted_date, author, product, location, url, language, sentiment, sentiment_score,
    sentiment_confidence, coalesce(topics, []) as topics, coalesce(keywords, []) as keywords,
    coalesce(entities, []) as entities, day as received_day, batch_id, record_number
"""
_DETAILS = """
    language_confidence, coalesce(topic_reasons, []) as topic_reasons,
    coalesce(entity_kinds, []) as entity_kinds
"""


_LISTS = (
    "topics",
    "topic_reasons",
    "keywords",
    "entities",
    "entity_kinds",
    "aspects",
    "pii",
    "spam_reasons",
    "corrected",
)


class _Order(NamedTuple):
    """An order of reviews.

    Attributes:
        value: SQL of what they are ordered by; then comes the review key. It is never null.
        direction: ``asc`` or ``desc``.
        beyond: Compares what comes later in it with what comes earlier.
        written: Writes a value into a cursor.
        read: Reads it.
    """

    value: str
    direction: str
    beyond: str
    written: Callable[[Any], str]
    read: Callable[[str], Any]


def _by_day(direction: str, beyond: str) -> _Order:
    return _Order("posted_day", direction, beyond, date.isoformat, date.fromisoformat)


def _by_number(column: str, direction: str, beyond: str) -> _Order:
    # Neither ratings nor scores reach 9; whatever has none comes last.
    nothing = -9 if direction == "desc" else 9
    return _Order(f"coalesce({column}, {nothing})::double", direction, beyond, repr, float)


_ORDERS: dict[Sort, _Order] = {
    "newest": _by_day("desc", "<"),
    "oldest": _by_day("asc", ">"),
    "best": _by_number("rating", "desc", "<"),
    "worst": _by_number("rating", "asc", ">"),
    "most_positive": _by_number("sentiment_score", "desc", "<"),
    "most_negative": _by_number("sentiment_score", "asc", ">"),
}


def list_reviews(
    snapshot: Snapshot, parameters: ReviewListParameters, cursors: Cursors
) -> ReviewPage:
    """One page of the reviews that pass the filters.

    Raises:
        Problem: ``invalid-cursor``; ``beyond-history`` if none of the days named is shown.
    """
    require_shown(snapshot, parameters.last_day)
    binding = ("reviews", snapshot.tenant_id, parameters.sort, digest_of(parameters))
    order = _ORDERS[parameters.sort]
    condition, values = parameters.conditions()
    position, start = "true", []
    if parameters.cursor is not None:
        value, key = cursors.read(binding, parameters.cursor, length=2)
        position = f"({order.value}, review_key) {order.beyond} (?, ?)"
        start = [order.read(value), key]
    # One row more than the page holds tells whether another page follows.
    rows = _rows(
        snapshot,
        f"select {_COLUMNS}, {order.value} as place from reviews where {condition} and {position} "
        f"order by place {order.direction}, review_key {order.direction} limit ?",
        [*values, *start, parameters.limit + 1],
    )
    reviews = [Review.model_validate(row) for row in rows][: parameters.limit]
    cursor = None
    if len(rows) > parameters.limit:
        last = rows[parameters.limit - 1]
        cursor = cursors.write(binding, (order.written(last["place"]), last["review_key"]))
    return ReviewPage(
        items=reviews,
        next_cursor=cursor,
        next=_next_address(snapshot.tenant_id, parameters, cursor),
        snapshot=snapshot.version,
        review_count=_count(snapshot, condition, values) if parameters.count else None,
    )


def get_review(snapshot: Snapshot, review_key: str) -> ReviewDetails:
    """One review.

    Raises:
        Problem: ``not-found`` if this tenant has no such review; ``beyond-history`` if its plan
            does not show reviews that old.
    """
    if not is_review_key(review_key):
        raise Problem("not-found")
    sql = f"select {_COLUMNS}, {_DETAILS} from reviews where review_key = ?"
    for row in _rows(snapshot, sql, [review_key]):
        address = f"/v1/tenants/{snapshot.tenant_id}/reviews/{review_key}"
        addresses = {"versions": f"{address}/versions", "corrections": f"{address}/corrections"}
        return ReviewDetails.model_validate(row | addresses)
    if snapshot.first_day is not None and _rows(snapshot.whole, sql, [review_key]):
        raise beyond_history(snapshot.first_day)
    raise Problem("not-found")


def get_versions(snapshot: Snapshot, lake: Lake, review_key: str) -> ReviewVersions:
    """All versions of a review up to the one that is published.

    What the source has withdrawn, or what was erased, is in no snapshot and so has no versions.

    Raises:
        Problem: ``not-found`` if this tenant has no such review.
    """
    published = get_review(snapshot, review_key)
    rows = TenantRows(lake, snapshot.tenant_id).versions(review_key)
    seen = [row for row in rows.to_dicts() if row["version"] <= published.version]
    return ReviewVersions(items=[_version(row) for row in seen[-MAX_VERSIONS:]])


def _version(row: dict[str, Any]) -> ReviewVersion:
    annotations = None
    if row["models"] is not None:
        lists = {name: row[name] or [] for name in _LISTS}
        annotations = Annotations.model_validate(
            row | lists | {"models": json.loads(row["models"])}
        )
    return ReviewVersion.model_validate(
        row | {"received_day": row["day"], "annotations": annotations}
    )


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
