"""The columns of every lake table, once: names, Arrow types, partitioning.

Stages agree with each other through these schemas and through nothing else. Days are UTC dates,
timestamps UTC microseconds, money US dollars. ``day`` is always the ingestion day: the day on which
ReviewGraph received the row; ``posted_day`` is the day on which the customer wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from resources.nlp.annotation_schema import ANNOTATION_SCHEMA

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class TableSpec:
    """One table of the lake.

    Attributes:
        name: Name of the table and of its folder.
        schema: Its columns.
        partition_by: The columns its files are separated by.
    """

    name: str
    schema: pa.Schema
    partition_by: tuple[str, ...]


RAW_REVIEWS = TableSpec(
    "raw_reviews",
    pa.schema(
        [
            ("day", pa.date32()),
            ("tenant_id", pa.string()),
            ("source", pa.string()),
            ("batch_id", pa.string()),  # one file or one vendor task; landed exactly once
            ("record_number", pa.int64()),  # position in the batch, from 1
            ("received_at", TIMESTAMP),
            ("task_id", pa.string()),  # the vendor's id of the task, null for files
            ("task_cost_usd", pa.float64()),  # of the whole task, repeated on each of its rows
            ("hints", pa.string()),  # JSON: rating_scale, day_first, column mapping, ...
            # As received, still text; null where the source has no such field.
            ("review_id", pa.string()),
            ("title", pa.string()),
            ("text", pa.string()),
            ("rating", pa.string()),
            ("posted_at", pa.string()),
            ("author", pa.string()),
            ("product", pa.string()),
            ("location", pa.string()),
            ("url", pa.string()),
            ("language", pa.string()),
            ("deleted", pa.string()),
            ("payload", pa.string()),  # JSON: the whole record as it came
        ]
    ),
    ("day",),
)

REVIEWS = TableSpec(
    "reviews",
    pa.schema(
        [
            ("day", pa.date32()),
            ("tenant_id", pa.string()),
            ("source", pa.string()),
            ("review_key", pa.string()),  # stable: 32 hexadecimal digits
            ("version", pa.int32()),  # from 1; the highest one is current
            ("content_hash", pa.string()),
            ("source_review_id", pa.string()),
            ("title", pa.string()),
            ("text", pa.string()),
            ("rating", pa.float64()),  # on 1..5, null where the source gave none
            ("rating_given", pa.string()),  # as the source wrote it
            ("posted_at", TIMESTAMP),  # null where the source gave no date
            ("posted_day", pa.date32()),  # of posted_at, else the ingestion day of version 1
            ("has_posted_date", pa.bool_()),
            ("author", pa.string()),
            ("product", pa.string()),
            ("location", pa.string()),
            ("url", pa.string()),
            ("language_given", pa.string()),
            ("is_deleted", pa.bool_()),  # a tombstone: the source withdrew the review
            ("batch_id", pa.string()),
            ("record_number", pa.int64()),
        ]
    ),
    ("day",),
)

REJECTED_REVIEWS = TableSpec(
    "rejected_reviews",
    pa.schema(
        [
            ("day", pa.date32()),
            ("tenant_id", pa.string()),
            ("source", pa.string()),
            ("batch_id", pa.string()),
            ("record_number", pa.int64()),
            ("reason_code", pa.string()),  # for example unreadable_date
            ("reason", pa.string()),  # a sentence
            ("field", pa.string()),
            ("value", pa.string()),  # the offending value, at most 200 characters
            ("payload", pa.string()),
        ]
    ),
    ("day",),
)

REVIEW_ENRICHMENTS = TableSpec(
    "review_enrichments",
    pa.schema(
        [
            ("day", pa.date32()),
            ("tenant_id", pa.string()),
            ("batch_id", pa.string()),  # of the version that was read; null in older releases' rows
            *ANNOTATION_SCHEMA,
        ]
    ),
    ("day",),
)

_SENTIMENT_COUNTS = [
    ("positive_count", pa.int64()),
    ("neutral_count", pa.int64()),
    ("mixed_count", pa.int64()),
    ("negative_count", pa.int64()),
    ("score_sum_micro", pa.int64()),  # sum of sentiment_score in millionths: exact on any engine
    ("rated_count", pa.int64()),
    ("rating_sum_milli", pa.int64()),  # sum of ratings in thousandths
]

DAILY_FACTS = TableSpec(
    "daily_facts",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("source", pa.string()),
            ("product", pa.string()),  # "" where the source gave none
            ("location", pa.string()),  # as product
            ("language", pa.string()),
            ("posted_day", pa.date32()),
            ("has_posted_date", pa.bool_()),
            ("review_count", pa.int64()),
            *_SENTIMENT_COUNTS,
            ("rating_square_sum_micro", pa.int64()),  # sum of squared ratings in millionths
            ("rating_1_count", pa.int64()),
            ("rating_2_count", pa.int64()),
            ("rating_3_count", pa.int64()),
            ("rating_4_count", pa.int64()),
            ("rating_5_count", pa.int64()),
        ]
    ),
    ("tenant_id",),
)

DAILY_LABEL_FACTS = TableSpec(
    "daily_label_facts",
    pa.schema(
        [
            ("tenant_id", pa.string()),
            ("source", pa.string()),
            ("product", pa.string()),
            ("posted_day", pa.date32()),
            ("label_kind", pa.string()),  # topic, keyword or entity
            ("label", pa.string()),
            ("mention_count", pa.int64()),
            *_SENTIMENT_COUNTS,
        ]
    ),
    ("tenant_id",),
)

TABLES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        RAW_REVIEWS,
        REVIEWS,
        REJECTED_REVIEWS,
        REVIEW_ENRICHMENTS,
        DAILY_FACTS,
        DAILY_LABEL_FACTS,
    )
}
