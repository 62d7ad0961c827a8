"""``reviewgraph train``: models from the data folders, from a labelled file, or for a tenant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Seed, checked_tenant

if TYPE_CHECKING:
    from pipelines.training import Trained


def train(
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Learn from this tenant's own stars and corrections.", callback=checked_tenant
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Learn from this labelled file; needs --out.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Make the shipped models anew from this folder of sets.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="Column of the file's text; can be repeated.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of the file's label.")] = None,
    label_map: Annotated[
        str | None,
        typer.Option(help='What the labels mean, as JSON or a file: {"1": "negative", "3": null}.'),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of all rows of the file; found by the engine if not given.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the models.")] = None,
    only: Annotated[
        str | None, typer.Option(help="With --data: make only this part, for example english.")
    ] = None,
    seed: Seed = 7,
) -> None:
    """Make models: for a tenant, from a labelled file, or the shipped ones from public data.

    For a tenant and from a file the shipped sentiment models are adapted. Part of the reviews is
    held back; only a model that is better on those is kept, and a model card tells the figures.
    """
    if sum(source is not None for source in (tenant, file, data)) != 1:
        raise typer.BadParameter("Say what to learn from: one of --tenant, --file and --data.")
    if tenant is not None:
        _train_tenant(tenant, seed)
    elif file is not None:
        if not (text and label and out):
            raise typer.BadParameter("With --file give --text, --label and --out as well.")
        _train_file(file, text, label, label_map, language, out, seed)
    elif data is not None:
        _train_shipped(data, out, only)


def _train_tenant(tenant: str, seed: int) -> None:
    from pipelines.session import open_session
    from pipelines.training import train_tenant

    with open_session() as session:
        console.heading(f"Adapting the models to {tenant}")
        trained = train_tenant(session, tenant, seed=seed, progress=_say_begun)
    _show(trained)
    if trained.folder is not None:
        console.say(
            f"  From now on the reviews of {tenant} are read with them. Those that are there "
            f"already, with: reviewgraph backfill --tenant {tenant} --force --from DAY --to DAY"
        )


def _train_file(
    file: Path,
    text: list[str],
    label: str,
    label_map: str | None,
    language: str | None,
    out: Path,
    seed: int,
) -> None:
    from pipelines.training import train_file

    console.heading(f"Adapting the sentiment models to {file.name}")
    trained = train_file(
        file,
        text=text,
        label=label,
        label_map=label_map,
        out=out,
        language=language,
        seed=seed,
        progress=_say_begun,
    )
    _show(trained)


def _train_shipped(data: Path, out: Path | None, only: str | None) -> None:
    """Hand over to the training of the shipped models, in a process of its own."""
    import subprocess
    import sys

    options = ["--out", str(out)] if out else []
    options += ["--only", only] if only else []
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "resources.training", str(data), *options]
    finished = subprocess.run(command, check=False)  # noqa: S603 - our own module
    if finished.returncode:
        raise typer.Exit(1)


def _say_begun(name: str) -> None:
    console.err().print(f"  {name} ...")


def _show(trained: Trained) -> None:
    console.table(
        (
            "model",
            "learnt",
            "corrected",
            "held back",
            "macro-F1 before",
            "after",
            "log loss",
            "then",
        ),
        [
            (
                name,
                one.learnt,
                one.corrections,
                one.held_back,
                one.before and one.before.macro_f1,
                one.after and one.after.macro_f1,
                one.before and one.before.log_loss,
                one.after and one.after.log_loss,
            )
            for name, one in trained.adaptations.items()
        ],
    )
    for name, one in trained.adaptations.items():
        console.say(f"  {name}: {one.reason}")
    for sentence in trained.words:
        console.say(f"  {sentence}")
    if trained.folder is None:
        console.say("  Nothing was written; the models that are in use stay in use.")
    else:
        console.say(f"  Version {trained.version}, with its model card: {trained.folder}")
