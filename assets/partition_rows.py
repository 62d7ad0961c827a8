"""What the materialization of a day says of that day, also when one run did many of them.

A run's own metadata would stand at every day of its range alike. What describes a partition is told
day by day, and its row count is that of the table and not that of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from resources.storage.lake import Lake
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

NOTHING_NEW = "nothing new"


def describe_days(
    context: dg.AssetExecutionContext,
    lake: Lake,
    spec: TableSpec,
    days: DayRange,
    more: Callable[[date], Mapping[str, Any]],
) -> None:
    """Add to each day's materialization how many rows the table holds of it, and what more is said.

    Args:
        context: Of the run that materializes the table.
        lake: Where the table is.
        spec: The table; the asset bears its name.
        days: The days of the run.
        more: What else is said of a day.
    """
    rows = lake.row_counts(spec)
    version = lake.version(spec)
    for day in days.days():
        context.add_asset_metadata(
            {"dagster/row_count": rows.get(day, 0), "table_version": version, **more(day)},
            asset_key=spec.name,
            partition_key=day.isoformat(),
        )


def say_nothing_new(context: dg.AssetExecutionContext) -> None:
    """Say in the log and on the assets that there is nothing new for this run to work from."""
    said = "Nothing new: no tenant of this run has reviews on its days."
    context.log.info(said)
    for key in sorted(context.selected_asset_keys):
        context.log_event(dg.AssetObservation(key, metadata={"this_run": said}))
