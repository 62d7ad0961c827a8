"""Shapes of the topics slice."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import WorkspaceParameter
from serving_api.metrics.schemas import MemberName, TopicMetrics

MAXIMUM_PAGE = 200
MAX_WEEKS = 104


class TopicListParameters(BaseModel):
    """Which topics are asked for, and how far back."""

    model_config = ConfigDict(extra="forbid")

    product: Annotated[MemberName | None, Field(description="Only reviews of this product.")] = None
    topic: Annotated[MemberName | None, Field(description="Only this topic.")] = None
    workspace: WorkspaceParameter = None
    weeks: Annotated[
        int, Field(ge=2, le=MAX_WEEKS, description="How many weeks the trend shows.")
    ] = 12
    limit: Annotated[int, Field(ge=1, le=MAXIMUM_PAGE, description="Topics on a page.")] = 50
    cursor: CursorParameter = None


class TopicWeek(BaseModel):
    """How often a topic was mentioned in the dated reviews of one week."""

    week_start: date = Field(description="A Monday.")
    mention_count: int
    negative_count: int


class TopicTrend(BaseModel):
    """The last weeks of a topic, those without a mention included."""

    weeks: list[TopicWeek]
    earlier_count: int = Field(description="Mentions in the first half of these weeks.")
    recent_count: int = Field(description="Mentions in the second half.")
    change: float | None = Field(
        description="Of the recent against the earlier mentions, 0.5 for half as many again; null "
        "without earlier ones. It is plain arithmetic: few mentions change by chance."
    )


class Topic(TopicMetrics):
    """A topic with its trend."""

    trend: TopicTrend | None = Field(
        description="Null where one product is asked about: weeks are counted over all of them."
    )


class TopicPage(Page[Topic]):
    """Topics, most mentioned first."""

    product: str | None
    snapshot: str = Field(description="The snapshot version the numbers come from.")
