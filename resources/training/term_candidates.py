"""Noun phrases of many reviews, each with what the reviews show of its use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.aspects.grammar import (
    COPULAS,
    DETERMINERS,
    PREPOSITIONS,
    Kind,
    Kinds,
    classify,
    function_kinds,
)
from resources.nlp.aspects.inflections import singular
from resources.nlp.aspects.lookup import HashTable
from resources.nlp.aspects.occurrences import Numbers, look_around, rate
from resources.nlp.aspects.tokens import Tokens, tokenise
from resources.nlp.aspects.vocabulary import ENGLISH
from resources.nlp.hashing import Positions

READ_CHARACTERS = 2_000
_TEXTS_AT_ONCE = 2_000  # bounds the memory
_USUAL_WORDS = 40_000  # as in the reviews that the miner was trained on
_LONGEST_RUN = 4
_NEAR = 5  # tokens to an opinion word
_ATTRIBUTES = (Kind.ADJECTIVE, Kind.GERUND, Kind.PARTICIPLE)
_OF, _AND, _OR = function_kinds("of and or")
_SHARES = ("determiner", "copula", "adjective", "opinion", "first", "preposition", "listed", "of")
# Of a rare phrase little is known: its shares are drawn towards these, as by three more uses.
_USUAL = dict(zip(_SHARES, (0.3, 0.1, 0.15, 0.4, 0.15, 0.2, 0.15, 0.03), strict=True))
_DOUBT = 3


@dataclass(frozen=True)
class Candidates:
    """Noun phrases of one language.

    Attributes:
        table: key, text (as mostly written), count, texts, owner, start, end (of one occurrence, a
            span in the text ``owner``), name_share (of the uses within a sentence, how many have a
            capital), and the features.
        features: Names of the feature columns.
    """

    table: pl.DataFrame
    features: tuple[str, ...]

    def matrix(self) -> Numbers:
        """The features, ``[candidates, features]``."""
        return self.table.select(self.features).to_numpy().astype(np.float64)


def find_candidates(
    texts: Sequence[str], language: str, occurrence: Numbers, english: HashTable | None = None
) -> Candidates:
    """Collect the noun phrases of reviews.

    Args:
        texts: Of one language; the first 2,000 characters of each are read.
        language: Its code.
        occurrence: Weights of ``occurrences.rate``.
        english: The English words; those that ReviewGraph ships where None.
    """
    uses, counts, total = [], [], 0
    for first in range(0, max(len(texts), 1), _TEXTS_AT_ONCE):
        heads = [text[:READ_CHARACTERS] for text in texts[first : first + _TEXTS_AT_ONCE]]
        tokens = tokenise(heads)
        kinds = classify(tokens, [language] * len(heads), english)
        starts, ends, _ = noun_spans(tokens, kinds, language)
        found = _uses(tokens, kinds, (starts, ends), language, occurrence)
        uses.append(found.with_columns(pl.col("owner") + first))
        counts.append(_words(tokens).value_counts())
        total += int(tokens.is_word.sum())
    return _with_features(pl.concat(uses), _word_counts(pl.concat(counts), language), total)


def noun_spans(
    tokens: Tokens, kinds: Kinds, language: str
) -> tuple[Positions, Positions, npt.NDArray[np.bool_]]:
    """Runs of nouns, and what they may be part of.

    Returns:
        First token and token after the last of each span, and whether it is a whole run rather
        than one with an adjective before it or a number behind it, or its first noun.
    """
    is_noun = (
        np.isin(kinds, (Kind.NOUN, Kind.GENERAL))
        & tokens.is_word
        & ((tokens.ends - tokens.starts > 1) | (tokens.codes[tokens.starts] > 0x2E80))  # noqa: PLR2004
    )
    general = (kinds == Kind.GENERAL).tolist()
    is_attribute = np.isin(kinds, _ATTRIBUTES).tolist()
    is_number = (kinds == Kind.NUMBER).tolist()
    text_firsts = tokens.pointers[tokens.owners].tolist()
    text_lasts = tokens.pointers[tokens.owners + 1].tolist()
    found: list[tuple[int, int, bool]] = []
    for first, end in zip(*_runs(is_noun, tokens), strict=True):
        start, last = first, end
        while start < last and general[start]:
            start += 1
        while last - start > 2 and general[last - 1]:  # noqa: PLR2004 - "battery life" stays
            last -= 1
        if start >= last or last - start > _LONGEST_RUN:
            continue
        found.append((start, last, True))
        if language != ENGLISH:
            continue
        if last - start == 2 and general[last - 1]:  # noqa: PLR2004
            found.append((start, start + 1, False))
        if start == first and start > text_firsts[start] and is_attribute[start - 1]:
            found.append((start - 1, last, False))
        short = last == end and last - start < _LONGEST_RUN - 1
        if short and last < text_lasts[start] and is_number[last]:
            found.append((start, last + 1, False))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)
    starts, ends, whole = zip(*found, strict=True)
    return np.array(starts, np.int64), np.array(ends, np.int64), np.array(whole, bool)


def _runs(chosen: npt.NDArray[np.bool_], tokens: Tokens) -> tuple[list[int], list[int]]:
    same_text = tokens.owners[1:] == tokens.owners[:-1]
    joined = chosen[1:] & chosen[:-1] & same_text
    firsts = np.flatnonzero(chosen & ~np.concatenate(([False], joined))[: len(chosen)])
    lasts = np.flatnonzero(chosen & ~np.concatenate((joined, [False]))[: len(chosen)]) + 1
    return firsts.tolist(), lasts.tolist()


def key_of(surface: str, language: str) -> str:
    """What counts as the same phrase."""
    text = " ".join(surface.split())
    return singular(text) if language == ENGLISH else text


def _uses(
    tokens: Tokens,
    kinds: Kinds,
    spans: tuple[Positions, Positions],
    language: str,
    occurrence: Numbers,
) -> pl.DataFrame:
    """One row for each use of each phrase."""
    starts, ends = spans
    around = look_around(tokens, kinds, starts, ends)
    lower = tokens.lower_text
    owners = tokens.owners[starts]
    firsts, lasts = tokens.starts[starts], tokens.ends[ends - 1]
    surfaces = [
        " ".join(lower[first:last].split())
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]
    listed = (_AND, _OR, Kind.COMMA)
    inner = ~np.isin(around.before, (Kind.EDGE, Kind.STOP, Kind.MARK))
    return pl.DataFrame(
        {
            "surface": surfaces,
            "key": [key_of(surface, language) for surface in surfaces],
            "owner": owners,
            "start": firsts - tokens.origins[owners],
            "end": lasts - tokens.origins[owners],
            "words": ends - starts,
            "chance": rate(around, occurrence),
            "determiner": DETERMINERS[around.before],
            "copula": COPULAS[around.after],
            "adjective": around.before == Kind.ADJECTIVE,
            "opinion": (around.opinion > 0) & (around.opinion <= _NEAR),
            "first": np.isin(around.before, (Kind.EDGE, Kind.STOP, Kind.COMMA, Kind.MARK)),
            "preposition": PREPOSITIONS[around.before],
            "listed": np.isin(around.before, listed) | np.isin(around.after, listed),
            "of": around.after == _OF,
            "attribute": np.isin(kinds[starts], _ATTRIBUTES) & (ends - starts > 1),
            "inner": inner,
            "name": inner & tokens.is_capital[starts],
            "general": kinds[ends - 1] == Kind.GENERAL,
        },
        schema_overrides={"surface": pl.String, "key": pl.String},
    )


def _words(tokens: Tokens) -> pl.Series:
    lower = tokens.lower_text
    firsts, lasts = tokens.starts[tokens.is_word], tokens.ends[tokens.is_word]
    words = [lower[first:last] for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]
    return pl.Series("word", words, dtype=pl.String)


def _word_counts(counts: pl.DataFrame, language: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for word, count in counts.iter_rows():
        key = key_of(word, language)
        total[key] = total.get(key, 0) + count
    return total


def _with_features(uses: pl.DataFrame, words: dict[str, int], total: int) -> Candidates:
    surface = pl.col("surface").value_counts(sort=True).first().struct.field("surface")
    table = (
        uses.group_by("key", maintain_order=True)
        .agg(
            surface.alias("text"),
            pl.len().alias("count"),
            pl.col("owner").n_unique().alias("texts"),
            pl.col("owner", "start", "end", "words").first(),
            pl.col("attribute", "general").any(),
            pl.col("chance").sum(),
            *(pl.col(name).sum() for name in (*_SHARES, "inner", "name")),
        )
        .sort("key")
    )
    count = pl.col("count")
    keys = table["key"].to_list()
    rarest = [min(words.get(word, 1) for word in _words_of(key)) for key in keys]
    head_counts = [words.get(_words_of(key)[-1], 1) for key in keys]
    # In more text everything is counted more often, without being more of an aspect.
    scale = min(1.0, _USUAL_WORDS / max(total, 1))
    productive = _productivity(keys, scale)
    table = table.with_columns(
        pl.Series("rarest", rarest, pl.Float64),
        pl.Series("head", np.log1p(np.array(head_counts) / max(total, 1) * 1e4)),
        pl.Series("productive", productive, pl.Float64),
        *(
            ((pl.col(name) + _DOUBT * usual) / (count + _DOUBT)).alias(f"{name}_share")
            for name, usual in _USUAL.items()
        ),
    ).with_columns(
        (count * scale).log().clip(0, 5).alias("log_count"),
        (pl.col("words") == 2).alias("two_words"),  # noqa: PLR2004
        (pl.col("words") > 2).alias("many_words"),  # noqa: PLR2004
        (count / pl.col("rarest")).clip(0, 1).alias("bound"),
        ((pl.col("chance") + 0.3) / (count + 2)).log().alias("mean_chance"),
        (pl.max_horizontal(pl.col("chance") * scale, pl.col("chance") / count) + 0.1)
        .log()
        .alias("sum_chance"),
        (pl.col("name") / pl.col("inner").clip(lower_bound=1)).alias("name_share"),
        pl.when(pl.col("words") == 1)
        .then((count / pl.col("rarest") + 0.02).log())
        .otherwise(0)
        .alias("noun_share"),
    )
    features = (
        "log_count",
        "two_words",
        "many_words",
        "bound",
        "head",
        "productive",
        "noun_share",
        "attribute",
        "general",
        "mean_chance",
        "sum_chance",
        *(f"{name}_share" for name in _SHARES),
    )
    return Candidates(table.with_columns(pl.col(features).cast(pl.Float64)), features)


def _words_of(key: str) -> list[str]:
    return key.replace("-", " ").split() or [key]


def _productivity(keys: list[str], scale: float) -> list[float]:
    """How many different words begin the phrases that end with a phrase's last word."""
    beginnings: dict[str, set[str]] = {}
    for key in keys:
        words = _words_of(key)
        beginnings.setdefault(words[-1], set()).add(words[0])
    growth = np.sqrt(scale)  # as vocabularies grow
    return [float(np.log1p(len(beginnings[_words_of(key)[-1]]) * growth)) for key in keys]
