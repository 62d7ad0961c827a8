"""Files of the lake that cannot be read: found, named, and taken out where they can be made again.

A table's log says how long each file is. A look at the length and at both ends finds what was
deleted, cut short or overwritten, without reading the rows; a thorough look reads them. Neither
finds a changed value in a file that can still be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import obstore
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from resources.storage.lake_rows import LakeError
from resources.storage.places import answering, asking, open_place
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

_MAGIC = b"PAR1"  # Parquet's, at both ends of every file


class LakeDamagedError(LakeError):
    """Files of the lake cannot be read; the message names one and says what to do."""


@dataclass(frozen=True)
class DamagedFile:
    """A file of the lake that cannot be read.

    Attributes:
        table: Name of its table.
        path: Where it lies, as far as its table's log says so.
        what: What is wrong with it.
        day: The ingestion day whose rows it held, of tables that are separated by day.
        tenant_id: The tenant whose rows it held, of tables that are separated by tenant.
    """

    table: str
    path: str
    what: str
    day: date | None = None
    tenant_id: str | None = None

    @property
    def sentence(self) -> str:
        """What is wrong, and where."""
        return f"The file {self.path} of the table {self.table} is damaged: {self.what}."


def find_damage(
    table: DeltaTable,
    spec: TableSpec,
    address: str,
    storage_options: Mapping[str, str],
    *,
    days: DayRange | None = None,
    thorough: bool = False,
) -> list[DamagedFile]:
    """Look at the files of a table's current version.

    Args:
        table: The table.
        spec: Its specification.
        address: Its folder or ``s3://`` address.
        storage_options: Access to the object store; empty for a folder.
        days: Only files of these days, of tables that are separated by day.
        thorough: Whether the rows are read.
    """
    is_remote = "://" in address
    present = _sizes(address, storage_options) if is_remote else None
    found = []
    for file in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        day, path = file.get("partition.day"), unquote(file["path"])
        if days is not None and day is not None and not days.first <= day <= days.last:
            continue
        what = _trouble(file, address, path, present)
        if what is None and thorough:
            what = _unreadable(f"{address}/{path}", storage_options)
        if what is not None:
            tenant_id = file.get("partition.tenant_id")
            found.append(DamagedFile(spec.name, f"{address}/{path}", what, day, tenant_id))
    return sorted(found, key=lambda one: one.path)


def _sizes(address: str, storage_options: Mapping[str, str]) -> dict[str, int]:
    """The files at an address, in one listing, with their lengths in bytes."""
    with answering(address):
        place = open_place(address, storage_options)
        with asking(place, moves_data=True):
            return {found["path"]: found["size"] for page in obstore.list(place) for found in page}


def _trouble(
    file: Mapping[str, Any], address: str, path: str, present: Mapping[str, int] | None
) -> str | None:
    """What a look at a file from outside finds wrong."""
    size = int(file["size_bytes"])
    if present is not None:
        there = present.get(path, present.get(file["path"]))
        if there is None:
            return "it is missing"
        return None if there == size else f"it has {there:,} bytes and should have {size:,}"
    return trouble_of(Path(address) / path, size)


def trouble_of(path: Path, size: int) -> str | None:
    """Say what is wrong with a Parquet file of this machine; None when nothing seems to be.

    Args:
        path: The file.
        size: How long it was written, in bytes.
    """
    try:
        with path.open("rb") as opened:
            start = opened.read(len(_MAGIC))
            there = opened.seek(0, 2)
            opened.seek(-min(there, len(_MAGIC)), 2)
            end = opened.read()
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    if there != size:
        return f"it has {there:,} bytes and should have {size:,}"
    return None if start == end == _MAGIC else "it is no Parquet file any more"


def _unreadable(address: str, storage_options: Mapping[str, str]) -> str | None:
    try:
        # The sum of the columns' hashes needs every value and keeps none.
        frame = pl.scan_parquet(address, glob=False, storage_options=dict(storage_options) or None)
        frame.select(pl.all().null_count()).collect()
        frame.select(pl.struct(pl.all()).hash().sum()).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"its rows cannot be read ({str(error).splitlines()[0][:120]})"
    return None
