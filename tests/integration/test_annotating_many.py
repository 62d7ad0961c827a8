"""Reviews of several tenants are annotated together, on both engines, as each would be alone."""

from __future__ import annotations

from datetime import date

import polars as pl
import pyarrow as pa
import pytest

from resources.engine import PolarsEngine
from resources.enrichment.annotated_reviews import Reading, annotate_reviews
from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.context import default_context
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS

DAY = date(2026, 1, 5)
LAMP = default_context([{"name": "Aurora Mini", "kind": "product"}])
PLAIN = default_context()
SAID = {"acme-2": {"sentiment": "negative"}, "bella-0": {"language": "nl"}}
READINGS = {"acme": Reading(LAMP, SAID), "bella": Reading(PLAIN, SAID), "cora": Reading(PLAIN)}
TEXTS = [
    "The Aurora Mini broke after a week.",
    "Great service and a lovely room!",
    "Great service and a lovely room!",
    "Das Essen war kalt.",
    None,
    "Great service and a lovely room!",
]


def review(tenant, row, text):
    return {
        "day": DAY,
        "tenant_id": tenant,
        "batch_id": f"batch-{row % 2}",
        "review_key": f"{tenant}-{row}",
        "version": 1,
        "text": text,
        "rating": float(1 + row % 5),
        "is_deleted": row == len(TEXTS) - 1,
    }


@pytest.fixture(scope="module")
def reviews():
    rows = [review(tenant, row, text) for tenant in READINGS for row, text in enumerate(TEXTS)]
    return pa.Table.from_pylist(rows, REVIEWS.schema)


@pytest.fixture(scope="module", params=["polars", "spark"])
def engine(request, tmp_path_factory):
    if request.param == "polars":
        with PolarsEngine() as started:
            yield started
        return
    from resources.engine.spark_engine import SparkEngine

    with SparkEngine("local[2]", scratch=tmp_path_factory.mktemp("spark")) as started:
        yield started


def annotated(engine, reviews, enrichments=None):
    known = REVIEW_ENRICHMENTS.schema.empty_table() if enrichments is None else enrichments
    done = annotate_reviews(engine, engine.from_arrow(reviews), engine.from_arrow(known), READINGS)
    rows = engine.stream(done.rows).read_all().cast(REVIEW_ENRICHMENTS.schema)
    counts = {row["tenant_id"]: (row["texts"], row["known"]) for row in done.texts.to_dicts()}
    return rows.sort_by([("tenant_id", "ascending"), ("review_key", "ascending")]), counts


def by_key(rows):
    return {row["review_key"]: row for row in rows.to_pylist()}


def test_each_review_is_read_with_the_models_of_its_tenant(engine, reviews):
    rows, counts = annotated(engine, reviews)
    found = by_key(rows)

    assert len(found) == rows.num_rows == 15  # the withdrawn ones have no annotation
    assert counts == dict.fromkeys(READINGS, (4, 0))
    assert found["acme-0"]["entities"] == ["Aurora Mini"]
    assert found["bella-0"]["entities"] == []
    for tenant, reading in READINGS.items():
        own = reviews.filter(pl.DataFrame(reviews)["tenant_id"].eq(tenant).to_arrow())
        alone = by_key(annotate(own.combine_chunks().to_batches()[0], reading.context))
        for key in set(found) & set(alone) - set(SAID):
            same = {name: found[key][name] for name in ANNOTATION_SCHEMA.names}
            assert same == alone[key]
            assert found[key]["batch_id"] == f"batch-{int(key[-1]) % 2}"


def test_what_a_person_said_counts_for_that_review_alone(engine, reviews):
    found = by_key(annotated(engine, reviews)[0])

    assert (found["acme-2"]["sentiment"], found["acme-2"]["corrected"]) == (
        "negative",
        ["sentiment"],
    )
    assert (found["acme-1"]["sentiment"], found["acme-1"]["corrected"]) == ("positive", [])
    assert found["bella-0"]["language"] == "nl"
    assert found["cora-0"]["language"] == "en"


def test_what_is_known_changes_no_row(engine, reviews):
    first, _ = annotated(engine, reviews)
    again, counts = annotated(engine, reviews, first)

    assert again.equals(first)
    # Of a text whose only row holds what a person said, no model's answer is left.
    assert counts == {"acme": (4, 4), "bella": (4, 3), "cora": (4, 4)}


def test_another_tenants_annotations_and_those_of_other_models_are_not_taken_over(engine, reviews):
    first, _ = annotated(engine, reviews)
    rows = pl.DataFrame(first)
    of_another = rows.with_columns(tenant_id=pl.lit("zeta"))
    of_other_models = rows.with_columns(models=pl.lit("{}"), sentiment=pl.lit("mixed"))
    known = pl.concat([of_another, of_other_models]).to_arrow().cast(REVIEW_ENRICHMENTS.schema)
    again, counts = annotated(engine, reviews, known)

    assert again.equals(first)
    assert counts == dict.fromkeys(READINGS, (4, 0))


def test_no_reviews_give_no_rows(engine):
    rows, counts = annotated(engine, REVIEWS.schema.empty_table())

    assert (rows.num_rows, counts) == (0, {})
