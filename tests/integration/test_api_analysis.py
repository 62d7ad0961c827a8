"""``POST /v1/analyze`` over real HTTP: whose context reads, what is refused, what is kept."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import httpx2
import pytest
from fastapi.exceptions import RequestValidationError

from resources.nlp import cache
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.context import default_context
from resources.nlp.interrupting import InterruptedWorkError, ending_when
from resources.nlp.privacy import find_pii
from serving_api.analysis import schemas, service
from serving_api.kit.caching import AnswerCache

ANALYZE = "/v1/analyze"
OF_REVIEWS = {"review_key", "version"}


def analyzed(client, *texts, tenant=None, **options):
    answer = client.post(
        ANALYZE, json={"texts": texts, **options}, params={"tenant": tenant} if tenant else None
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_row_has_the_columns_of_the_table(bob):
    (row,) = analyzed(bob, "The staff was friendly but the room was dirty.")
    columns = [name for name in ANNOTATION_SCHEMA.names if name not in OF_REVIEWS]
    assert list(row) == columns
    assert set(schemas.AnalyzedText.model_fields) == {*columns, "redacted"}
    assert row["language"] == "en"
    assert row["sentiment"] in {"mixed", "negative", "positive"}
    assert set(row["models"]) == set(default_context().versions())
    schemas.AnalyzedText.model_validate(row, strict=True)


def test_strings_and_objects_are_read_alike_and_in_order(bob):
    plain, titled, spoken = analyzed(
        bob,
        "It is blue.",
        {"text": "It is blue.", "title": "Terrible, never again"},
        {"text": "It is blue."},
    )
    assert plain == spoken
    assert titled["sentiment_score"] < plain["sentiment_score"]
    assert titled["text_hash"] != plain["text_hash"]


def test_a_rating_is_compared_with_the_text_and_never_read_into_it(bob):
    plain, one, five = analyzed(
        bob, *({"text": "Good."} | given for given in ({}, {"rating": 1}, {"rating": 5}))
    )
    assert plain["rating_disagreement"] is None
    assert one["sentiment_score"] == five["sentiment_score"] == plain["sentiment_score"]
    assert one["rating_disagreement"] == pytest.approx(-1 - plain["sentiment_score"])
    assert five["rating_disagreement"] - one["rating_disagreement"] == pytest.approx(2)


def test_a_language_that_is_known_is_not_guessed(bob):
    guessed, given = analyzed(bob, "Prima", {"text": "Prima", "language": "nl"})
    assert (given["language"], given["language_confidence"]) == ("nl", 1)
    assert guessed["text_hash"] != given["text_hash"]


def test_personal_data_is_marked_and_taken_out_where_that_is_asked_for(bob):
    text = "Call me, or write to ann.smith@example.com please."
    (marked,) = analyzed(bob, text)
    (redacted,) = analyzed(bob, {"text": text, "title": "Hello"}, redact=True)
    (span,) = marked["pii"]
    assert text[span["start"] : span["end"]] == "ann.smith@example.com"
    assert "redacted" not in marked
    assert redacted["redacted"].startswith("Hello\nCall me, or write to ")
    assert "ann.smith" not in redacted["redacted"]
    assert redacted["redacted"].endswith(" please.")


def test_the_topics_and_names_are_those_of_the_tenant(world, ada, bob):
    with world.database.jobs() as work:
        work.tenants.update("acme", names=[{"name": "Zorblax", "kind": "product"}])
    topics = {"topics": [{"name": "gear", "keywords": {"en": ["zorblax"]}}]}
    assert ada.put("/v1/tenants/acme/taxonomy", json=topics).status_code == 200
    aspects = {
        "categories": {"gear": "What one cooks with"},
        "terms": [{"text": "zorblax", "category": "gear", "language": "en"}],
    }
    assert ada.put("/v1/tenants/acme/aspect-lexicon", json=aspects).status_code == 200
    text = "I really like the zorblax, it was a very good thing to buy for this kitchen."
    (of_acme,) = analyzed(ada, text, tenant="acme")
    (of_brava,) = analyzed(bob, text)
    assert (of_acme["topics"], of_acme["entities"]) == (["gear"], ["Zorblax"])
    (aspect,) = of_acme["aspects"]
    assert (aspect["category"], text[aspect["start"] : aspect["end"]]) == ("gear", "zorblax")
    assert "gear" not in {one["category"] for one in of_brava["aspects"]}
    assert ("gear" in of_brava["topics"], of_brava["entities"]) == (False, [])
    assert of_acme["models"]["topics"] != of_brava["models"]["topics"]


def test_who_belongs_to_several_tenants_says_which_one_is_meant(world, ada):
    answer = ada.post(ANALYZE, json={"texts": ["x"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.tenant"
    assert analyzed(ada, "x", tenant="empty")
    with world.client("eve") as eve:  # belongs to none
        assert eve.post(ANALYZE, json={"texts": ["x"]}).status_code == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ('{"texts": []}', "body.texts"),
        ('{"texts": "good"}', "body.texts"),
        ('{"texts": [1]}', "body.texts.0"),
        ('{"texts": ["a", {"title": "b"}]}', "body.texts.1.text"),
        ('{"texts": [{"text": "a", "rating": 6}]}', "body.texts.0.rating"),
        ('{"texts": [{"text": "a", "language": "German"}]}', "body.texts.0.language"),
        ('{"texts": [{"text": "a", "author": "b"}]}', "body.texts.0.author"),
        ('{"texts": ["a"], "tenant": "acme"}', "body.tenant"),
        ('{"texts": ["\\ud8"]}', "body"),
        (json.dumps({"texts": ["a"] * 1_001}), "body.texts"),
        (json.dumps({"texts": ["a" * 1_000_001]}), "body.texts.0.text"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_its_place(bob, body, where):
    answer = bob.post(ANALYZE, content=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["location"].startswith(where), answer.text
    assert len(answer.content) < 2_000


def test_a_body_is_read_up_to_sixteen_mebibytes_and_after_access_was_decided(world, bob):
    answer = bob.post(ANALYZE, content=b" " * (16 * 2**20 + 1))
    assert answer.status_code == 413
    assert "16384 KiB" in answer.json()["detail"]
    with world.client() as nobody:
        assert nobody.post(ANALYZE, content=b"{").status_code == 401
    long = "The room was very clean. " * 39_000
    assert len(analyzed(bob, *[long] * 10)) == 10


def test_any_text_has_an_answer(bob):
    texts = [
        "",
        " ",
        "\x00\x01",
        "😡😡",
        "x" * 100_000,
        "Привет 你好 مرحبا",
        "\u202e",
        "e\u0301" * 50,
    ]
    assert len(analyzed(bob, *texts, redact=True)) == len(texts)


def test_half_a_character_is_read_as_a_replacement_character_and_refuses_nothing(bob):
    escaped = r'"\ud83d cut \\ud83d \ud83d\ude00 \ude00\ud83d \u00fc\""'
    answer = bob.post(ANALYZE, content=f'{{"texts": [{escaped}, "Prima!"], "redact": true}}')
    assert answer.status_code == 200, answer.text
    cut, whole = (item["redacted"] for item in answer.json()["items"])
    assert cut == '\ufffd cut \\ud83d 😀 \ufffd\ufffd ü"'
    assert whole == "Prima!"


def test_other_requests_are_answered_while_many_texts_are_read(world, bob):
    texts = [
        f"The room {n} was clean, the staff of floor {n % 7} was rude. " * 20 for n in range(999)
    ]
    waits: list[float] = []
    done = threading.Event()

    def keep_asking() -> None:
        with world.client() as client:
            while not done.is_set():
                began = time.monotonic()
                assert client.get("/healthz").status_code == 200
                waits.append(time.monotonic() - began)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    began = time.monotonic()
    analyzed(bob, *texts)
    took = time.monotonic() - began
    done.set()
    asking.join()
    assert max(waits) < took / 2, "the reading blocked the server"


# Work that ends ------------------------------------------------------------------------------

LONG_WORK = [
    f"Room {n} was clean, the staff of floor {n % 7} was rude. " * 60 for n in range(1_000)
]


@pytest.fixture
def slices(monkeypatch):
    """How many slices of texts have been read."""
    read = []
    annotate_cached = service.annotate_cached

    def counting(*arguments, **options):
        answer = annotate_cached(*arguments, **options)
        read.append(answer)
        return answer

    monkeypatch.setattr(service, "annotate_cached", counting)
    return read


def test_a_request_that_takes_too_long_is_ended_and_told_so(world, bob, slices):
    usual = world.app.state.analyzer
    hurried = world.app.state.analyzer = replace(usual, seconds=0.5, kept=AnswerCache())
    try:
        answer = bob.post(ANALYZE, json={"texts": LONG_WORK})
    finally:
        world.app.state.analyzer = usual
    assert answer.status_code == 503
    assert answer.json()["type"].endswith(":too-slow")
    assert "0.5 seconds" in answer.json()["detail"]
    ended_at = len(slices)
    assert hurried.turns.all.borrowed_tokens == 0
    assert len(list(service._slices(requested(LONG_WORK)))) > ended_at + 3
    time.sleep(0.5)
    assert len(slices) == ended_at


def requested(texts):
    return schemas.AnalysisRequest(texts=texts).texts


def test_work_ends_when_its_client_leaves(world, slices):
    with world.client("bob") as leaving, pytest.raises(httpx2.TimeoutException):
        leaving.post(ANALYZE, json={"texts": LONG_WORK}, timeout=httpx2.Timeout(30, read=0.5))
    turns = world.app.state.analyzer.turns.all
    while turns.borrowed_tokens:  # the slice that was being read
        time.sleep(0.01)
    ended_at = len(slices)
    time.sleep(0.5)
    assert (len(slices), turns.borrowed_tokens) == (ended_at, 0)
    assert len(list(service._slices(requested(LONG_WORK)))) > ended_at + 3


def test_a_huge_text_ends_at_its_seams():
    began = time.process_time()
    find_pii([HUGE], ["en"])
    took = time.process_time() - began
    is_over = time.process_time() + took / 10
    began = time.process_time()
    with ending_when(lambda: time.process_time() > is_over), pytest.raises(InterruptedWorkError):
        find_pii([HUGE], ["en"])
    assert time.process_time() - began < took / 2


HUGE = "We called +1 202 555 0143 and Mr Smith told us nothing at all. " * 6_000


def test_slices_hold_every_text_once_and_in_order():
    sent = requested(["a", "b" * 150_000, "", *["c" * 1_000] * 300])
    slices = list(service._slices(sent))
    assert [one for part in slices for one in part] == sent
    assert [len(part) for part in slices] == [2, 101, 100, 100]


# What is kept -------------------------------------------------------------------------------


def reading(tenant="acme", **names):
    return service.Reading(tenant, default_context(**names))


def body_of(*texts):
    return json.dumps({"texts": texts}).encode()


@pytest.fixture
def annotated_rows(monkeypatch):
    """How many rows the models had to read, call by call."""
    counts = []
    annotate_table = cache.annotate_table

    def counting(table, context):
        counts.append(table.num_rows)
        return annotate_table(table, context)

    monkeypatch.setattr(cache, "annotate_table", counting)
    return counts


def test_a_text_that_was_asked_for_before_is_not_read_again(annotated_rows):
    kept = AnswerCache()
    first = service.analyze(body_of("good", "bad", "good"), reading(), kept)
    again = service.analyze(body_of("bad", "good", "good"), reading(), kept)
    assert annotated_rows == [2, 0]
    first_rows, rows = (json.loads(answer)["items"] for answer in (first, again))
    assert [rows[1], rows[0], rows[2]] == first_rows


def test_another_tenant_or_other_names_are_another_question(annotated_rows):
    kept = AnswerCache()
    for asked in (reading(), reading("brava"), reading(names=[{"name": "Good", "kind": "brand"}])):
        service.analyze(body_of("good"), asked, kept)
    assert annotated_rows == [1, 1, 1]


def test_a_rating_is_never_kept_with_a_text():
    kept = AnswerCache()
    service.analyze(body_of({"text": "good", "rating": 1}), reading(), kept)
    (row,) = json.loads(service.analyze(body_of("good"), reading(), kept))["items"]
    assert row["rating_disagreement"] is None


def test_a_bad_body_never_reaches_the_models(annotated_rows):
    with pytest.raises(RequestValidationError):
        service.analyze(b"{}", reading(), AnswerCache())
    assert annotated_rows == []
