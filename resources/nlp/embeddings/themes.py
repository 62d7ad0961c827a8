"""Themes: groups of texts that say the like, found without being told what to look for.

Seeded spherical k-means over centred vectors. The number of groups is the one whose texts lie
clearest on one side, by the simplified silhouette; a text near no group belongs to none.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from resources.nlp.embeddings.embedder import Vectors

STOP_WORDS = Path(__file__).parents[1] / "lexicons" / "stop_words.json"

_MIN_SIZE = 5  # fewer texts are no theme
_MIN_LIKENESS = 0.25  # cosine to the centre of a theme
_MIN_COHERENCE = 0.4  # a group of what is left over is none
_MAX_LEARNT = 10_000  # texts that the groups are learnt from; all are then sorted into them
_MAX_MEASURED = 4_000
_ROUNDS = 25
_COUNTS = (4, 6, 8, 12, 16, 24, 32)
_STARTS = 2
_WORDS, _EXAMPLES = 5, 3
_PRIOR = 0.5
_MIN_OCCURRENCES = 3
_WORD = re.compile(r"[^\W\d_]{3,}")
_CHARACTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff]{2}")


@dataclass(frozen=True)
class Theme:
    """Texts that say the like.

    Attributes:
        name: Its most telling words.
        size: Number of texts.
        keywords: Words by which it differs from the other texts, most telling first.
        examples: Places of the texts nearest to its centre.
        coherence: Mean cosine of its texts to its centre, 0 to 1.
    """

    name: str
    size: int
    keywords: tuple[str, ...]
    examples: tuple[int, ...]
    coherence: float


@dataclass(frozen=True)
class Themes:
    """What many texts are about.

    Attributes:
        themes: Largest first.
        members: Number of each text's theme, -1 for none; ``[texts]``.
    """

    themes: list[Theme]
    members: npt.NDArray[np.int64]


def discover_themes(
    texts: Sequence[str],
    vectors: Vectors,
    keywords: Sequence[Sequence[str]] | None = None,
    *,
    count: int | None = None,
    seed: int = 7,
) -> Themes:
    """Find what many texts are about; best with single sentences or short reviews.

    Args:
        texts: At least 10 of them, or there are no themes.
        vectors: Of each, ``[texts, dimensions]``, as ``StaticEmbedder.embed`` returns them.
        keywords: Of each, for the labels; its words when None.
        count: How many groups; chosen by a measure when None.
        seed: Equal seeds give equal themes.
    """
    nothing = Themes([], np.full(len(texts), -1, np.int64))
    spoken = np.flatnonzero((vectors != 0).any(axis=1))
    if len(spoken) < 2 * _MIN_SIZE:
        return nothing
    points = _unit(vectors[spoken] - vectors[spoken].mean(axis=0))
    dice = np.random.default_rng(seed)
    learnt = points[np.sort(dice.permutation(len(points))[:_MAX_LEARNT])]
    centres = _best_centres(learnt, count, dice)
    likeness = points @ centres.T
    groups = np.where(likeness.max(axis=1) >= _MIN_LIKENESS, likeness.argmax(axis=1), -1)
    members = np.full(len(texts), -1, np.int64)
    members[spoken] = groups
    closeness = np.zeros(len(texts), np.float32)
    closeness[spoken] = likeness.max(axis=1)
    return _described(texts, members, closeness, keywords)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    unit: Vectors = (vectors / np.maximum(lengths, np.float32(1e-9))).astype(np.float32)
    return unit


def _best_centres(points: Vectors, count: int | None, dice: np.random.Generator) -> Vectors:
    most = max(2, len(points) // _MIN_SIZE)
    counts = [count] if count else [number for number in _COUNTS if number <= most] or [2]
    found = [_centres(points, min(number, most), dice) for number in counts for _ in range(_STARTS)]
    measured = points[:_MAX_MEASURED]
    return max(found, key=lambda centres: _silhouette(measured, centres))


def _centres(points: Vectors, count: int, dice: np.random.Generator) -> Vectors:
    """Spherical k-means from k-means++ starts."""
    centres = _starts(points, count, dice)
    groups = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        nearest = (points @ centres.T).argmax(axis=1)
        if (nearest == groups).all():
            break
        groups = nearest
        filled = np.bincount(groups, minlength=count) > 0
        centres = np.where(filled[:, None], _unit(_sums(points, groups, count)), centres)
    return centres


def _sums(points: Vectors, groups: npt.NDArray[np.int64], count: int) -> Vectors:
    from scipy.sparse import csr_array

    places = np.arange(len(points))
    belongs = csr_array((np.ones(len(points), np.float32), (groups, places)), (count, len(points)))
    sums: Vectors = belongs @ points
    return sums


def _starts(points: Vectors, count: int, dice: np.random.Generator) -> Vectors:
    chosen = [int(dice.integers(len(points)))]
    distance = 1 - points @ points[chosen[0]]
    while len(chosen) < count:
        chance = np.maximum(distance, 0).astype(np.float64) ** 2
        total = chance.sum()
        place = int(np.searchsorted(np.cumsum(chance), dice.random() * total)) if total > 0 else 0
        chosen.append(min(place, len(points) - 1))
        distance = np.minimum(distance, 1 - points @ points[chosen[-1]])
    return points[chosen].copy()


def _silhouette(points: Vectors, centres: Vectors) -> float:
    """How much nearer texts are to their own centre than to the next one, -1 to 1."""
    distances = np.sort(1 - points @ centres.T, axis=1)
    own, other = distances[:, 0], distances[:, 1]
    return float(((other - own) / np.maximum(other, 1e-9)).mean())


def _described(
    texts: Sequence[str],
    members: npt.NDArray[np.int64],
    closeness: Vectors,
    keywords: Sequence[Sequence[str]] | None,
) -> Themes:
    """Groups that are large enough, by size, with their words."""
    groups, sizes = np.unique(members[members >= 0], return_counts=True)
    large = [
        (int(group), int(size))
        for group, size in zip(groups, sizes, strict=True)
        if size >= _MIN_SIZE and closeness[members == group].mean() >= _MIN_COHERENCE
    ]
    large.sort(key=lambda pair: (-pair[1], pair[0]))
    words = [
        set(keywords[place]) if keywords is not None else _words(text)
        for place, text in enumerate(texts)
    ]
    everywhere = Counter(word for own in words for word in own)
    themes = []
    renumbered = np.full(len(members), -1, np.int64)
    for number, (group, size) in enumerate(large):
        places = np.flatnonzero(members == group)
        renumbered[places] = number
        telling = _telling_words([words[place] for place in places], everywhere, len(texts))
        nearest = places[np.argsort(-closeness[places], kind="stable")][:_EXAMPLES]
        themes.append(
            Theme(
                name=", ".join(telling[:3]),
                size=size,
                keywords=tuple(telling),
                examples=tuple(int(place) for place in nearest),
                coherence=round(float(closeness[places].mean()), 4),
            )
        )
    return Themes(themes, renumbered)


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    listed = json.loads(STOP_WORDS.read_text(encoding="utf-8"))
    return frozenset(word for words in listed.values() for word in words)


def _words(text: str) -> set[str]:
    lowered = text.lower()
    return (set(_WORD.findall(lowered)) - _stop_words()) | set(_CHARACTERS.findall(lowered))


def _telling_words(inside: list[set[str]], everywhere: Counter[str], texts: int) -> list[str]:
    """Words of a group by the z-score of their log-odds against all other texts."""
    counts = Counter(word for own in inside for word in own)
    others = texts - len(inside)
    scores = {}
    for word, count in counts.items():
        if count < min(_MIN_OCCURRENCES, len(inside)):
            continue
        elsewhere = everywhere[word] - count
        odds = (count + _PRIOR) / (len(inside) - count + _PRIOR)
        other_odds = (elsewhere + _PRIOR) / (others - elsewhere + _PRIOR)
        spread = math.sqrt(1 / (count + _PRIOR) + 1 / (elsewhere + _PRIOR))
        scores[word] = math.log(odds / other_odds) / spread
    ranked = sorted(scores, key=lambda word: (-scores[word], word))
    return [word for word in ranked[:_WORDS] if scores[word] > 0]
