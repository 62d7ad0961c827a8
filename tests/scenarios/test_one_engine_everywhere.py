"""One engine: the same 2,000 texts through Polars, Spark and the API give the same rows."""

# ruff: noqa: RUF001 - texts in many scripts

from __future__ import annotations

import json
import random

import polars as pl
import pyarrow as pa
import pytest

from resources.engine import PolarsEngine, open_engine
from resources.enrichment.tenant_context import tenant_context
from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.cache import annotate_cached
from resources.nlp.context import AnnotationContext
from resources.sandbox.world import generate_world
from resources.settings import Settings
from tests.api_world import running_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TEXTS = 2_000
TEXTS_PER_REQUEST = 700
AWKWARD = [
    None,
    "",
    " \t\n ",
    "\x00\x01\x02\x1f\x7f",
    "😡😡😡",
    "👍🏽 👩‍👩‍👧‍👦 great",
    "!!!???...",
    "12345 67,89",
    "a",
    "x" * 1_000_000,
    "great! " * 100_000,
    "The tea was lovely. " * 2_000 + "Never again, the room was dirty.",
    "Привет hello 你好 مرحبا שלום สวัสดี 안녕",
    "\u202egnitseretni\u202c \u200b\u200d\ufeff",
    "Ｆｕｌｌ ｗｉｄｔｈ İSTANBUL ẞ ŉ ǰ",
    "e\u0301" * 50 + "\u0301" * 500,
    "<br/><br />line<br>two",
    "\U0010ffff\ufffe\uffff",
    "'''' ---- ''''",
    "部屋はとても清潔で、スタッフも親切でした。また利用したいです。",
    "房间非常干净，服务热情，味道很好，下次还会来，强烈推荐。",
    "อาหารอร่อยมาก พนักงานบริการดี แต่ห้องน้ำสกปรก",
    "정말 좋아요. 배송도 빠르고 아주 만족합니다.",
    "Write to ann.smith@example.com or call +49 30 901820, card 4111 1111 1111 1111.",
    "Click here now http://win.example FREE FREE FREE money!!! www.win.example",
    "The staff was friendly but the bathroom was dirty, and the Zorblax did not work.",
]
NAMES = [{"name": "Zorblax", "kind": "product", "aliases": ["zorb lax"]}]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """Generated reviews in many languages, and texts that nobody would wish for."""
    folder = tmp_path_factory.mktemp("everywhere")
    (tenant,) = generate_world(folder, reviews=TEXTS + 200, tenants=1, seed=20).tenants
    texts = pl.read_csv(folder / tenant.id / "reviews.csv", infer_schema=False)["text"].to_list()
    texts = [*AWKWARD, *texts[: TEXTS - len(AWKWARD)]]
    chance = random.Random(3)
    return pa.table(
        {
            "review_key": [f"{n:032x}" for n in range(TEXTS)],
            "version": pa.array([1] * TEXTS, pa.int32()),
            "title": pa.array(
                [chance.choice([None, "", "Very nice", "Nie wieder"]) for _ in texts]
            ),
            "text": pa.array(texts, pa.string()),
            "rating": pa.array([chance.choice([None, 1.0, 3.5, 5.0]) for _ in texts]),
            "language_given": pa.array([chance.choice([None] * 9 + ["en"]) for _ in texts]),
        }
    )


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    """An API whose tenant has names and topics of its own."""
    with running_world(module_settings, module_database) as world:
        with module_database.jobs() as work:
            work.tenants.update("acme", names=NAMES)
        topics = [
            {"name": "tea", "keywords": {"en": ["tea"], "ja": ["部屋"]}},
            {"name": "staff", "keywords": {"en": ["staff"], "de": ["personal*"]}},
        ]
        with world.client("ada") as ada:
            answer = ada.put("/v1/tenants/acme/taxonomy", json={"topics": topics})
            assert answer.status_code == 200, answer.text
        yield world


@pytest.fixture(scope="module")
def context(world):
    """What the API reads with, as the graph reads with it."""
    with world.database.jobs() as work:
        return tenant_context(work, "acme")


