"""Labelled aspects from the files of public competitions, and figures of how well they are found.

Read are SemEval 2014 (``aspectTerm`` with its span), SemEval 2015 and 2016 (``Opinion`` with target
and category), ACOS (tab-separated, spans as numbers of tokens) and ASQP lines
(``text####[[term, category, polarity, ...], ...]``). Opinions without a term in the text are left
out, and a span that is labelled twice counts once.
"""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from resources.errors import ReviewGraphError
from resources.values.visible import visible

_ACOS_SENTIMENTS = {"0": "negative", "1": "neutral", "2": "positive"}
_MIXED_NAMES = {"conflict": "mixed"}
_ASQP_MARK = "####"
_ACOS_LABEL = re.compile(r"-?\d+,-?\d+ \S+ [012] -?\d+,-?\d+")
_BETWEEN_LABELS = re.compile(r"(?<=['\"])\]\s*,\s*\[(?=['\"])")
_BETWEEN_FIELDS = re.compile(r"['\"]\s*,\s*['\"]")
_IMPLICIT = "NULL"
_MAX_BYTES = 64 << 20
_DECLARES_ENTITIES = re.compile(r"<!(?:DOCTYPE|ENTITY)\b", re.IGNORECASE)


class AspectFileError(ReviewGraphError):
    """A file holds no labelled aspects in a form that is read here."""


@dataclass(frozen=True)
class GoldAspect:
    """What a person marked in a text.

    Attributes:
        term: As it stands in the text.
        category: As the file names it; "" where it names none.
        sentiment: negative, neutral, mixed, positive; "" where the file holds none.
        start: First code point of the term.
        end: Code point after its last.
    """

    term: str
    category: str
    sentiment: str
    start: int
    end: int


@dataclass(frozen=True)
class LabelledText:
    """A text and its aspects, in the order of their spans."""

    text: str
    aspects: list[GoldAspect]


class FoundAspect(Protocol):
    """What ``aspect_figures`` needs to know of a predicted aspect."""

    @property
    def category(self) -> str:
        """Category of the default taxonomy, or of the file."""

    @property
    def sentiment(self) -> str:
        """negative, neutral, mixed or positive."""

    @property
    def start(self) -> int:
        """First code point of the term."""

    @property
    def end(self) -> int:
        """Code point after its last."""


def read_aspect_file(path: Path) -> list[LabelledText]:
    """Read labelled aspects.

    Args:
        path: A SemEval XML file, an ACOS ``.tsv`` or a file of ASQP lines.

    Raises:
        AspectFileError: The file is none of these, or one of its lines cannot be read.
    """
    content = _content_of(path)
    if content.lstrip().startswith("<"):
        return _read_semeval(content, path)
    lines = [line for line in content.split("\n") if line.strip()]
    if lines and _ASQP_MARK in lines[0]:
        return [_read_asqp_line(line, path) for line in lines]
    if any(_ACOS_LABEL.search(line) for line in lines):
        return [_read_acos_line(line, path) for line in lines]
    raise AspectFileError(
        f"{path} holds no labelled aspects that can be read. Give a SemEval 2014-2016 XML file, "
        "an ACOS file with tabs, or lines like text####[[term, category, polarity]]."
    )


