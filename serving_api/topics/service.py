"""Reading topics and their trends from the marts of a snapshot."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from resources.storage.snapshots import Snapshot
from serving_api.kit.paging import Cursors, digest_of, link
from serving_api.metrics.service import count_of_reviews, product_member, topic_metrics
from serving_api.reviews.filters import ReviewLinks
from serving_api.topics.schemas import (
    Topic,
    TopicListParameters,
    TopicPage,
    TopicTrend,
    TopicWeek,
)

_ONE_WEEK = timedelta(weeks=1)


def list_topics(snapshot: Snapshot, parameters: TopicListParameters, cursors: Cursors) -> TopicPage:
    """One page of topics, most mentioned first.

    Raises:
        Problem: ``invalid-cursor``.
    """
    tenant_id = snapshot.tenant_id
    binding = ("topics", tenant_id, digest_of(parameters))
    member = product_member(parameters.product)
    conditions, values = ["dimension = ?", "member = ?"], [*member]
    if parameters.topic is not None:
        conditions.append("topic = ?")
        values.append(parameters.topic)
    if parameters.cursor is not None:
        count, after = cursors.read(binding, parameters.cursor, length=2)
        conditions.append("(mention_count < ? or (mention_count = ? and topic > ?))")
        values += [int(count), int(count), after]  # type: ignore[list-item]
    rows = _rows(
        snapshot,
        f"select * from topic_summary where {' and '.join(conditions)} "
        "order by mention_count desc, topic limit ?",
        [*values, parameters.limit + 1],
    )
    shown = rows[: parameters.limit]
    trends = {}
    if parameters.product is None and shown:
        trends = _trends(snapshot, [row["topic"] for row in shown], parameters.weeks)
    review_count = count_of_reviews(snapshot, member)
    links = ReviewLinks(tenant_id, snapshot.version, parameters.workspace)
    cursor = address = None
    if len(rows) > parameters.limit:
        last = shown[-1]
        cursor = cursors.write(binding, (str(last["mention_count"]), last["topic"]))
        given = parameters.model_dump(exclude_unset=True, exclude_none=True, exclude={"cursor"})
        pairs = [(name, str(value)) for name, value in given.items()]
        address = link(f"/v1/tenants/{tenant_id}/topics", [*pairs, ("cursor", cursor)])
    return TopicPage(
        items=[
            Topic(
                **dict(topic_metrics(row, parameters.product, review_count, links)),
                trend=trends.get(row["topic"]),
            )
            for row in shown
        ],
        product=parameters.product,
        snapshot=snapshot.version,
        next_cursor=cursor,
        next=address,
    )


def _trends(snapshot: Snapshot, topics: list[str], weeks: int) -> dict[str, TopicTrend]:
    """The last weeks of some topics; the last one is the last of any topic."""
    (latest,) = _rows(snapshot, "select max(week_start) as week from topic_weekly", [])
    if latest["week"] is None:  # no review says when it was written
        return {topic: _trend([]) for topic in topics}
    starts = [latest["week"] - _ONE_WEEK * back for back in reversed(range(weeks))]
    counted: dict[str, dict[date, TopicWeek]] = defaultdict(dict)
    for row in _rows(
        snapshot,
        "select topic, week_start, mention_count, negative_count from topic_weekly "
        "where week_start >= ? and list_contains(?::varchar[], topic)",
        [starts[0], topics],
    ):
        counted[row["topic"]][row["week_start"]] = TopicWeek(
            week_start=row["week_start"],
            mention_count=row["mention_count"],
            negative_count=row["negative_count"],
        )
    return {
        topic: _trend(
            [
                counted[topic].get(start)
                or TopicWeek(week_start=start, mention_count=0, negative_count=0)
                for start in starts
            ]
        )
        for topic in topics
    }


def _trend(weeks: list[TopicWeek]) -> TopicTrend:
    # An odd number of weeks: the oldest one takes part in neither half, so that both are as long.
    half = len(weeks) // 2
    recent = sum(week.mention_count for week in weeks[len(weeks) - half :])
    earlier = sum(week.mention_count for week in weeks[len(weeks) - 2 * half : len(weeks) - half])
    return TopicTrend(
        weeks=weeks,
        earlier_count=earlier,
        recent_count=recent,
        change=recent / earlier - 1 if earlier else None,
    )


def _rows(snapshot: Snapshot, sql: str, values: list[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = snapshot.query(sql, values).to_pylist()
    return rows
