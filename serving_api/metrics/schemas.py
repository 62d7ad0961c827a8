"""Shapes of the metrics slice."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit import parameters
from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.tabular import FieldsParameter

Day = parameters.Day
MemberName = Annotated[parameters.MemberName, Field(min_length=1)]
"""Reviews that name no product count for no product: there are no numbers of the nameless."""

Dimension = Literal["all", "source", "product", "location", "language"]
Grain = Literal["day", "week", "month"]
Metric = Literal[
    "review_count",
    "rated_count",
    "average_rating",
    "positive_count",
    "neutral_count",
    "mixed_count",
    "negative_count",
    "positive_share",
    "negative_share",
    "average_score",
]


class Figure(BaseModel):
    """A number, how sure it is, and the reviews behind it."""

    value: int | float | None = Field(description="Null where no review says anything about it.")
    low: float | None = Field(
        default=None, description="Lower end of the 95% interval, where one is computed."
    )
    high: float | None = Field(default=None, description="Upper end of the 95% interval.")
    review_count: int = Field(description="How many reviews it was computed from.")
    reviews: str = Field(description="Address of exactly those reviews.")


class MetricsParameters(BaseModel):
    """Which summaries are asked for."""

    model_config = ConfigDict(extra="forbid")

    dimension: Annotated[
        Dimension, Field(description="What to tell apart; `all` gives one summary of everything.")
    ] = "all"
    member: Annotated[
        MemberName | None,
        Field(description="Only this member of the dimension, for example one product."),
    ] = None
    workspace: parameters.WorkspaceParameter = None
    limit: Annotated[int, Field(ge=1, le=200, description="Members on a page.")] = 50
    cursor: CursorParameter = None
    fields: FieldsParameter = None


class MemberMetrics(BaseModel):
    """The summary of one member of a dimension."""

    dimension: Dimension
    member: str = Field(description="`all` for everything.")
    first_day: date | None = Field(description="Day of the oldest review that has a date.")
    last_day: date | None = Field(description="Day of the newest one.")
    review_count: Figure
    rated_count: Figure
    average_rating: Figure = Field(description="On 1 to 5, with Student's t interval.")
    annotated_count: Figure = Field(description="Reviews with a sentiment.")
    positive_count: Figure
    neutral_count: Figure
    mixed_count: Figure
    negative_count: Figure
    positive_share: Figure = Field(
        description="Of the annotated reviews, 0 to 1, with Wilson's interval."
    )
    negative_share: Figure = Field(description="As positive_share.")
    average_score: Figure = Field(description="Sentiment from -1 to 1.")


class MetricsPage(Page[MemberMetrics]):
    """Summaries, the members with most reviews first."""

    snapshot: str = Field(description="The snapshot version the numbers come from.")


class SeriesParameters(BaseModel):
    """Which series is asked for."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)

    metric: Annotated[Metric, Field(description="What to follow over time.")] = "review_count"
    grain: Annotated[Grain, Field(description="How to cut time; weeks begin on Monday.")] = "day"
    product: Annotated[MemberName | None, Field(description="Only reviews of this product.")] = None
    source: Annotated[MemberName | None, Field(description="Only from this source.")] = None
    location: Annotated[MemberName | None, Field(description="Only of this location.")] = None
    language: Annotated[MemberName | None, Field(description="Only in this language.")] = None
    topic: Annotated[MemberName | None, Field(description="Only with this topic.")] = None
    entity: Annotated[MemberName | None, Field(description="Only that speak of this name.")] = None
    keyword: Annotated[MemberName | None, Field(description="Only with this keyword.")] = None
    workspace: parameters.WorkspaceParameter = None
    first_day: Annotated[
        Day | None,
        Field(alias="from", description="First day; that of the oldest review if unset."),
    ] = None
    last_day: Annotated[
        Day | None, Field(alias="to", description="Last day; that of the newest review if unset.")
    ] = None
    fields: FieldsParameter = None


class SeriesPoint(Figure):
    """The figure of one stretch of time."""

    start: date = Field(description="First day of the stretch that was counted.")
    end: date = Field(description="Last day of the stretch that was counted.")


class Series(BaseModel):
    """A metric over time, without gaps. Only reviews with a known date of writing count."""

    metric: Metric
    grain: Grain
    product: str | None
    chosen_by: dict[str, str] = Field(
        description="What the reviews were chosen by, for example a source and a topic."
    )
    points: list[SeriesPoint] = Field(
        description="One per day, week or month; empty only if there are no dated reviews."
    )
    snapshot: str


class ProductParameters(BaseModel):
    """Whether all reviews or those of one product are asked about."""

    model_config = ConfigDict(extra="forbid")

    product: Annotated[MemberName | None, Field(description="Only reviews of this product.")] = None
    workspace: parameters.WorkspaceParameter = None
    fields: FieldsParameter = None


class TopicMetrics(BaseModel):
    """What the reviews that mention one topic say."""

    topic: str
    mention_count: Figure
    share_of_reviews: Figure = Field(description="Of all reviews, 0 to 1.")
    positive_count: Figure
    neutral_count: Figure
    mixed_count: Figure
    negative_count: Figure
    negative_share: Figure = Field(description="Of the annotated mentions, 0 to 1.")


class Topics(BaseModel):
    """Topics, most mentioned first."""

    product: str | None
    items: list[TopicMetrics]
    snapshot: str


class RatingParameters(BaseModel):
    """Whose ratings are asked for."""

    model_config = ConfigDict(extra="forbid")

    dimension: Annotated[Dimension, Field(description="What to tell apart.")] = "all"
    member: Annotated[
        MemberName | None, Field(description="The member; needed unless the dimension is `all`.")
    ] = None
    workspace: parameters.WorkspaceParameter = None
    fields: FieldsParameter = None


class RatingCount(BaseModel):
    """How often one rating was given."""

    rating: int = Field(description="1 to 5, to the nearest whole star.")
    count: Figure
    share: Figure = Field(description="Of all ratings, 0 to 1.")


class Ratings(BaseModel):
    """The distribution of ratings, all five of them."""

    dimension: Dimension
    member: str
    items: list[RatingCount]
    snapshot: str
