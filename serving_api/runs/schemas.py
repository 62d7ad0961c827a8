"""Shapes of the runs slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from resources.database.due_stages import DueReason
from resources.database.stage_records import StageStatus
from resources.vocabulary import Stage
from serving_api.kit.paging import CursorParameter, Page

MAXIMUM_PAGE = 100
MAX_LISTED = 50
"""So many stages that are due, or that failed, are named one by one."""


class StageRun(BaseModel):
    """What one stage did for one day. When it is done, in = kept + unchanged + rejected."""

    day: date = Field(description="The day on which the rows came in, UTC.")
    stage: Stage
    status: StageStatus = Field(description="`held`: a check held its rows back.")
    rows_in: int
    rows_kept: int = Field(description="Rows that it passed on.")
    rows_unchanged: int
    rows_rejected: int
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None = Field(description="Null while it runs.")
    error: str | None = Field(description="What went wrong.")


class DueStage(BaseModel):
    """A stage that has something to do, and why."""

    day: date
    stage: Stage
    why: DueReason = Field(
        description="It `never` ran, `failed`, is `held` back or still `running`, `newer` rows "
        "came since, or a review was `corrected` since."
    )
    rows: int = Field(description="Rows that wait for it.")


class DayOfRuns(BaseModel):
    """What was done for the rows of one day."""

    day: date
    is_complete: bool = Field(description="Nothing failed, runs, or is left to do.")
    stages: list[StageRun] = Field(description="In the order in which a review passes them.")
    due: list[DueStage]


class RunsPage(Page[DayOfRuns]):
    """Days, the latest first."""


class RunsParameters(BaseModel):
    """Which page of days is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAXIMUM_PAGE, description="Days on a page.")] = 30
    cursor: CursorParameter = None


class Freshness(BaseModel):
    """How fresh a tenant's numbers are, and what stands between them and today's."""

    state: Literal["fresh", "behind", "failing", "empty"] = Field(
        description="`empty`: nothing was published yet. `failing`: something failed or is held "
        "back. `behind`: something is left to do. `fresh`: neither."
    )
    snapshot: str | None = Field(description="The version that is read at the moment.")
    published_at: datetime | None = Field(description="When that version was first published.")
    counted_at: datetime | None = Field(
        description="When it was last found that these are the numbers; later than `published_at` "
        "where reviews came in that changed nothing."
    )
    age_seconds: int | None = Field(description="Since `counted_at`, by the server's clock.")
    last_day: date | None = Field(description="The last day of which anything came in.")
    due_count: int
    due: list[DueStage] = Field(description="The first 50 by stage and day.")
    failed_count: int = Field(description="Stages of days that failed or are held back.")
    failed: list[StageRun] = Field(description="The latest 50 of these.")
