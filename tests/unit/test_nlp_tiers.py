"""Tiers: which reviews the transformer reads, and that nothing else changes for the others."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.nlp.context import SHIPPED_MODELS, Models
from resources.nlp.deep import DeepModel, MissingDeepModelError, Mixture, clearness_of
from resources.nlp.deep.model import NETWORK_FILE
from resources.nlp.sentiment import judge_sentiments, review_logits
from resources.nlp.tiers import Tier, margins_of

MODELS = Models()
REVIEWS = [
    ("en", "The room was spotless and the staff was very friendly. Highly recommended!"),
    ("en", "Terrible service, the food was cold and the waiter was rude. Never again."),
    ("en", "The staff was wonderful and friendly. But the room was filthy and disgusting!"),
    ("en", "It arrived on a Tuesday, I think, and I have used it since."),
    ("en", "Not bad, could be worse"),
    ("en", "ok"),
    ("en", "I expected more of the breakfast, though the view makes up for some of it."),
    ("en", ""),
    ("en", "😀"),
    ("de", "Das Hotel war in Ordnung, aber das Frühstück kam spät."),
    ("fr", "Rien à dire"),
    ("und", "12345"),
]
LANGUAGES, TEXTS = [code for code, _ in REVIEWS], [text for _, text in REVIEWS]


class Oracle(DeepModel):
    """A transformer whose opinion comes from a checksum of the text."""

    def logits(self, texts):
        rows = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=3) for text in texts]
        return np.array(rows, np.float32).reshape(-1, 3)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    mixture = Mixture(deep_weight=1.2, fast_weight=0.7, threshold=0.6)
    return Oracle(tmp_path_factory.mktemp("oracle"), mixture, "1")


def judge(texts, languages, tier, deep=None):
    """Each review's answer as a tuple, so that answers compare with ==."""
    judged = judge_sentiments(
        pl.Series(texts, dtype=pl.String),
        languages,
        english=MODELS.english,
        multilingual=MODELS.multilingual,
        deep=deep,
        tier=tier,
    )
    columns = (judged.scores, judged.confidences, judged.margins)
    numbers = (np.nan_to_num(column, nan=9.0).round(6).tolist() for column in columns)
    return list(zip(judged.labels, judged.tiers, *numbers, strict=True))


@pytest.mark.parametrize("tier", list(Tier))
@given(picked=st.lists(st.integers(0, len(REVIEWS) - 1), max_size=30))
@settings(max_examples=25, deadline=None)
def test_a_review_is_judged_alike_in_any_company(oracle, tier, picked):
    alone = [judge([text], [code], tier, oracle)[0] for code, text in REVIEWS]
    together = judge(
        [TEXTS[row] for row in picked], [LANGUAGES[row] for row in picked], tier, oracle
    )
    assert together == [alone[row] for row in picked]


def test_the_cascade_keeps_sure_answers_and_deepens_the_others(oracle):
    fast, cascade, deep = (judge(TEXTS, LANGUAGES, tier, oracle) for tier in Tier)
    logits = review_logits(pl.Series(TEXTS), MODELS.english)
    is_unsure = oracle.mixture.is_unsure(MODELS.english.probabilities(logits)).tolist()
    tiers = set()
    for (language, text), doubt, *answers in zip(
        REVIEWS, is_unsure, fast, cascade, deep, strict=True
    ):
        goes_deeper = doubt and language == "en" and text != ""
        assert answers[1] == answers[2 if goes_deeper else 0], text
        tiers.add(answers[1][1])
    assert tiers == {"fast", "deep"}


def test_the_deep_tier_reads_every_review_of_a_language_it_knows_that_has_words(oracle):
    fast, deep = (judge(TEXTS, LANGUAGES, tier, oracle) for tier in (Tier.FAST, Tier.DEEP))
    for language, text, quick, thorough in zip(LANGUAGES, TEXTS, fast, deep, strict=True):
        if language == "en" and text:
            assert thorough[1] == "deep"
            assert thorough[2] != quick[2]
        else:
            assert thorough == quick


def test_the_fast_tier_never_asks_the_transformer(oracle, monkeypatch):
    monkeypatch.setattr(Oracle, "logits", lambda *_: pytest.fail("was asked"))
    assert judge(TEXTS, LANGUAGES, Tier.FAST, oracle) == judge(TEXTS, LANGUAGES, Tier.FAST)


def test_a_review_that_praises_and_complains_is_mixed_in_every_tier(tmp_path):
    calm = type("Calm", (Oracle,), {"logits": lambda _, texts: np.zeros((len(texts), 3), "f4")})
    for tier in Tier:
        answer = judge(TEXTS[2:3], ["en"], tier, calm(tmp_path, Mixture(), "1"))[0]
        assert answer[0] == "mixed"


def test_without_words_there_is_no_label_and_no_tier_but_the_fast(oracle):
    assert judge([""], ["en"], Tier.DEEP, oracle) == [(None, "fast", 9.0, 0.0, 0.0)]


@pytest.mark.parametrize("tier", [Tier.CASCADE, Tier.DEEP])
def test_a_tier_without_its_transformer_says_what_to_do(tier):
    with pytest.raises(MissingDeepModelError, match=f"tier {tier} needs a transformer.*fast"):
        judge(TEXTS, LANGUAGES, tier)


def test_no_reviews_are_no_answers(oracle):
    assert judge([], [], Tier.DEEP, oracle) == []


def test_a_margin_is_the_lead_of_the_best_class():
    margins = margins_of(np.array([[0.2, 0.5, 0.3], [1, 0, 0]], np.float32))
    assert margins.tolist() == pytest.approx([0.2, 1.0])


def test_a_review_is_clear_when_one_side_outweighs_the_other_however_neutral_it_is():
    clearness = clearness_of(np.array([[0.3, 0.4, 0.3], [0.0, 0.9, 0.1], [0.1, 0.6, 0.3]], "f4"))
    assert clearness.tolist() == pytest.approx([0.0, 1.0, 0.5])


def test_the_shipped_transformer_is_small_and_understands_what_hashed_words_do_not():
    shipped = DeepModel.load(SHIPPED_MODELS)
    assert (SHIPPED_MODELS / NETWORK_FILE).stat().st_size < 23_000_000
    texts = [
        "I would happily have paid twice as much for this.",
        "Save your money, you will be returning it within a week.",
    ]
    together = shipped.logits(texts)
    assert (together[:, 2] > together[:, 0]).tolist() == [True, False]
    assert np.array_equal(shipped.logits(texts[1:]), together[1:])
    assert shipped.languages == {"en"}
