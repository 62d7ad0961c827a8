"""What customers wrote, in their own words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from resources.reporting import wording
from resources.reporting.material import Material
from resources.reporting.model import Quote, Section, Voices
from resources.vocabulary import UNDETERMINED

TOPICS_WITH_VOICES, QUOTES_EACH, QUOTE_COLUMNS = 6, 2, 280


def write(material: Material) -> Section | None:
    """The chapter of quotes; None when no review can be quoted."""
    topics = list(material.topics)[:TOPICS_WITH_VOICES]
    if not topics:
        return None
    rows = material.evidence.voices(topics, QUOTES_EACH)
    voices = []
    taken: set[str] = set()
    for topic in topics:
        # What was quoted under one topic is not quoted again under another.
        fresh = [row for row in rows if row["topic"] == topic and row["text"] not in taken]
        taken.update(row["text"] for row in fresh)
        if fresh:
            voices.append(Voices(wording.label(topic), quotes_of(fresh)))
    if not voices:
        return None
    return Section(
        "voices",
        "In their own words",
        ("Up to two praising and two complaining reviews for each of the topics mentioned most.",),
        voices=tuple(voices),
        notes=(
            (
                "Quotes are chosen by how sure the reading of their sentiment is, and spread over "
                "languages; they illustrate the numbers and prove nothing by themselves."
            ),
        ),
    )


def quotes_of(rows: Iterable[dict[str, Any]]) -> tuple[Quote, ...]:
    """Rows of ``Evidence.voices`` as quotes."""
    return tuple(
        Quote(
            row["review_key"],
            wording.shortened(row["text"], QUOTE_COLUMNS),
            row["sentiment"],
            row["rating"],
            row["posted_on"],
            wording.clean(row["product"] or ""),
            wording.label(row["source"] or ""),
            row["language"] or UNDETERMINED,
            _web_address(row["url"]),
        )
        for row in rows
    )


def _web_address(url: str | None) -> str:
    """The address if a reader can safely follow it, else nothing."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return parts.geturl() if is_web else ""
