"""What the tags of a run say: who asked for it, why, and what it is limited to.

Dagster's UI lists as runs of a job those that bear the name of the job's code location. A run in
the process of a command has none by itself, so it is given the one that the workspace names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from resources.vocabulary import DayRange

Source = Literal["command line", "schedule", "sensor"]

CODE_LOCATION = "reviewgraph"
"""The name under which ``workspace.yaml`` loads the graph."""

_REPOSITORY_TAG = ".dagster/repository"
_REPOSITORY = f"__repository__@{CODE_LOCATION}"
_MAX_NAMED = 5


def of_command(
    job: str, reason: str, days: DayRange, tenants: Sequence[str] = ()
) -> dict[str, str]:
    """Tags of a run in the process of a command.

    Args:
        job: The job.
        reason: Why it runs.
        days: The days it does.
        tenants: The tenants it is limited to; everyone when empty.
    """
    return {
        _REPOSITORY_TAG: _REPOSITORY,
        "reviewgraph/job": job,
        "reviewgraph/selection": selection(days, tenants),
        **of(source="command line", reason=reason, tenants=tenants),
    }


def of(*, source: Source, reason: str, tenants: Sequence[str] = ()) -> dict[str, str]:
    """Tags of any run.

    Args:
        source: What asked for it.
        reason: Why it runs.
        tenants: The tenants it is limited to; everyone when empty.
    """
    tags = {"reviewgraph/source": source, "reviewgraph/reason": reason}
    if len(tenants) == 1:
        tags["reviewgraph/tenant"] = tenants[0]
    return tags


def selection(days: DayRange, tenants: Sequence[str]) -> str:
    """What a run is limited to, in words."""
    span = f"{days.first}" if days.first == days.last else f"{days.first} to {days.last}"
    named = ", ".join(tenants[:_MAX_NAMED]) or "all tenants"
    more = f" and {len(tenants) - _MAX_NAMED:,} more" if len(tenants) > _MAX_NAMED else ""
    return f"{span}, {named}{more}"
