"""Whose words they are: what a person wrote, and what a person only repeats of the tenant's.

A reviewer can say what a tenant is called, or what its people wrote long before. Such words are
nobody's trace: were they blanked, a review would decide what the tenant asks its sources for. So
the direction counts. What the tenant runs by is its own; so is what its people had written before
the review came in. What they wrote afterwards may quote the review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection

from resources.database.schema import DAGSTER_SCHEMA, JOBS_SCHEMA
from resources.privacy.files import count_in_files
from resources.privacy.finding import Found
from resources.privacy.registry import ASSETS, HOME, LAKE, TABLES
from resources.privacy.searching import Installation, as_owner
from resources.privacy.tables import count_in_libraries, count_where_kept, texts_of_tenant
from resources.privacy.traces import Traces

_WORDS_OF_LOGS = (
    "time", "level", "logger", "event", "errors", "debug", "info", "warning", "critical",
    "reviewgraph", "serving_api", "pipelines", "resources", "uvicorn", "dagster", "request_id",
)  # fmt: skip

_WRITTEN_ALL_THE_TIME = (
    "file logs/", "file dagster/", f"table {DAGSTER_SCHEMA}.", f"table {JOBS_SCHEMA}.",
)  # fmt: skip

WHY: Mapping[str, str] = {
    "own": "the tenant runs by it, so it is the tenant's, whatever a review repeats",
    "kept": "events are only ever added to; an older one says the same",
    "authored": "the tenant wrote it before the review came in",
    "again": "programs write it again each time that it is taken out: it is a word of theirs",
    "quoting": "it says what the tenant or the program itself is used to say",
}
"""Why each kind of column may still say what a review said."""


@dataclass(frozen=True)
class Judged:
    """What was found of a person, by whose words they are.

    Attributes:
        traces: The person's: looked for, and blanked.
        repeated: The tenant's or the program's, which the person only repeats: left alone.
    """

    traces: Traces
    repeated: Traces


def judge(connection: Connection, tenant_id: str, found: Found) -> Judged:
    """Tell a person's own words from those that they repeat.

    Args:
        connection: Of the graph's role.
        tenant_id: Whose reviews.
        found: What was found of the person.
    """
    every = Traces.of(found)
    own, written = [], []
    if not every.is_empty:
        for text, moment in texts_of_tenant(connection, tenant_id):
            if moment is None:
                own.append(text)
            else:
                written.append((text, moment))
    names = set(every.names)

    def is_repeated(one: str) -> bool:
        if _is_word_of_ours(one) or any(one in text for text in own):
            return True
        came_in = every.came_in.get(one)
        # A name that a topic holds may be a product's and the person's as well.
        if one in names or came_in is None:
            return False
        return any(one in text for text, moment in written if moment < came_in)

    repeated, traces = every.split(is_repeated)
    return Judged(traces, repeated)


def count_left(on: Installation, tenant_id: str, judged: Judged) -> dict[str, dict[str, Any]]:
    """What still says the same words, and why it was left, by place.

    Args:
        on: Where to look.
        tenant_id: Whose reviews.
        judged: Whose words they are.
    """
    left: dict[str, dict[str, Any]] = {}
    with on.database.jobs() as work:
        connection = work.session.connection()
        tenants = [tenant.id for tenant in work.tenants.list()]
        for traces in (judged.repeated, judged.traces):
            for (kind, place), count in count_where_kept(connection, tenant_id, traces).items():
                before = left.get(place, {"values": 0})["values"]
                left[place] = {"values": before + count, "why": WHY[kind]}
    if not judged.repeated.is_empty:
        with as_owner(on.database) as connection:
            elsewhere = count_in_libraries(connection, judged.repeated)
        elsewhere |= count_in_files(on.settings.home, tenant_id, judged.repeated, tenants)
        for place, count in elsewhere.items():
            if count:
                left[place] = {"values": count, "why": WHY["quoting"]}
    return left


def is_written_all_the_time(place: str) -> bool:
    """Whether running programs write there of themselves; what they are told goes elsewhere."""
    return place.startswith(_WRITTEN_ALL_THE_TIME)


def _is_word_of_ours(one: str) -> bool:
    """Whether it is, or is part of, a name that the program itself writes everywhere."""
    return any(one in word for word in _words_of_ours())


@cache
def _words_of_ours() -> frozenset[str]:
    columns = (name for table in TABLES.values() for name in table.columns)
    of_lake = (name for table in LAKE.values() for name in table.personal | table.other)
    return frozenset((*TABLES, *columns, *LAKE, *of_lake, *ASSETS, *HOME, *_WORDS_OF_LOGS))
