"""``reviewgraph evaluate``: how right the engine is on a labelled file, beside other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console

if TYPE_CHECKING:
    from pipelines.evaluation import Request
    from resources.evaluation.report import Figures, Report

_OURS = "reviewgraph"
_MAX_CLASSES = 20  # of a confusion matrix that still fits a terminal


def evaluate(
    path: Annotated[Path, typer.Argument(help="A file with labels.", metavar="FILE")],
    task: Annotated[str, typer.Option(help="sentiment, language, aspects, topics or entities.")],
    text: Annotated[
        list[str] | None,
        typer.Option(help="Column of the text; given again, more columns are joined to it."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Column of the label, or of the list of labels.")
    ] = None,
    label_map: Annotated[
        str | None,
        typer.Option(help='What the labels mean, as JSON or a file: {"1": "negative", "3": null}.'),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of all rows, ISO 639-1; found by the engine if not given.")
    ] = None,
    tier: Annotated[str, typer.Option(help="fast, cascade or deep.")] = "fast",
    against: Annotated[
        str | None, typer.Option(help="Other tools on the same rows: vader,textblob,py3langid.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many rows, spread over the file.")
    ] = None,
    mistakes: Annotated[int, typer.Option(min=0, help="How many of the worst to show.")] = 10,
    models: Annotated[
        Path | None, typer.Option(help="Folder of models; the shipped ones when not given.")
    ] = None,
    taxonomy: Annotated[
        Path | None, typer.Option(help="Topics as JSON; the default ones when not given.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="JSON list of {name, kind, aliases} for --task entities.")
    ] = None,
    mine: Annotated[
        bool, typer.Option(help="With aspects: mine terms from the file's texts first.")
    ] = False,
    mine_from: Annotated[
        Path | None, typer.Option(help="With aspects: mine terms from the texts of this file.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; shares are from 0 to 1.")
    ] = False,
) -> None:
    """Compare what the engine says with the labels of a file.

    The file may be CSV, TSV, JSON, JSON lines, XLSX or Parquet, also in gzip or zip; for aspects
    SemEval XML, or ACOS or ASQP lines. Speed is that of one warm process, by the clock.
    """
    from pipelines.evaluation import Request

    if task != "aspects" and not (text and label):
        raise typer.BadParameter("Name the columns of the file: --text COLUMN --label COLUMN.")
    request = Request(
        path=path,
        task=task,
        text=text or (),
        label=label or "",
        label_map=label_map,
        language=language,
        tier=tier,
        against=[name.strip().lower() for name in (against or "").split(",") if name.strip()],
        limit=limit,
        mistakes=mistakes,
        models=models,
        taxonomy=taxonomy,
        names=names,
        mine=mine,
        mine_from=mine_from,
    )
    report = _evaluated(request)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), allow_nan=False))
    else:
        _show(report, path.name)


def _evaluated(request: Request) -> Report:
    """Evaluate behind a progress bar on standard error."""
    from pipelines.evaluation import evaluate_file

    with console.progress_bar() as bar:
        work = bar.add_task("judging", total=None, rows=0)
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            bar.update(work, rows=done)

        return evaluate_file(request, advance)


def _show(report: Report, name: str) -> None:
    language = report.language or "found by the engine"
    console.heading(f"{report.task} in {name}")
    console.say(
        f"  {report.rows:,} rows judged, {report.left_out:,} left out; tier {report.tier}; "
        f"language {language}"
    )
    judged_by = report.figures.extra.get("judged_by", {})
    if len(judged_by) > 1:
        shares = ", ".join(f"{tier} {rows:,}" for tier, rows in sorted(judged_by.items()))
        console.say(f"  rows by the tier that judged them: {shares}")
    for note in report.notes:
        console.say(f"  {note}")
    systems = {_OURS: report.figures, **report.against}
    _show_systems(systems)
    _show_classes(report.figures)
    if report.figures.confusion is not None:
        _show_confusion(report.figures)
    if report.mistakes:
        console.heading("The worst mistakes")
        console.table(
            ("row", "label", "answer", "sure %", "text"),
            [
                (one.row, one.label, one.answer, _percent(one.confidence), one.text)
                for one in report.mistakes
            ],
        )
    console.say(f"\nModels: {', '.join(f'{key} {value}' for key, value in report.models.items())}")


def _show_systems(systems: dict[str, Figures]) -> None:
    """Show figures as rows, so that any number of them fits beside any number of systems."""
    ours = systems[_OURS].extra
    extras = [name for name, value in ours.items() if isinstance(value, int | float)]
    rows: list[tuple[str, list[object]]] = [
        ("accuracy %", [_percent(one.accuracy) for one in systems.values()]),
        ("macro-F1 %", [_percent(one.macro_f1) for one in systems.values()]),
        ("calibration error %", [_percent(one.ece) for one in systems.values()]),
        ("reviews per second", [round(one.reviews_per_second) for one in systems.values()]),
    ]
    for name in extras:
        unit = " %" if isinstance(ours[name], float) else ""
        title = f"{name.replace('_', ' ')}{unit}"
        rows.append((title, [_shown(one.extra.get(name)) for one in systems.values()]))
    console.table(("", *systems), [(title, *values) for title, values in rows])


def _show_classes(figures: Figures) -> None:
    console.heading("By class")
    console.table(
        ("class", "precision %", "recall %", "F1 %", "rows"),
        [
            (name, _percent(one.precision), _percent(one.recall), _percent(one.f1), one.support)
            for name, one in figures.per_class.items()
        ],
    )


def _show_confusion(figures: Figures) -> None:
    matrix = figures.confusion or {}
    answers = sorted({answer for row in matrix.values() for answer in row})
    if max(len(answers), len(matrix)) > _MAX_CLASSES:
        return
    console.heading("Labels (down) and answers (across)")
    console.table(
        ("", *answers),
        [(label, *(row.get(answer, 0) for answer in answers)) for label, row in matrix.items()],
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _shown(value: object) -> object:
    return _percent(value) if isinstance(value, float) else value
