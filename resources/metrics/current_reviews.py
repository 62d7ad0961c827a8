"""The current reviews of a run: computed once, in one file that facts and marts are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import narwhals as nw

from resources.engine import Engine
from resources.metrics import facts
from resources.storage.lake import Lake
from resources.storage.schemas import REVIEW_ENRICHMENTS, REVIEWS


def keep_current_reviews(
    engine: Engine, lake: Lake, tenants: Sequence[str], folder: Path
) -> nw.LazyFrame[Any]:
    """Compute the tenants' current reviews into a run's folder.

    Args:
        engine: What the work runs on.
        lake: Where the reviews are.
        tenants: Whose reviews.
        folder: The run's folder; it is made. The file is where ``file_of_current_reviews`` says.

    Returns:
        The rows, a frame of the engine; columns of ``facts.CURRENT_REVIEWS_SCHEMA``, in the file
        by tenant.
    """
    path = file_of_current_reviews(lake, tenants, folder)
    current = facts.current_reviews(
        engine.read(lake, REVIEWS, tenants=tenants),
        engine.read(lake, REVIEW_ENRICHMENTS, tenants=tenants),
    )
    if len(tenants) > 1:  # each is published from its own part of the file
        current = current.sort("tenant_id")
    return engine.keep_in_file(current, path, facts.CURRENT_REVIEWS_SCHEMA)


def file_of_current_reviews(lake: Lake, tenants: Sequence[str], folder: Path) -> Path:
    """Name the file of the tenants' current reviews, as the lake is now.

    A file under this name holds what would be computed now; a run that goes on when the lake has
    other rows does not find the file that it began with.
    """
    made_of = [lake.version(REVIEWS), lake.version(REVIEW_ENRICHMENTS), sorted(tenants)]
    name = blake2b(json.dumps(made_of).encode(), digest_size=8).hexdigest()
    return folder / f"current_reviews-{name}.parquet"
