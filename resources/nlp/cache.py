"""Annotating a table without doing the same text twice.

An annotation is a function of the text and of the models. So a text that stands in a table several
times is annotated once, and rows that equal models wrote before are taken over as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.context import AnnotationContext
from resources.nlp.ratings import rating_disagreements
from resources.nlp.texts import text_hashes


@dataclass(frozen=True)
class CacheUse:
    """Where the rows of a table came from: ``rows = annotated + reused + repeated``.

    Attributes:
        rows: All of them.
        annotated: Texts that the models had to read.
        reused: Texts whose annotation was known.
        repeated: Rows beyond the first of their text.
    """

    rows: int
    annotated: int
    reused: int
    repeated: int


def models_of(context: AnnotationContext) -> str:
    """What the column ``models`` says of rows that are annotated in this context."""
    return json.dumps(context.versions(), sort_keys=True)


def annotate_table(table: pa.Table, context: AnnotationContext) -> pa.Table:
    """``annotate`` for a table."""
    batches = table.combine_chunks().to_batches()
    return pa.Table.from_batches([annotate(batch, context) for batch in batches], ANNOTATION_SCHEMA)


def annotate_cached(
    table: pa.Table, context: AnnotationContext, known: pa.Table | None
) -> tuple[pa.Table, CacheUse]:
    """Understand a table of reviews, as ``annotate`` does, and each text only once.

    Args:
        table: Columns review_key, version, title, text, and optionally rating (1..5) and
            language_given (the language where it is known).
        context: What to read them with.
        known: Annotations of any reviews, with the columns of ``ANNOTATION_SCHEMA``. Rows of other
            models, and rows that hold what a person said, are passed over.

    Returns:
        What ``annotate_table`` returns for the same table, and where the rows came from.
    """
    hashes = [text for batch in table.to_batches() for text in text_hashes(batch)]
    first_rows = _first_positions(hashes)
    known = _usable(known, models_of(context))
    known_rows = _first_positions(known.column("text_hash").to_pylist())
    unknown = [text for text in first_rows if text not in known_rows]
    rows = pa.array([first_rows[text] for text in unknown], pa.int64())
    fresh = annotate_table(table.take(rows), context)
    answers = pa.concat_tables([known, fresh])
    places = known_rows | {text: known.num_rows + row for row, text in enumerate(unknown)}
    found = answers.take(pa.array([places[text] for text in hashes], pa.int64()))
    use = CacheUse(
        rows=table.num_rows,
        annotated=len(unknown),
        reused=len(first_rows) - len(unknown),
        repeated=table.num_rows - len(first_rows),
    )
    return with_own_columns(found, table), use


def _first_positions(values: Iterable[str]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position, value in enumerate(values):
        positions.setdefault(value, position)
    return positions


def _usable(known: pa.Table | None, models: str) -> pa.Table:
    """The rows that these models wrote and that no person has changed since."""
    if known is None:
        return ANNOTATION_SCHEMA.empty_table()
    known = known.select(ANNOTATION_SCHEMA.names).cast(ANNOTATION_SCHEMA)
    untouched = pc.equal(pc.fill_null(pc.list_value_length(known.column("corrected")), 0), 0)
    return known.filter(pc.and_(pc.equal(known.column("models"), models), untouched))


def with_own_columns(found: pa.Table, table: pa.Table) -> pa.Table:
    """Give each row what depends on more than its text: its key, its version, its rating.

    Args:
        found: The annotation of each row's text; columns that depend on more may be absent.
        table: The reviews, row for row.
    """
    own = {
        "review_key": table.column("review_key"),
        "version": table.column("version"),
        "rating_disagreement": rating_disagreements(table, found.column("sentiment_score")),
    }
    names = ANNOTATION_SCHEMA.names
    columns = [own[name] if name in own else found.column(name) for name in names]
    return pa.table(columns, names=names).cast(ANNOTATION_SCHEMA)