def _content_of(path: Path) -> str:
    """Read an annotated file whole, where it is a file of text and of no unusual size.

    Raises:
        AspectFileError: It is none.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise AspectFileError(
                f"{visible(str(path))} is no file of labelled aspects: it is missing, no ordinary "
                f"file, or has more than {_MAX_BYTES:,} bytes. Check the name."
            )
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise AspectFileError(
            f"{visible(str(path))} cannot be read as UTF-8 text: {error}. Check the name."
        ) from error
    if content.lstrip().startswith("<") and _DECLARES_ENTITIES.search(content):
        raise AspectFileError(
            f"{visible(str(path))} declares entities, which no file of labelled aspects needs and "
            "which unpack to any size. Remove its DOCTYPE."
        )
    return content


@dataclass(frozen=True)
class Guideline:
    """What the people who labelled a file were told to mark.

    Attributes:
        mere_mentions: Every part or feature that is named, with or without an opinion about it.
        whole: The thing itself too ("the laptop", "this place"), not only its parts.
    """

    mere_mentions: bool
    whole: bool


def guideline_of(path: Path) -> Guideline:
    """The guideline of a file: SemEval 2014 differs from all later ones."""
    is_2014 = "<aspectTerm" in path.read_text(encoding="utf-8-sig")
    return Guideline(mere_mentions=is_2014, whole=not is_2014)


def _read_semeval(content: str, path: Path) -> list[LabelledText]:
    try:
        root = ET.fromstring(content)  # noqa: S314 - a file that the user chose, no entities used
    except ET.ParseError as error:
        raise AspectFileError(f"{path} is no valid XML: {error}. Download it again.") from error
    return [
        _labelled(sentence.findtext("text") or "", _semeval_aspects(sentence))
        for sentence in root.iter("sentence")
    ]


def _semeval_aspects(sentence: ET.Element) -> Iterable[GoldAspect]:
    text = sentence.findtext("text") or ""
    for label in sentence.iter():
        name = "term" if label.tag == "aspectTerm" else "target"
        term = label.get(name, _IMPLICIT)
        if label.tag not in {"aspectTerm", "Opinion"} or term == _IMPLICIT:
            continue
        start, end = int(label.get("from", "0")), int(label.get("to", "0"))
        sentiment = label.get("polarity", "")
        yield GoldAspect(
            text[start:end],
            label.get("category", ""),
            _MIXED_NAMES.get(sentiment, sentiment),
            start,
            end,
        )


def _read_acos_line(line: str, path: Path) -> LabelledText:
    text, *labels = line.rstrip("\r").split("\t")
    starts = [0, *(match.end() for match in re.finditer(" ", text))]
    ends = [*(match.start() for match in re.finditer(" ", text)), len(text)]
    aspects = []
    for label in labels:
        if not _ACOS_LABEL.fullmatch(label.strip()):
            raise AspectFileError(f"{path}: {label!r} is no ACOS label in the line {line[:60]!r}.")
        span, category, sentiment, _ = label.split()
        first, last = (int(number) for number in span.split(","))
        if 0 <= first < last <= len(starts):
            start, end = starts[first], ends[last - 1]
            aspects.append(
                GoldAspect(text[start:end], category, _ACOS_SENTIMENTS[sentiment], start, end)
            )
    return _labelled(text, aspects)


def _read_asqp_line(line: str, path: Path) -> LabelledText:
    text, _, listed = line.partition(_ASQP_MARK)
    try:
        labels = [(str(term), str(kind), str(mood)) for term, kind, mood, *_ in _literal(listed)]
    except (ValueError, SyntaxError, TypeError) as error:
        raise AspectFileError(f"{path}: no list of labels in the line {line[:60]!r}.") from error
    aspects = []
    for term, category, sentiment in labels:
        start = -1 if term == _IMPLICIT else _place_of(term, text)
        if start >= 0:
            mood = _MIXED_NAMES.get(sentiment, sentiment)
            aspects.append(GoldAspect(term, category, mood, start, start + len(term)))
    return _labelled(text, aspects)


def _literal(listed: str) -> list[Sequence[str]]:
    """The labels of a line; in some files a term holds the quotation mark that ends it."""
    try:
        labels: list[Sequence[str]] = ast.literal_eval(listed.strip())
    except SyntaxError:
        inner = listed.strip().removeprefix("[[").removesuffix("]]")
        if inner == listed.strip():
            raise
        parts = _BETWEEN_LABELS.split(inner)
        return [_BETWEEN_FIELDS.split(part.strip()[1:-1]) for part in parts]
    return labels


def _place_of(term: str, text: str) -> int:
    """Where a term stands: as whole words if it does, else anywhere; -1 if nowhere."""
    whole = re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text)
    return whole.start() if whole else text.find(term)


def _labelled(text: str, aspects: Iterable[GoldAspect]) -> LabelledText:
    """The text with each span once: two feelings about one term are mixed."""
    spans: dict[tuple[int, int], GoldAspect] = {}
    for aspect in aspects:
        span = (aspect.start, aspect.end)
        known = spans.get(span)
        sentiment = _together(known.sentiment if known else "", aspect.sentiment)
        category = known.category if known else aspect.category
        spans[span] = GoldAspect(aspect.term, category, sentiment, *span)
    return LabelledText(text, [spans[span] for span in sorted(spans)])


def _together(one: str, other: str) -> str:
    feelings = {one, other} - {"", "neutral"}
    if len(feelings) > 1:
        return "mixed"
    return feelings.pop() if feelings else other or one


@dataclass(frozen=True)
class AspectFigures:
    """How well aspects were found; shares from 0 to 1.

    Attributes:
        term_f1: Exact spans.
        term_precision: Share of the predicted spans that are gold.
        term_recall: Share of the gold spans that were predicted.
        term_polarity_f1: Exact spans with the right sentiment.
        category_f1: Which categories each text speaks of, where the file names categories.
        polarity_accuracy: Share of the exactly found terms that have the right sentiment.
    """

    term_f1: float
    term_precision: float
    term_recall: float
    term_polarity_f1: float
    category_f1: float
    polarity_accuracy: float


def aspect_figures(
    gold: Sequence[Sequence[GoldAspect]],
    predicted: Sequence[Sequence[FoundAspect]],
    categories: Mapping[str, str] | None = None,
) -> AspectFigures:
    """Compare predicted with gold aspects, text by text.

    Args:
        gold: Aspects of each text.
        predicted: Aspects of each text, in the same order.
        categories: Category of the file -> category of the taxonomy (``coarse_category`` where
            None); categories that it maps to "" are not counted.
    """
    truth = {
        (row, one.start, one.end): one.sentiment for row, ones in enumerate(gold) for one in ones
    }
    found = {
        (row, one.start, one.end): one.sentiment
        for row, ones in enumerate(predicted)
        for one in ones
    }
    hits = truth.keys() & found.keys()
    right = sum(truth[span] == found[span] for span in hits)
    named = {
        (row, category)
        for row, ones in enumerate(gold)
        for one in ones
        if (category := _category_of(one.category, categories))
    }
    kinds = {kind for _, kind in named}
    said = {
        (row, one.category)
        for row, ones in enumerate(predicted)
        for one in ones
        if one.category in kinds
    }
    return AspectFigures(
        term_f1=_f1(len(hits), len(found), len(truth)),
        term_precision=_share(len(hits), len(found)),
        term_recall=_share(len(hits), len(truth)),
        term_polarity_f1=_f1(right, len(found), len(truth)),
        category_f1=_f1(len(named & said), len(said), len(named)),
        polarity_accuracy=_share(right, len(hits)),
    )


def _category_of(category: str, categories: Mapping[str, str] | None) -> str:
    return coarse_category(category) if categories is None else categories.get(category, "")


# Entities and attributes of the competitions -> the default taxonomy of aspects. An attribute named
# here decides, then the entity; the attributes of the thing itself say more than its name.
_ATTRIBUTES = {
    "price": "price and value",
    "prices": "price and value",
    "cleanliness": "cleanliness",
    "comfort": "comfort and atmosphere",
}
_ENTITIES = {
    "food": "food and drink",
    "food_drinks": "food and drink",
    "drinks": "food and drink",
    "service": "service and staff",
    "support": "service and staff",
    "ambience": "comfort and atmosphere",
    "rooms": "comfort and atmosphere",
    "location": "location and access",
    "shipping": "delivery",
    "warranty": "payment and refunds",
    "company": "overall",
}
_PART_NAMES = (
    "display keyboard mouse battery cpu memory ports power_supply motherboard graphics hard_disc "
    "hard_disk optical_drives fans&cooling multimedia_devices hardware os software facilities "
    "room_amenities"
)
_PARTS = frozenset(_PART_NAMES.split())
_WHOLES = frozenset({"laptop", "restaurant", "hotel"})
_ATTRIBUTES_OF_WHOLES = {
    "general": "overall",
    "quality": "quality",
    "design_features": "design and look",
    "usability": "usability and stability",
    "connectivity": "usability and stability",
    "portability": "size and fit",
}


def coarse_category(label: str) -> str:
    """Category of the default taxonomy for one such as ``FOOD#PRICES``; "" where none fits."""
    parts = re.split(r"[#\s]", label.lower())
    entity, attribute = parts[0], parts[-1] if len(parts) > 1 else ""
    if attribute in _ATTRIBUTES:
        return _ATTRIBUTES[attribute]
    if entity in _WHOLES:
        return _ATTRIBUTES_OF_WHOLES.get(attribute, "")
    return "features and parts" if entity in _PARTS else _ENTITIES.get(entity, "")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _f1(hits: int, found: int, truth: int) -> float:
    return _share(2 * hits, found + truth)
