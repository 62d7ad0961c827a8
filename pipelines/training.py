"""Training from one's own reviews: a tenant's stars and corrections, or a labelled file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from pipelines.labelled_files import read_labelled_file
from pipelines.own_words import learn_words
from resources.errors import ReviewGraphError, WrongUsageError
from resources.evaluation.labels import (
    NO_MAP,
    LabelMap,
    language_code,
    read_sentiments,
)
from resources.metrics.facts import current_reviews
from resources.nlp.context import Models
from resources.nlp.language import detect_languages
from resources.nlp.texts import ReviewTexts, text_hash
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS
from resources.training.adaptation import OWN_REVIEWS_SCHEMA, Adaptation, label_of_stars
from resources.training.own_models import (
    CardText,
    ModelFile,
    accepted_models,
    adapt_models,
    save_models,
    version_of,
)
from resources.vocabulary import SENTIMENTS, UNDETERMINED

if TYPE_CHECKING:
    from pipelines.session import Session

Progress = Callable[[str], None]

_HAS_WORDS = pl.col("text").str.contains(r"\w")


class TrainingError(ReviewGraphError):
    """Nothing can be learnt from what was given."""


class UnknownLanguageError(TrainingError, WrongUsageError):
    """A language was named that does not exist."""


@dataclass(frozen=True)
class Trained:
    """What a training made.

    Attributes:
        adaptations: File name -> what came of each model.
        folder: Where the models lie; None where no model was accepted.
        version: What they are called together; None without any.
        words: What was learnt beside the sentiment, a sentence each.
    """

    adaptations: Mapping[str, Adaptation]
    folder: Path | None
    version: str | None
    words: tuple[str, ...] = ()


def train_tenant(
    session: Session, tenant_id: str, *, seed: int = 7, progress: Progress | None = None
) -> Trained:
    """Adapt the shipped models to a tenant; from then on its reviews are read with what is better.

    Its stars and corrections teach sentiment, its texts which words are usual and which terms are
    judged, the topics that people corrected what belongs to a topic.

    Args:
        session: The installation.
        tenant_id: Whose reviews to learn from.
        seed: Of what is left to chance.
        progress: Told the file name of each model before it is adapted.

    Raises:
        TrainingError: The tenant has no review with a text.
        UnknownTenantError: There is no such tenant.
    """
    with session.database.jobs() as work:
        tenant = work.tenants.require(tenant_id)
        said = work.corrections.of_tenant(tenant_id, field="sentiment")
    corrections = {one.review_key: str(one.value) for one in said}
    texts = current_texts(session, tenant_id)
    if texts.is_empty():
        raise TrainingError(
            f"There is nothing to learn from: tenant {tenant_id!r} has no review with a text. "
            "Import reviews first."
        )
    own = tenant_reviews(texts, corrections)
    words = learn_words(session, tenant_id, texts, seed)
    card = CardText(
        f"reviews of {tenant.name}",
        f"The tenant's own {own.height:,} current reviews with stars (1 and 2 negative, 3 neutral, "
        f"4 and 5 positive); {len(corrections):,} labels that people corrected count instead of "
        "the stars, and for more.",
        "The reviews belong to the tenant; these models are for this tenant alone.",
        words.sentences,
    )
    root = session.settings.home / "models" / tenant_id
    trained = _train(
        own,
        card,
        lambda version: root / version,
        seed=seed,
        progress=progress,
        words=words.files,
    )
    if trained.folder is not None:
        with session.database.jobs() as work:
            work.nlp_settings.use_models(tenant_id, str(trained.folder), version=trained.version)
    return trained


def current_texts(session: Session, tenant_id: str) -> pl.DataFrame:
    """A tenant's current reviews that have a word: review_key, text, language, rating, author."""
    import narwhals as nw

    lake = session.lake
    reviews = lake.read(REVIEWS, tenants=[tenant_id]).frame
    enrichments = lake.read(REVIEW_ENRICHMENTS, tenants=[tenant_id]).frame
    current: pl.DataFrame = (
        current_reviews(nw.from_native(reviews), nw.from_native(enrichments))
        .to_native()
        .select("review_key", "title", "text", "rating", "language", "author")
        .sort("review_key")
        .collect()
    )
    batch = pa.RecordBatch.from_pylist(
        current.select("title", "text").to_dicts(),
        pa.schema([("title", pa.string()), ("text", pa.string())]),
    )
    return (
        current.select("review_key", "language", "rating", "author")
        .with_columns(
            text=ReviewTexts.of(batch).joined, language=pl.col("language").fill_null(UNDETERMINED)
        )
        .filter(_HAS_WORDS)
    )


