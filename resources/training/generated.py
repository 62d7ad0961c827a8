"""Generated opinions in many languages, for those with no labelled reviews of a free licence.

The phrases are our own (``lexicons/opinions.json``). A generated text strings clauses of one
polarity together: subjects with predicates, set phrases, negated predicates, relief ("no problems
at all") and lack ("not worth it"), facts in between, emoji. Neutral texts state facts, or praise
one thing and complain about another. Where sentences of a language are at hand, opinion words are
also dropped into pieces of them, so that a model learns to find the one word that counts among
many that do not.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

LEXICON = Path(__file__).parents[1] / "nlp" / "lexicons" / "opinions.json"

_EMOJI: dict[str, list[str]] = {
    "positive": [
        *"😀😃😄😁😆😊😍🥰😘🤩👍👏🙌💕💯⭐🌟🎉😋🤗✨🔥😎😻💖💗💓💝💪🏆🥇👌🙏🥳😇😌🤤🌹🎊💐",
        *("❤️", "♥️", ":)", ":-)", ";)", ":D", "=)", "<3", "^^", ":-D", "xD"),
    ],
    "negative": [
        *"😡😠🤬👎😞😒😤😢😭🤮🤢😩😫💔🙄😖💩😣😱😔😑😕🙁😟😥😓😿🤦🤥👿💀⛔🚫",
        *("☹️", ":(", ":-(", ":/", ":'(", ">:(", "=(", "-_-", ":-/", "D:"),
    ],
    "neutral": ["🤔", "😐", "😶", "🤷"],
}
_UNSPACED = frozenset({"ja", "th", "zh"})
_STOPS = {
    "th": (" ",),
    **dict.fromkeys(("ja", "zh"), ("。", "！", "，")),  # noqa: RUF001 - full-width on purpose
}
_SPACED_STOPS = (". ", "! ", ", ", " ")
_SCHEMA = ["text", "label", "language", "source"]
_LIST = {"positive": "liked", "negative": "disliked"}
_OPPOSITE = {"positive": "negative", "negative": "positive"}
# Kinds of clauses and how often each is written.
_OPINION_CLAUSES = {
    "positive": {"predicate": 40, "phrase": 30, "turned": 18, "word": 12, "denied": 3, "emoji": 1},
    # Praise is denied far more often than complaint is.
    "negative": {"predicate": 36, "phrase": 28, "turned": 16, "word": 10, "denied": 12, "emoji": 1},
}
_NEUTRAL_CLAUSES = {"statement": 60, "predicate": 25, "backdrop": 15}
_WITH_BACKDROP = 0.4
_ABOUT_TROUBLES = 0.35
_AFTER_CONTRAST = 0.12  # of all labels alike: the word "but" itself says nothing
_MIN_WORDS = 4  # of a sentence that serves as a backdrop
_EMBEDDED_KINDS = {
    "positive": ("liked", "positive", "praise", "relief"),
    "negative": ("disliked", "negative", "complaint", "lack"),
}
_EMBEDDED_DENIALS = {"liked": ("negative", 3), "disliked": ("positive", 1)}  # texts for each word
_EMBEDDED_TROUBLES = 10  # texts for each kind of trouble and label
_PLAIN_PIECES = 75  # for each copy of the phrases


@lru_cache(maxsize=1)
def opinion_lexicon() -> dict[str, dict[str, list[str]]]:
    """Language -> kind of phrase -> phrases."""
    lexicon: dict[str, dict[str, list[str]]] = json.loads(LEXICON.read_text(encoding="utf-8"))
    return lexicon


def generate_opinions(
    per_language: int,
    seed: int,
    backdrops: Mapping[str, Backdrop] | None = None,
    *,
    languages: Iterable[str] | None = None,
) -> pl.DataFrame:
    """Write labelled texts in every language of the lexicon.

    Args:
        per_language: Texts for each language.
        seed: The same seed gives the same texts.
        backdrops: Neutral sentences to hide opinion words in, by language.
        languages: Languages to write in; all of the lexicon when None.

    Returns:
        Columns text, label (negative, neutral, positive), language, source (``generated``).
    """
    rows = []
    for language in sorted(opinion_lexicon() if languages is None else languages):
        dice = random.Random(f"{seed} {language}")  # noqa: S311 - no secret
        writer = _Writer(language, dice, (backdrops or {}).get(language))
        for _ in range(per_language):
            label = dice.choice(("negative", "positive", "negative", "positive", "neutral"))
            rows.append((writer.text(label), label, language, "generated"))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def embed_words(words: pl.DataFrame, backdrop: Backdrop, copies: int, seed: int) -> pl.DataFrame:
    """Drop labelled words into neutral pieces of text.

    Args:
        words: Columns text, label, language, source, all of one language.
        backdrop: Neutral sentences of that language.
        copies: Texts to write for each word.
        seed: The same seed gives the same texts.

    Returns:
        The same columns; two in five texts hold a second word of the same label.
    """
    dice = random.Random(f"{seed} words")  # noqa: S311 - no secret
    mates = {str(label): frame["text"].to_list() for (label,), frame in words.group_by("label")}
    rows = []
    for word, label, language, source in words.select(_SCHEMA).iter_rows():
        for _ in range(copies):
            chosen = [word]
            if dice.random() < 0.4:  # noqa: PLR2004
                chosen.append(dice.choice(mates[label]))
            rows.append((backdrop.around(chosen, dice), label, language, source))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def plain_pieces(backdrop: Backdrop, count: int, seed: int) -> pl.DataFrame:
    """Pieces without any opinion word, labelled neutral."""
    dice = random.Random(f"{seed} plain")  # noqa: S311 - no secret
    rows = [
        (backdrop.around([], dice), "neutral", backdrop.language, "generated") for _ in range(count)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def embed_phrases(backdrops: Mapping[str, Backdrop], copies: int, seed: int) -> pl.DataFrame:
    """Drop every opinion phrase of the lexicon into neutral pieces of its language.

    Args:
        backdrops: Neutral sentences by language; a language without any is left out.
        copies: Texts to write for each phrase.
        seed: The same seed gives the same texts.

    Returns:
        Columns text, label, language, source (``generated``): phrases, denied words ("not good"),
        absent and present troubles, and as many plain pieces as keep them in proportion.
    """
    frames = []
    for language, backdrop in sorted(backdrops.items()):
        dice = random.Random(f"{seed} {language} phrases")  # noqa: S311 - no secret
        phrases = _labelled_phrases(language, copies, dice)
        rows = [(phrase, label, language, "generated") for phrase, label in phrases]
        words = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
        frames.append(embed_words(words, backdrop, 1, seed))
        frames.append(plain_pieces(backdrop, _PLAIN_PIECES * copies, seed))
    return pl.concat(frames)


def _labelled_phrases(language: str, copies: int, dice: random.Random) -> list[tuple[str, str]]:
    phrases = opinion_lexicon()[language]
    space = "" if language in _UNSPACED else " "
    found = [
        (phrase, label)
        for label, kinds in _EMBEDDED_KINDS.items()
        for kind in kinds
        for phrase in phrases[kind]
        for _ in range(copies)
    ]
    for kind, (label, times) in _EMBEDDED_DENIALS.items():
        denied = [word for word in phrases[kind] if " " not in word] if phrases["is_not"] else []
        found += [
            (dice.choice(phrases["is_not"]) + space + word, label)
            for word in denied
            for _ in range(times)
        ]
    for label, kind in (("positive", "none"), ("negative", "some")):
        found += [
            (dice.choice(phrases[kind]).replace("{t}", trouble), label)
            for trouble in phrases["troubles"]
            for _ in range(_EMBEDDED_TROUBLES)
        ]
    return found


class Backdrop:
    """Sentences of one language with their opinion words taken out.

    Args:
        language: Decides how words are separated.
        sentences: Any sentences; short ones are left out.
        opinions: Words that must not stay.
    """

    def __init__(self, language: str, sentences: Iterable[str], opinions: Iterable[str]) -> None:
        self.language = language
        self._space = "" if language in _UNSPACED else " "
        listed = sorted({word.lower() for word in opinions}, key=lambda word: (-len(word), word))
        self._sentences: list[Sequence[str]] = []
        if self._space:
            known = set(listed)
            for sentence in sentences:
                kept = [
                    word
                    for word in sentence.split()
                    if word.lower().strip(".,;:!?\"'()") not in known
                ]
                if len(kept) >= _MIN_WORDS:
                    self._sentences.append(kept)
        else:
            pattern = re.compile("|".join(re.escape(word) for word in listed) or r"\Z")
            cleaned = (pattern.sub("", sentence) for sentence in sentences)
            self._sentences += [text for text in cleaned if len(text) >= 2 * _MIN_WORDS]

    def piece(self, dice: random.Random) -> list[str]:
        """A few neighbouring words (characters where words are not separated)."""
        sentence = dice.choice(self._sentences)
        length = dice.randint(2, 16) * (1 if self._space else 2)
        first = dice.randrange(max(1, len(sentence) - length))
        return list(sentence[first : first + length])

    def around(self, words: Sequence[str], dice: random.Random) -> str:
        """A piece with words at random places in it."""
        piece = self.piece(dice)
        for word in words:
            piece.insert(dice.randint(0, len(piece)), word)
        return self._space.join(piece)


class _Writer:
    def __init__(self, language: str, dice: random.Random, backdrop: Backdrop | None) -> None:
        self._phrases = opinion_lexicon()[language]
        self._space = "" if language in _UNSPACED else " "
        self._stops = _STOPS.get(language, _SPACED_STOPS)
        self._dice = dice
        self._backdrop = backdrop
        self._qualities = {
            label: self._phrases[label] + self._phrases[liked] for label, liked in _LIST.items()
        }

    def text(self, label: str) -> str:
        """One text of the given polarity."""
        chance, choose = self._dice.random, self._dice.choice
        if label in _LIST and self._backdrop and chance() < _WITH_BACKDROP:
            count = choose((1, 1, 1, 2, 2, 3))
            return self._backdrop.around([self._hint(label) for _ in range(count)], self._dice)
        if label == "neutral" and chance() < 0.25:  # noqa: PLR2004
            clauses = [self._clause("positive"), self._clause("negative")]
            self._dice.shuffle(clauses)
        else:
            clauses = [self._clause(label) for _ in range(choose((1, 1, 1, 2, 2, 3, 4)))]
            if chance() < 0.25:  # noqa: PLR2004
                clauses.insert(choose((0, len(clauses))), self._statement())
        return self._finished(clauses, label)

    def _finished(self, clauses: list[str], label: str) -> str:
        chance, choose = self._dice.random, self._dice.choice
        stop = choose(self._stops)
        text = stop.join(clauses) + (stop.rstrip(", ") if chance() < 0.7 else "")  # noqa: PLR2004
        if chance() < 0.08:  # noqa: PLR2004
            text += " " + choose(_EMOJI[label]) * choose((1, 1, 2, 3))
        if chance() < 0.3:  # noqa: PLR2004
            text = text[:1].upper() + text[1:]
        return text

    def _hint(self, label: str) -> str:
        """What gives a polarity away amid other words."""
        phrases, choose = self._phrases, self._dice.choice
        if self._dice.random() < 0.2:  # noqa: PLR2004
            return self._turned(label)
        return choose(phrases[_LIST[label]] or phrases[label])

    def _turned(self, label: str) -> str:
        """Praise in words of complaint, or the reverse."""
        phrases, choose, chance = self._phrases, self._dice.choice, self._dice.random
        is_praise = label == "positive"
        if phrases["troubles"] and chance() < _ABOUT_TROUBLES:
            pattern = choose(phrases["none" if is_praise else "some"])
            return pattern.replace("{t}", choose(phrases["troubles"]))
        return choose(phrases["relief" if is_praise else "lack"])

    def _statement(self) -> str:
        chosen = self._dice.choice(self._phrases[self._dice.choice(("facts", "hedge", "hedge"))])
        return chosen.replace("{n}", str(self._dice.randint(2, 190)))

    def _kind(self, shares: Mapping[str, int]) -> str:
        return self._dice.choices(list(shares), list(shares.values()))[0]

    def _clause(self, label: str) -> str:
        clause = self._opinion(label) if label in _LIST else self._remark()
        contrasts = self._phrases["but"]
        if contrasts and self._dice.random() < _AFTER_CONTRAST:
            return self._space.join((self._dice.choice(contrasts), clause))
        return clause

    def _remark(self) -> str:
        """A clause without feeling."""
        kind = self._kind(_NEUTRAL_CLAUSES)
        if kind == "backdrop" and self._backdrop:
            return self._space.join(self._backdrop.piece(self._dice))
        return self._predicate("neutral") if kind == "predicate" else self._statement()

    def _opinion(self, label: str) -> str:
        phrases, choose = self._phrases, self._dice.choice
        kind = self._kind(_OPINION_CLAUSES[label])
        if kind == "turned":
            return self._turned(label)
        if kind in {"predicate", "denied"}:
            return self._predicate(label, denied=kind == "denied")
        return choose(
            {
                "phrase": phrases["praise" if label == "positive" else "complaint"],
                "word": self._qualities[label],
                "emoji": _EMOJI[label],
            }[kind]
        )

    def _predicate(self, label: str, *, denied: bool = False) -> str:
        phrases, choose = self._phrases, self._dice.choice
        if label not in _LIST:
            verb, quality = choose(phrases["is"]), choose(phrases[label])
        elif denied and phrases["is_not"]:
            verb = choose(phrases["is_not"])
            quality = choose(self._qualities[_OPPOSITE[label]])
        else:
            verb, quality = choose(phrases["is"]), choose(self._qualities[label])
        parts = [choose(phrases["subjects"]), verb, quality]
        return self._space.join(part for part in parts if part)
