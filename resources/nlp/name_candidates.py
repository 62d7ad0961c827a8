"""Names that reviews mention and the tenant's list lacks, for a person to review.

A name is written with a capital inside sentences, hardly ever without; it is repeated in several
reviews, and general language hardly knows it. That needs a script with capitals; German, which
writes every noun with one, also needs the name to stand without an article. Handles ("@united")
are names too. What a name is for is guessed from the words around it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from babel import Locale, UnknownLocaleError

from resources.nlp.entities import Gazetteer
from resources.nlp.hashing import find_words, scan
from resources.nlp.matching import search_forms
from resources.nlp.rarity import RAREST, STOP_WORD, Background, word_keys
from resources.vocabulary import UNDETERMINED

CUES = Path(__file__).parent / "lexicons" / "name_cues.json"

_LONGEST_NAME = 4  # words
_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 60  # on either side
_MIN_CAPITAL_SHARE = 0.75
_MAX_WITH_ARTICLE = 0.3
_MAX_CAPITALS = 0.5  # of a review's words; above, its writer sets capitals for their own sake
_NESTED_SHARE = 0.6
_ALL_NOUNS_CAPITAL = frozenset({"de", "lb"})
_FALLBACK_LANGUAGE = "en"

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
_LETTERS = rf"[^\W_{_UNSPACED}]+"
_TOKEN = re.compile(
    rf"@\w{{2,}}|#\w+|https?://\S+|{_LETTERS}(?:['’&.-]{_LETTERS})*|[{_UNSPACED}]+"  # noqa: RUF001
    r"|[.!?…\n:;\"“”()*•]"
)
_POSSESSIVE = re.compile(r"['’]s$")  # noqa: RUF001 - people type both
_ENDS_SENTENCE = frozenset('.!?…\n:;"“”()*•')
_CONNECTORS = frozenset({"of", "de", "la", "du", "del", "der", "van", "von", "di", "al"})
_PRONOUN_STARTS = frozenset({"i'", "i\u2019"})
_GENERAL_WEIGHT = 0.5  # languages and nationalities are rarely what a tenant wants to list
_CAPITAL_LANGUAGE_WEIGHT = 0.2  # where every noun has a capital, a capital says little
_INSIDE_WEIGHT = 3  # a name's own words say more than its neighbours


@dataclass(frozen=True)
class Candidate:
    """One name to review.

    Attributes:
        name: In its most frequent spelling.
        kind_guess: One of ``entities.KINDS``; ``brand`` where nothing speaks for another.
        count: Reviews that mention it.
        examples: Up to three pieces of reviews around it.
        score: What the list is ordered by, higher is likelier a name worth listing.
        reason: Why it is thought to be a name, as a sentence for people.
    """

    name: str
    kind_guess: str
    count: int
    examples: tuple[str, ...]
    score: float
    reason: str


@dataclass
class _Sightings:
    """All that was seen of one possible name."""

    reviews: dict[int, int] = field(default_factory=dict)  # review -> offset of the first one
    spellings: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    capitals: int = 0
    inside: int = 0  # sightings that do not begin a sentence
    articles: int = 0  # sightings behind an article, in languages that write nouns with capitals
    elsewhere: int = 0  # sightings in other languages

    def add(self, review: int, spelling: str, start: int, before: str, language: str) -> None:
        """Note a sighting and the token before it."""
        word = before.lower()
        self.reviews.setdefault(review, start)
        self.spellings[spelling] += 1
        self.before[word] += 1
        self.capitals += 1
        self.inside += before not in _ENDS_SENTENCE
        self.elsewhere += language not in _ALL_NOUNS_CAPITAL
        self.articles += language in _ALL_NOUNS_CAPITAL and word in _cues().articles

    @property
    def is_noun(self) -> bool:
        """Whether it is a noun of a language that gives a capital to every noun."""
        return self.articles > _MAX_WITH_ARTICLE * self.capitals


def propose_names(
    texts: Sequence[str],
    languages: Sequence[str],
    gazetteer: Gazetteer,
    background: Background,
    *,
    min_reviews: int = 3,
    limit: int = 100,
) -> list[Candidate]:
    """Find names that the tenant may want to list.

    Args:
        texts: Reviews.
        languages: Code of each.
        gazetteer: Names that are listed already; they and their spellings are not proposed.
        background: Word statistics of general language.
        min_reviews: Reviews that must mention a name.
        limit: Names to return, best first.
    """
    sightings, small = _collect(texts, languages)
    counts = {name: len(seen.reviews) for name, seen in sightings.items()}
    language = Counter(languages).most_common(1)[0][0] if languages else _FALLBACK_LANGUAGE
    names = [name for name, count in counts.items() if count >= min_reviews]
    rarities = _rarities(names, language, background)
    forms = dict(zip(names, search_forms(names), strict=True))
    nested = _nested(counts)
    candidates = []
    for name in names:
        seen = sightings[name]
        share = seen.capitals / (seen.capitals + small[name])
        is_listed = not forms[name] or forms[name] in gazetteer.forms
        is_part = nested[name] >= _NESTED_SHARE * counts[name]
        if is_listed or is_part or seen.is_noun or not seen.inside or share < _MIN_CAPITAL_SHARE:
            continue
        if rarities[name] > 0:
            score = math.log1p(counts[name]) * share**2 * rarities[name]
            if name in _general_names(language):
                score *= _GENERAL_WEIGHT
            if not seen.elsewhere:
                score *= _CAPITAL_LANGUAGE_WEIGHT
            candidates.append(_candidate(name, seen, texts, share, score))
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.name))
    return candidates[:limit]


def _collect(
    texts: Sequence[str], languages: Sequence[str]
) -> tuple[dict[str, _Sightings], Counter[str]]:
    """Possible names, and how often words and pairs of words stand in small letters."""
    sightings: defaultdict[str, _Sightings] = defaultdict(_Sightings)
    small: Counter[str] = Counter()
    opening: list[tuple[int, str, int, str]] = []
    for number, (text, language) in enumerate(zip(texts, languages, strict=True)):
        tokens = [(match[0], match.start()) for match in _TOKEN.finditer(text)]
        words = [word for word, _ in tokens if word[0].isalpha()]
        small.update(_grams([word.lower() if word[0].islower() else "" for word in words]))
        if sum(word[0].isupper() for word in words) > max(3, _MAX_CAPITALS * len(words)):
            continue
        for name, start, before in _runs(tokens, language):
            if before in _ENDS_SENTENCE:
                opening.append((number, name, start, before))
            else:
                sightings[name.lower()].add(number, name, start, before, language)
    # The first word of a sentence has its capital anyway: it belongs to the name where the whole is
    # a name elsewhere, and not where the rest is.
    inside = set(sightings)
    for number, name, start, before in opening:
        first, _, rest = name.partition(" ")
        if rest.lower() in inside and name.lower() not in inside:
            sightings[rest.lower()].add(
                number, rest, start + len(first) + 1, first, languages[number]
            )
        else:
            sightings[name.lower()].add(number, name, start, before, languages[number])
    return sightings, small


def _grams(words: list[str]) -> Iterator[str]:
    """Single words and pairs; a word written with a capital is "" and belongs to none."""
    yield from filter(None, words)
    yield from (f"{one} {two}" for one, two in pairwise(words) if one and two)


def _runs(tokens: list[tuple[str, int]], language: str) -> Iterator[tuple[str, int, str]]:
    """Sequences of words with a capital: name, offset, the token before it."""
    run: list[tuple[str, int]] = []
    opener = "\n"
    before = "\n"
    for token, start in [*tokens, ("\n", 0)]:
        if run and token in _CONNECTORS and run[-1][0] not in _CONNECTORS:
            run.append((token, start))
        elif _may_be_named(token, language):
            if token.startswith("@"):
                yield from _named(run, opener)
                run = []
            opener = before if not run else opener
            run.append((token, start))
            if _stands_alone(token):
                yield from _named(run, opener)
                run = []
        else:
            yield from _named(run, opener)
            run = []
        before = token


def _stands_alone(token: str) -> bool:
    """A handle; or an owner: in "Aurora's Mini" the name of what is owned starts anew."""
    return token.startswith("@") or bool(_POSSESSIVE.search(token))


def _may_be_named(token: str, language: str) -> bool:
    if token.startswith("@"):
        return True
    lower = token.lower()
    is_pronoun = lower == "i" or lower[:2] in _PRONOUN_STARTS
    return token[0].isupper() and not is_pronoun and lower not in _calendar(language)


def _named(run: list[tuple[str, int]], opener: str) -> Iterator[tuple[str, int, str]]:
    while run and run[-1][0] in _CONNECTORS:
        run = run[:-1]
    if not run or len(run) > _LONGEST_NAME + 1:
        return
    words = [_POSSESSIVE.sub("", word.lstrip("@")) for word, _ in run]
    if len("".join(words)) > 1:
        yield " ".join(words), run[0][1], opener


def _nested(counts: dict[str, int]) -> Counter[str]:
    """For each name the reviews that mention its most frequent longer form."""
    nested: Counter[str] = Counter()
    for name, count in counts.items():
        words = name.split()
        for length in range(1, len(words)):
            for first in range(len(words) - length + 1):
                part = " ".join(words[first : first + length])
                nested[part] = max(nested[part], count)
    return nested


def _rarities(names: list[str], language: str, background: Background) -> dict[str, float]:
    """How little general language knows the words of each name, 0 (a stop word) to 1."""
    words = find_words(scan(names))
    code = _FALLBACK_LANGUAGE if language == UNDETERMINED else language
    values = background.look_up(word_keys(words.hashes, [code] * len(names), words.pointers))
    rarities = {}
    for name, first, end in zip(names, words.pointers[:-1], words.pointers[1:], strict=True):
        own = values[first:end]
        is_plain = len(own) and (own > STOP_WORD).any() and own[0] > STOP_WORD
        rarities[name] = float(own.max()) / RAREST if is_plain else 0.0
    return rarities


def _candidate(
    name: str, seen: _Sightings, texts: Sequence[str], share: float, score: float
) -> Candidate:
    spelling = min(seen.spellings.items(), key=lambda item: (-item[1], item[0]))[0]
    kind, cue = _kind(name, seen.before)
    reason = f"Written with a capital {share:.0%} of the time, in {len(seen.reviews)} reviews"
    if cue:
        reason += f", often with {cue!r}"
    return Candidate(
        spelling,
        kind,
        len(seen.reviews),
        tuple(
            _around(texts[number], start, len(spelling))
            for number, start in list(seen.reviews.items())[:_EXAMPLES]
        ),
        round(score, 4),
        reason + ".",
    )


def _kind(name: str, before: Counter[str]) -> tuple[str, str]:
    """The likeliest kind and the word that speaks for it."""
    votes: Counter[tuple[str, str]] = Counter()
    total = sum(before.values())
    for kind, cues in _cues().inside.items():
        for cue in sorted(cues & set(name.split())):
            votes[kind, cue] += _INSIDE_WEIGHT * total
    for kind, cues in _cues().before.items():
        for cue in cues:
            votes[kind, cue] += before[cue]
    kinds: Counter[str] = Counter()
    for (kind, _), count in votes.items():
        kinds[kind] += count
    if not kinds or max(kinds.values()) * 4 < total:
        return "brand", ""
    kind = min(kinds.items(), key=lambda item: (-item[1], item[0]))[0]
    cue = max((count, cue) for (voted, cue), count in votes.items() if voted == kind)[1]
    return kind, cue


def _around(text: str, start: int, length: int) -> str:
    piece = text[max(0, start - _EXAMPLE_CHARACTERS) : start + length + _EXAMPLE_CHARACTERS]
    return " ".join(piece.split())


@dataclass(frozen=True)
class _Cues:
    """Words that tell what a name is for, by kind: before it, and among its own words."""

    articles: frozenset[str]
    before: dict[str, frozenset[str]]
    inside: dict[str, frozenset[str]]


@lru_cache(maxsize=1)
def _cues() -> _Cues:
    document = json.loads(CUES.read_text(encoding="utf-8"))
    before, inside = (
        {kind: frozenset(words) for kind, words in document[place].items()}
        for place in ("before", "inside")
    )
    return _Cues(frozenset(document["articles"]), before, inside)


@lru_cache(maxsize=128)
def _calendar(language: str) -> frozenset[str]:
    """Names of months and days, which some languages write with a capital."""
    locale = _locale(language)
    names = [*locale.months["format"]["wide"].values(), *locale.days["format"]["wide"].values()]
    short = [*locale.months["format"]["abbreviated"].values()]
    return frozenset(name.lower().rstrip(".") for name in (*names, *short)) - {"may"}


@lru_cache(maxsize=128)
def _general_names(language: str) -> frozenset[str]:
    """Names of languages, which mostly are those of nationalities too."""
    return frozenset(name.lower() for name in _locale(language).languages.values())


def _locale(language: str) -> Locale:
    """What the world calls things in a language; in English where nothing is known of it."""
    try:
        return Locale(language)
    except (UnknownLocaleError, ValueError):
        return Locale(_FALLBACK_LANGUAGE)
