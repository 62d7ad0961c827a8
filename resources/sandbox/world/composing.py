"""Writes one review: chooses sentences, joins them, and makes them look typed by a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from resources.sandbox.world.businesses import Business
from resources.sandbox.world.phrases import Phrase, PhraseBank, Phrases

SHORTEST = 20
LONGEST = 900

# How many sentences about topics a review has, by frequency in percent.
_SENTENCE_COUNTS = tuple(
    count
    for count, percent in ((1, 5), (2, 9), (3, 13), (4, 18), (5, 19), (6, 15), (8, 13), (11, 8))
    for _ in range(percent)
)
_RATINGS = {
    "positive": (5,) * 13 + (4,) * 7,
    "neutral": (3,) * 13 + (4,) * 6 + (2,),
    "mixed": (3,) * 12 + (4,) * 4 + (2,) * 4,
    "negative": (1,) * 12 + (2,) * 8,
}
_OPPOSITE_RATING = {"positive": 1, "negative": 5, "neutral": 5, "mixed": 1}

# Shares of reviews, or of sentences, that show a habit of people who write.
_NAMES_A_SMALL_FAULT = 0.08  # at the end of long praise
_STATES_A_FACT = 0.3
_GOES_ON = 0.2  # joins two sentences of one mind
_PRAISES_FIRST = 0.7  # among mixed reviews
_ROUNDS_UP = 0.5  # the longer half of a mixed review comes first
_HAS_TITLE = 0.6
_SETS_THE_SCENE = 0.42
_OPENS_WITH_A_VERDICT = 0.5
_VERDICT_BEFORE_SCENE = 0.5
_CLOSES = 0.45
_BREAKS_LINES = 0.05
_EXCLAIMS = 0.13
_TRAILS_OFF = 0.03
_TYPES_LOWER_CASE = 0.06
_SHOUTS = 0.04  # among short complaints
_FORGETS_FULL_STOP = 0.08
_SLIPS = 0.09
_SLIPS_TWICE = 0.3
_SWAPS_LETTERS = 0.6  # else loses one
_ADDS_EMOJI = 0.13
_TRIPLES_EMOJI = 0.25
_FULL_NAME, _INITIAL, _NICKNAME = 0.45, 0.75, 0.9  # upper limits, by style of name
_FAMILY_NAME_TOO = 0.6

_SUBJECT_SLOTS = {"p": "product", "b": "brand", "c": "competitor", "l": "location"}
_NUMBER_SLOTS = {"n": (2, 8), "o": (4, 6), "m": (10, 50), "h": (155, 40)}  # least, how many
_WORD_SLOTS = {"v": "very", "w": "when", "who": "who"}

_LONG = 3  # sentences from which on a review counts as long
_ROOM_FOR_CLOSING = 220  # characters kept free of topics
_MAX_SHOUTED = 160  # characters

_CHEERS = ("!", "!", "!!", "!!!")
_WIDE_CHEERS = ("\N{FULLWIDTH EXCLAMATION MARK}",)

T = TypeVar("T")


@dataclass(frozen=True)
class Subject:
    """What a review is about.

    Attributes:
        product: As customers write it.
        focus: A topic (of the phrase banks) the review must speak about, if any.
        competitor: A rival to compare with, if any.
    """

    brand: str
    product: str
    location: str
    focus: str | None = None
    competitor: str | None = None


@dataclass(frozen=True)
class Composition:
    """A written review and what is true of it; ``topics`` in order of appearance."""

    title: str
    text: str
    topics: tuple[str, ...]


class _Slots:
    """Fills the slots of one phrase; draws only what the phrase asks for."""

    def __init__(self, bank: PhraseBank, subject: Subject, random: Callable[[], float]) -> None:
        self._bank = bank
        self._subject = subject
        self._next = random

    def __getitem__(self, slot: str) -> str | int:
        subject_field = _SUBJECT_SLOTS.get(slot)
        if subject_field:
            return str(getattr(self._subject, subject_field))
        if slot in _NUMBER_SLOTS:
            least, count = _NUMBER_SLOTS[slot]
            return least + int(self._next() * count)
        words: tuple[str, ...] = getattr(self._bank, _WORD_SLOTS[slot])
        return words[int(self._next() * len(words))]


class Composer:
    """Writes the reviews of one tenant; the same random state gives the same words."""

    def __init__(self, business: Business, random: Random) -> None:
        self._business = business
        self._topics = tuple(business.topics)
        self._next: Callable[[], float] = random.random

    def rating(self, sentiment: str, *, contradicting: bool = False) -> int:
        """Draw a rating from 1 to 5 that fits the sentiment, or one that contradicts it."""
        if contradicting:
            return _OPPOSITE_RATING[sentiment]
        return self._pick(_RATINGS[sentiment])

    def author(self, bank: PhraseBank) -> str:
        """Draw a name: full, with an initial, or a nickname."""
        first, last = self._pick(bank.first_names), self._pick(bank.last_names)
        if bank.family_name_first:
            return f"{last}{first}" if self._chance(_FAMILY_NAME_TOO) else first
        style = self._next()
        if style < _FULL_NAME:
            return f"{first} {last}"
        if style < _INITIAL:
            return f"{first} {last[0]}."
        return f"{first.lower()}{int(self._next() * 98) + 1}" if style < _NICKNAME else first

    def compose(self, bank: PhraseBank, sentiment: str, subject: Subject) -> Composition:
        """Write one review of 20 to 900 characters."""
        sentences, topics = self._body(bank, sentiment, subject)
        text = self._assemble(bank, sentiment, subject, sentences)
        title = ""
        if self._chance(_HAS_TITLE):
            title = bank.capitalise(self._say(bank, bank.titles[sentiment], subject))
        names = tuple(dict.fromkeys(self._business.topics[topic] for topic in topics))
        return Composition(title, self._humanise(bank, sentiment, text), names)

    def _pick(self, options: tuple[T, ...]) -> T:
        return options[int(self._next() * len(options))]

    def _chance(self, share: float) -> bool:
        return self._next() < share

    def _say(self, bank: PhraseBank, phrases: Phrases, subject: Subject) -> str:
        return self._speak(bank, self._pick(phrases), subject)

    def _speak(self, bank: PhraseBank, phrase: Phrase, subject: Subject) -> str:
        sentence = phrase.draw(self._next)
        if "{" not in sentence:
            return sentence
        return sentence.format_map(_Slots(bank, subject, self._next))

    def _body(
        self, bank: PhraseBank, sentiment: str, subject: Subject
    ) -> tuple[list[str], list[str]]:
        """Sentences about topics; those after a change of polarity carry their conjunction."""
        count = self._pick(_SENTENCE_COUNTS)
        if sentiment == "mixed":
            count = min(max(count, 2), 6)
        topics = self._choose_topics(count, subject.focus)
        polarities = self._choose_polarities(sentiment, count)
        used: set[int] = set()
        sentences: list[str] = []
        length = 0
        for position, (topic, polarity) in enumerate(zip(topics, polarities, strict=True)):
            phrases = bank.topics[topic][polarity]
            phrase = self._pick(phrases)
            if id(phrase) in used:
                phrase = phrases[(phrases.index(phrase) + 1) % len(phrases)]
                if id(phrase) in used:
                    continue
            used.add(id(phrase))
            sentence = self._speak(bank, phrase, subject)
            joint = self._joint(bank, polarities[position - 1] if sentences else "", polarity)
            if joint:
                sentences[-1] += joint + sentence
            else:
                sentences.append(sentence)
            length += len(sentence)
            if length > LONGEST - _ROOM_FOR_CLOSING and position >= 1:
                topics = topics[: position + 1]
                break
        return sentences, topics

    def _joint(self, bank: PhraseBank, before: str, polarity: str) -> str:
        """What joins a sentence to the one before; empty for a full stop."""
        if not before or "neutral" in (before, polarity):
            return ""
        if before != polarity:
            return self._pick(bank.contrast)
        return self._pick(bank.also) if self._chance(_GOES_ON) else ""

    def _choose_topics(self, count: int, focus: str | None) -> list[str]:
        pool = list(self._topics)
        chosen: list[str] = [focus] if focus else []
        if focus:
            pool.remove(focus)
        while len(chosen) < count:
            if not pool:
                pool = list(self._topics)
            chosen.append(pool.pop(int(self._next() * len(pool))))
        return chosen

    def _choose_polarities(self, sentiment: str, count: int) -> list[str]:
        if sentiment == "mixed":
            good = (count + self._chance(_ROUNDS_UP)) // 2
            first, second = (
                ("positive", "negative")
                if self._chance(_PRAISES_FIRST)
                else ("negative", "positive")
            )
            return [first] * good + [second] * (count - good)
        polarities = [sentiment] * count
        if sentiment == "positive" and count > _LONG and self._chance(_NAMES_A_SMALL_FAULT):
            polarities[-1] = "negative"
        if sentiment != "neutral" and count >= _LONG and self._chance(_STATES_A_FACT):
            polarities[1] = "neutral"
        return polarities

    def _assemble(
        self, bank: PhraseBank, sentiment: str, subject: Subject, sentences: list[str]
    ) -> str:
        length = sum(map(len, sentences))
        front: list[str] = []
        if self._chance(_SETS_THE_SCENE) and length < LONGEST - _ROOM_FOR_CLOSING:
            front.append(self._say(bank, bank.context[self._business.setting], subject))
        if self._chance(_OPENS_WITH_A_VERDICT) or (sentiment == "neutral" and not front):
            front.append(self._say(bank, bank.opening[sentiment], subject))
            if self._chance(_VERDICT_BEFORE_SCENE):
                front.reverse()
        back: list[str] = []
        if subject.competitor and sentiment in bank.compare:
            back.append(self._say(bank, bank.compare[sentiment], subject))
        short = length + sum(map(len, front)) < SHORTEST + 8
        if short or self._chance(_CLOSES):
            back.append(self._say(bank, bank.closing[sentiment], subject))
        return self._join(bank, sentiment, [*front, *sentences, *back])

    def _join(self, bank: PhraseBank, sentiment: str, sentences: list[str]) -> str:
        """Punctuate and join; people cheer, shout and trail off."""
        exclaims = sentiment in ("positive", "negative")
        gap = "\n" if len(sentences) > _LONG and self._chance(_BREAKS_LINES) else bank.space
        parts = []
        for sentence in sentences:
            stop = bank.stop
            if exclaims and self._chance(_EXCLAIMS):
                stop = self._pick(_CHEERS if bank.space else _WIDE_CHEERS)
            elif self._chance(_TRAILS_OFF):
                stop = "..."
            parts.append(bank.capitalise(sentence) + stop)
        while len(parts) > 1 and sum(map(len, parts)) + len(parts) > LONGEST - 20:
            parts.pop()
        return gap.join(parts)

    def _humanise(self, bank: PhraseBank, sentiment: str, text: str) -> str:
        """Lower case, capitals, slips of the finger, missing full stops and emoji."""
        if bank.capitals:
            if self._chance(_TYPES_LOWER_CASE):
                text = text.lower()
            elif sentiment == "negative" and len(text) < _MAX_SHOUTED and self._chance(_SHOUTS):
                text = text.upper()
        if self._chance(_FORGETS_FULL_STOP):
            text = text.rstrip(".。")
        if bank.space and self._chance(_SLIPS):
            text = self._slip(text)
        if self._chance(_ADDS_EMOJI):
            symbol = self._pick(bank.emoji[sentiment])
            text += f"{bank.space}{symbol * (3 if self._chance(_TRIPLES_EMOJI) else 1)}"
        return text

    def _slip(self, text: str) -> str:
        """Swap or lose a letter inside one or two words."""
        for _ in range(1 + self._chance(_SLIPS_TWICE)):
            at = 2 + int(self._next() * (len(text) - 4))
            if text[at - 1 : at + 2].isalpha():
                swapped = text[at + 1] + text[at] if self._chance(_SWAPS_LETTERS) else text[at]
                text = text[:at] + swapped + text[at + 2 :]
        return text
