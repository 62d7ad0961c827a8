"""Where personal data stands in a text, and how it is hidden."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Style = Literal["label", "mask"]

# What wins where two kinds claim the same characters: what a check digit proves, then what has a
# strict form, then what rests on context.
PRIORITY = (
    "iban",
    "card",
    "national_id",
    "email",
    "handle",
    "ip",
    "phone",
    "address",
    "person",
)
_RANK = {kind: rank for rank, kind in enumerate(PRIORITY)}
_MASK = "*"
_SEPARATOR = re.compile(r"[\s@.()+/:,-]")


@dataclass(frozen=True)
class Span:
    """A piece of personal data.

    Attributes:
        kind: One of ``PRIORITY``.
        start: Code point offset of its first character.
        end: Code point offset after its last character.
    """

    kind: str
    start: int
    end: int


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Keep the strongest of overlapping spans, in the order of the text."""
    kept: list[Span] = []
    for span in sorted(spans, key=_strongest_first):
        place = bisect(kept, span.start, key=_start)
        before, after = kept[max(0, place - 1) : place], kept[place : place + 1]
        if all(one.end <= span.start for one in before) and all(
            span.end <= one.start for one in after
        ):
            kept.insert(place, span)
    return kept


def _start(span: Span) -> int:
    return span.start


def _strongest_first(span: Span) -> tuple[int, int, int]:
    return (_RANK.get(span.kind, len(_RANK)), span.start - span.end, span.start)


def _in_order(span: Span) -> tuple[int, int, str]:
    return (span.start, span.end, span.kind)


def redact(text: str, spans: Iterable[Span], *, style: Style = "label") -> str:
    """Hide personal data.

    Overlapping spans are hidden as one. Redacting what is already redacted changes nothing: no
    label and no mask is found as personal data again.

    Args:
        text: What the spans were found in.
        spans: From ``find_pii``, in any order.
        style: ``label`` writes ``[email]`` and so on; ``mask`` writes an asterisk for each letter
            and digit, so that offsets into the text stay true.

    Returns:
        The text without the personal data.
    """
    pieces, position = [], 0
    for span in _united(spans, len(text)):
        hidden = f"[{span.kind}]" if style == "label" else _masked(text[span.start : span.end])
        pieces += [text[position : span.start], hidden]
        position = span.end
    return "".join([*pieces, text[position:]])


def _united(spans: Iterable[Span], length: int) -> list[Span]:
    """Spans inside the text without overlaps; one that reaches into the next takes it along."""
    united: list[Span] = []
    for span in sorted(spans, key=_in_order):
        start, end = max(0, span.start), min(length, span.end)
        if start >= end:
            continue
        kind = span.kind
        if united and start < united[-1].end:
            first = united.pop()
            start, end = first.start, max(first.end, end)
            kind = min(first, span, key=_strongest_first).kind
        united.append(Span(kind, start, end))
    return united


def _masked(piece: str) -> str:
    return "".join(character if _SEPARATOR.match(character) else _MASK for character in piece)
