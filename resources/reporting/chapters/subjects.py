"""What is reviewed: products and locations, side by side and over time."""

from __future__ import annotations

from collections.abc import Mapping
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
        table = _comparison(name, plural, members)
        tables.append(table)
        if any(tally.rated_count for tally in members.values()):
            description = f"Average rating per {name}, with its 95% interval."
            drawn = _most_reviewed(name, table)
            charts.append(Chart(ChartKind.RATING_COMPARISON, drawn, description))
        notes.extend(_left_out(plural, members))
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
        for name, tally in list(material.products.items())[:DRAWN_MEMBERS]
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


def _most_reviewed(name: str, table: Table) -> Table:
    """The rows that are drawn: rated ones among the most reviewed."""
    rating = [column.key for column in table.columns].index("average_rating")
    rows = tuple(row for row in table.rows[:DRAWN_MEMBERS] if row[rating] is not None)
    is_part = len(table.rows) > DRAWN_MEMBERS
    title = f"Average rating by {name}" + (f", the {len(rows)} most reviewed" if is_part else "")
    return Table(f"{table.key}_rating", title, table.columns, rows)


def _left_out(plural: str, members: Mapping[str, Tally]) -> tuple[str, ...]:
    others = list(members.values())[DRAWN_MEMBERS:]
    if not others:
        return ()
    reviews = sum(tally.review_count for tally in others)
    rated = sum(tally.rated_count for tally in others)
    rating_sum = sum(tally.rating_sum_milli for tally in others)
    average = f", {wording.stars(rating_sum / rated / 1000)} stars on average" if rated else ""
    left_out = f"{wording.count(len(others))} other {plural}"
    together = f"{wording.counted(reviews, 'review')} together{average}"
    return (f"{left_out} with {together} are not drawn; the workbook lists them all.",)


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
