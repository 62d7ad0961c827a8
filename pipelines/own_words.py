"""What a tenant's reviews teach beside their stars: its words, its aspects, its topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from resources.enrichment.tenant_context import taxonomy_of
from resources.nlp.context import BACKGROUND_FILE, TOPICS_FILE, Models
from resources.training.aspect_mining import mine_lexicon
from resources.training.background import tenant_background
from resources.training.own_models import ModelFile
from resources.training.topics import learn_topics

if TYPE_CHECKING:
    from pipelines.session import Session

TRAINER = "train"
"""The author of what no person wrote."""

# Fewer reviews say nothing of which words are usual.
_MIN_REVIEWS = 200


@dataclass(frozen=True)
class OwnWords:
    """What was learnt.

    Attributes:
        files: File name -> what belongs among the tenant's models.
        sentences: What was learnt and what was not, for people.
    """

    files: dict[str, ModelFile]
    sentences: tuple[str, ...]


def learn_words(session: Session, tenant_id: str, texts: pl.DataFrame, seed: int) -> OwnWords:
    """Learn which words are usual and which topics people see; mine the terms that are judged.

    Args:
        session: The installation.
        tenant_id: Whose reviews they are.
        texts: Its current reviews: review_key, text, language.
        seed: Of what is left to chance.
    """
    files: dict[str, ModelFile] = {}
    sentences = [_learn_topics(session, tenant_id, texts, seed, files)]
    if texts.height < _MIN_REVIEWS:
        sentences.append(
            f"Word statistics and aspects stay the general ones: {texts.height:,} reviews are too "
            f"few, {_MIN_REVIEWS} are needed."
        )
        return OwnWords(files, tuple(sentences))
    spoken = (texts["text"].to_list(), texts["language"].to_list())
    files[BACKGROUND_FILE] = tenant_background(*spoken, Models().background)
    sentences.append(f"Keywords are rated against the words of {texts.height:,} own reviews.")
    sentences.append(_mine_aspects(session, tenant_id, *spoken))
    return OwnWords(files, tuple(sentences))


def _learn_topics(
    session: Session, tenant_id: str, texts: pl.DataFrame, seed: int, files: dict[str, ModelFile]
) -> str:
    with session.database.jobs() as work:
        said = work.corrections.of_tenant(tenant_id, field="topics")
        taxonomy = taxonomy_of(work, tenant_id)
    labels = {one.review_key: set(map(str, one.value)) for one in said}
    checked = texts.filter(pl.col("review_key").is_in(sorted(labels)))
    learned = learn_topics(
        taxonomy,
        checked["text"].to_list(),
        [labels[key] for key in checked["review_key"]],
        checked["language"].to_list(),
        Models().embedder,
        seed=seed,
    )
    if not learned.names:
        return (
            f"Topics stay as the taxonomy finds them: {checked.height:,} reviews with checked "
            "topics did not make any of them better."
        )
    files[TOPICS_FILE] = learned
    return f"Learnt from {checked.height:,} checked reviews: {', '.join(learned.names)}."


def _mine_aspects(session: Session, tenant_id: str, texts: list[str], languages: list[str]) -> str:
    """Mine a lexicon, unless people have written one: what they wrote is theirs."""
    with session.database.jobs() as work:
        current = work.lexicons.current(tenant_id)
        if current is not None and current.author != TRAINER:
            return "The aspect lexicon stays as people wrote it."
        mined = mine_lexicon(texts, languages)
        if current is None or current.version != mined.version:
            work.lexicons.save(tenant_id, mined.to_dict(), version=mined.version, author=TRAINER)
    found = sum(1 for term in mined.terms if term.count)
    return f"The aspect lexicon has {len(mined.terms):,} terms; {found:,} are in own reviews."
