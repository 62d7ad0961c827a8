"""The part of a review that speaks of an aspect, and how it feels about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.nlp.aspects.finding import Mentions
from resources.nlp.aspects.grammar import Kind, clause_breaks, function_kinds, kind_set
from resources.nlp.aspects.vocabulary import ENGLISH
from resources.nlp.hashing import Positions

# Of clauses and the language of each: how they feel, -1..1; NaN where there is no word.
Judge = Callable[[list[str], list[str]], npt.NDArray[Any]]

NEGATIVE, NEUTRAL, POSITIVE, MIXED = "negative", "neutral", "positive", "mixed"
# A clause that leans less than this has no feeling: one with a word that judges, and an English one
# without.
NEUTRAL_BELOW = 0.05
NEUTRAL_BELOW_WITHOUT_WORD = 0.4
# A second thought ("..., but not today") weighs from here on.
_SURE = 0.5
_LONGEST_CLAUSE = 60  # tokens
_AND = function_kinds("and")[0]
_JUDGING = kind_set(Kind.OPINION, Kind.EVALUATIVE, Kind.NEGATION)


def clauses_of(mentions: Mentions) -> tuple[Positions, Positions]:
    """First token and token after the last of the clause that speaks of each mention.

    A clause ends with a sentence or before a contrast word. A comma or an "and" ends it too where
    the part beyond speaks of another aspect and the part on this side has a word that judges.
    """
    tokens, kinds = mentions.tokens, mentions.kinds
    starts, ends = mentions.starts, mentions.ends
    owners = tokens.owners[starts]
    breaks = np.concatenate(([-1], clause_breaks(kinds), [len(tokens)]))
    firsts = np.maximum(breaks[np.searchsorted(breaks, starts) - 1] + 1, tokens.pointers[owners])
    lasts = np.minimum(breaks[np.searchsorted(breaks, ends)], tokens.pointers[owners + 1])
    firsts = np.maximum(firsts, starts - _LONGEST_CLAUSE)
    lasts = np.minimum(lasts, ends + _LONGEST_CLAUSE)
    seams = np.flatnonzero((kinds == Kind.COMMA) | (kinds == _AND))
    previous = np.concatenate(([-1], ends[:-1]))
    following = np.concatenate((starts[1:], [len(tokens) + 1]))
    before = _last_between(seams, np.maximum(previous, firsts), starts)
    after = _first_between(seams, ends, np.minimum(following, lasts))
    # A seam counts only where another mention stands beyond it in the same clause.
    part_firsts = np.where((previous > firsts) & (before >= 0), before + 1, firsts)
    part_lasts = np.where((following < lasts) & (after >= 0), after, lasts)
    judges = has_judgement(mentions, part_firsts, part_lasts) | ~_in_english(mentions)
    return np.where(judges, part_firsts, firsts), np.where(judges, part_lasts, lasts)


def _in_english(mentions: Mentions) -> npt.NDArray[np.bool_]:
    """Whether each mention is in English, the language whose judging words are well known."""
    is_english = np.array([code == ENGLISH for code in mentions.languages], bool)
    return is_english[mentions.tokens.owners[mentions.starts]]


def has_judgement(mentions: Mentions, firsts: Positions, lasts: Positions) -> npt.NDArray[np.bool_]:
    """Whether a word that judges stands among the tokens of each part."""
    sums = np.concatenate(([0], np.cumsum(_JUDGING[mentions.kinds])))
    found: npt.NDArray[np.bool_] = sums[lasts] > sums[firsts]
    return found


def _last_between(places: Positions, firsts: Positions, lasts: Positions) -> Positions:
    """The last place in [first, last), -1 without one."""
    padded = np.concatenate(([-1], places))
    found = padded[np.searchsorted(places, lasts)]
    return np.where(found >= firsts, found, -1)


def _first_between(places: Positions, firsts: Positions, lasts: Positions) -> Positions:
    """The first place in [first, last), -1 without one."""
    padded = np.concatenate((places, [np.iinfo(np.int64).max]))
    found = padded[np.searchsorted(places, firsts)]
    return np.where(found < lasts, found, -1)


def judge_mentions(
    mentions: Mentions, texts: Sequence[str], languages: Sequence[str], judge: Judge
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Sentiment and score of each mention, with one call of ``judge``.

    Args:
        mentions: Found in ``texts``.
        texts: The reviews.
        languages: Code of each.
        judge: Judges clauses.
    """
    firsts, lasts = clauses_of(mentions)
    seconds = _second_thoughts(mentions, lasts)
    spans = list(
        dict.fromkeys(
            [*zip(firsts.tolist(), lasts.tolist(), strict=True)]
            + [span for span in seconds if span is not None]
        )
    )
    if not spans:
        return [], np.zeros(0)
    tokens = mentions.tokens
    spoken = np.array(spans, np.int64)
    owners = tokens.owners[spoken[:, 0]]
    places = np.stack((tokens.starts[spoken[:, 0]], tokens.ends[spoken[:, 1] - 1]))
    clauses = [
        texts[owner][start:end]
        for owner, start, end in zip(
            owners.tolist(), *(places - tokens.origins[owners]).tolist(), strict=True
        )
    ]
    codes = [languages[owner] for owner in owners.tolist()]
    scores = np.nan_to_num(np.asarray(judge(clauses, codes), np.float64))
    score_of = dict(zip(spans, scores.tolist(), strict=True))
    first_scores = [score_of[span] for span in zip(firsts.tolist(), lasts.tolist(), strict=True)]
    judges = (has_judgement(mentions, firsts, lasts) | ~_in_english(mentions)).tolist()
    labels = [
        _label(score, 0.0 if second is None else score_of[second], judging)
        for score, second, judging in zip(first_scores, seconds, judges, strict=True)
    ]
    return labels, np.array(first_scores)


def _label(score: float, second: float, judging: bool) -> str:
    if min(abs(score), abs(second)) >= _SURE and score * second < 0:
        return MIXED
    if abs(score) < (NEUTRAL_BELOW if judging else NEUTRAL_BELOW_WITHOUT_WORD):
        return NEUTRAL
    return POSITIVE if score > 0 else NEGATIVE


def _second_thoughts(mentions: Mentions, lasts: Positions) -> list[tuple[int, int] | None]:
    """The clause behind "but" that still speaks of a mention, because it names nothing else."""
    tokens, kinds, starts = mentions.tokens, mentions.kinds, mentions.starts
    found: list[tuple[int, int] | None] = [None] * len(starts)
    text_ends = tokens.pointers[tokens.owners[starts] + 1]
    inside = np.flatnonzero(lasts < text_ends)
    chosen = inside[kinds[lasts[inside]] == Kind.CONTRAST]
    firsts, bounds = lasts[chosen] + 1, text_ends[chosen]
    breaks = np.concatenate((clause_breaks(kinds), [len(tokens)]))
    ends = np.minimum.reduce(
        [breaks[np.searchsorted(breaks, firsts)], bounds, firsts + _LONGEST_CLAUSE]
    )
    following = np.concatenate((starts, [len(tokens)]))[np.searchsorted(starts, firsts)]
    for row, first, end, alone in zip(
        chosen.tolist(),
        firsts.tolist(),
        ends.tolist(),
        ((following >= ends) & (ends > firsts)).tolist(),
        strict=True,
    ):
        if alone:
            found[row] = (first, end)
    return found
