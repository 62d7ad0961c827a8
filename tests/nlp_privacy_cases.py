"""Sentences with personal data and sentences that only look so, written by hand.

``tests/data/privacy`` holds one file per country. Its first line names the language; every other
line is one review, ``\\n`` a line break. Personal data stands in braces, its kind before a colon.
Numbers are taken from ranges reserved for fiction, tests and documentation where a country has any.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from resources.nlp.privacy import Span, find_pii

FOLDER = Path(__file__).parent / "data" / "privacy"
_MARKED = re.compile(r"\{(\w+):([^{}]*)\}")
_SAME_PLACE = 0.5


@dataclass(frozen=True)
class Case:
    """One sentence.

    Attributes:
        country: ISO 3166 code.
        language: ISO 639-1 code.
        text: The sentence.
        spans: What has to be found in it.
    """

    country: str
    language: str
    text: str
    spans: tuple[Span, ...]


@dataclass
class Tally:
    """Counts of one kind or country; spans agree when they overlap by half of their union."""

    right: int = 0
    exact: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is there."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        return self.right / max(1, self.right + self.missed)


@dataclass
class Score:
    """Counts by kind, by country and in all, and the sentences with a mistake."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    countries: dict[str, Tally] = field(default_factory=dict)
    total: Tally = field(default_factory=Tally)
    flagged_negatives: int = 0
    mistakes: list[str] = field(default_factory=list)


def read_cases() -> list[Case]:
    """Every sentence, country by country."""
    cases = []
    for path in sorted(FOLDER.glob("*.txt")):
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        cases += [_case(path.stem, first.removeprefix("# "), line) for line in lines]
    return cases


def steering_half(cases: Iterable[Case]) -> list[Case]:
    """Every second sentence of each sort: what the patterns were written against."""
    return _alternate(cases, 0)


def held_back_half(cases: Iterable[Case]) -> list[Case]:
    """The others: looked at when the patterns were done."""
    return _alternate(cases, 1)


def _alternate(cases: Iterable[Case], rest: int) -> list[Case]:
    seen: Counter[tuple[str, bool]] = Counter()
    kept = []
    for case in cases:
        sort = (case.country, bool(case.spans))
        if seen[sort] % 2 == rest:
            kept.append(case)
        seen[sort] += 1
    return kept


def _case(country: str, language: str, line: str) -> Case:
    text, spans, position = "", [], 0
    line = line.replace("\\n", "\n")
    for match in _MARKED.finditer(line):
        text += line[position : match.start()]
        spans.append(Span(match[1], len(text), len(text) + len(match[2])))
        text += match[2]
        position = match.end()
    return Case(country, language, text + line[position:], tuple(spans))


def score(cases: list[Case]) -> Score:
    """Compare what is found with what is there."""
    result = Score()
    answers = find_pii([case.text for case in cases], [case.language for case in cases])
    for case, found in zip(cases, answers, strict=True):
        _count(case, found, result)
    return result


def _count(case: Case, found: list[Span], result: Score) -> None:
    right = {span: _partner(span, found) for span in case.spans}
    partners = {partner for partner in right.values() if partner}
    wrong = [span for span in found if span not in partners]
    country = result.countries.setdefault(case.country, Tally())
    for span, partner in right.items():
        for tally in (result.kinds.setdefault(span.kind, Tally()), country, result.total):
            tally.right += partner is not None
            tally.exact += partner == span
            tally.missed += partner is None
    for span in wrong:
        for tally in (result.kinds.setdefault(span.kind, Tally()), country, result.total):
            tally.wrong += 1
    result.flagged_negatives += bool(found and not case.spans)
    missed = [span for span, partner in right.items() if partner is None]
    for word, spans in (("missed", missed), ("wrong", wrong)):
        result.mistakes += [
            f"{case.country} {word} {span.kind}"
            f" {case.text[span.start : span.end]!r} in {case.text!r}"
            for span in spans
        ]


def _partner(span: Span, found: list[Span]) -> Span | None:
    for other in found:
        shared = min(span.end, other.end) - max(span.start, other.start)
        united = max(span.end, other.end) - min(span.start, other.start)
        if other.kind == span.kind and shared >= _SAME_PLACE * united:
            return other
    return None
