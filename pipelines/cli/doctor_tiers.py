"""What each tier of understanding needs and how fast it is on this machine, for the doctor."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from resources.nlp.context import AnnotationContext

_SAMPLE_REVIEWS = 256
_MIN_REVIEWS, _DOUBLINGS = 8, 11
_SECONDS = 0.25  # of one core, whatever else the machine is doing
_PLUGIN_PACKAGES = ("torch", "transformers", "spacy")


@dataclass(frozen=True)
class TierState:
    """One tier, on this machine.

    Attributes:
        name: ``fast``, ``cascade``, ``deep`` or ``plugin``.
        state: ``ok`` or ``optional``, as the doctor's other findings.
        rate: Reviews per second on one core, all annotations; None where it cannot be measured.
        details: What it does, or what is missing and how to get it.
    """

    name: str
    state: str
    rate: float | None
    details: str


def examine_tiers() -> list[TierState]:
    """Look at every tier; measuring takes less than three seconds in all."""
    from resources.nlp.tiers import Tier

    sample = _sample()
    return [*(_examine(tier, sample) for tier in Tier), _plugins()]


def rows_of(tiers: list[TierState]) -> list[tuple[str, str, str, str, str]]:
    """The tiers as rows of a table; costs are multiples of the first tier's."""
    cheapest = tiers[0].rate
    return [
        (
            tier.name,
            tier.state,
            "" if tier.rate is None else f"{tier.rate:,.0f}",
            "" if tier.rate is None or cheapest is None else f"{cheapest / tier.rate:.1f}",
            tier.details,
        )
        for tier in tiers
    ]


def _examine(tier: str, sample: pa.Table) -> TierState:
    from resources.nlp.context import AnnotationContext
    from resources.nlp.tiers import Tier

    details = {
        Tier.FAST: "hashed words judge every review",
        Tier.CASCADE: "a transformer judges the least sure reviews as well",
        Tier.DEEP: "a transformer judges every review as well",
    }
    try:
        rate = _rate(AnnotationContext(tier=Tier(tier)), sample)
    except Exception as error:  # noqa: BLE001 - a doctor reports every illness
        return TierState(tier, "optional", None, str(error))
    return TierState(tier, "ok", rate, details[Tier(tier)])


def _plugins() -> TierState:
    missing = [name for name in _PLUGIN_PACKAGES if find_spec(name) is None]
    if not missing:
        return TierState(
            "plugin", "ok", None, "any transformers model or spaCy pipeline; as fast as that is"
        )
    return TierState(
        "plugin",
        "optional",
        None,
        f"{' and '.join(missing)} not installed; get them with: pip install 'reviewgraph[plugins]' "
        "torch==2.13.0",
    )


def _rate(context: AnnotationContext, sample: pa.Table) -> float:
    """Reviews per second of the first batch that keeps the tier busy for a while.

    Each batch is twice as long as the one before it: a small one costs more for each review, and a
    large one would take a slow tier too long.
    """
    from resources.nlp.annotating import annotate

    for rows in (_MIN_REVIEWS << doubling for doubling in range(_DOUBLINGS)):
        (batch,) = _repeated(sample, rows).combine_chunks().to_batches()
        began = time.process_time()
        annotate(batch, context)
        took = time.process_time() - began
        is_warm = rows > _MIN_REVIEWS
        if is_warm and took > _SECONDS:
            break
    return rows / took


def _repeated(sample: pa.Table, rows: int) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([sample] * -(-rows // sample.num_rows)).slice(0, rows)


def _sample() -> pa.Table:
    """Generated reviews in the engine's input columns."""
    import polars as pl

    from resources.sandbox.world import generate_world

    with tempfile.TemporaryDirectory() as folder:
        manifest = generate_world(Path(folder), reviews=_SAMPLE_REVIEWS, tenants=1)
        path = Path(folder) / manifest.tenants[0].id / "reviews.csv"
        texts = pl.read_csv(path, infer_schema=False)["text"].fill_null("")
    return pl.DataFrame(
        {
            "review_key": [f"{number:032x}" for number in range(len(texts))],
            "version": pl.repeat(1, len(texts), dtype=pl.Int32, eager=True),
            "title": pl.repeat(None, len(texts), dtype=pl.String, eager=True),
            "text": texts,
        }
    ).to_arrow()
