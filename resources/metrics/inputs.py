"""What the marts are built from: Parquet files, and their columns."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from resources.metrics import facts
from resources.storage import schemas

INPUTS: Mapping[str, pa.Schema] = {
    "daily_facts": schemas.DAILY_FACTS.schema,
    "daily_label_facts": schemas.DAILY_LABEL_FACTS.schema,
    "current_reviews": facts.CURRENT_REVIEWS_SCHEMA,
}
"""The Parquet files that the marts are built from, and their columns."""
