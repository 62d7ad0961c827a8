"""Shapes of the reports slice."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import Day, WorkspaceParameter

Format = Literal["html", "pdf", "xlsx"]


class ReportFile(BaseModel):
    """One file of a report."""

    format: Format
    media_type: str
    bytes: int = Field(description="Its size.")
    sha256: str = Field(description="Of its content, hexadecimal.")
    href: str = Field(description="Where to download it.")


class Report(BaseModel):
    """A written report."""

    id: uuid.UUID
    title: str
    period_start: date | None = Field(description="First day reported on.")
    period_end: date | None = Field(description="Last day reported on.")
    workspace: uuid.UUID | None = Field(
        description="The workspace whose reviews it reports on; null for the whole tenant."
    )
    review_count: int = Field(description="Reviews its numbers rest on.")
    snapshot: str = Field(description="The snapshot version its numbers come from.")
    request_id: uuid.UUID | None = Field(description="The request it answers, if one was made.")
    created_at: datetime
    files: list[ReportFile]


class ReportPage(Page[Report]):
    """Reports, the latest first."""


class ReportListParameters(BaseModel):
    """Which page of reports is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200, description="Reports on a page.")] = 50
    cursor: CursorParameter = None


class NewReport(BaseModel):
    """What a report shall cover; everything, where nothing is given."""

    model_config = ConfigDict(extra="forbid")

    period_start: Annotated[Day | None, Field(description="First day to report on.")] = None
    period_end: Annotated[Day | None, Field(description="Last day to report on.")] = None
    workspace: WorkspaceParameter = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.period_start and self.period_end and self.period_start > self.period_end:
            raise ValueError("period_start must not be later than period_end")
        return self


class ReportRequest(BaseModel):
    """A request for a report, and how far it has come."""

    id: uuid.UUID
    status: Literal["queued", "running", "done", "failed", "held"] = Field(
        description="`held`: written of numbers that cannot be trusted, and so not delivered."
    )
    attempt: int = Field(description="How often it was taken up.")
    period_start: date | None
    period_end: date | None
    workspace: uuid.UUID | None = Field(description="Null for the whole tenant.")
    created_at: datetime
    finished_at: datetime | None
    reports: str = Field(description="Where the report appears when it is done.")
