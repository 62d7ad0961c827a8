"""Writes the folder of one tenant: two deliveries, the places on Google, names and truths."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from resources.sandbox.world.composing import Composer, Composition, Subject
from resources.sandbox.world.deliveries import FirstDelivery, TruthFile
from resources.sandbox.world.google import Place, google_item
from resources.sandbox.world.manifest import (
    DeliveryCounts,
    ImprovingProduct,
    Incident,
    TenantManifest,
)
from resources.sandbox.world.phrases import phrase_bank
from resources.sandbox.world.planting import FIRST, GOOGLE, LATER, ReviewPlan, TenantPlan
from resources.sandbox.world.spoiling import SPAM, Spam

COLUMNS = (
    "review_id",
    "date",
    "rating",
    "title",
    "text",
    "author",
    "product",
    "location",
    "url",
    "language",
)

# Which records of reviews.csv get a special fate: every n-th, each from its own offset.
_EDITED = (100, 17)
_DELETED = (200, 57)
_REPEATED_LATER = (100, 33)
_REPEATED_IN_FILE = (200, 5)
_SPAM = (170, 11)
_BROKEN = (200, 150)

_AFTER_EDIT = {
    "negative": "mixed",
    "mixed": "positive",
    "neutral": "negative",
    "positive": "negative",
}
_WORDLESS_SHARE = 0.06  # ratings on Google without a text
_TRANSLATED_SHARE = 0.5  # of Google's reviews in other languages than the one asked for
_ANSWERED_SHARE = 0.3

Record = dict[str, str]


def _has_fate(number: int, fate: tuple[int, int]) -> bool:
    every, offset = fate
    return number % every == offset


class TenantWriter:
    """Writes one tenant, review by review, and counts what it plants; a context manager."""

    def __init__(self, folder: Path, plan: TenantPlan, *, has_language: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._plan = plan
        self._composer = Composer(plan.business, plan.random)
        self._places = {name: Place(plan.name, name) for name in plan.locations}
        self._columns = COLUMNS if has_language else COLUMNS[:-1]
        self._spam_texts = plan.random.sample(SPAM, 2)
        self._improving_ratings: tuple[list[int], list[int]] = ([], [])
        self._languages: Counter[str] = Counter()
        self._sentiments: Counter[str] = Counter()
        self._competitors: Counter[str] = Counter()
        self._manifest = TenantManifest(
            id=plan.id,
            name=plan.name,
            business=plan.business.kind,
            review_count=plan.reviews,
            has_language_column=has_language,
            incident=Incident(
                product=plan.incident_product,
                topic=plan.business.topics[plan.incident_topic],
                week_start=plan.incident_week,
            ),
            improving=ImprovingProduct(product=plan.improving_product),
            deliveries={name: DeliveryCounts() for name in (FIRST, LATER, GOOGLE)},
        )
        self._open_files = ExitStack()
        self._first = self._open_files.enter_context(FirstDelivery(folder / FIRST, self._columns))
        self._truth = self._open_files.enter_context(TruthFile(folder / "truth.parquet"))
        self._later = self._open_files.enter_context((folder / LATER).open("wb"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open_files.close()

    def write(self) -> TenantManifest:
        """Write every file of the tenant and return what was planted."""
        first_number = 0
        for number, plan in enumerate(self._plan.review_plans(), start=1):
            review_id = f"{self._plan.id[:3].upper()}{number:08d}"
            if plan.delivery == GOOGLE:
                self._write_google(review_id, plan)
            elif plan.delivery == LATER:
                self._write_new_later(review_id, plan)
            else:
                first_number += 1
                self._write_first(first_number, review_id, plan)
        self._finish_first(first_number)
        self._write_json(GOOGLE, {"places": [place.served() for place in self._places.values()]})
        self._write_json("tenant.json", self._tenant())
        return self._finish_manifest()

    def _write_first(self, number: int, review_id: str, plan: ReviewPlan) -> None:
        """One review of reviews.csv, with whatever fate its number has."""
        if self._plan.is_full and _has_fate(number, _SPAM):
            self._write_spam(number, review_id, plan)
            return
        composition, record = self._compose(review_id, plan)
        self._first.write(record)
        self._note(review_id, plan, composition)
        self._count_truths(plan, int(record["rating"]))
        if not self._plan.is_full:
            return
        if _has_fate(number, _REPEATED_IN_FILE):
            self._first.repeat_soon(record)
            self._manifest.repeated_in_file.append(review_id)
        if _has_fate(number, _REPEATED_IN_FILE) or _has_fate(number, _REPEATED_LATER):
            self._deliver_later(self._as_json(record), "unchanged")
            self._manifest.repeated_later.append(review_id)
        if _has_fate(number, _EDITED):
            self._write_edit(review_id, plan, record)
        if _has_fate(number, _DELETED):
            self._deliver_later(
                {**self._as_json(record), "deleted": True}
                if number % (2 * _DELETED[0]) == _DELETED[1]
                else {"review_id": review_id, "deleted": True},
                "kept",
            )
            self._manifest.deleted.append(review_id)
        if _has_fate(number, _BROKEN):
            self._write_broken(plan, self._first.next_broken_kind())

    def _write_edit(self, review_id: str, plan: ReviewPlan, record: Record) -> None:
        """The customer comes back and thinks otherwise."""
        changed = replace(plan, sentiment=_AFTER_EDIT[plan.sentiment], contradicting=False)
        composition, edited = self._compose(review_id, changed)
        edited["text"] = f"Update: {composition.text}"
        if edited["rating"] == record["rating"]:
            edited["rating"] = str(int(edited["rating"]) % 5 + 1)
        edited["author"] = record["author"]
        self._deliver_later(self._as_json(edited), "kept")
        self._note(review_id, changed, composition, version=2, delivery=LATER)
        self._manifest.edited.append(review_id)

    def _write_spam(self, number: int, review_id: str, plan: ReviewPlan) -> None:
        """One more author posts one of the tenant's two copied texts, in a burst."""
        spam: Spam = self._spam_texts[number % 2]
        _, record = self._compose(review_id, plan)
        burst = self._plan.first_day + timedelta(days=200 + 150 * (number % 2))
        record |= {
            "date": f"{burst} {record['date'][11:]}",
            "rating": "5",
            "title": spam.title,
            "text": spam.text,
            "language": spam.language,
        }
        self._first.write(record)
        self._note(review_id, replace(plan, language=spam.language), None)
        self._manifest.spam.append(review_id)

    def _write_broken(self, plan: ReviewPlan, kind: str) -> None:
        review_id = f"{self._plan.id[:3].upper()}X{len(self._first.broken):07d}"
        self._first.write_broken(self._compose(review_id, plan)[1], kind)

    def _finish_first(self, good_count: int) -> None:
        if self._plan.is_full:
            plan = replace(self._plan.sample_plan(), competitor=None)
            for kind in self._first.missing_broken_kinds():
                self._write_broken(plan, kind)
        self._first.write_pending_repeats()
        counts = self._manifest.deliveries[FIRST]
        counts.collected = self._first.row_count
        counts.kept = good_count
        counts.unchanged = self._first.repeat_count
        counts.rejected = len(self._first.broken)
        self._manifest.broken = self._first.broken

    def _write_new_later(self, review_id: str, plan: ReviewPlan) -> None:
        composition, record = self._compose(review_id, plan)
        self._deliver_later(self._as_json(record), "kept")
        self._note(review_id, plan, composition)
        self._manifest.new_later.append(review_id)

    def _write_google(self, review_id: str, plan: ReviewPlan) -> None:
        random = self._plan.random
        composition, record = self._compose(review_id, plan)
        wordless = random.random() < _WORDLESS_SHARE
        translation = None
        if plan.language != "en" and not wordless and random.random() < _TRANSLATED_SHARE:
            translation = self._compose(review_id, replace(plan, language="en"))[0].text
        self._places[plan.location].items.append(
            google_item(
                review_id=review_id,
                text=None if wordless else composition.text,
                translation=translation,
                language=plan.language,
                rating=int(record["rating"]),
                author=record["author"],
                posted=datetime.fromisoformat(record["date"]).replace(tzinfo=UTC),
                today=self._plan.last_day,
                answer=f"Thank you for your feedback! Your {self._plan.name} team"
                if random.random() < _ANSWERED_SHARE
                else None,
            )
        )
        counts = self._manifest.deliveries[GOOGLE]
        counts.collected += 1
        counts.kept += 1
        self._note(review_id, plan, None if wordless else composition)

    def _compose(self, review_id: str, plan: ReviewPlan) -> tuple[Composition, Record]:
        bank = phrase_bank(plan.language)
        subject = Subject(
            brand=self._plan.name,
            product=self._plan.short_names[plan.product],
            location=plan.location,
            focus=plan.focus,
            competitor=plan.competitor,
        )
        composition = self._composer.compose(bank, plan.sentiment, subject)
        rating = self._composer.rating(plan.sentiment, contradicting=plan.contradicting)
        hour, rest = divmod(plan.second, 3600)
        return composition, {
            "review_id": review_id,
            "date": f"{plan.day} {hour:02d}:{rest // 60:02d}:{rest % 60:02d}",
            "rating": str(rating),
            "title": composition.title,
            "text": composition.text,
            "author": self._composer.author(bank),
            "product": plan.product,
            "location": plan.location,
            "url": f"https://reviews.{self._plan.id}.example/{review_id}",
            "language": plan.language,
        }

    def _as_json(self, record: Record) -> dict[str, Any]:
        """A record as later.jsonl spells it: the same values, the rating as a number."""
        content: dict[str, Any] = {column: record[column] for column in self._columns}
        return {**content, "rating": int(record["rating"])}

    def _deliver_later(self, content: dict[str, Any], outcome: str) -> None:
        self._later.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
        counts = self._manifest.deliveries[LATER]
        counts.collected += 1
        setattr(counts, outcome, getattr(counts, outcome) + 1)

    def _note(
        self,
        review_id: str,
        plan: ReviewPlan,
        composition: Composition | None,
        *,
        version: int = 1,
        delivery: str | None = None,
    ) -> None:
        """Note what is true; without a composition there is no opinion to find."""
        self._truth.note(
            review_id,
            version=version,
            delivery=delivery or plan.delivery,
            language=plan.language,
            sentiment=plan.sentiment if composition else None,
            topics=composition.topics if composition else (),
            product=plan.product,
        )
        if version > 1:
            return
        self._languages[plan.language] += 1
        if composition:
            self._sentiments[plan.sentiment] += 1
            if plan.competitor:
                self._competitors[plan.competitor] += 1
            if plan.contradicting:
                self._manifest.contradicting.append(review_id)

    def _count_truths(self, plan: ReviewPlan, rating: int) -> None:
        """Count for the incident and for the product that improves."""
        incident = self._manifest.incident
        negative = plan.sentiment == "negative"
        if plan.product == incident.product:
            if self._plan.in_incident_week(plan.day):
                incident.review_count += 1
                incident.negative_count += negative
            else:
                incident.other_weeks_review_count += 1
                incident.other_weeks_negative_count += negative
        if plan.product == self._manifest.improving.product:
            third = (plan.day - self._plan.first_day) / (self._plan.cutoff - self._plan.first_day)
            if third < 1 / 3:
                self._improving_ratings[0].append(rating)
            elif third > 2 / 3:
                self._improving_ratings[1].append(rating)

    def _tenant(self) -> dict[str, Any]:
        """tenant.json: what the product is told about the tenant."""
        plan = self._plan
        products = [
            {"name": name, "kind": "product", "aliases": [plan.short_names[name]]}
            for name in plan.products
        ]
        rivals = [
            {"name": name, "kind": "competitor", "aliases": list(aliases)}
            for name, aliases in plan.business.competitors.items()
        ]
        return {
            "id": plan.id,
            "name": plan.name,
            "colour": plan.business.colour,
            "business": plan.business.kind,
            "names": [{"name": plan.name, "kind": "brand", "aliases": []}, *products, *rivals],
            "sources": [place.source() for place in self._places.values()],
        }

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        data = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        (self._folder / name).write_bytes(data)

    def _finish_manifest(self) -> TenantManifest:
        manifest, improving = self._manifest, self._manifest.improving
        first, last = self._improving_ratings
        improving.first_review_count, improving.last_review_count = len(first), len(last)
        improving.first_average_rating = round(sum(first) / len(first), 3) if first else None
        improving.last_average_rating = round(sum(last) / len(last), 3) if last else None
        manifest.languages = dict(self._languages.most_common())
        manifest.sentiments = dict(self._sentiments.most_common())
        manifest.competitor_mentions = dict(self._competitors.most_common())
        return manifest
