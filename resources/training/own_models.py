"""A folder of models made from somebody's own reviews, with a model card of its own.

The folder holds every file that the engine asks for: what was learnt anew, and beside it the parts
that stayed as they are shipped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from resources.nlp.context import ENGLISH_FILE, MULTILINGUAL_FILE, Models
from resources.nlp.linear import LinearModel
from resources.training.adaptation import Adaptation, adapt
from resources.training.model_card import CARD_FILE, FIGURES_FILE

_ENGLISH = "en"
_VERSION_DIGITS = 12


class ModelFile(Protocol):
    """Something learnt that is one file among the models; equal content gives equal bytes."""

    def save(self, path: Path) -> None:
        """Write the file."""
        ...


@dataclass(frozen=True)
class CardText:
    """What a model card says that no figure says.

    Attributes:
        title: Whose models they are.
        data: What they learnt from.
        licence: Under which that may be used.
        words: What was learnt beside the sentiment, a sentence each.
    """

    title: str
    data: str
    licence: str
    words: tuple[str, ...] = ()


def adapt_models(
    models: Models,
    own: pl.DataFrame,
    *,
    seed: int = 7,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Adaptation]:
    """Adapt the English and the multilingual model, each to the reviews it would read.

    Args:
        models: The general ones.
        own: Columns of ``adaptation.OWN_REVIEWS_SCHEMA``; ``language`` decides who reads a review.
        seed: Of what is left to chance.
        progress: Told the file name of each model before it is adapted.

    Returns:
        File name -> what came of it, for each model that has reviews.
    """
    is_english = pl.col("language") == _ENGLISH
    parts = {
        ENGLISH_FILE: (models.english, own.filter(is_english)),
        MULTILINGUAL_FILE: (models.multilingual, own.filter(~is_english)),
    }
    adapted = {}
    for name, (general, rows) in parts.items():
        if rows.height:
            if progress is not None:
                progress(name)
            adapted[name] = adapt(general, rows, seed=seed)
    return adapted


def accepted_models(adapted: Mapping[str, Adaptation]) -> dict[str, LinearModel]:
    """File name -> model of those that were accepted."""
    return {name: one.model for name, one in adapted.items() if one.accepted}


def version_of(changed: Mapping[str, ModelFile]) -> str:
    """One name for a set of changed files, the same for the same content."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        for name, model in sorted(changed.items()):
            model.save(Path(folder) / name)
            digest.update(name.encode() + (Path(folder) / name).read_bytes())
    return digest.hexdigest()[:_VERSION_DIGITS]


def save_models(
    folder: Path,
    base: Models,
    changed: Mapping[str, ModelFile],
    card: CardText,
    figures: Mapping[str, Any],
) -> None:
    """Write a whole folder of models, or none at all.

    Args:
        folder: Where; what it held before is replaced.
        base: Where the unchanged parts come from.
        changed: File name -> model.
        card: What the model card says.
        figures: File name -> figures of it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _copy_all(base.folder, draft, set(changed))
        for name, model in changed.items():
            model.save(draft / name)
        text = json.dumps(figures, indent=1, sort_keys=True, allow_nan=False) + "\n"
        (draft / FIGURES_FILE).write_text(text, encoding="utf-8")
        (draft / CARD_FILE).write_text(_card(card, figures), encoding="utf-8")
        former = draft.with_name(f"{draft.name}-former")
        if folder.exists():
            folder.rename(former)
        draft.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copy_all(source: Path, target: Path, left_out: set[str]) -> None:
    """Copy the files of a folder; the transformer is found where it is shipped."""
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix == ".npz" and path.name not in left_out:
            shutil.copyfile(path, target / path.name)


def _card(card: CardText, figures: Mapping[str, Any]) -> str:
    sections = "\n".join(_section(name, figures[name]) for name in sorted(figures))
    words = "".join(f"\n- {sentence}" for sentence in card.words)
    return f"""# Model card: {card.title}

Written by `reviewgraph train`; do not edit by hand.

## Data and licence

{card.data}

{card.licence}

Files that are not named below are those that ReviewGraph ships; their own model card tells of them.

{words}

## Figures
{sections}
## Limits

- Stars stand for the truth here: some customers who are pleased give three, and some texts say
  another thing than their stars. Nobody's figures can be much above 90 % on such labels.
- The models know this one business. On another one's reviews they may be worse than the general
  ones.
- Reviews that were held back decided between the adapted and the general model; the figures above
  are therefore flattering by as much as that one choice can be.
- Neutral and mixed stay the weak classes, and irony is not understood.
"""


def _section(name: str, figures: Mapping[str, Any]) -> str:
    lines = [f"\n### `{name}`\n", str(figures["reason"]), ""]
    lines.append(
        f"Learnt from {figures['learnt']:,} reviews, {figures['corrections']:,} of them labelled "
        f"by people; judged on {figures['held_back']:,} negative or positive reviews that were "
        "held back and never learnt from."
    )
    before, after = figures["before"], figures["after"]
    if before and after:
        lines += ["", "| on the held-back reviews | general | adapted |", "|---|---|---|"]
        lines += [
            f"| {title} | {before[key]} | {after[key]} |"
            for key, title in (
                ("macro_f1", "macro-F1 %"),
                ("accuracy", "accuracy %"),
                ("calibration_error", "calibration error %"),
                ("log_loss", "log loss"),
            )
        ]
    return "\n".join(lines) + "\n"
