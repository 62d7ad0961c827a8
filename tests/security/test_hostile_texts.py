"""Hostile texts: whatever somebody sends, reading it takes about as long as reading plain text.

Time is only ever compared with that of plain text of the same length: a slow or busy machine is
slow for both.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from resources.nlp.annotating import annotate
from serving_api.analysis import service
from serving_api.kit.caching import AnswerCache
from tests.hostile_texts import HOSTILE_TEXTS
from tests.reading_times import (
    CONTEXT,
    LENGTH,
    MAX_GROWTH,
    MAX_TIMES_PLAIN,
    READERS,
    batch,
    batch_times,
    times_plain,
    wrong_times,
)


@pytest.fixture(scope="module")
def apart():
    """A process of its own to measure time in."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield process


def test_there_are_enough_hostile_texts_and_each_has_its_length():
    assert len(HOSTILE_TEXTS) >= 60
    for name, make in HOSTILE_TEXTS.items():
        for length in (LENGTH, 2 * LENGTH):
            assert 0.9 * length <= len(make(length)) <= length, name
    texts = {make(LENGTH) for make in HOSTILE_TEXTS.values()}
    assert len(texts) == len(HOSTILE_TEXTS)


@pytest.mark.parametrize("name", READERS)
def test_no_text_takes_much_longer_than_plain_text_of_its_length(name, apart):
    assert not apart.submit(wrong_times, name).result()


@pytest.mark.parametrize(
    "text",
    [
        "telephone numbers, all different",
        "telephone numbers that are announced",
        "telephone numbers without a space",
        "accounts",
        "titles",
    ],
)
def test_personal_data_in_a_huge_text_is_found_about_as_fast_as_in_a_plain_one(text, apart):
    times = apart.submit(times_plain, "personal data", text, 200_000).result()
    assert times < MAX_TIMES_PLAIN


def test_a_batch_of_hostile_texts_takes_not_much_longer_than_one_of_plain_texts(apart):
    """Many texts are read by other ways than one: the whole batch is asked first."""
    beside_plain, beside_half = apart.submit(batch_times).result()
    assert beside_plain < MAX_TIMES_PLAIN
    assert beside_half < MAX_GROWTH


def test_every_hostile_text_has_an_annotation_and_an_answer():
    texts = [make(LENGTH) for make in HOSTILE_TEXTS.values()]
    assert annotate(batch(*texts), CONTEXT).num_rows == len(texts)
    body = json.dumps({"texts": texts, "redact": True}).encode()
    answer = service.analyze(body, service.Reading("acme", CONTEXT), AnswerCache())
    assert len(json.loads(answer)["items"]) == len(texts)
