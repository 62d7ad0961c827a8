"""How the open values of rows that came together are read: what one leaves open, the others decide.

Rows of one tenant and source with the same hints (scale, order of dates, mapping of columns) are
read alike. What decides are counts, and counts add up: those of the batches that were read before
are kept, so that a batch that comes later is held against them without reading them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from typing import Any

import narwhals as nw
import polars as pl

from resources.engine import Engine
from resources.reviews.normalising.cleaning import clean
from resources.values.dates import NOTHING_OPEN, DateReading, OrderCounts, count_orders
from resources.values.ratings import ScaleCounts, is_scale, parse_rating

RULES = 1
"""Number of the rules by which rows are normalised. Raise it with every change that gives equal raw
rows other reviews: batches that were done by other rules are done again."""

GROUP = ("tenant_id", "source", "hints")
Group = tuple[str, str, str | None]
"""Tenant, source and hints of rows that are read alike."""

# Neither a hint nor the other rows change how a date is read that begins so.
_YEAR_FIRST = r"^\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True)
class Reading:
    """How the open values of one group are read.

    Attributes:
        scale: Best mark of ratings that name no scale.
        star_scale: Best mark of ratings in stars that do not say out of how many.
        dates: How dates are read that leave the order of their parts open.
    """

    scale: float = 5.0
    star_scale: float = 5.0
    dates: DateReading = NOTHING_OPEN


@dataclass(frozen=True)
class OpenCounts:
    """All that a reading is inferred from; counts of batches add up."""

    bare: ScaleCounts = field(default_factory=ScaleCounts)
    stars: ScaleCounts = field(default_factory=ScaleCounts)
    orders: OrderCounts = field(default_factory=OrderCounts)

    def __add__(self, other: OpenCounts) -> OpenCounts:
        return OpenCounts(
            self.bare + other.bare, self.stars + other.stars, self.orders + other.orders
        )

    def reading(self, hints: str | None) -> Reading:
        """How values with these counts are read; hints win over counts."""
        given = hints_in(hints)
        return Reading(
            scale=_hinted_scale(given) or self.bare.scale,
            star_scale=self.stars.scale,
            dates=self.orders.reading(_hinted_day_first(given)),
        )

    def is_read_alike_among(self, more: OpenCounts, hints: str | None) -> bool:
        """Whether these values are read the same among more values, these included."""
        alone, among = self.reading(hints), more.reading(hints)
        return (
            (not self.bare.total or alone.scale == among.scale)
            and (not self.stars.total or alone.star_scale == among.star_scale)
            and (not self.orders.four_digits or alone.dates.order == among.dates.order)
            and (
                not self.orders.two_digits
                or alone.dates.two_digit_order == among.dates.two_digit_order
            )
        )


NOTHING = OpenCounts()
BatchCounts = Mapping[Group, OpenCounts]
"""What the rows of one batch leave open, by group; groups that leave nothing open are not named."""


def count_open_values(engine: Engine, raw: nw.LazyFrame[Any]) -> dict[tuple[str, str], BatchCounts]:
    """Count what the rows of each batch leave open.

    Args:
        engine: What the rows are read with.
        raw: Rows of ``schemas.RAW_REVIEWS``.

    Returns:
        (tenant, batch) -> group -> counts; batches that leave nothing open are not named.
    """
    rated = raw.filter(~nw.col("rating").is_null())
    dated = raw.filter(
        ~nw.col("posted_at").is_null() & ~nw.col("posted_at").str.contains(_YEAR_FIRST)
    )
    counts: dict[tuple[str, str], dict[Group, OpenCounts]] = {}
    for frame, columns, count in (
        (rated, ["rating"], _count_ratings),
        (dated, ["posted_at", "received_at"], _count_dates),
    ):
        for (tenant, source, hints, batch), found in _counted(engine, frame, columns, count):
            groups = counts.setdefault((tenant, batch), {})
            group = (tenant, source, hints)
            groups[group] = groups.get(group, NOTHING) + found
    return {batch: groups for batch, groups in counts.items() if groups}


class SharedReadings:
    """How a tenant's new batches of a day are read, beside those that were read before.

    Args:
        recorded: Fingerprints of the batches that were read before.
        new: What the new batches leave open.

    Attributes:
        by_group: The reading of each group of the new batches that leaves something open.
        keep_the_old: Whether the batches that were read before are still read as they were.
    """

    def __init__(self, recorded: Iterable[str], new: Iterable[BatchCounts]) -> None:
        before: dict[str, OpenCounts] = {}
        for fingerprint in recorded:
            for name, found in _from_fingerprint(fingerprint).items():
                before[name] = before.get(name, NOTHING) + found
        together: dict[Group, OpenCounts] = {}
        for batch in new:
            for group, found in batch.items():
                together[group] = together.get(group, before.get(_name(group), NOTHING)) + found
        self.by_group: dict[Group, Reading] = {
            group: counts.reading(group[2]) for group, counts in together.items()
        }
        self.keep_the_old = all(
            before.get(_name(group), NOTHING).is_read_alike_among(counts, group[2])
            for group, counts in together.items()
        )


def hints_in(text: str | None) -> dict[str, object]:
    """What the hints of a row say."""
    if not text:
        return {}
    try:
        hints = json.loads(text)
    except ValueError:
        return {}
    return hints if isinstance(hints, dict) else {}


def to_fingerprint(counts: BatchCounts) -> str:
    """Spell what a batch leaves open, to be kept in its record."""
    groups = {
        _name(group): [astuple(found.bare), astuple(found.stars), astuple(found.orders)]
        for group, found in counts.items()
    }
    return json.dumps({"rules": RULES, "open": groups}, sort_keys=True, separators=(",", ":"))


def is_of_these_rules(fingerprint: str) -> bool:
    """Whether a batch was normalised by the rules of today."""
    return fingerprint.startswith("{") and json.loads(fingerprint).get("rules") == RULES


def _from_fingerprint(fingerprint: str) -> dict[str, OpenCounts]:
    groups = json.loads(fingerprint)["open"]
    return {
        name: OpenCounts(ScaleCounts(*bare), ScaleCounts(*stars), OrderCounts(*orders))
        for name, (bare, stars, orders) in groups.items()
    }


def _name(group: Group) -> str:
    _, source, hints = group
    return blake2b(json.dumps([source, hints]).encode(), digest_size=8).hexdigest()


_Counts = list[tuple[int, OpenCounts]]


def _counted(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    columns: list[str],
    count: Callable[[pl.DataFrame], _Counts],
) -> Iterable[tuple[tuple[str, str, str | None, str], OpenCounts]]:
    """Count distinct values by batch and group: each is cleaned and looked at once."""
    by = [*GROUP, "batch_id"]
    distinct = frame.group_by(*by, *columns).agg(nw.len().alias("rows"))
    values = clean(pl.DataFrame(engine.collect(distinct)), columns[:1]).drop_nulls(columns[0])
    groups = values.select(by).unique().with_row_index("group")
    numbered = values.join(groups, on=by, nulls_equal=True)
    keys = dict(groups.select("group", pl.struct(by)).rows())
    return [(tuple(keys[group].values()), found) for group, found in count(numbered)]


def _count_ratings(values: pl.DataFrame) -> _Counts:
    ratings = {text: parse_rating(text) for text in values["rating"].unique().to_list()}
    bare: dict[int, list[tuple[float, int]]] = {}
    stars: dict[int, list[tuple[float, int]]] = {}
    for group, text, count in values.select("group", "rating", "rows").rows():
        rating = ratings[text]
        if rating is not None and rating.in_stars:
            stars.setdefault(group, []).append((rating.value, count))
        elif rating is not None and rating.scale is None:
            bare.setdefault(group, []).append((rating.value, count))
    return [
        *((group, OpenCounts(bare=ScaleCounts.of(counts))) for group, counts in bare.items()),
        *((group, OpenCounts(stars=ScaleCounts.of(counts))) for group, counts in stars.items()),
    ]


def _count_dates(values: pl.DataFrame) -> _Counts:
    dates = values.rename({"posted_at": "value"}).select("group", "value", "received_at", "rows")
    return [(group, OpenCounts(orders=counts)) for group, counts in count_orders(dates).items()]


def _hinted_scale(hints: dict[str, object]) -> float | None:
    scale = hints.get("rating_scale")
    return float(scale) if isinstance(scale, int | float) and is_scale(scale) else None


def _hinted_day_first(hints: dict[str, object]) -> bool | None:
    day_first = hints.get("day_first")
    return None if day_first is None else bool(day_first)
