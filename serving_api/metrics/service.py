"""Summaries, topics and ratings, read from the marts of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resources.storage.snapshots import Snapshot
from resources.vocabulary import SENTIMENTS
from serving_api.kit.errors import Problem, invalid_parameter
from serving_api.kit.paging import Cursors, digest_of, link
from serving_api.metrics.schemas import (
    Dimension,
    Figure,
    MemberMetrics,
    MetricsPage,
    MetricsParameters,
    ProductParameters,
    RatingCount,
    RatingParameters,
    Ratings,
    TopicMetrics,
    Topics,
)
from serving_api.reviews.filters import ReviewLinks

ALL = "all"
Filters = Mapping[str, Any]


def summaries(snapshot: Snapshot, parameters: MetricsParameters, cursors: Cursors) -> MetricsPage:
    """The summaries of a dimension's members, most reviews first.

    Raises:
        Problem: ``invalid-cursor``; ``not-found`` if the member that is asked for has no reviews.
    """
    dimension, member = parameters.dimension, parameters.member
    binding = ("metrics", snapshot.tenant_id, digest_of(parameters))
    conditions = ["dimension = ?"]
    values: list[Any] = [dimension]
    if member is not None:
        conditions.append("member = ?")
        values.append(member)
    if parameters.cursor is not None:
        count, after = cursors.read(binding, parameters.cursor, length=2)
        conditions.append("(review_count < ? or (review_count = ? and member > ?))")
        values += [int(count), int(count), after]
    rows = _rows(
        snapshot,
        f"select * from metric_summary where {' and '.join(conditions)} "
        "order by review_count desc, member limit ?",
        [*values, parameters.limit + 1],
    )
    if member is not None and not rows:
        raise Problem("not-found", "There are no reviews of that member.")
    links = ReviewLinks(snapshot.tenant_id, snapshot.version, parameters.workspace)
    items = [_member_metrics(row, links) for row in rows[: parameters.limit]]
    cursor = None
    if len(rows) > parameters.limit:
        last = items[-1]
        cursor = cursors.write(binding, (str(last.review_count.value), last.member))
    return MetricsPage(
        items=items,
        next_cursor=cursor,
        next=_next_address(snapshot.tenant_id, parameters, cursor),
        snapshot=snapshot.version,
    )


def topics(snapshot: Snapshot, parameters: ProductParameters) -> Topics:
    """The topics of all reviews or of one product's, most mentioned first."""
    product = parameters.product
    member = product_member(product)
    rows = _rows(
        snapshot,
        "select * from topic_summary where dimension = ? and member = ? "
        "order by mention_count desc, topic",
        member,
    )
    review_count = count_of_reviews(snapshot, member)
    links = ReviewLinks(snapshot.tenant_id, snapshot.version, parameters.workspace)
    return Topics(
        product=product,
        items=[topic_metrics(row, product, review_count, links) for row in rows],
        snapshot=snapshot.version,
    )


def ratings(snapshot: Snapshot, parameters: RatingParameters) -> Ratings:
    """How often each rating was given to a member, rarest and never given ones included.

    Raises:
        Problem: ``invalid-parameters`` if a dimension is given without a member.
    """
    dimension, member = parameters.dimension, parameters.member
    if dimension == ALL:
        member = ALL
    if member is None:
        raise invalid_parameter("query.member", "Name the member of the dimension.")
    rows = _rows(
        snapshot,
        "select rating, review_count from rating_distribution where dimension = ? and member = ?",
        [dimension, member],
    )
    counts = {int(row["rating"]): int(row["review_count"]) for row in rows}
    total = sum(counts.values())
    behind = filters_of(dimension, member)
    links = ReviewLinks(snapshot.tenant_id, snapshot.version, parameters.workspace)
    return Ratings(
        dimension=dimension,
        member=member,
        items=[
            RatingCount(
                rating=rating,
                count=count_figure(counts.get(rating, 0), links, {**behind, "rating": rating}),
                share=Figure(
                    value=counts.get(rating, 0) / total if total else None,
                    review_count=total,
                    reviews=links.to(**behind, rated=True),
                ),
            )
            for rating in range(1, 6)
        ],
        snapshot=snapshot.version,
    )


def product_member(product: str | None) -> list[str]:
    """Dimension and member under which the marts keep a product, or everything."""
    return [ALL, ALL] if product is None else ["product", product]


def count_of_reviews(snapshot: Snapshot, member: Sequence[str]) -> int:
    """How many reviews a member of a dimension has."""
    found = _rows(
        snapshot,
        "select review_count from metric_summary where dimension = ? and member = ?",
        member,
    )
    return found[0]["review_count"] if found else 0


def filters_of(dimension: Dimension, member: str) -> dict[str, str]:
    """The review filters that select a member's reviews."""
    return {} if dimension == ALL else {dimension: member}


def count_figure(count: int, links: ReviewLinks, filters: Filters) -> Figure:
    """A number of reviews: the reviews behind it are those it counts."""
    return Figure(value=count, review_count=count, reviews=links.to(**filters))


def _member_metrics(row: Mapping[str, Any], links: ReviewLinks) -> MemberMetrics:
    behind = filters_of(row["dimension"], row["member"])

    def counted(column: str, **filters: Any) -> Figure:
        return count_figure(row[column], links, {**behind, **filters})

    def estimated(column: str, count_column: str, **filters: Any) -> Figure:
        return Figure(
            value=row[column],
            low=row.get(f"{column}_low"),
            high=row.get(f"{column}_high"),
            review_count=row[count_column],
            reviews=links.to(**behind, **filters),
        )

    return MemberMetrics(
        dimension=row["dimension"],
        member=row["member"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        review_count=counted("review_count"),
        rated_count=counted("rated_count", rated=True),
        average_rating=estimated("average_rating", "rated_count", rated=True),
        annotated_count=counted("annotated_count", annotated=True),
        positive_share=estimated("positive_share", "annotated_count", annotated=True),
        negative_share=estimated("negative_share", "annotated_count", annotated=True),
        average_score=estimated("average_score", "annotated_count", annotated=True),
        **{f"{name}_count": counted(f"{name}_count", sentiment=name) for name in SENTIMENTS},
    )


def topic_metrics(
    row: Mapping[str, Any], product: str | None, review_count: int, links: ReviewLinks
) -> TopicMetrics:
    """The figures of a row of ``topic_summary``."""
    mentions = {"product": product, "topic": row["topic"]}
    annotated = sum(row[f"{name}_count"] for name in SENTIMENTS)
    return TopicMetrics(
        topic=row["topic"],
        mention_count=count_figure(row["mention_count"], links, mentions),
        share_of_reviews=Figure(
            value=row["share_of_reviews"],
            review_count=review_count,
            reviews=links.to(product=product),
        ),
        negative_share=Figure(
            value=row["negative_share"],
            review_count=annotated,
            reviews=links.to(**mentions, annotated=True),
        ),
        **{
            f"{name}_count": count_figure(
                row[f"{name}_count"], links, {**mentions, "sentiment": name}
            )
            for name in SENTIMENTS
        },
    )


def _rows(snapshot: Snapshot, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = snapshot.query(sql, list(values)).to_pylist()
    return rows


def _next_address(tenant_id: str, parameters: MetricsParameters, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    given = parameters.model_dump(exclude_unset=True, exclude_none=True, exclude={"cursor"})
    pairs = [(name, str(value)) for name, value in given.items()]
    return link(f"/v1/tenants/{tenant_id}/metrics", [*pairs, ("cursor", cursor)])
