"""How a customer feels: negative, neutral, mixed or positive, from the text alone.

English goes to a specialist, everything else to one multilingual model; both see the same hashed
n-grams, and n-grams never reach across clauses. One scan therefore scores each clause and, by
adding its clauses up, the whole review. A review is mixed when its clauses disagree strongly.

In the tiers above the fast one a transformer reads the whole review as well, and both answers are
mixed; the clauses, and so what is mixed, stay with the hashed words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.clauses import split_clauses
from resources.nlp.deep import DeepModel
from resources.nlp.hashing import FeatureSpec, Positions, hashed_blocks
from resources.nlp.linear import LinearModel, Matrix, softmax
from resources.nlp.tiers import DeepReader, Tier, margins_of
from resources.vocabulary import UNDETERMINED

SENTIMENT_FEATURES = FeatureSpec(bits=21, word_orders=(1, 2, 3), character_orders=(3, 4, 5))
POLARITIES = ("negative", "neutral", "positive")  # the models' classes
MIXED = "mixed"

_NEGATIVE, _NEUTRAL, _POSITIVE = range(3)
# A review is mixed when one clause leans this far to positive and another as far to negative,
_SURE_CLAUSE = 0.50
# when the lesser side holds at least this part of all the feeling,
_LESSER_SIDE = 0.33
# and when the review as a whole leans no further than this. Complaints are often wrapped in a
# friendly word or two, praise seldom in complaints: hence the narrower bound below.
_MIN_UNDECIDED, _MAX_UNDECIDED = -0.30, 0.50
# Textbook cases need no undecided whole: two clauses this sure, and sides this equal, are enough.
_VERY_SURE_CLAUSE, _EQUAL_SIDE = 0.80, 0.40
# These are judged at one temperature in all languages: how sure a model may be of its figures says
# nothing about how much the clauses of a review differ.
_MIXING_TEMPERATURE = np.float32(0.8)

# What the models learnt from: labelled reviews, or opinion phrases of our own. Of every other
# language they know shared word parts and emoji, and little can be said for sure.
JUDGED_LANGUAGES = frozenset(
    [
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fi",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
        "ja",
        "ko",
        "nb",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sv",
        "sw",
        "th",
        "tr",
        "uk",
        "vi",
        "zh",
        UNDETERMINED,
    ]
)
_UNKNOWN_LANGUAGE_DOUBT = np.float32(4)
_MIN_OF_A_GUESS = 0.5


@dataclass(frozen=True)
class Sentiments:
    """Sentiment of many reviews; rows without any word have label None and score NaN.

    Attributes:
        labels: negative, neutral, mixed, positive, or None.
        scores: P(positive) - P(negative), -1..1.
        confidences: Calibrated probability of the label; for mixed, the lesser probability of its
            surest positive and its surest negative clause; 0 without text.
        margins: Probability of the best of the three classes minus that of the second best; 0
            without text.
        tiers: ``deep`` where the transformer took part, ``fast`` elsewhere.
    """

    labels: list[str | None]
    scores: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    margins: npt.NDArray[np.float64]
    tiers: list[str]


def judge_sentiments(
    texts: pl.Series,
    languages: Sequence[str],
    *,
    english: LinearModel,
    multilingual: LinearModel,
    deep: DeepModel | None = None,
    tier: Tier = Tier.FAST,
) -> Sentiments:
    """Judge reviews.

    Args:
        texts: Strings without nulls.
        languages: Code of each; ``en`` selects the English specialist.
        english: Model for English.
        multilingual: Model for everything else.
        deep: The transformer; needed by every tier but the fast one.
        tier: How thoroughly to judge. Languages that the transformer does not know are judged by
            the fast models in every tier.

    Raises:
        MissingDeepModelError: The tier needs a transformer and there is none.
    """
    reader = DeepReader.of(deep, tier)
    rows = len(texts)
    sentiments = Sentiments(
        labels=[None] * rows,
        scores=np.full(rows, np.nan),
        confidences=np.zeros(rows),
        margins=np.zeros(rows),
        tiers=[str(Tier.FAST)] * rows,
    )
    is_english = np.array([language == "en" for language in languages], bool)
    for model, chosen in (
        (english, np.flatnonzero(is_english)),
        (multilingual, np.flatnonzero(~is_english)),
    ):
        if len(chosen):
            some = [languages[row] for row in chosen.tolist()]
            judged = _judge(texts.gather(chosen), some, model, reader)
            _insert(sentiments, chosen, judged)
    return sentiments


def score_clauses(
    clauses: Sequence[str],
    languages: Sequence[str],
    *,
    english: LinearModel,
    multilingual: LinearModel,
) -> npt.NDArray[np.float64]:
    """P(positive) - P(negative) of clauses, each read as one piece; NaN where there is no word.

    Args:
        clauses: Parts of reviews that are not to be cut any further.
        languages: Code of each; ``en`` selects the English specialist.
        english: Model for English.
        multilingual: Model for everything else.
    """
    scores = np.full(len(clauses), np.nan)
    is_english = np.array([language == "en" for language in languages], bool)
    for model, chosen in (
        (english, np.flatnonzero(is_english)),
        (multilingual, np.flatnonzero(~is_english)),
    ):
        if len(chosen):
            blocks = hashed_blocks([clauses[row] for row in chosen.tolist()], model.spec)
            temperatures = model.temperatures_of([languages[row] for row in chosen.tolist()])
            leaning = _leaning(model.probabilities(model.logits(blocks), temperatures))
            scores[chosen] = np.where(np.diff(blocks[0].pointers) > 0, leaning, np.nan)
    return scores


def _insert(sentiments: Sentiments, rows: Positions, judged: Sentiments) -> None:
    for place, row in enumerate(rows.tolist()):
        sentiments.labels[row] = judged.labels[place]
        sentiments.tiers[row] = judged.tiers[place]
    sentiments.scores[rows] = judged.scores
    sentiments.confidences[rows] = judged.confidences
    sentiments.margins[rows] = judged.margins


def review_logits(texts: pl.Series, model: LinearModel) -> Matrix:
    """What a hashed model says of whole reviews before calibration, ``[texts, classes]``."""
    return _read(texts, model).logits


@dataclass(frozen=True)
class _Reading:
    """What a hashed model makes of reviews and of their clauses.

    Attributes:
        logits: Of each review, ``[reviews, classes]``.
        parts: Probabilities of each clause, ``[clauses, classes]``.
        words: Number of words of each clause.
        firsts: First clause of each review.
    """

    logits: Matrix
    parts: Matrix
    words: Positions
    firsts: Positions

    @property
    def has_words(self) -> npt.NDArray[np.bool_]:
        """Whether each review has any."""
        counts: Positions = np.add.reduceat(self.words, self.firsts)
        return counts > 0


def _read(texts: pl.Series, model: LinearModel) -> _Reading:
    clauses = split_clauses(texts)
    firsts = clauses.offsets[:-1]
    blocks = hashed_blocks(clauses.texts, model.spec)
    sums = [model.sums(block) for block in blocks]
    counts = [np.diff(block.pointers) for block in blocks]
    logits = model.combine(
        [np.add.reduceat(some, firsts) for some in sums],
        [np.add.reduceat(some, firsts) for some in counts],
    )
    parts = softmax(model.combine(sums, counts) / _MIXING_TEMPERATURE)
    return _Reading(logits, parts, counts[0], firsts)


def _judge(
    texts: pl.Series, languages: Sequence[str], model: LinearModel, reader: DeepReader | None
) -> Sentiments:
    reading = _read(texts, model)
    is_guess = np.array([language not in JUDGED_LANGUAGES for language in languages], bool)
    doubt = np.where(is_guess, _UNKNOWN_LANGUAGE_DOUBT, np.float32(1))
    reviews = model.probabilities(reading.logits, model.temperatures_of(languages) * doubt)
    leaning = _leaning(softmax(reading.logits / _MIXING_TEMPERATURE))
    has_words = reading.has_words
    is_deep = np.zeros(len(texts), bool)
    if reader:
        is_deep = has_words & reader.wanted(languages, reviews)
        some = texts.filter(pl.Series(is_deep)).to_list()
        reviews[is_deep] = reader.probabilities(some, reading.logits[is_deep])
        leaning[is_deep] = _leaning(reviews[is_deep])
    best = reviews.argmax(axis=1)
    best[is_guess & (reviews.max(axis=1) < _MIN_OF_A_GUESS)] = _NEUTRAL
    confidences = reviews[np.arange(len(best)), best].astype(np.float64)
    is_mixed, disagreement = _disagreement(reading, leaning)
    confidences[is_mixed] = disagreement[is_mixed]
    labels = [
        (MIXED if mixed else POLARITIES[label]) if words else None
        for label, mixed, words in zip(
            best.tolist(), is_mixed.tolist(), has_words.tolist(), strict=True
        )
    ]
    return Sentiments(
        labels,
        np.where(has_words, _leaning(reviews).astype(np.float64), np.nan),
        np.where(has_words, confidences, 0),
        np.where(has_words, margins_of(reviews), 0),
        [str(Tier.DEEP if deep else Tier.FAST) for deep in is_deep.tolist()],
    )


def _leaning(chances: Matrix) -> Matrix:
    return chances[:, _POSITIVE] - chances[:, _NEGATIVE]


def _disagreement(reading: _Reading, leaning: Matrix) -> tuple[npt.NDArray[np.bool_], Matrix]:
    """Which reviews hold both feelings, and how surely.

    Args:
        reading: What the clauses say.
        leaning: How far each review as a whole leans, -1 negative to 1 positive.
    """
    parts, firsts = reading.parts, reading.firsts
    spoken = reading.words > 0
    tone = np.where(spoken, parts[:, _POSITIVE] - parts[:, _NEGATIVE], np.float32(0))
    furthest = np.minimum(np.maximum.reduceat(tone, firsts), np.maximum.reduceat(-tone, firsts))
    praise = np.add.reduceat(np.maximum(tone, 0), firsts)
    complaint = np.add.reduceat(np.maximum(-tone, 0), firsts)
    lesser = np.minimum(praise, complaint) / np.maximum(praise + complaint, 1e-6)
    sureness = np.minimum(
        np.maximum.reduceat(parts[:, _NEGATIVE] * spoken, firsts),
        np.maximum.reduceat(parts[:, _POSITIVE] * spoken, firsts),
    )
    undecided = (leaning >= _MIN_UNDECIDED) & (leaning <= _MAX_UNDECIDED)
    divided = undecided & (furthest >= _SURE_CLAUSE) & (lesser >= _LESSER_SIDE)
    torn = (furthest >= _VERY_SURE_CLAUSE) & (lesser >= _EQUAL_SIDE)
    return divided | torn, sureness
