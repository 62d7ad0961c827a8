"""Which language a review is written in: 75 languages, ``und`` when unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import CodePoints, FeatureSpec, Positions, blocks_of, scan
from resources.nlp.linear import LinearModel, Matrix
from resources.vocabulary import UNDETERMINED

LANGUAGE_FEATURES = FeatureSpec(bits=17, word_orders=(1,), character_orders=(2, 3, 4))
# Written in another script than Latin. Customers drop English words into such reviews, so that the
# model alone would take a lone "good" for Korean.
_OWN_SCRIPT = frozenset(
    [
        "ar",
        "be",
        "bg",
        "bn",
        "el",
        "fa",
        "gu",
        "he",
        "hi",
        "hy",
        "ja",
        "ka",
        "kk",
        "ko",
        "mk",
        "mn",
        "mr",
        "pa",
        "ru",
        "ta",
        "te",
        "th",
        "uk",
        "ur",
        "zh",
    ]
)
_FIRST_AFTER_LATIN = 0x370
_MIN_TOTAL = 1e-9
_PICTOGRAPHS = ((0x1F000, 0x20000), (0x2600, 0x27C0))

READ_CHARACTERS = 300  # more does not help, and the cost grows with it
# Most languages are plain from the beginning of a text; only who stays below is read further.
_GLANCE_CHARACTERS, _PLAIN = 100, 0.97

# Below this probability no language is named; lower, a false name is likelier than a true one.
MIN_CONFIDENCE = 0.45


@dataclass(frozen=True)
class LanguageGuess:
    """Languages of many texts.

    Attributes:
        codes: ISO 639-1 codes or ``und``.
        confidences: Calibrated probability of the code; 0 where a text has no letters.
    """

    codes: list[str]
    confidences: npt.NDArray[np.float32]


def detect_languages(texts: Sequence[str], model: LinearModel) -> LanguageGuess:
    """Find the language of each text by its words and character n-grams.

    Args:
        texts: Any strings; the first 300 characters of each are read.
        model: The language model.
    """
    if not texts:
        return LanguageGuess([], np.zeros(0, np.float32))
    best, confidences = _guess([text[:_GLANCE_CHARACTERS] for text in texts], model)
    again = [
        row
        for row, confidence in enumerate(confidences.tolist())
        if confidence < _PLAIN and len(texts[row]) > _GLANCE_CHARACTERS
    ]
    if again:
        heads = [texts[row][:READ_CHARACTERS] for row in again]
        best[again], confidences[again] = _guess(heads, model)
    codes = [
        model.labels[label] if confidence >= MIN_CONFIDENCE else UNDETERMINED
        for label, confidence in zip(best.tolist(), confidences.tolist(), strict=True)
    ]
    return LanguageGuess(codes, confidences)


def _guess(texts: Sequence[str], model: LinearModel) -> tuple[Positions, Matrix]:
    """Number of the likeliest language of each text and its probability, 0 without letters."""
    points = scan(texts)
    probabilities = model.probabilities(model.logits(blocks_of(points, model.spec)))
    has_letters, is_latin = _letters(points)
    foreign = np.array([code in _OWN_SCRIPT for code in model.labels], bool)
    probabilities[np.ix_(is_latin, foreign)] = 0
    probabilities /= np.maximum(probabilities.sum(axis=1, keepdims=True), _MIN_TOTAL)
    best = probabilities.argmax(axis=1)
    confidences = probabilities[np.arange(len(texts)), best]
    confidences[~has_letters] = 0
    return best, confidences


def _letters(points: CodePoints) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether a text has any letter (digits and emoji are none), and whether all are Latin."""
    values = points.values
    is_letter = (points.classes > 0) & (values >= ord("A")) & ~_is_pictograph(values)
    total = _counts(is_letter, points.newlines)
    beyond = _counts(is_letter & (values >= _FIRST_AFTER_LATIN), points.newlines)
    return total > 0, beyond == 0


def _counts(chosen: npt.NDArray[np.bool_], newlines: Positions) -> Positions:
    sums = np.concatenate(([0], np.cumsum(chosen)))
    return np.diff(sums[newlines])


def _is_pictograph(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(values), bool)
    for first, end in _PICTOGRAPHS:
        found |= (values >= first) & (values < end)
    return found
