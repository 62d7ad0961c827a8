"""What ``annotate`` promises to the graph, to Spark and to the API."""

# ruff: noqa: RUF001 - sentences in many scripts

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial

import polars as pl
import psutil
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.engine.processes import WorkerError, mapped
from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.context import (
    AnnotationContext,
    MissingModelError,
    Models,
    default_context,
)
from resources.storage.schemas import REVIEW_ENRICHMENTS

CONTEXT = default_context([{"name": "Aurora Mini", "kind": "product", "aliases": ["mini lamp"]}])

EASY_SENTENCES = [
    (
        "en",
        "positive",
        "The room was spotless and the staff was very friendly. Highly recommended!",
    ),
    ("en", "negative", "Terrible service, the food was cold and the waiter was rude. Never again."),
    ("de", "positive", "Das Hotel ist sehr sauber und das Personal war freundlich. Gerne wieder!"),
    ("de", "negative", "Sehr enttäuschend, das Gerät war nach zwei Tagen kaputt. Nie wieder!"),
    (
        "fr",
        "positive",
        "Excellent service, le petit déjeuner était délicieux. Je recommande vivement.",
    ),
    ("fr", "negative", "Très déçu, la chambre était sale et le personnel désagréable. À éviter."),
    ("es", "positive", "Excelente ubicación y el personal muy amable. Lo recomiendo mucho."),
    ("es", "negative", "Pésimo servicio, la habitación estaba sucia. No lo recomiendo, nunca más."),
    ("it", "positive", "Cibo ottimo e personale gentile, torneremo sicuramente. Consigliatissimo!"),
    ("it", "negative", "Pessima esperienza, camera sporca e personale maleducato. Mai più."),
    ("pt", "positive", "O atendimento foi excelente e o quarto muito limpo. Recomendo, adorei!"),
    ("pt", "negative", "Péssimo atendimento, o produto veio com defeito. Não recomendo."),
    ("ja", "positive", "部屋はとても清潔で、スタッフも親切でした。また利用したいです。"),
    ("ja", "negative", "最悪です。部屋が汚かったし、対応が悪い。二度と行きません。"),
    ("zh", "positive", "房间非常干净，服务热情，味道很好，下次还会来，强烈推荐。"),
    ("zh", "negative", "太失望了，房间很脏，服务态度极差，再也不来了。"),
    ("ko", "positive", "정말 좋아요. 배송도 빠르고 아주 만족합니다. 강력 추천합니다."),
    ("ko", "negative", "최악이에요. 이틀 만에 고장났어요. 다시는 안 사요. 실망했습니다."),
    ("tr", "positive", "Kargo çok hızlı geldi, ürün mükemmel, kesinlikle tavsiye ederim."),
    ("tr", "negative", "Berbat bir deneyim, oda kirli ve personel kaba. Tavsiye etmiyorum."),
]

HOSTILE_TEXTS = [
    None,
    "",
    " \t\n ",
    "\x00\x01\x02\x1f\x7f",
    "😡😡😡",
    "👍🏽 👩‍👩‍👧‍👦",
    "!!!???...",
    "12345 67,89",
    "a",
    "x" * 1_000_000,
    "\n" * 100_000,
    "great! " * 150_000,
    "Привет hello 你好 مرحبا שלום สวัสดี 안녕",
    "\u202egnitseretni\u202c \u200b\u200d\ufeff",
    "Ｆｕｌｌ ｗｉｄｔｈ İSTANBUL ẞ ŉ ǰ",
    "e\u0301" * 50 + "\u0301" * 500,
    "<br/><br />line<br>",
    "\U0010ffff\ufffe\uffff",
    "'''' ---- ''''",
]


def batch_of(texts, titles=None):
    rows = len(texts)
    return pa.RecordBatch.from_pydict(
        {
            "review_key": [f"{number:032x}" for number in range(rows)],
            "version": pa.array([1] * rows, pa.int32()),
            "title": pa.array(titles or [None] * rows, pa.string()),
            "text": pa.array(texts, pa.string()),
        }
    )


def rows_of(texts, titles=None, context=CONTEXT):
    return annotate(batch_of(texts, titles), context).to_pylist()


def test_the_result_has_the_columns_of_the_lake_table_in_input_order():
    result = annotate(batch_of(["good", None, "bad"]), CONTEXT)
    whose = {"day", "tenant_id", "batch_id"}
    wanted = [field for field in REVIEW_ENRICHMENTS.schema if field.name not in whose]
    assert result.schema.equals(pa.schema(wanted))
    assert result.column("review_key").to_pylist() == [f"{number:032x}" for number in range(3)]


