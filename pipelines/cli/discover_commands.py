"""``reviewgraph discover``: what no list holds yet, in a tenant's current reviews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Tenant

if TYPE_CHECKING:
    import polars as pl

    from resources.nlp.context import AnnotationContext

app = typer.Typer(
    no_args_is_help=True, help="Find themes, copies and names in reviews; search them by meaning."
)

Limit = Annotated[int, typer.Option(min=1, help="How many lines at most.")]
_EXCERPT = 160
_MAX_SENTENCES = 30_000


@app.command("search")
def search(
    tenant: Tenant, query: Annotated[str, typer.Argument(help="Plain words.")], limit: Limit = 10
) -> None:
    """Show the reviews that say the like of the query, in whatever words."""
    from resources.nlp.embeddings import SemanticIndex

    texts, context = _read(tenant)
    embedder = context.models.embedder
    index = SemanticIndex.build(texts["review_key"].to_list(), texts["text"].to_list(), embedder)
    text_of = dict(zip(texts["review_key"], texts["text"], strict=True))
    console.table(
        ("likeness", "review", "text"),
        [
            (f"{hit.score:.2f}", hit.key, _excerpt(text_of[hit.key]))
            for hit in index.search(query, embedder, limit)
        ],
    )


@app.command("themes")
def themes(tenant: Tenant, limit: Limit = 20) -> None:
    """Group what the reviews say, sentence by sentence; telling words name each group."""
    from resources.nlp.clauses import split_clauses
    from resources.nlp.embeddings import discover_themes

    texts, context = _read(tenant)
    sentences = split_clauses(texts["text"]).texts
    step = max(1, len(sentences) // _MAX_SENTENCES)
    listed = [sentence for sentence in sentences[::step] if len(sentence.split()) > 1]
    found = discover_themes(listed, context.models.embedder.embed(listed))
    console.table(
        ("sentences", "theme", "for example"),
        [
            (theme.size, theme.name, _excerpt(listed[theme.examples[0]]))
            for theme in found.themes[:limit]
        ],
    )


@app.command("duplicates")
def duplicates(tenant: Tenant, limit: Limit = 20) -> None:
    """Show reviews that are copies of each other, word for word or nearly."""
    from resources.nlp.integrity import near_duplicates

    texts, _ = _read(tenant)
    text_of = dict(zip(texts["review_key"], texts["text"], strict=True))
    groups = near_duplicates(
        texts["review_key"].to_list(),
        texts["text"].to_list(),
        authors=texts["author"].to_list(),
    )
    groups.sort(key=lambda group: (-len(group.keys), group.keys))
    console.table(
        ("copies", "why", "likeness", "first review", "text"),
        [
            (
                len(group.keys),
                group.reason,
                f"{group.similarity:.2f}",
                group.keys[0],
                _excerpt(text_of[group.keys[0]]),
            )
            for group in groups[:limit]
        ],
    )


@app.command("names")
def names(tenant: Tenant, limit: Limit = 30) -> None:
    """Propose names for the tenant's list: brands, places and people that its reviews mention."""
    from resources.nlp.name_candidates import propose_names

    texts, context = _read(tenant)
    proposed = propose_names(
        texts["text"].to_list(),
        texts["language"].to_list(),
        context.gazetteer,
        context.models.background,
        limit=limit,
    )
    console.table(
        ("name", "perhaps a", "reviews", "why"),
        [(one.name, one.kind_guess, one.count, one.reason) for one in proposed],
    )


def _read(tenant: str) -> tuple[pl.DataFrame, AnnotationContext]:
    """The tenant's current reviews, and what they are read with."""
    from pipelines.session import open_session
    from pipelines.training import current_texts
    from resources.enrichment.tenant_context import tenant_context

    with open_session() as session:
        with session.database.jobs() as work:
            context = tenant_context(work, tenant)
        return current_texts(session, tenant), context


def _excerpt(text: str) -> str:
    words: Sequence[str] = text.split()
    line = " ".join(words)
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}..."
