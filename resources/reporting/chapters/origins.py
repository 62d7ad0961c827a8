"""Where the reviews come from: sources and languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from resources.reporting import wording
from resources.reporting.material import MEMBER_COLUMNS, Material, member_cells
from resources.reporting.model import Chart, ChartKind, Column, Section, Table
from resources.reporting.statistics import Tally

DRAWN_MEMBERS = 10
_COLUMNS_ON_PAGE = ("member", "review_count", "average_rating", "positive_share", "negative_share")


def write(material: Material) -> Section:
    """The chapter on sources and languages."""
    languages = material.languages if material.total.annotated_count else {}
    charts, tables, sentences = [], [], []
    for name, members, named in (
        ("source", material.sources, _source),
        ("language", languages, wording.language),
    ):
        if len(members) == 1:
            sentences.append(f"All reviews share one {name}: {named(next(iter(members)))}.")
        elif members:
            table = _table(name, members, named)
            description = f"Number of reviews per {name}."
            chart = Chart(ChartKind.COUNTS, _largest(table, name), description, is_half_width=True)
            charts.append(chart)
            tables.append(table)
    title = "Where the reviews come from"
    return Section("origins", title, tuple(sentences), tuple(charts), tuple(tables))


def _source(name: str) -> str:
    return wording.label(name) or "Not named"


def _table(name: str, members: Mapping[str, Tally], named: Callable[[str], str]) -> Table:
    rows = tuple((named(member), *member_cells(tally)) for member, tally in members.items())
    return Table(
        f"{name}s",
        f"{name.capitalize()}s",
        (Column("member", name.capitalize(), "text"), *MEMBER_COLUMNS),
        rows,
        rows_on_page=DRAWN_MEMBERS,
        columns_on_page=_COLUMNS_ON_PAGE,
    )


def _largest(table: Table, name: str) -> Table:
    """The members that are drawn, and one row for all the others."""
    columns = (
        Column("member", name.capitalize(), "text"),
        Column("review_count", "Reviews", "count"),
    )
    rows = [(row[0], row[1]) for row in table.rows[:DRAWN_MEMBERS]]
    others = table.rows[DRAWN_MEMBERS:]
    if others:
        counts = [row[1] for row in others]
        rows.append((f"{len(others)} others", sum(n for n in counts if isinstance(n, int))))
    return Table(f"{table.key}_count", f"Reviews by {name}", columns, tuple(rows))