@pytest.mark.parametrize(("language", "sentiment", "text"), EASY_SENTENCES)
def test_easy_sentences_are_understood(language, sentiment, text):
    (row,) = rows_of([text])
    assert (row["language"], row["sentiment"]) == (language, sentiment)
    assert (row["sentiment_score"] > 0) == (sentiment == "positive")
    assert row["language_confidence"] > 0.45
    assert 0.3 < row["sentiment_confidence"] <= 1


def test_praise_and_complaint_side_by_side_are_mixed():
    rows = rows_of(
        [
            "The location is excellent and the view is beautiful. But the staff was terribly rude.",
            "Das Zimmer war wunderschön, aber das Personal war furchtbar unfreundlich.",
        ]
    )
    assert [row["sentiment"] for row in rows] == ["mixed", "mixed"]


def test_praise_with_plain_facts_or_denied_complaints_is_not_mixed():
    texts = [
        "This is my fourth order. Great quality, arrived early. I am 170 cm tall and took M.",
        "No complaints at all, lovely staff, wonderful breakfast. We stayed two nights in May.",
        "Never had a problem with it, excellent sound. It comes in two colours.",
        "Das ist meine dritte Bestellung. Hervorragende Qualität, keine Beschwerden!",
        "C'est ma deuxième commande. Aucun problème, produit excellent et livraison rapide.",
    ]
    labels = [row["sentiment"] for row in rows_of(texts)]
    assert labels == ["positive"] * len(texts)


def test_the_title_counts_as_text():
    silent, spoken = rows_of(["It is blue.", "It is blue."], [None, "Terrible, never again"])
    assert spoken["sentiment_score"] < silent["sentiment_score"]
    (only_title,) = rows_of([None], ["Excellent, highly recommended"])
    assert only_title["sentiment"] == "positive"


def test_any_text_gets_an_answer():
    for row in rows_of(HOSTILE_TEXTS):
        assert row["language"]
        assert 0 <= row["language_confidence"] <= 1
        assert row["sentiment"] in {None, "negative", "neutral", "mixed", "positive"}
        assert (row["sentiment"] is None) == (row["sentiment_score"] is None)
        if row["sentiment_score"] is not None:
            assert -1 <= row["sentiment_score"] <= 1
        assert len(row["keywords"]) <= 5


def test_without_words_there_is_no_sentiment_and_no_language():
    for row in rows_of([None, "", " \n", "...", "\x00\x01"]):
        assert (row["language"], row["language_confidence"]) == ("und", 0)
        assert (row["sentiment"], row["sentiment_score"]) == (None, None)
        assert row["sentiment_confidence"] == 0
        assert row["topics"] == row["keywords"] == row["entities"] == []


def test_emoji_alone_have_a_sentiment_but_no_language():
    angry, happy = rows_of(["😡😡😡", "😍😍 👍"])
    assert (angry["language"], happy["language"]) == ("und", "und")
    assert (angry["sentiment"], happy["sentiment"]) == ("negative", "positive")


def test_bytes_that_are_no_utf_8_are_read_as_far_as_they_can_be():
    broken = pa.Array.from_buffers(
        pa.string(),
        2,
        pa.array([b"good \xff\xfe hotel", b"\xed\xa0\x80 surrogate"], pa.binary()).buffers(),
    )
    batch = batch_of(["", ""]).set_column(3, "text", broken)
    assert [row["language"] for row in annotate(batch, CONTEXT).to_pylist()]


def test_an_empty_batch_gives_an_empty_batch():
    result = annotate(batch_of([]), CONTEXT)
    assert result.num_rows == 0
    assert result.schema.equals(ANNOTATION_SCHEMA)


WORDS = st.sampled_from(
    [text for _, _, text in EASY_SENTENCES]
    + [text for text in HOSTILE_TEXTS if len(text or "") < 900]
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(WORDS | st.text(max_size=80), min_size=1, max_size=30), data=st.data())
def test_batching_shuffling_and_repeating_change_nothing(texts, data):
    texts = [None if text is None else text.encode(errors="ignore").decode() for text in texts]
    together = [content(row) for row in rows_of(texts)]
    order = data.draw(st.permutations(range(len(texts))))
    cut = data.draw(st.integers(0, len(texts)))
    shuffled = [texts[number] for number in order]
    apart = [content(row) for part in (shuffled[:cut], shuffled[cut:]) for row in rows_of(part)]
    assert apart == [together[number] for number in order]
    assert [content(row) for row in rows_of(texts[:1] * 3)] == together[:1] * 3


def content(row):
    return {name: value for name, value in row.items() if name != "review_key"}


