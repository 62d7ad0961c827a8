"""What the transformer of the deep tier learns from: few, varied examples, as training it is slow.

A small share of each source is drawn, evened out between the classes. Reviews of several sentences
are rare among texts of a free licence; sentences of the others are therefore strung together to
texts that praise, complain, or do both.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from resources.nlp.sentiment import POLARITIES
from resources.training.sources import MADE_SOURCES

COLUMNS = ["text", "label", "language", "source"]
_COMPOSED = "composed"
_SPLIT_SEED = 7
_HELD_OUT = 10  # one text in that many
_MAX_CHARACTERS = 220  # of a piece of a composed text
_PIECES = (2, 2, 3, 3, 4, 5, 6)
_STOPS = (". ", ". ", ". ", "! ", "\n", ", ")
_TURNS = ("but ", "But ", "however, ", "However, ", "", "", "", "")
# Pieces of the other side that a text may hold and still be called positive or negative.
_TOLERATED = 0.25


def hold_out(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into those to train on and a tenth of the real ones to calibrate with."""
    is_real = ~pl.col("source").is_in(MADE_SOURCES)
    held = is_real & (pl.col("text").hash(_SPLIT_SEED) % _HELD_OUT == 0)
    return rows.filter(~held), rows.filter(held)


def draw_examples(rows: pl.DataFrame, limits: Mapping[str, int], seed: int) -> pl.DataFrame:
    """Draw from each source, as evenly over its classes as they allow.

    Args:
        rows: Columns text, label, language, source.
        limits: Most rows of a class, by source; sources not named are left out.
        seed: The same seed draws the same rows.

    Returns:
        The same columns, in random order.
    """
    order = rows.sort(COLUMNS).sample(fraction=1.0, shuffle=True, seed=seed)
    most = pl.col("source").replace_strict(dict(limits), default=0, return_dtype=pl.Int64)
    drawn = order.filter(pl.int_range(pl.len()).over("source", "label") < most)
    return drawn.select(COLUMNS).sample(fraction=1.0, shuffle=True, seed=seed)


def compose_reviews(rows: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """String short texts together to longer ones.

    Args:
        rows: Columns text, label, language, source; long texts are not used.
        count: Texts to compose, a third of each class; neutral ones praise and complain alike.
        seed: The same seed gives the same texts.

    Returns:
        The same columns, source ``composed``.
    """
    dice = random.Random(f"{seed} composed")  # noqa: S311 - no secret
    short = rows.filter(pl.col("text").str.len_chars() <= _MAX_CHARACTERS).sort(COLUMNS)
    pieces = {str(label): part["text"].to_list() for (label,), part in short.group_by("label")}
    if not {"negative", "positive"} <= set(pieces):
        return rows.select(COLUMNS).clear()
    labels = [("negative", "neutral", "positive")[number % 3] for number in range(count)]
    texts = [(_composed(label, pieces, dice), label, "en", _COMPOSED) for label in labels]
    return pl.DataFrame(texts, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _composed(label: str, pieces: Mapping[str, list[str]], dice: random.Random) -> str:
    length = dice.choice(_PIECES)
    if label == "neutral":
        half = max(1, length // 2)
        sides = ["positive"] * half + ["negative"] * half
    else:
        other = {"positive": "negative", "negative": "positive"}[label]
        few = sum(dice.random() < _TOLERATED for _ in range(length // 3))
        sides = [other] * few + [label] * (length - few)
    dice.shuffle(sides)
    if "neutral" in pieces and dice.random() < _TOLERATED:
        sides.insert(dice.randint(0, len(sides)), "neutral")
    parts = [_piece(side, pieces, dice) for side in sides]
    text = parts[0]
    for before, side, part in zip(sides, sides[1:], parts[1:], strict=False):
        turned = {before, side} == {"negative", "positive"}
        text += dice.choice(_STOPS) + (dice.choice(_TURNS) if turned else "") + part
    return text


def _piece(side: str, pieces: Mapping[str, list[str]], dice: random.Random) -> str:
    return dice.choice(pieces[side]).strip().rstrip(".,")


def numbered(labels: pl.Series) -> npt.NDArray[np.int64]:
    """Class of each label, in the order of ``POLARITIES``."""
    numbers = {label: number for number, label in enumerate(POLARITIES)}
    return labels.replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
