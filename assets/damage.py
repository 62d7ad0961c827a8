"""Saying which file of the lake stopped a step, where the library that met it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from resources.storage.lake import Lake, LakeError
from resources.storage.lake_damage import LakeDamagedError
from resources.storage.schemas import RAW_REVIEWS, TABLES


@contextmanager
def damage_named(lake: Lake) -> Iterator[None]:
    """Let a step that cannot read the lake fail with the file's name and the command that helps.

    Raises:
        LakeDamagedError: The block met an error, and there is a damaged file.
    """
    try:
        yield
    except LakeDamagedError:
        raise
    except (pl.exceptions.PolarsError, pa.ArrowException, DeltaError, LakeError, OSError):
        for spec in TABLES.values():
            for file in lake.damage(spec) or lake.damage(spec, thorough=True):
                can_be_made = file.table != RAW_REVIEWS.name and file.day is not None
                step = (
                    f"Next, to make it again: reviewgraph backfill --from {file.day} "
                    f"--to {file.day} --force"
                    if can_be_made
                    else "Next: reviewgraph status, which says what to do."
                )
                raise LakeDamagedError(f"{file.sentence} {step}") from None
        raise