def test_every_row_names_the_versions_it_was_made_with():
    (row,) = rows_of(["good"])
    assert json.loads(row["models"]) == CONTEXT.versions()
    assert set(CONTEXT.versions()) == {
        "language",
        "sentiment",
        "topics",
        "keywords",
        "entities",
        "privacy",
        "integrity",
        "aspects",
    }
    other = default_context([{"name": "Aurora", "kind": "brand", "aliases": []}])
    assert other.versions()["entities"] != CONTEXT.versions()["entities"]
    assert other.versions()["topics"] == CONTEXT.versions()["topics"]


def test_the_text_hash_follows_title_and_text():
    rows = rows_of(["same", "same", "same", None], [None, None, "title", "same"])
    hashes = [row["text_hash"] for row in rows]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_context_survives_the_way_to_another_process():
    copy = AnnotationContext.from_json(CONTEXT.to_json())
    assert copy.versions() == CONTEXT.versions()
    assert copy.gazetteer == CONTEXT.gazetteer


def test_a_missing_model_is_named(tmp_path):
    context = AnnotationContext(models=Models(tmp_path))
    with pytest.raises(MissingModelError, match=r"language\.npz"):
        annotate(batch_of(["good"]), context)


def in_processes(batch, context, workers):
    """Annotations that come from worker processes."""
    batches = pa.Table.from_batches([batch]).to_batches(max_chunksize=1_000)
    return pa.Table.from_batches(mapped(batches, partial(annotate, context=context), workers))


def test_worker_processes_give_the_same_rows_and_end():
    texts = [text for _, _, text in EASY_SENTENCES] * 450
    alone = in_processes(batch_of(texts), CONTEXT, 1)
    shared = in_processes(batch_of(texts), CONTEXT, 2)
    assert shared.equals(alone)
    assert pl.from_arrow(shared).height == len(texts)


def test_a_worker_that_dies_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr("resources.engine.processes.sys.executable", "/bin/false")
    with pytest.raises(WorkerError, match="REVIEWGRAPH_WORKERS=1"):
        in_processes(batch_of(["good"] * 9_000), CONTEXT, 2)


def test_workers_end_when_their_parent_is_killed():
    code = """
from functools import partial
import pyarrow as pa
from resources.engine.processes import mapped
from resources.nlp.annotating import annotate
from resources.nlp.context import default_context
rows = 400_000
table = pa.table({"review_key": ["k"] * rows, "version": pa.array([1] * rows, pa.int32()),
                  "title": pa.nulls(rows, pa.string()), "text": ["a good day " * 20] * rows})
function = partial(annotate, context=default_context())
list(mapped(table.to_batches(max_chunksize=2_000), function, 2))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        try:
            workers = wait_for_children(psutil.Process(parent.pid), 2)
        finally:
            parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def wait_for_children(process, count):
    deadline = time.monotonic() + 60
    while len(children := process.children()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) == count
    return children


def test_importing_the_engine_is_light():
    code = (
        "import sys, resources.nlp.annotating as engine;"
        "print(sorted({'scipy', 'pandas', 'dagster', 'pyspark'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_personal_data_is_found_however_late_it_stands():
    text = "The room was nice. " * 1_100 + "Write to bob@example.com."
    (row,) = rows_of([text])
    (span,) = row["pii"]
    assert text[span["start"] : span["end"]] == "bob@example.com"


def given(rows):
    columns = {"review_key": "k", "version": 1, "title": None}
    batch = pa.RecordBatch.from_pylist([columns | row for row in rows])
    return annotate(batch, CONTEXT).to_pylist()


def test_a_language_that_is_given_counts_where_it_is_one():
    text = "Das Essen war kalt und das Personal unfreundlich."
    codes = [None, "DE", "de-AT", "zzz", "\x00", "x" * 10_000]
    rows = given([{"text": text, "language_given": code} for code in codes])
    assert {row["language"] for row in rows} == {"de"}
    assert [row["language_confidence"] == 1 for row in rows[1:3]] == [True, True]
    assert rows[3] | {"text_hash": ""} == rows[0] | {"text_hash": ""}


def test_a_rating_beyond_the_scale_disagrees_with_nothing():
    ratings = [1.0, 5.0, 99.0, -5.0, float("nan"), float("inf"), None]
    rows = given([{"text": "Great food.", "rating": rating} for rating in ratings])
    assert [row["rating_disagreement"] is None for row in rows] == [False, False, *[True] * 5]
    assert len({row["sentiment_score"] for row in rows}) == 1


def test_a_language_that_no_model_learnt_is_not_judged_harshly():
    (row,) = given([{"text": "Maistas buvo skanus ir personalas draugiškas"}])
    assert row["language"] == "lt"
    assert row["sentiment"] == "neutral"
    assert abs(row["sentiment_score"]) < 0.4
