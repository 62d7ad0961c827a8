"""Shapes of the imports slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit.paging import CursorParameter, Page

MAXIMUM_PAGE = 200
MAX_CSV_ROWS = 100_000
"""So many rejected rows one file holds; whoever has more asks on from the last one."""


class ImportOutcome(BaseModel):
    """What became of a file's records: kept, unchanged and rejected together are all of them."""

    kept: int = Field(description="New reviews, and new versions of known ones.")
    unchanged: int = Field(description="Reviews that were known as they are.")
    rejected: int = Field(description="Records that could not be used.")
    finished_at: datetime | None


class Import(BaseModel):
    """One file that has landed."""

    id: str = Field(description="Follows from the file's content and how it was read.")
    source: str
    file_name: str = Field(description="As it was named, without folders.")
    byte_count: int
    record_count: int
    day: date = Field(description="The day on which its records came in, UTC.")
    mapping: dict[str, Any] = Field(description="Which column was taken for which field.")
    landed_at: datetime
    outcome: ImportOutcome | None = Field(description="Null until its records were read.")
    rejected_rows: str = Field(description="Where its rejected rows are read.")


class ImportPage(Page[Import]):
    """Imports, the latest first."""


class ListParameters(BaseModel):
    """Which page is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAXIMUM_PAGE, description="Items on a page.")] = 50
    cursor: CursorParameter = None


class CsvParameters(BaseModel):
    """From where on rejected rows are wanted."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[
        int, Field(ge=0, le=2**53, description="Only records behind this position in the file.")
    ] = 0


class RejectedRow(BaseModel):
    """A record that could not be used, and why."""

    record_number: int = Field(description="Its position in the file, from 1.")
    reason_code: str = Field(examples=["unreadable_date"])
    reason: str = Field(description="A sentence.")
    field: str | None = Field(description="What could not be read.")
    value: str | None = Field(description="The value there, at most 200 characters.")
    payload: str | None = Field(description="The whole record as it came, JSON.")


class RejectedRowPage(Page[RejectedRow]):
    """Rejected records, in the order of the file."""
