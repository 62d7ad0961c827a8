"""Decides, before a word is written, what will be true of each tenant and of each review."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import TypeVar

import numpy as np

from resources.sandbox.world.businesses import BUSINESSES, Business
from resources.sandbox.world.phrases import LANGUAGES

DAYS = 548  # about 18 months
LATER_DAYS = 10  # the last days reach the tenant with the second delivery
FIRST, LATER, GOOGLE = "reviews.csv", "later.jsonl", "google_reviews.json"
SMALLEST_FULL_WORLD = 20  # reviews of a tenant from which on truths are planted

_INCIDENT_NEGATIVE = 0.82
_INCIDENT_VOLUME = 1.7
_INCIDENT_PRODUCT_SHARE = 0.45
_MIXED, _NEUTRAL = 0.11, 0.09
_IMPROVES_FROM, _IMPROVES_TO = 0.62, 0.05
_GOOGLE_SHARE = 0.05
_COMPETITOR_SHARE = 0.05
_CONTRADICTING_SHARE = 0.02
_WEEKDAYS = (1.12, 1.0, 0.96, 0.94, 0.92, 0.98, 1.15)

T = TypeVar("T")


@dataclass(frozen=True)
class ReviewPlan:
    """What one review is to be, before it is written.

    Attributes:
        second: Second of the day it is posted.
        delivery: reviews.csv, later.jsonl or google_reviews.json.
        focus: A topic of the phrase banks it must speak about.
    """

    day: date
    second: int
    delivery: str
    product: str
    location: str
    language: str
    sentiment: str
    focus: str | None
    competitor: str | None
    contradicting: bool


def _choose(random: Random, options: Sequence[T], limits: Sequence[float]) -> T:
    """Draw one option; ``limits`` are cumulative weights."""
    return options[bisect(limits, random.random() * limits[-1])]


class TenantPlan:
    """One tenant's business, its truths, and the plan of each of its reviews.

    Args:
        index: Position of the tenant in the world, from 0; decides business and brand.
        reviews: How many reviews it gets.
        seed: Seed of the world.
        last_day: Last day on which a review is posted.
    """

    def __init__(self, index: int, reviews: int, *, seed: int, last_day: date) -> None:
        self.reviews = reviews
        self.random = Random(f"{seed}/{index}")  # noqa: S311 - plausible, not secret
        self.last_day = last_day
        self.first_day = last_day - timedelta(days=DAYS - 1)
        self.cutoff = last_day - timedelta(days=LATER_DAYS)
        self.business: Business = BUSINESSES[index % len(BUSINESSES)]
        self.name = _brand(self.business, index // len(BUSINESSES))
        self.id = _slug(self.name)
        self.is_full = reviews >= SMALLEST_FULL_WORLD
        self._seed = (seed, index)
        self._choose_truths()

    def _choose_truths(self) -> None:
        random, business = self.random, self.business
        products = [name.replace(business.brands[0], self.name) for name in business.products]
        self.short_names = dict(zip(products, business.products.values(), strict=True))
        self.products = sorted(random.sample(products, min(5, len(products))))
        self.product_limits = list(accumulate(random.uniform(0.6, 1.6) for _ in self.products))
        self.negative_rates = {name: random.uniform(0.11, 0.21) for name in self.products}
        self.incident_product, self.improving_product = random.sample(self.products, 2)
        self.incident_topic = random.choice(list(business.topics))
        newest = self.cutoff - timedelta(weeks=4)
        week = newest - timedelta(weeks=random.randrange(10))
        self.incident_week = week - timedelta(days=week.weekday())
        self.locations = list(business.locations)
        self.location_limits = list(accumulate(random.uniform(0.5, 1.5) for _ in self.locations))
        self.languages = [code for code in business.languages if code in LANGUAGES]
        self.language_limits = list(accumulate(business.languages[c] for c in self.languages))
        self.competitors = list(business.competitors)

    def in_incident_week(self, day: date) -> bool:
        """Say whether a day belongs to the incident week."""
        return timedelta(0) <= day - self.incident_week < timedelta(weeks=1)

    def review_plans(self) -> Iterator[ReviewPlan]:
        """Yield the plans in the order the reviews are posted; may be called once."""
        for position, count in enumerate(self._counts_per_day()):
            day = self.first_day + timedelta(days=position)
            for second in sorted(self._second() for _ in range(count)):
                yield self._plan(day, position, second)

    def sample_plan(self) -> ReviewPlan:
        """The plan of one more review, on the last day of the first delivery."""
        return self._plan(self.cutoff, DAYS - LATER_DAYS - 1, 43_200)

    def _counts_per_day(self) -> list[int]:
        """Growth, seasons of the year and of the week, and the incident's extra attention."""
        positions = np.arange(DAYS)
        days = [self.first_day + timedelta(days=int(position)) for position in positions]
        year = np.array([day.timetuple().tm_yday for day in days])
        growth = 0.6 + 0.8 * positions / DAYS
        season = 1 + 0.32 * np.cos(2 * np.pi * (year - self.business.peak_day) / 365.25)
        week = np.array([_WEEKDAYS[day.weekday()] for day in days])
        incident = np.array([_INCIDENT_VOLUME if self.in_incident_week(d) else 1.0 for d in days])
        generator = np.random.default_rng(self._seed)
        weights = growth * season * week * incident * generator.uniform(0.85, 1.15, DAYS)
        if not self.is_full:
            weights[-LATER_DAYS:] = 0
        counts: list[int] = generator.multinomial(self.reviews, weights / weights.sum()).tolist()
        return counts

    def _second(self) -> int:
        """Most people write in the afternoon, few at night."""
        random = self.random.random
        return int(21_600 + (random() + random()) / 2 * 64_700)

    def _plan(self, day: date, position: int, second: int) -> ReviewPlan:
        random = self.random
        product = _choose(random, self.products, self.product_limits)
        sentiment, focus = None, None
        if self.in_incident_week(day):
            if random.random() < _INCIDENT_PRODUCT_SHARE:
                product = self.incident_product
            if product == self.incident_product and random.random() < _INCIDENT_NEGATIVE:
                sentiment, focus = "negative", self.incident_topic
        if sentiment is None:
            sentiment = self._sentiment(product, position)
        competitor = None
        if sentiment in ("positive", "negative") and random.random() < _COMPETITOR_SHARE:
            competitor = random.choice(self.competitors)
        return ReviewPlan(
            day=day,
            second=second,
            delivery=self._delivery(day),
            product=product,
            location=_choose(random, self.locations, self.location_limits),
            language=_choose(random, self.languages, self.language_limits),
            sentiment=sentiment,
            focus=focus,
            competitor=competitor,
            contradicting=random.random() < _CONTRADICTING_SHARE,
        )

    def _sentiment(self, product: str, position: int) -> str:
        negative = self.negative_rates[product]
        if product == self.improving_product:
            negative = _IMPROVES_FROM + (_IMPROVES_TO - _IMPROVES_FROM) * position / DAYS
        drawn = self.random.random()
        if drawn < negative:
            return "negative"
        drawn = (drawn - negative) / (1 - negative)
        if drawn < _MIXED:
            return "mixed"
        return "neutral" if drawn < _MIXED + _NEUTRAL else "positive"

    def _delivery(self, day: date) -> str:
        if self.is_full and self.random.random() < _GOOGLE_SHARE:
            return GOOGLE
        return LATER if day > self.cutoff else FIRST


def _brand(business: Business, turn: int) -> str:
    names = business.brands
    round_number, position = divmod(turn, len(names))
    return names[position] if round_number == 0 else f"{names[position]} {round_number + 1}"


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
