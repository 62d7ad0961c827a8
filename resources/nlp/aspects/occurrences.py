"""How likely a noun is what an opinion is about, from the words around it alone.

The features are the kinds of the neighbouring words and the distance to opinion words, never the
noun itself: what was learnt from cameras and phones holds for soups and rooms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.nlp.aspects.grammar import KIND_COUNT, Kind, Kinds, clause_breaks
from resources.nlp.aspects.tokens import Tokens
from resources.nlp.hashing import Positions

Numbers = npt.NDArray[np.float64]

_REACH = 12  # tokens
_NEIGHBOURS = 4
_DISTANCE_BINS = np.array([1, 2, 3, 5, 8])  # 0 none, then 1, 2, 3-4, 5-7, 8 and more
_BINS = len(_DISTANCE_BINS) + 1
_DISTANCES = 4
_MAX_OPINIONS = 4
_LONG_CLAUSE = 40
COLUMN_COUNT = _NEIGHBOURS * KIND_COUNT + _DISTANCES * _BINS
NUMBER_COUNT = 7


@dataclass(frozen=True)
class Surroundings:
    """What stands around many spans.

    Attributes:
        columns: Columns that are 1, ``[spans, 8]``, of ``COLUMN_COUNT``.
        numbers: Further features, ``[spans, NUMBER_COUNT]``.
        before: Kind of the token before each span.
        after: Kind of the token after it.
        opinion: Distance to the nearest opinion word of its clause; 0 without one.
        firsts: First token of the span's clause (at most twelve tokens back).
        lasts: Token after its last.
    """

    columns: Positions
    numbers: Numbers
    before: Kinds
    after: Kinds
    opinion: Positions
    firsts: Positions
    lasts: Positions


def look_around(tokens: Tokens, kinds: Kinds, starts: Positions, ends: Positions) -> Surroundings:
    """Describe the surroundings of spans.

    Args:
        tokens: Of some texts.
        kinds: Kind of each token.
        starts: First token of each span.
        ends: Token after its last.
    """
    owners = tokens.owners[starts]
    text_firsts, text_lasts = tokens.pointers[owners], tokens.pointers[owners + 1]
    breaks = np.concatenate(([-1], clause_breaks(kinds), [len(tokens)]))
    last_break = breaks[np.searchsorted(breaks, starts) - 1]
    next_break = breaks[np.searchsorted(breaks, ends)]
    firsts = np.maximum.reduce([text_firsts, last_break + 1, starts - _REACH])
    lasts = np.minimum.reduce([text_lasts, next_break, ends + _REACH])
    padded = np.concatenate((kinds, np.full(2, Kind.EDGE, np.uint8)))

    def neighbour(places: Positions) -> Kinds:
        inside = (places >= text_firsts) & (places < text_lasts)
        found: Kinds = np.where(inside, padded[places], np.uint8(Kind.EDGE))
        return found

    neighbours = [
        neighbour(starts - 1),
        neighbour(starts - 2),
        neighbour(ends),
        neighbour(ends + 1),
    ]
    opinions = np.flatnonzero(kinds == Kind.OPINION)
    evaluations = np.flatnonzero(kinds == Kind.EVALUATIVE)
    distances = [
        _distance_before(opinions, starts, firsts),
        _distance_after(opinions, ends, lasts),
        _distance_before(evaluations, starts, firsts),
        _distance_after(evaluations, ends, lasts),
    ]
    bins = [np.searchsorted(_DISTANCE_BINS, distance, side="right") for distance in distances]
    columns = [kind.astype(np.int64) + rank * KIND_COUNT for rank, kind in enumerate(neighbours)]
    columns += [
        number + _NEIGHBOURS * KIND_COUNT + rank * _BINS for rank, number in enumerate(bins)
    ]
    said = np.count_nonzero(np.stack(distances), axis=0) > 0 if len(starts) else np.zeros(0, bool)
    numbers = [
        np.ones(len(starts)),
        ends - starts > 1,
        _count_between(kinds == Kind.NEGATION, firsts, lasts) > 0,
        np.minimum(_count_between(kinds == Kind.OPINION, firsts, lasts), _MAX_OPINIONS) / 2,
        ~said,
        np.minimum(text_lasts - text_firsts, _LONG_CLAUSE) / 20,
        starts - np.maximum(text_firsts, last_break + 1) < 2,  # noqa: PLR2004 - "the food"
    ]
    nearest = [np.where(distance > 0, distance, 2 * _REACH) for distance in distances[:2]]
    opinion = np.minimum(*nearest)
    return Surroundings(
        np.stack(columns, axis=1),
        np.stack([number.astype(np.float64) for number in numbers], axis=1),
        neighbours[0],
        neighbours[2],
        np.where(opinion < 2 * _REACH, opinion, 0),
        firsts,
        lasts,
    )


def _distance_before(places: Positions, starts: Positions, bounds: Positions) -> Positions:
    """Distance from each start back to the nearest place at or after the bound; 0 without one."""
    padded = np.concatenate(([-1], places))
    nearest = padded[np.searchsorted(places, starts)]
    return np.where(nearest >= bounds, starts - nearest, 0)


def _distance_after(places: Positions, ends: Positions, bounds: Positions) -> Positions:
    padded = np.concatenate((places, [np.iinfo(np.int64).max - 1]))
    nearest = padded[np.searchsorted(places, ends)]
    return np.where(nearest < bounds, nearest - ends + 1, 0)


def _count_between(chosen: npt.NDArray[np.bool_], firsts: Positions, lasts: Positions) -> Positions:
    sums = np.concatenate(([0], np.cumsum(chosen)))
    counts: Positions = sums[lasts] - sums[firsts]
    return counts


def rate(surroundings: Surroundings, weights: Numbers) -> Numbers:
    """Probability that each span is what an opinion is about.

    Args:
        surroundings: Of the spans.
        weights: ``COLUMN_COUNT`` weights of columns, then ``NUMBER_COUNT`` of numbers.
    """
    logits = weights[:COLUMN_COUNT][surroundings.columns].sum(axis=1)
    logits += surroundings.numbers @ weights[COLUMN_COUNT:]
    chances: Numbers = 1 / (1 + np.exp(-logits))
    return chances
