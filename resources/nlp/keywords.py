"""Up to five keyphrases of each review: what it talks about, not how the customer feels.

Candidates are runs of one to three content words between stop words, opinion words and punctuation
(as in RAKE, Rose et al. 2010), rated by how rare their words are in a shipped background, not in
the batch: a review has the same keywords whatever it is read with. Reviews in Chinese, Japanese and
Thai are cut into words first (``unspaced``); Chinese characters and katakana that are dropped into
reviews of other languages form candidates of two to six characters between function characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.hashing import CodePoints, Positions, Words, find_words, scan
from resources.nlp.rarity import MODIFIER_BIT, OPINION_WORD, Background, word_keys
from resources.nlp.segmenting import is_segmented
from resources.nlp.unspaced import extract_unspaced

__all__ = ["KEYWORD_LIMIT", "READ_CHARACTERS", "Background", "extract_keywords"]

KEYWORD_LIMIT = 5
READ_CHARACTERS = 2_000

_LONGEST_PHRASE = 3
_LONGEST_CHARACTER_PHRASE = 6
_SHORTEST_WORD, _LONGEST_WORD = 3, 24
_LENGTH_FACTORS = {1: 1.0, 2: 1.2, 3: 1.2}
_CANDIDATES_READ = 20  # per review, best first

_HANGUL = (0xAC00, 0xD7A4)
_HAN_OR_KATAKANA = ((0x30A1, 0x30FB), (0x30FC, 0x30FD), (0x3400, 0x9FFF), (0x20000, 0x30000))
_SPACE, _HYPHEN, _ANY_DIGIT = ord(" "), ord("-"), ord("0")
_KOREAN_PARTICLE = re.compile(
    "(에서|으로|까지|부터|에게|이랑|은|는|이|가|을|를|도|에|의|와|과|로|만|랑)$"
)
_KOREAN_VERB = re.compile(
    "(요|다|고|서|며|면|지만|는데|네|죠|음|함|됨|게|히|한|던|할|된|하는|있는|없는)$"
)


def extract_keywords(
    texts: Sequence[str], languages: Sequence[str], background: Background
) -> list[list[str]]:
    """Find the keyphrases of reviews, best first, in lower case.

    Args:
        texts: Any strings; the first 2,000 characters of each are read.
        languages: Code of each.
        background: Word statistics.
    """
    read = [text[:READ_CHARACTERS] for text in texts]
    unspaced = [row for row, code in enumerate(languages) if is_segmented(code)]
    if not unspaced:
        return _extract_spaced(read, languages, background)
    phrases = extract_unspaced(
        [read[row] for row in unspaced],
        [languages[row] for row in unspaced],
        background,
        KEYWORD_LIMIT,
    )
    for row in unspaced:
        read[row] = ""
    keywords = _extract_spaced(read, languages, background)
    for row, found in zip(unspaced, phrases, strict=True):
        keywords[row] = found
    return keywords


def _extract_spaced(
    texts: Sequence[str], languages: Sequence[str], background: Background
) -> list[list[str]]:
    points = scan(texts)
    words = find_words(points)
    if not len(words.starts):
        return [[] for _ in texts]
    values = background.look_up(word_keys(words.hashes, languages, words.pointers))
    candidates = _candidates(points, words, values)
    characters = points.characters.tobytes().decode("utf-32-le", "surrogatepass")
    return [
        _best(characters, candidates, first, end, code)
        for first, end, code in zip(
            candidates.pointers[:-1].tolist(),
            candidates.pointers[1:].tolist(),
            languages,
            strict=True,
        )
    ]


@dataclass(frozen=True)
class _Candidates:
    """Possible keyphrases, review after review, best first."""

    starts: list[int]
    ends: list[int]
    pointers: Positions


def _candidates(points: CodePoints, words: Words, values: npt.NDArray[np.uint8]) -> _Candidates:
    firsts = points.values[words.starts]
    lengths = words.ends - words.starts
    is_character = _within(firsts, _HAN_OR_KATAKANA)
    shortest = np.where(_within(firsts, (_HANGUL,)), 2, _SHORTEST_WORD)
    is_word = (lengths >= shortest) & (lengths <= _LONGEST_WORD) & (firsts != _ANY_DIGIT)
    content = (values > OPINION_WORD) & (is_word | is_character)
    runs = _runs(points, words, content, is_character)
    owners = np.repeat(np.arange(len(words.pointers) - 1), np.diff(words.pointers))
    parts = [
        _word_phrases(values, content & ~is_character, runs, length)
        for length in range(1, _LONGEST_PHRASE + 1)
    ]
    parts.append(_character_phrases(values, content & is_character, runs))
    starts, ends, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    owner = owners[starts]
    order = np.lexsort((starts, -scores, owner))
    starts, ends, owner = starts[order], ends[order], owner[order]
    pointers = np.searchsorted(owner, np.arange(len(words.pointers)))
    return _Candidates(words.starts[starts].tolist(), words.ends[ends - 1].tolist(), pointers)


def _within(
    values: npt.NDArray[np.uint32], ranges: Sequence[tuple[int, int]]
) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(values), bool)
    for first, end in ranges:
        inside |= (values >= first) & (values < end)
    return inside


def _runs(
    points: CodePoints,
    words: Words,
    content: npt.NDArray[np.bool_],
    is_character: npt.NDArray[np.bool_],
) -> Positions:
    """Number of the run that each word belongs to; words of one run form phrases."""
    gaps = words.starts[1:] - words.ends[:-1]
    between = points.values[words.ends[:-1]]
    neighbours = np.where(
        is_character[1:], gaps == 0, (gaps == 1) & ((between == _SPACE) | (between == _HYPHEN))
    )
    joined = neighbours & content[1:] & content[:-1] & (is_character[1:] == is_character[:-1])
    return np.concatenate(([0], np.cumsum(~joined)))


_Part = tuple[Positions, Positions, npt.NDArray[np.float64]]


def _word_phrases(
    values: npt.NDArray[np.uint8],
    content: npt.NDArray[np.bool_],
    runs: Positions,
    length: int,
) -> _Part:
    """All phrases of ``length`` words: first word, word after the last, score."""
    count = len(values) - length + 1
    if count <= 0:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, np.zeros(0)
    # Modifiers and verbs may lead a phrase ("living room"), never end it.
    ends = content[length - 1 :] & ((values[length - 1 :] & MODIFIER_BIT) == 0)
    starts = np.flatnonzero(content[:count] & ends & (runs[:count] == runs[length - 1 :]))
    members = starts[:, None] + np.arange(length)
    rarity = values[members].sum(axis=1, dtype=np.float64)
    return starts, starts + length, rarity / length * _LENGTH_FACTORS[length]


def _character_phrases(
    values: npt.NDArray[np.uint8],
    content: npt.NDArray[np.bool_],
    runs: Positions,
) -> _Part:
    """Whole runs of two to six characters."""
    members = np.flatnonzero(content)
    numbers, firsts, sizes = np.unique(runs[members], return_index=True, return_counts=True)
    starts = members[firsts]
    fitting = (sizes > 1) & (sizes <= _LONGEST_CHARACTER_PHRASE)
    sums = np.bincount(
        np.searchsorted(numbers, runs[members]),
        values[members].astype(np.float64),
        minlength=len(numbers),
    )
    scores = (sums / np.maximum(sizes, 1))[fitting]
    return starts[fitting], (starts + sizes)[fitting], scores


def _best(
    characters: str, candidates: _Candidates, first: int, end: int, language: str
) -> list[str]:
    """The best phrases that neither overlap nor repeat each other, in whole or in part."""
    chosen: list[tuple[int, int]] = []
    phrases: list[str] = []
    said = " "
    last = min(end, first + _CANDIDATES_READ)
    for start, stop in zip(candidates.starts[first:last], candidates.ends[first:last], strict=True):
        if _overlaps(chosen, start, stop):
            continue
        phrase = characters[start:stop].strip("'")
        if language == "ko":
            phrase = _korean_noun(phrase)
        if phrase and f" {phrase} " not in said:
            chosen.append((start, stop))
            phrases.append(phrase)
            said += f"{phrase} | "
            if len(phrases) == KEYWORD_LIMIT:
                break
    return phrases


def _overlaps(chosen: list[tuple[int, int]], start: int, stop: int) -> bool:
    # any() over a generator takes twice as long.
    for other_start, other_stop in chosen:  # noqa: SIM110
        if start < other_stop and other_start < stop:
            return True
    return False


def _korean_noun(phrase: str) -> str:
    """A phrase without its last particle; empty where it ends like a verb."""
    noun = _KOREAN_PARTICLE.sub("", phrase)
    if noun == phrase and _KOREAN_VERB.search(phrase):
        return ""
    return noun if len(noun) > 1 else ""
