"""What the catalogue says of every asset: its domain, who answers for it, its code and its columns.

Each asset takes its entry from here, so that none is without one and a change of the code that
computes it shows as a new code version.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypedDict

import dagster as dg

from resources.settings import PROJECT_ROOT
from resources.storage.schemas import TableSpec

OWNERS: Mapping[str, str] = {
    "collection": "team:collection",
    "reviews": "team:review-quality",
    "enrichment": "team:language",
    "metrics": "team:analytics",
    "marts": "team:analytics",
    "marts_staging": "team:analytics",
    "snapshots": "team:publishing",
    "reports": "team:reporting",
}
"""The group of an asset and the team that answers for its domain."""

_CODE = frozenset({".py", ".json", ".j2"})


class Entry(TypedDict):
    """What an asset's definition says beside its name, its description and what it reads."""

    group_name: str
    owners: list[str]
    code_version: str
    metadata: dict[str, Any]


def entry(group: str, *code: str, table: TableSpec | None = None) -> Entry:
    """Return the entry of an asset.

    Args:
        group: The asset's group, one of ``OWNERS``.
        code: Files and folders of the project that compute it.
        table: The lake table that it is, if it is one.
    """
    return Entry(
        group_name=group,
        owners=[OWNERS[group]],
        code_version=code_version(*code),
        metadata={} if table is None else _table_metadata(table),
    )


@cache
def code_version(*code: str) -> str:
    """Name the state of some code: a hash over its files, 16 hexadecimal digits.

    Args:
        code: Files and folders, relative to the project.
    """
    digest = sha256()
    for path in sorted(file for place in code for file in _files(PROJECT_ROOT / place)):
        digest.update(f"{path.relative_to(PROJECT_ROOT)}\0".encode())
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    found = [path for path in place.rglob("*") if path.suffix in _CODE and path.is_file()]
    if not found:
        raise FileNotFoundError(f"{place} holds no code: correct the catalogue entry.")
    return found


def _table_metadata(table: TableSpec) -> dict[str, Any]:
    """The columns and the place of a lake table, in the names that Dagster gives them."""
    separated = dg.TableColumnConstraints(other=["separates the table's files"])
    columns = [
        dg.TableColumn(
            field.name,
            str(field.type),
            constraints=separated if field.name in table.partition_by else None,
        )
        for field in table.schema
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": table.name,
        "dagster/storage_kind": "deltalake",
    }
