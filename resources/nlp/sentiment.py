"""How a customer feels: negative, neutral, mixed or positive, from the text alone.

English goes to a specialist, everything else to one multilingual model; both see the same hashed
n-grams, and n-grams never reach across clauses. One scan therefore scores each clause and, by
adding its clauses up, the whole review. A review is mixed when its clauses disagree strongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.clauses import Clauses, split_clauses
from resources.nlp.hashing import FeatureSpec, Positions, hashed_blocks
from resources.nlp.linear import LinearModel, Matrix, softmax

SENTIMENT_FEATURES = FeatureSpec(bits=20, word_orders=(1, 2, 3), character_orders=(3, 4, 5))
POLARITIES = ("negative", "neutral", "positive")  # the models' classes
MIXED = "mixed"

_NEGATIVE, _NEUTRAL, _POSITIVE = range(3)
# A review is mixed when one clause leans this far to positive and another as far to negative,
_SURE_CLAUSE = 0.50
# when the lesser side holds at least this part of all the feeling,
_LESSER_SIDE = 0.33
# and when the review as a whole leans no further than this. Complaints are often wrapped in a
# friendly word or two, praise seldom in complaints: hence the narrower bound below.
_MOST_NEGATIVE, _MOST_POSITIVE = -0.30, 0.50
# Textbook cases need no undecided whole: two clauses this sure, and sides this equal, are enough.
_VERY_SURE_CLAUSE, _EQUAL_SIDE = 0.80, 0.40
# These are judged at one temperature in all languages: how sure a model may be of its figures says
# nothing about how much the clauses of a review differ.
_MIXING_TEMPERATURE = np.float32(0.8)


@dataclass(frozen=True)
class Sentiments:
    """Sentiment of many reviews; rows without any word have label None and score NaN.

    Attributes:
        labels: negative, neutral, mixed, positive, or None.
        scores: P(positive) - P(negative), -1..1.
        confidences: Calibrated probability of the label; for mixed, the lesser probability of its
            surest positive and its surest negative clause; 0 without text.
    """

    labels: list[str | None]
    scores: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]


def judge_sentiments(
    texts: pl.Series,
    languages: Sequence[str],
    *,
    english: LinearModel,
    multilingual: LinearModel,
) -> Sentiments:
    """Judge reviews.

    Args:
        texts: Strings without nulls.
        languages: Code of each; ``en`` selects the English specialist.
        english: Model for English.
        multilingual: Model for everything else.
    """
    rows = len(texts)
    labels: list[str | None] = [None] * rows
    scores, confidences = np.full(rows, np.nan), np.zeros(rows)
    is_english = np.array([language == "en" for language in languages], bool)
    for model, chosen in (
        (english, np.flatnonzero(is_english)),
        (multilingual, np.flatnonzero(~is_english)),
    ):
        if not len(chosen):
            continue
        temperatures = model.temperatures_of([languages[row] for row in chosen.tolist()])
        judged = _judge(split_clauses(texts.gather(chosen)), temperatures, model)
        for row, label in zip(chosen.tolist(), judged.labels, strict=True):
            labels[row] = label
        scores[chosen], confidences[chosen] = judged.scores, judged.confidences
    return Sentiments(labels, scores, confidences)


def _judge(clauses: Clauses, temperatures: Matrix, model: LinearModel) -> Sentiments:
    firsts = clauses.offsets[:-1]
    blocks = hashed_blocks(clauses.texts, model.spec)
    clause_sums = [model.sums(block) for block in blocks]
    clause_counts = [np.diff(block.pointers) for block in blocks]
    review_counts = [np.add.reduceat(counts, firsts) for counts in clause_counts]
    logits = model.combine([np.add.reduceat(sums, firsts) for sums in clause_sums], review_counts)
    reviews = model.probabilities(logits, temperatures)
    scores = (reviews[:, _POSITIVE] - reviews[:, _NEGATIVE]).astype(np.float64)
    best = reviews.argmax(axis=1)
    confidences = reviews[np.arange(len(best)), best].astype(np.float64)
    parts = softmax(model.combine(clause_sums, clause_counts) / _MIXING_TEMPERATURE)
    whole = softmax(logits / _MIXING_TEMPERATURE)
    leaning = whole[:, _POSITIVE] - whole[:, _NEGATIVE]
    is_mixed, disagreement = _disagreement(parts, leaning, clause_counts[0], firsts)
    confidences[is_mixed] = disagreement[is_mixed]
    has_words = review_counts[0] > 0
    confidences[~has_words], scores[~has_words] = 0, np.nan
    labels = [
        (MIXED if mixed else POLARITIES[label]) if words else None
        for label, mixed, words in zip(
            best.tolist(), is_mixed.tolist(), has_words.tolist(), strict=True
        )
    ]
    return Sentiments(labels, scores, confidences)


def _disagreement(
    parts: Matrix, leaning: Matrix, words: Positions, firsts: Positions
) -> tuple[npt.NDArray[np.bool_], Matrix]:
    """Which reviews hold both feelings, and how surely.

    Args:
        parts: Probabilities of each clause.
        leaning: How far each review as a whole leans, -1 negative to 1 positive.
        words: Number of words of each clause.
        firsts: First clause of each review.
    """
    spoken = words > 0
    tone = np.where(spoken, parts[:, _POSITIVE] - parts[:, _NEGATIVE], np.float32(0))
    furthest = np.minimum(np.maximum.reduceat(tone, firsts), np.maximum.reduceat(-tone, firsts))
    praise = np.add.reduceat(np.maximum(tone, 0), firsts)
    complaint = np.add.reduceat(np.maximum(-tone, 0), firsts)
    lesser = np.minimum(praise, complaint) / np.maximum(praise + complaint, 1e-6)
    sureness = np.minimum(
        np.maximum.reduceat(parts[:, _NEGATIVE] * spoken, firsts),
        np.maximum.reduceat(parts[:, _POSITIVE] * spoken, firsts),
    )
    undecided = (leaning >= _MOST_NEGATIVE) & (leaning <= _MOST_POSITIVE)
    divided = undecided & (furthest >= _SURE_CLAUSE) & (lesser >= _LESSER_SIDE)
    torn = (furthest >= _VERY_SURE_CLAUSE) & (lesser >= _EQUAL_SIDE)
    return divided | torn, sureness
