"""Generated opinions in many languages, for those with no labelled reviews of a free licence.

The phrases are our own (``lexicons/opinions.json``). A generated text strings clauses of one
polarity together: subjects with predicates, set phrases, negated predicates, facts in between,
emoji. Neutral texts state facts, or praise one thing and complain about another.
"""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path

import polars as pl

LEXICON = Path(__file__).parent / "lexicons" / "opinions.json"

_EMOJI = {
    "positive": [
        "😀",
        "😃",
        "😄",
        "😁",
        "😊",
        "😍",
        "🥰",
        "😘",
        "🤩",
        "👍",
        "👏",
        "🙌",
        "❤️",
        "💕",
        "💯",
        "⭐",
        "🌟",
        "🎉",
        "😋",
        "🤗",
        "✨",
        "🔥",
        "😎",
        ":)",
        ":-)",
        ";)",
    ],
    "negative": [
        "😡",
        "😠",
        "🤬",
        "👎",
        "😞",
        "😒",
        "😤",
        "😢",
        "😭",
        "🤮",
        "🤢",
        "😩",
        "😫",
        "💔",
        "🙄",
        "😖",
        "💩",
        "😣",
        "😱",
        "😔",
        ":(",
        ":-(",
        ":/",
    ],
    "neutral": ["🤔", "😐", "😶", "🤷"],
}
_UNSPACED = {"ja", "zh"}


@lru_cache(maxsize=1)
def opinion_lexicon() -> dict[str, dict[str, list[str]]]:
    """Language -> kind of phrase -> phrases."""
    lexicon: dict[str, dict[str, list[str]]] = json.loads(LEXICON.read_text(encoding="utf-8"))
    return lexicon


def generate_opinions(per_language: int, seed: int) -> pl.DataFrame:
    """Write labelled texts in every language of the lexicon.

    Args:
        per_language: Texts for each language.
        seed: The same seed gives the same texts.

    Returns:
        Columns text, label (negative, neutral, positive), language, source (``generated``).
    """
    rows = []
    for language in sorted(opinion_lexicon()):
        writer = _Writer(language, random.Random(f"{seed} {language}"))  # noqa: S311 - no secret
        for _ in range(per_language):
            label = writer.choose(("negative", "positive", "negative", "positive", "neutral"))
            rows.append((writer.text(label), label, language, "generated"))
    return pl.DataFrame(rows, schema=["text", "label", "language", "source"], orient="row")


class _Writer:
    def __init__(self, language: str, dice: random.Random) -> None:
        self._phrases = opinion_lexicon()[language]
        self._space = "" if language in _UNSPACED else " "
        self._stops = ("。", "！", "，") if language in _UNSPACED else (". ", "! ", ", ", " ")  # noqa: RUF001
        self._dice = dice
        self.choose = dice.choice

    def text(self, label: str) -> str:
        """One text of the given polarity."""
        chance = self._dice.random
        if label == "neutral" and chance() < 0.3:  # noqa: PLR2004
            clauses = [self._clause("positive"), self._clause("negative")]
            self._dice.shuffle(clauses)
        else:
            clauses = [self._clause(label) for _ in range(self.choose((1, 1, 1, 2, 2, 3, 4)))]
            if chance() < 0.2:  # noqa: PLR2004
                clauses.insert(0, self.choose(self._phrases["facts"]))
        stop = self.choose(self._stops)
        text = stop.join(clauses) + (stop.rstrip(", ") if chance() < 0.7 else "")  # noqa: PLR2004
        if chance() < 0.08:  # noqa: PLR2004
            text += " " + self.choose(_EMOJI[label]) * self.choose((1, 1, 2, 3))
        if chance() < 0.3:  # noqa: PLR2004
            text = text[:1].upper() + text[1:]
        return text

    def _clause(self, label: str) -> str:
        phrases, choose, chance = self._phrases, self.choose, self._dice.random
        if label == "neutral":
            return choose(phrases["facts"]) if chance() < 0.5 else self._predicate("neutral")  # noqa: PLR2004
        if chance() < 0.45:  # noqa: PLR2004
            return choose(phrases["praise" if label == "positive" else "complaint"])
        if chance() < 0.02:  # noqa: PLR2004
            return choose(_EMOJI[label])
        return self._predicate(label)

    def _predicate(self, label: str) -> str:
        phrases, choose, chance = self._phrases, self.choose, self._dice.random
        verb = choose(phrases["is"])
        quality = choose(phrases[label])
        if label == "negative" and phrases["is_not"] and chance() < 0.25:  # noqa: PLR2004
            verb, quality = choose(phrases["is_not"]), choose(phrases["positive"])
        if chance() < 0.2:  # noqa: PLR2004 - often the quality is all that is written
            return quality
        parts = [choose(phrases["subjects"]), verb, quality]
        return self._space.join(part for part in parts if part)