def tenant_reviews(texts: pl.DataFrame, corrections: Mapping[str, str]) -> pl.DataFrame:
    """The reviews that have a label, in ``OWN_REVIEWS_SCHEMA``.

    Args:
        texts: What ``current_texts`` returned.
        corrections: Key of a review -> the sentiment that a person gave it.
    """
    labels = [
        corrections.get(key) or (None if stars is None else label_of_stars(stars))
        for key, stars in zip(texts["review_key"], texts["rating"], strict=True)
    ]
    return _own_reviews(
        texts["review_key"].to_list(),
        texts["text"].to_list(),
        texts["language"].to_list(),
        labels,
        [key in corrections for key in texts["review_key"]],
    )


def train_file(
    path: Path,
    *,
    text: Sequence[str],
    label: str,
    label_map: str | None,
    out: Path,
    language: str | None = None,
    seed: int = 7,
    progress: Progress | None = None,
) -> Trained:
    """Adapt the shipped models to a labelled file and write them to a folder.

    Args:
        path: The file.
        text: Columns of the text, joined with line breaks.
        label: Column of the label.
        label_map: What the labels mean, as JSON or a file of it; None where they need no map.
        out: Folder for the models.
        language: ISO 639-1 code of all rows; found by the engine when None.
        seed: Of what is left to chance.
        progress: Told the file name of each model before it is adapted.

    Raises:
        ReviewGraphError: The file or its labels cannot be used.
    """
    meaning = NO_MAP if label_map is None else LabelMap.parse(label_map)
    file = read_labelled_file(path, [*text, label])
    labelled = read_sentiments(file.columns[label], meaning)
    joined = file.joined(text)
    texts = [joined[row] or "" for row in labelled.rows]
    own = _own_reviews(
        [text_hash("", one) for one in texts],
        texts,
        _languages(texts, language),
        [name for (name,) in labelled.labels],
        [False] * len(texts),
    ).unique("review_key", keep="first", maintain_order=True)
    if own.is_empty():
        raise TrainingError(f"{path.name} has no row with both a text and a label to learn from.")
    counts = Counter(own["label"])
    found = ", ".join(f"{counts[name]:,} {name}" for name in SENTIMENTS)
    card = CardText(
        f"sentiment, adapted to {path.name}",
        f"{own.height:,} different labelled texts of {path.name}: {found}.",
        "The file's owner decides what these models may be used for.",
    )
    return _train(own, card, lambda _: out, seed=seed, progress=progress)


def _train(
    own: pl.DataFrame,
    card: CardText,
    folder_of: Callable[[str], Path],
    *,
    seed: int,
    progress: Progress | None,
    words: Mapping[str, ModelFile] = MappingProxyType({}),
) -> Trained:
    base = Models()
    adaptations = adapt_models(base, own, seed=seed, progress=progress)
    changed = {**accepted_models(adaptations), **words}
    if not changed:
        return Trained(adaptations, None, None, card.words)
    version = version_of(changed)
    folder = folder_of(version)
    figures: dict[str, Any] = {name: one.to_dict() for name, one in adaptations.items()}
    save_models(folder, base, changed, card, figures)
    return Trained(adaptations, folder, version, card.words)


def _languages(texts: Sequence[str], given: str | None) -> list[str]:
    if given is None:
        return detect_languages(texts, Models().language).codes
    code = language_code(given)
    if code is None:
        raise UnknownLanguageError(f"{given!r} is no language. Give an ISO 639-1 code such as de.")
    return [code] * len(texts)


def _own_reviews(
    keys: Sequence[str],
    texts: Sequence[str],
    languages: Sequence[str],
    labels: Sequence[str | None],
    is_corrected: Sequence[bool],
) -> pl.DataFrame:
    frame = pl.DataFrame([keys, texts, languages, labels, is_corrected], schema=OWN_REVIEWS_SCHEMA)
    return frame.filter(_HAS_WORDS, pl.col("label").is_not_null())
