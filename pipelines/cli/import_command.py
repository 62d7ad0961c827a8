"""``reviewgraph import``: from a file of reviews to a delivered report."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

if TYPE_CHECKING:
    from pipelines.file_import import Balance, FileImport
    from resources.collection.importing import ColumnGuess, LandingReport
    from resources.settings import Settings

_SAMPLE_ROWS = 2
_SAMPLE_WIDTH = 34


def import_reviews(
    path: Annotated[Path, typer.Argument(help="A file or a folder of files.", metavar="FILE")],
    tenant: Annotated[
        str,
        typer.Option(help="Whose reviews these are, for example acme.", callback=checked_tenant),
    ],
    source: Annotated[
        str | None, typer.Option(help="Name of the source; the file's name when not given.")
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="Name a column yourself, FIELD=COLUMN; can be repeated."),
    ] = None,
    rating_scale: Annotated[
        float | None,
        typer.Option(min=1, help="Highest possible rating, when the values do not show it."),
    ] = None,
    day_first: Annotated[
        bool | None,
        typer.Option("--day-first/--month-first", help="How to read dates such as 03/04/2026."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where to write the rows that cannot be used.")
    ] = None,
    collect_only: Annotated[
        bool, typer.Option(help="Only land the rows; understand and report them later.")
    ] = False,
) -> None:
    """Import reviews from CSV, TSV, JSON, JSONL, XLSX or Parquet, and report them.

    The file may be inside gzip or zip, or be a folder of files. The columns are guessed and shown.
    Importing the same file twice changes nothing.
    """
    from resources.reviews import gate

    gate.start()  # before all other imports: it gets ready on another core meanwhile
    from pipelines.cli.summaries import show_tenant
    from pipelines.file_import import FileImport
    from pipelines.session import open_session
    from resources.collection.importing import Limits, plan_import
    from resources.settings import Settings
    from resources.vocabulary import utc_today

    settings = Settings()
    plan = plan_import(
        path,
        tenant_id=tenant,
        source=source,
        overrides=_parse_mapping(mapping or []),
        rating_scale=rating_scale,
        day_first=day_first,
        limits=Limits.of(settings),
    )
    _show_guess(plan.guess)
    with open_session(settings, meanwhile=_preparation(settings)) as session:
        work = FileImport(session, plan, utc_today())
        if work.create_tenant_if_new():
            console.say(f"Tenant {tenant} is new here and was created.")
        console.heading(f"Importing {path.name} for {tenant}")
        landing = _land(work)
        _say_landed(landing, is_through=work.is_through(landing))
        if collect_only:
            days = work.days(landing)
            console.say(
                f"  Landed only. Next, to understand and report it: reviewgraph backfill "
                f"--from {days.first} --to {days.last} --tenant {tenant}"
            )
            return
        run_id = work.process(landing, on_event=console.RunProgress())
        is_repeat = landing.skipped == landing.files and run_id is None
        _show_balance(work.balance(landing, is_repeat=is_repeat))
        _write_rejects(work, landing, rejects)
        show_tenant(session, tenant)


def _preparation(settings: Settings) -> Callable[[], object]:
    """What to do while the database starts: a new home's takes as long as importing the graph."""
    if (settings.home / "postgres").exists():
        return lambda: None  # it starts at once, and the file may hold nothing new
    return _load_the_graph


def _load_the_graph() -> None:
    from resources.metrics.compiling import prepare_marts

    prepare_marts()
    importlib.import_module("pipelines.definitions")


def _parse_mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        field, separator, column = pair.partition("=")
        if not (separator and field.strip() and column.strip()):
            raise typer.BadParameter(
                f"{pair!r} is not FIELD=COLUMN, for example --map text=Comment.",
                param_hint="--map",
            )
        mapping[field.strip()] = column.strip()
    return mapping


def _show_guess(guess: ColumnGuess) -> None:
    """Show which column was taken for what, beside the first values it holds."""
    from resources.collection.importing.columns import listed

    console.heading(f"{guess.name}: {guess.format}")
    sample = guess.rows[:_SAMPLE_ROWS]
    console.table(
        ("field", "column", *(f"record {number}" for number, _ in enumerate(sample, start=1))),
        [
            (field, column, *(_shortened(row[guess.columns.index(column)]) for row in sample))
            for field, column in guess.mapping.items()
        ],
    )
    for note in guess.notes:
        console.say(f"  {note}")
    unused = [column for column in guess.columns if column and column not in guess.mapping.values()]
    if unused:
        console.say(f"  kept as payload only: {listed(unused)}")
    console.say("  If a column was guessed wrongly, name it: --map FIELD=COLUMN")


def _shortened(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _SAMPLE_WIDTH else f"{text[: _SAMPLE_WIDTH - 1]}…"


def _land(work: FileImport) -> LandingReport:
    """Land the file behind a progress bar."""
    with console.progress_bar() as bar:
        task = bar.add_task("reading", total=None, rows=0)
        return work.land(
            lambda done, total, rows: bar.update(task, completed=done, total=total, rows=rows)
        )


def _say_landed(landing: LandingReport, *, is_through: bool) -> None:
    for note in landing.notes:
        console.say(f"  {note}")
    if landing.skipped == landing.files:
        said = "nothing new in it" if is_through else "not yet carried to its report"
        console.say(f"  {'landed before; ' + said:<44}{landing.seconds:6.2f} s")
        return
    rate = landing.records / max(landing.seconds, 1e-9)
    landed = f"landed {landing.records:,} records ({rate:,.0f}/s)"
    console.say(f"  {landed:<44}{landing.seconds:6.1f} s")


def _show_balance(balance: Balance) -> None:
    console.heading("What became of the records")
    console.say(
        f"  collected {balance.collected:,} = kept {balance.kept:,} + "
        f"unchanged {balance.unchanged:,} + rejected {balance.rejected:,}"
    )


def _write_rejects(work: FileImport, landing: LandingReport, path: Path | None) -> None:
    from resources.collection.importing.plan import as_source_name
    from resources.values.spreadsheets import DECLARATION

    folder = work.session.settings.home / "rejects"
    target = path or folder / f"{work.tenant_id}-{as_source_name(work.plan.source)}.csv"
    written = work.write_rejects(landing, target)
    if written:
        console.say(f"  {written:,} rejected, with their reasons: {target}")
        console.say(f"  {DECLARATION}")
