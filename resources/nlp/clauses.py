"""Cutting a review into clauses, so that each can be judged on its own.

A clause ends with a sentence, at a line break, or before a contrast word ("but", "aber", "mais",
"但是"): where a customer changes his mind within a sentence, the two halves must not be averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from resources.nlp.hashing import Positions

# Beyond this many characters of one review nothing new is said; it bounds the cost of a huge text.
LENGTH_LIMIT = 6_000

_CONTRAST_WORDS = (
    "but however although though whereas unfortunately nevertheless "  # English
    "aber jedoch allerdings leider obwohl trotzdem "  # German
    "cependant toutefois malheureusement pourtant "  # French
    "pero aunque lamentablemente desafortunadamente "  # Spanish
    "però purtroppo tuttavia sebbene "  # Italian
    "porém contudo infelizmente embora "  # Portuguese
    "maar echter helaas hoewel "  # Dutch
    "jednak niestety chociaż "  # Polish
    "fakat ancak maalesef "  # Turkish
    "но однако хотя "  # Russian
    "dock tyvärr desværre "  # Scandinavian languages
    "însă insa din păcate "  # Romanian
    "لكن ولكن للاسف للأسف लेकिन मगर tapi namun"  # Arabic, Hindi, Indonesian
)
# Words that mean something else in another language ("ma" is Italian for "but" and French for
# "my") only count after a comma.
_AMBIGUOUS = "ma|mas|mais|ale|ama|men|dar"
_CONTRAST = (
    rf"(?i)(?:[,;]\s+({_AMBIGUOUS})|[,;]?\s+("
    + "|".join(_CONTRAST_WORDS.replace("din ", "din_").split()).replace("din_", "din ")
    + r"))\s"
)
_UNSPACED_CONTRAST = "(但是|但|不过|可是|然而|しかし|ですが|ただ、|하지만|그러나|다만)"
_AFTER_CONTRAST = "(けれど|けど|ますが、|たが、|지만 |는데 )"

# One expression, so that Polars plans and runs it once.
_LINES = (
    pl.col("text")
    .str.slice(0, LENGTH_LIMIT)
    .str.replace_all(r"([.!?…]+)\s+", "$1\n")
    .str.replace_all(r"([。！？；]+)", "$1\n")  # noqa: RUF001 - full-width on purpose
    .str.replace_all(_CONTRAST, "\n$1$2 ")
    .str.replace_all(_UNSPACED_CONTRAST, "\n$1")
    .str.replace_all(_AFTER_CONTRAST, "$1\n")
    .str.strip_chars()
    .str.replace_all(r"\s*[\r\n]+\s*", "\n")
    .str.split("\n")
)


@dataclass(frozen=True)
class Clauses:
    """The clauses of many reviews.

    Attributes:
        texts: All clauses, review after review; each review has at least one.
        offsets: First clause of each review and, last, the number of clauses.
    """

    texts: list[str]
    offsets: Positions

    @property
    def counts(self) -> Positions:
        """Number of clauses of each review."""
        return np.diff(self.offsets)


def split_clauses(texts: pl.Series) -> Clauses:
    """Cut reviews into clauses.

    Args:
        texts: Strings without nulls; only the first ``LENGTH_LIMIT`` characters are read.
    """
    lines = texts.to_frame("text").select(_LINES).to_series()
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lines.list.len().to_numpy(), out=offsets[1:])
    return Clauses(lines.explode().to_list() if len(texts) else [], offsets)
