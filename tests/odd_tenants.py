"""Tenants as odd as they come, for the properties that hold for every report.

``reporting_data`` makes the reviews; what is done to them here has all been seen or could be:
columns without a value, one day, one mood, ratings that half of the sources lack, names of ten
thousand letters, labels in languages nobody has heard of.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import polars as pl
import reporting_data
from hypothesis import strategies as st
from reporting_data import INPUTS, REVIEW_SCHEMA, SENTIMENTS, Tenant

from resources.storage.snapshot_reading import Snapshot
from resources.storage.snapshots import SnapshotStore

TENANT_ID = "odd"
MIN_DAY, MAX_DAY = date(1990, 1, 1), date(2026, 1, 4)  # earlier and later ones are rejected
# A review has a key and a day on which it arrived; nothing else is certain.
CAN_BE_EMPTY = sorted(REVIEW_SCHEMA.keys() - {"review_key", "version", "day"})
ODD_NAMES = (
    "",
    " ",
    "\u202e",
    "x" * 10_000,
    "登山靴" * 2_000,
    "a\x00b\x1b[31mc",
    "</script><b>bold</b>",
    '=HYPERLINK("http://evil.example")',
    "@SUM(A1)",
    "2024-01-01",
    "5",
    "🥾\N{ZERO WIDTH JOINER}🏔",
    "line one\nline two",
    "Trail Runner 3",
    "trail runner 3",
)
ODD_LANGUAGES = {"en": 3, "tlh": 1, "zh-Hant": 1, "": 1, "und": 1, "x" * 200: 1, "<i>": 1}


@dataclass(frozen=True)
class OddTenant:
    """A tenant, and what is odd about it.

    Attributes:
        tenant: What reviews are made of.
        emptied: Columns that have no value.
        unrated: Which reviews lack their rating: none, every second one, or all but those of the
            least reviewed products.
        half_dated: Whether every second review lacks its date.
        mood: The sentiment of every review with text; several when None.
        odd_names: Whether products, places, topics and the like are named by ``ODD_NAMES``.
        seed: What is drawn by chance is drawn from this.
    """

    tenant: Tenant
    emptied: frozenset[str] = frozenset()
    unrated: Literal["none", "half", "most products"] = "none"
    half_dated: bool = False
    mood: str | None = None
    odd_names: bool = False
    seed: int = field(default=7)

    def reviews(self) -> pl.DataFrame:
        """The tenant's current reviews."""
        frame = reporting_data.made_reviews(self.tenant)
        number = pl.int_range(pl.len())
        rated = {
            "none": pl.lit(value=True),
            "half": number % 2 == 0,
            "most products": pl.len().over("product") <= pl.len().over("product").quantile(0.1),
        }[self.unrated]
        frame = frame.with_columns(pl.when(rated).then("rating").alias("rating"))
        if self.half_dated:
            dated = pl.col("has_posted_date") & (number % 2 == 0)
            frame = frame.with_columns(dated.alias("has_posted_date"))
        if self.mood is not None:
            has_text = pl.col("sentiment").is_not_null()
            frame = frame.with_columns(pl.when(has_text).then(pl.lit(self.mood)).alias("sentiment"))
        if self.odd_names:
            frame = self._renamed(frame)
        return frame.with_columns(
            pl.lit(None, dtype=REVIEW_SCHEMA[column]).alias(column) for column in self.emptied
        )

    def snapshot(self, folder: Path) -> Snapshot:
        """The reviews with their marts, published below that folder."""
        store = SnapshotStore(folder)
        tables = reporting_data.marts(TENANT_ID, self.reviews())
        return store.open(TENANT_ID, store.publish(TENANT_ID, tables, INPUTS).version)

    def _renamed(self, frame: pl.DataFrame) -> pl.DataFrame:
        chance = random.Random(self.seed)

        def names() -> list[str]:
            return chance.choices(ODD_NAMES, k=frame.height)

        def lists() -> pl.Series:
            drawn = [[*chance.choices(ODD_NAMES, k=2), None] for _ in range(frame.height)]
            return pl.Series(drawn, dtype=pl.List(pl.String))

        languages = chance.choices(
            list(ODD_LANGUAGES), list(ODD_LANGUAGES.values()), k=frame.height
        )
        return frame.with_columns(
            *(pl.Series(column, names()) for column in ("product", "location", "source", "url")),
            *(lists().alias(column) for column in ("topics", "keywords", "entities")),
            pl.Series("language", languages, dtype=pl.String),
        )


MOSTLY_UNRATED = OddTenant(
    Tenant(reviews=400, products=tuple(f"Product {number}" for number in range(40))),
    unrated="most products",
)


def odd_tenants(*, most_reviews: int = 400) -> st.SearchStrategy[OddTenant]:
    """Any of them.

    Args:
        most_reviews: How many reviews one may have.
    """
    counts = st.one_of(st.integers(0, 3), st.integers(0, most_reviews))
    products = st.sampled_from([0, 1, 2, 8, 40, 40, 10_000]).map(
        lambda count: tuple(f"Product {number}" for number in range(count))
    )
    spans = st.tuples(
        st.dates(MIN_DAY, MAX_DAY), st.sampled_from([0, 1, 6, 27, 34, 60, 400, 4000])
    ).map(lambda drawn: (max(drawn[0] - timedelta(days=drawn[1]), MIN_DAY), drawn[0]))
    tenants = st.builds(
        lambda reviews, products, span, seed, **flags: Tenant(
            reviews=reviews, products=products, first=span[0], last=span[1], seed=seed, **flags
        ),
        counts,
        products,
        spans,
        st.integers(0, 2**16),
        locations=st.sampled_from([(), ("Wien",), reporting_data.LOCATIONS]),
        sources=st.sampled_from([("shop",), reporting_data.SOURCES]),
        languages=st.sampled_from([{"en": 1}, {"ar": 1}, reporting_data.LANGUAGES]),
        has_dates=st.booleans(),
        has_ratings=st.sampled_from([True, True, False]),
        has_text=st.sampled_from([True, True, False]),
        hostile=st.booleans(),
    )
    return st.builds(
        OddTenant,
        tenants,
        emptied=st.one_of(
            st.just(frozenset()),
            st.frozensets(st.sampled_from(CAN_BE_EMPTY)),
            st.just(frozenset(CAN_BE_EMPTY)),
        ),
        unrated=st.sampled_from(["none", "half", "most products"]),
        half_dated=st.booleans(),
        mood=st.sampled_from([None, None, *SENTIMENTS, "unheard_of"]),
        odd_names=st.sampled_from([False, False, True]),
        seed=st.integers(0, 2**16),
    )
