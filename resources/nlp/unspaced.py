"""Keyphrases of Chinese, Japanese and Thai: nouns and runs of nouns, as a segmenter finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import find_words, scan
from resources.nlp.rarity import OPINION_WORD, Background, word_keys
from resources.nlp.segmenting import Token, segment

_LENGTH_FACTORS = (1.0, 1.2, 1.2)  # of phrases of one to three words
_SPACE = " "


@dataclass(frozen=True)
class Segmented:
    """Texts cut into words.

    Attributes:
        tokens: The words of each text.
        keys: Key of every word in the background, text after text, int32.
        pointers: Text ``i`` owns the keys ``pointers[i]:pointers[i + 1]``.
    """

    tokens: list[list[Token]]
    keys: npt.NDArray[np.int32]
    pointers: npt.NDArray[np.int64]


def cut(texts: Sequence[str], languages: Sequence[str]) -> Segmented:
    """Cut texts into words.

    Args:
        texts: Any strings.
        languages: Code of each, all of them segmented ones.
    """
    tokens = [segment(text, code) for text, code in zip(texts, languages, strict=True)]
    words = [
        text[token.start : token.end].replace("\n", _SPACE)
        for text, found in zip(texts, tokens, strict=True)
        for token in found
    ]
    pointers = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(found) for found in tokens], out=pointers[1:])
    points = scan(words)
    # Whatever it is made of, each of these is one word: no character stands alone.
    whole = replace(points, classes=np.ones_like(points.classes))
    whole.classes[points.newlines] = 0
    return Segmented(tokens, word_keys(find_words(whole).hashes, languages, pointers), pointers)


def extract_unspaced(
    texts: Sequence[str], languages: Sequence[str], background: Background, limit: int
) -> list[list[str]]:
    """Find the keyphrases of reviews, best first, in lower case.

    Args:
        texts: Any strings.
        languages: Code of each, all of them segmented ones.
        background: Word statistics.
        limit: Phrases per review.
    """
    segmented = cut(texts, languages)
    values = background.look_up(segmented.keys)
    return [
        _best(text, tokens, values[first:end].tolist(), limit)
        for text, tokens, first, end in zip(
            texts,
            segmented.tokens,
            segmented.pointers[:-1].tolist(),
            segmented.pointers[1:].tolist(),
            strict=True,
        )
    ]


def _best(text: str, tokens: list[Token], values: list[int], limit: int) -> list[str]:
    """The best phrases that neither overlap nor contain each other."""
    candidates = [
        (-sum(values[member] for member in members) / length * factor, start, end)
        for run in _runs(text, tokens, values)
        for first in range(len(run))
        for length, factor in enumerate(_LENGTH_FACTORS, start=1)
        if len(members := run[first : first + length]) == length
        and (end := tokens[members[-1]].end) - (start := tokens[members[0]].start) > 1
    ]
    spans: list[tuple[int, int]] = []
    chosen: list[str] = []
    for _, start, end in sorted(candidates):
        if any(start < other_end and other_start < end for other_start, other_end in spans):
            continue
        phrase = text[start:end].lower()
        if not any(phrase in other or other in phrase for other in chosen):
            spans.append((start, end))
            chosen.append(phrase)
            if len(chosen) == limit:
                break
    return chosen


def _runs(text: str, tokens: list[Token], values: list[int]) -> list[list[int]]:
    """Numbers of neighbouring words that may form phrases."""
    runs: list[list[int]] = []
    reached = -1
    for number, (token, value) in enumerate(zip(tokens, values, strict=True)):
        if not token.is_content or value <= OPINION_WORD:
            continue
        follows = runs and runs[-1][-1] == number - 1
        if follows and text[reached : token.start] in {"", _SPACE}:
            runs[-1].append(number)
        else:
            runs.append([number])
        reached = token.end
    return runs
