"""How the numbers came about, so that a reader can judge and check them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from resources.reporting import wording
from resources.reporting.material import Material
from resources.reporting.model import Column, Section, Table
from resources.storage.snapshot_reading import Snapshot

LONGEST_VALUE, MAX_INPUTS = 80, 24

_METHOD = tuple(
    """\
Each review counts once, in its newest version; reviews that their source withdrew count nowhere. \
Ratings are brought to a scale of one to five stars.
n is the number of reviews behind a figure. Ratings count every rated review; sentiment and topics \
count the reviews that have text. Sentiment and topics are read by the models named below, which \
err now and then; of many reviews that matters less than of few.
A 95% interval says how far chance alone could have moved a figure: had another set of like \
customers written, the figure would lie within such an interval 19 times out of 20. Averages carry \
Student's t interval, shares Wilson's, changes of averages Welch's, changes of shares \
Newcombe's. No interval tells what customers think who never write.
Every figure is computed from the reviews of the snapshot named below. The same snapshot gives the \
same figures again.""".splitlines()
)


def write(
    material: Material,
    snapshot: Snapshot,
    generated_at: datetime,
    left_out: Sequence[tuple[str, str]] = (),
) -> Section:
    """The last chapter: counts, method, versions."""
    total, coverage = material.total, material.coverage
    facts = [
        ("Reviews counted", wording.count(coverage.review_count)),
        ("of these with a rating", wording.count(total.rated_count)),
        ("of these with text", wording.count(total.annotated_count)),
        ("of these without a date", wording.count(coverage.undated_count)),
        ("Days covered", wording.period(coverage.period) if coverage.period else "unknown"),
        ("Period asked for", _asked_for(material)),
        *((name, wording.shortened(value, LONGEST_VALUE)) for name, value in left_out),
        ("Sources", _listed(material.sources)),
        ("Snapshot version", snapshot.version),
        ("Report made", f"{wording.day(generated_at.date())}, {generated_at:%H:%M %Z}".strip(" ,")),
        *_inputs(snapshot.manifest.get("inputs") or {}),
    ]
    columns = (Column("fact", "Fact", "text"), Column("value", "Value", "text"))
    return Section(
        "about",
        "About these numbers",
        _METHOD,
        tables=(Table("about", "Facts about this report", columns, tuple(facts)),),
    )


def _asked_for(material: Material) -> str:
    period = material.evidence.period
    return "all reviews" if period is None else wording.period(period)


def _listed(members: Mapping[str, object]) -> str:
    return wording.shortened(", ".join(wording.label(name) for name in members), LONGEST_VALUE)


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the snapshot was made from: table and model versions, one row each."""
    rows = [
        (wording.label(": ".join(path)), wording.shortened(str(value), LONGEST_VALUE))
        for path, value in _leaves(inputs)
    ]
    yield from rows[:MAX_INPUTS]
    if len(rows) > MAX_INPUTS:
        yield "More inputs", f"{len(rows) - MAX_INPUTS} in the manifest of the snapshot"


def _leaves(
    node: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key in sorted(node):
        value = node[key]
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value
