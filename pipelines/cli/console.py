"""How the commands speak: one house style for headings, tables, steps and errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from pipelines.launch import StepEvent

# Characters that steer a terminal, break its lines or turn the direction of writing around, and
# those that it cannot encode.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

# Of tables in a file or a pipe, which have no width of their own.
_WIDTH = 120

# What the steps of a run are called when people read them, in the words of the README.
STEP_NAMES = {
    "raw_reviews": "collected",
    "normalised_reviews": "normalised",
    "reviews_reviews_meet_expectations": "checked: reviews",
    "reviews_nothing_is_lost": "checked: nothing is lost",
    "review_enrichments": "enriched",
    "review_enrichments_enrichments_meet_expectations": "checked: enrichments",
    "facts_of_the_reviews": "counted",
    "marts": "metrics built and tested",
    "tenant_snapshot": "published",
    "report_document": "reported",
}


@cache
def out() -> Console:
    """Return the console for results; plain text where the output is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=None if _is_terminal() else _WIDTH)


@cache
def err() -> Console:
    """Return the console for progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def failure(message: str) -> None:
    """Print an error."""
    from rich.text import Text

    err().print(Text("Error: ", style="bold red") + Text(harmless(message)))


def heading(text: str) -> None:
    """Print the title of what follows."""
    from rich.text import Text

    out().print(Text(f"\n{harmless(text)}", style="bold"))


def say(text: str) -> None:
    """Print a line as it is, square brackets included."""
    from rich.text import Text

    out().print(Text(harmless(text)))


def harmless(text: str) -> str:
    """Return a text without the control characters by which a file could steer the terminal."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; numbers stand on the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    out().print(drawn)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step's name, and its time when it is done."""
    started = datetime.now(UTC)
    yield
    seconds = (datetime.now(UTC) - started).total_seconds()
    say(f"  {name:<44}{seconds:6.1f} s")


class RunProgress:
    """Prints the steps of a run as they end."""

    def __call__(self, event: StepEvent) -> None:
        """Take one event of the run."""
        name = STEP_NAMES.get(event.step, event.step.replace("_", " "))
        if event.failed_check:
            say(f"  {name:<44}did not pass: {event.failed_check}")
        elif event.state == "done":
            say(f"  {name:<44}{event.seconds:6.1f} s")
        elif event.state == "skipped":
            say(f"  {name:<44}nothing new")
        elif event.state == "failed":
            say(f"  {name:<44}failed")


def progress_bar() -> Progress:
    """Return a progress bar for work that can take more than two seconds."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]:,} reviews"),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else harmless(str(value))
