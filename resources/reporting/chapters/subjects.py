"""What is reviewed: products and locations, side by side and over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from resources.reporting import wording
from resources.reporting.material import MEMBER_COLUMNS, Material, member_cells
from resources.reporting.model import (
    Chart,
    ChartKind,
    Column,
    Finding,
    Interval,
    Section,
    Table,
)
from resources.reporting.statistics import Tally

DRAWN_MEMBERS, DRAWN_CHANGES = 15, 12
MIN_TO_COMPARE = 2
_COLUMNS_ON_PAGE = ("member", "review_count", "average_rating", "positive_share", "negative_share")


def write(material: Material) -> Section | None:
    """The chapter on products and locations; None when the reviews name neither."""
    charts: list[Chart] = []
    tables: list[Table] = []
    sentences: list[str] = []
    notes: list[str] = []
    for name, plural, members in (
        ("product", "products", material.products),
        ("location", "locations", material.locations),
    ):
        if len(members) == 1:
            only = wording.shortened(next(iter(members)), 60)
            sentences.append(f"All reviews that name a {name} are about “{only}”.")
        if len(members) < MIN_TO_COMPARE:
            continue
        tables.append(_comparison(name, plural, members))
        rated = _rated(members)
        if rated:
            charts.append(_most_reviewed(name, plural, rated))
        notes.extend(_left_out(name, plural, members))
    trends = material.evidence.product_trends()
    changing = [row for row in trends if row["direction"] != "steady"]
    if changing:
        description = "Average rating of each product in the first and last third of its history."
        charts.insert(1, Chart(ChartKind.RATING_CHANGE, _changes(changing), description))
        notes.append(
            "A product changes when the 95% interval of the difference between the last and the "
            "first third of its whole history excludes zero."
        )
    elif trends:
        sentences.append("No product's rating changed measurably over its history.")
    if not (charts or tables or sentences):
        return None
    unnamed = material.coverage.review_count - sum(
        tally.review_count for tally in material.products.values()
    )
    if material.products and unnamed:
        notes.append(f"{wording.counted(unnamed, 'review')} name no product.")
    return Section(
        "products",
        "Products and places",
        (*_best_and_worst(material), *sentences),
        tuple(charts),
        tuple(tables),
        notes=tuple(notes),
    )


def trend_findings(material: Material) -> list[Finding]:
    """The product that improves most and the one that gets worse most, for the summary."""
    trends = material.evidence.product_trends()
    improving = [row for row in trends if row["direction"] == "improving"]
    worsening = [row for row in trends if row["direction"] == "worsening"]
    findings = []
    if improving:
        best = max(improving, key=lambda row: (row["change_low"], row["product"]))
        findings.append(Finding(f"{_name(best)} improves", _trend(best), "good"))
    if worsening:
        worst = min(worsening, key=lambda row: (row["change_high"], row["product"]))
        findings.append(Finding(f"{_name(worst)} gets worse", _trend(worst), "bad"))
    return findings


def _name(row: Mapping[str, Any]) -> str:
    return f"“{wording.shortened(row['product'], 48)}”"


def _trend(row: Mapping[str, Any]) -> str:
    bounds = Interval(row["change_low"], row["change_high"])
    return (
        f"Its average rating went from {wording.stars(row['first_average_rating'])} in the first "
        f"third of its history to {wording.stars(row['last_average_rating'])} in the last: "
        f"{wording.signed(row['change'], 'stars')} (95% interval "
        f"{wording.signed_interval(bounds, 'stars')}, n = {wording.count(row['review_count'])} "
        "over the whole history)."
    )


def _best_and_worst(material: Material) -> tuple[str, ...]:
    """The best and the least liked product among those with an interval to compare."""
    compared = {
        name: (tally.rating_interval, tally.average_rating, tally.rated_count)
        for name, tally in _drawn(_rated(material.products)).items()
    }
    sure = {
        name: (bounds, average, rated)
        for name, (bounds, average, rated) in compared.items()
        if bounds is not None and average is not None
    }
    if len(sure) < MIN_TO_COMPARE:
        return ()
    best = max(sure, key=lambda name: (sure[name][0].low, name))
    worst = min(sure, key=lambda name: (sure[name][0].high, name))
    if best == worst:
        return ()

    def told(name: str) -> str:
        bounds, average, rated = sure[name]
        short = wording.shortened(name, 48)
        return f"“{short}” with {wording.measured(average, 'stars', bounds, rated)}"

    return (f"Customers rate {told(best)} highest and {told(worst)} lowest.",)


def _comparison(name: str, plural: str, members: Mapping[str, Tally]) -> Table:
    rows = tuple((wording.clean(member), *member_cells(members[member])) for member in members)
    return Table(
        plural,
        f"{plural.capitalize()} compared",
        (Column("member", name.capitalize(), "text"), *MEMBER_COLUMNS),
        rows,
        rows_on_page=DRAWN_MEMBERS,
        columns_on_page=_COLUMNS_ON_PAGE,
    )


def _most_reviewed(name: str, plural: str, rated: Mapping[str, Tally]) -> Chart:
    """The average ratings of those members with ratings that are reviewed most."""
    drawn = _drawn(rated)
    is_part = len(rated) > len(drawn)
    title = f"Average rating by {name}" + (f", the {len(drawn)} most reviewed" if is_part else "")
    compared = _comparison(name, plural, drawn)
    table = Table(f"{plural}_rating", title, compared.columns, compared.rows)
    description = f"Average rating per {name}, with its 95% interval."
    return Chart(ChartKind.RATING_COMPARISON, table, description)


def _rated(members: Mapping[str, Tally]) -> dict[str, Tally]:
    return {name: tally for name, tally in members.items() if tally.rated_count}


def _drawn(rated: Mapping[str, Tally]) -> dict[str, Tally]:
    return dict(islice(rated.items(), DRAWN_MEMBERS))


def _left_out(name: str, plural: str, members: Mapping[str, Tally]) -> Iterator[str]:
    """What the chart of average ratings does not show."""
    rated = _rated(members)
    if not rated:
        yield f"None of these {plural} has a rating, so there are no averages to compare."
        return
    unrated = len(members) - len(rated)
    if unrated:
        yield (
            f"{wording.counted(unrated, name, plural)} without a rating "
            f"{'is' if unrated == 1 else 'are'} not drawn."
        )
    others = list(rated.values())[DRAWN_MEMBERS:]
    if others:
        reviews = sum(tally.review_count for tally in others)
        rating_sum = sum(tally.rating_sum_milli for tally in others)
        average = rating_sum / sum(tally.rated_count for tally in others) / 1000
        yield (
            f"{wording.counted(len(others), f'other {name}', f'other {plural}')} with "
            f"{wording.counted(reviews, 'review')} together, {wording.stars(average)} stars on "
            f"average {'is' if len(others) == 1 else 'are'} not drawn; the workbook lists them all."
        )


def _changes(trends: list[dict[str, Any]]) -> Table:
    columns = (
        Column("member", "Product", "text"),
        Column("review_count", "Reviews", "count"),
        Column("first_average_rating", "First third", "stars"),
        Column("last_average_rating", "Last third", "stars"),
        Column("change", "Change", "number"),
        Column("change_low", "Change, 95% low", "number"),
        Column("change_high", "Change, 95% high", "number"),
    )
    striking = sorted(trends, key=lambda row: (-abs(row["change"]), row["product"]))[:DRAWN_CHANGES]
    rows = tuple(
        (
            wording.clean(row["product"]),
            row["review_count"],
            row["first_average_rating"],
            row["last_average_rating"],
            row["change"],
            row["change_low"],
            row["change_high"],
        )
        for row in sorted(striking, key=lambda row: (-row["change"], row["product"]))
    )
    return Table("product_changes", "Products whose rating changes", columns, rows)