@pytest.fixture(scope="module")
def expected(reviews, context):
    """All rows in one batch."""
    (batch,) = reviews.combine_chunks().to_batches()
    return pa.Table.from_batches([annotate(batch, context)])


def assert_equal(found, expected):
    """Row for row and column for column, saying which column differs."""
    found = found.select(ANNOTATION_SCHEMA.names).cast(ANNOTATION_SCHEMA)
    found = found.sort_by("review_key")
    assert found.num_rows == expected.num_rows
    for name in ANNOTATION_SCHEMA.names:
        pairs = zip(found[name].to_pylist(), expected[name].to_pylist(), strict=True)
        different = [(row, *pair) for row, pair in enumerate(pairs) if pair[0] != pair[1]]
        assert different[:3] == [], name


def through(engine, reviews, context, *, parts=1):
    frame = engine.from_arrow(reviews)
    if parts > 1:
        import narwhals as nw

        frame = nw.from_native(frame.to_native().repartition(parts))
    spelled = context.to_json()

    def function(batch: pa.RecordBatch) -> pa.RecordBatch:
        """It can be sent to another process, as Spark does."""
        return annotate(batch, AnnotationContext.from_json(spelled))

    return engine.collect(engine.map_batches(frame, function, ANNOTATION_SCHEMA))


def test_the_texts_are_worth_comparing(expected):
    rows = expected.to_pylist()
    assert len({row["language"] for row in rows}) >= 8
    assert {row["sentiment"] for row in rows} >= {None, "negative", "mixed", "positive"}
    assert len({row["text_hash"] for row in rows}) > TEXTS / 2
    for labels in ("topics", "entities", "keywords", "pii"):
        assert any(row[labels] for row in rows), labels


def test_polars_gives_the_rows(reviews, context, expected):
    assert_equal(through(PolarsEngine(), reviews, context), expected)


@pytest.mark.parametrize("size", [1, 7, 256, 999])
def test_the_size_of_the_batches_changes_nothing(reviews, context, expected, size):
    some = reviews.slice(0, min(TEXTS, size * 300))
    batches = some.combine_chunks().to_batches(max_chunksize=size)
    parts = [annotate(batch, context) for batch in batches]
    assert_equal(pa.Table.from_batches(parts), expected.slice(0, some.num_rows))


def test_the_order_of_the_rows_and_what_was_known_change_nothing(reviews, context, expected):
    order = list(range(TEXTS))
    random.Random(7).shuffle(order)
    shuffled = reviews.take(order)
    known = expected.slice(500, 800)
    found, use = annotate_cached(shuffled, context, known)
    assert use.rows == TEXTS == use.annotated + use.reused + use.repeated
    assert use.reused > 100
    assert_equal(found, expected)


@pytest.mark.spark
def test_spark_gives_the_rows(reviews, context, expected, tmp_path):
    settings = Settings(_env_file=None, home=tmp_path, engine="spark", spark_master="local[2]")
    with open_engine(settings) as engine:
        assert_equal(through(engine, reviews, context), expected)
        assert_equal(through(engine, reviews, context, parts=7), expected)


def test_the_api_gives_the_rows(reviews, world, expected):
    names = {"title": "title", "language_given": "language", "rating": "rating"}
    rows = []
    with world.client("ada") as ada:
        for first in range(0, TEXTS, TEXTS_PER_REQUEST):
            sent = reviews.slice(first, TEXTS_PER_REQUEST).to_pylist()
            texts = [
                {"text": row["text"] or ""} | {names[name]: row[name] for name in names}
                for row in sent
            ]
            answer = ada.post("/v1/analyze", params={"tenant": "acme"}, json={"texts": texts})
            assert answer.status_code == 200, answer.text
            for row, item in zip(sent, answer.json()["items"], strict=True):
                item["models"] = json.dumps(item["models"], sort_keys=True)
                rows.append({"review_key": row["review_key"], "version": row["version"], **item})
    assert_equal(pa.Table.from_pylist(rows, ANNOTATION_SCHEMA), expected)
