"""Shapes of the reviews slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import SnapshotVersion
from serving_api.kit.tabular import FieldsParameter
from serving_api.reviews.filters import ReviewFilters

MAXIMUM_PAGE = 200


class ReviewListParameters(ReviewFilters):
    """Filters, order and page of a list of reviews."""

    sort: Annotated[Literal["newest", "oldest"], Field(description="By the day of writing.")] = (
        "newest"
    )
    limit: Annotated[int, Field(ge=1, le=MAXIMUM_PAGE, description="Reviews on a page.")] = 50
    cursor: CursorParameter = None
    fields: FieldsParameter = None
    count: Annotated[bool, Field(description="Also count all reviews that pass the filters.")] = (
        False
    )
    snapshot: Annotated[
        SnapshotVersion | None,
        Field(description="Read this snapshot version, as links of figures do; else the current."),
    ] = None


class Review(BaseModel):
    """One review as it stands now, and its annotations."""

    review_key: str = Field(description="Stable name of the review, 32 hexadecimal digits.")
    version: int = Field(description="From 1; one more for every edit by its author.")
    source: str
    source_review_id: str | None = Field(description="The source's own name of the review.")
    title: str | None
    text: str | None
    rating: float | None = Field(description="On 1 to 5; null where the source gave none.")
    posted_at: datetime | None = Field(description="When it was written, UTC; null if not known.")
    posted_day: date = Field(description="Day of writing, else the day on which it came in.")
    has_posted_date: bool = Field(description="Whether the source said when it was written.")
    author: str | None
    product: str = Field(description="Empty where the source names none.")
    location: str = Field(description="Empty where the source names none.")
    url: str | None
    language: str = Field(description="ISO 639-1; `und` when not known.")
    sentiment: str | None = Field(description="Null where there is no text to understand.")
    sentiment_score: float | None = Field(description="From -1 to 1.")
    sentiment_confidence: float | None = Field(description="Probability of the label, 0 to 1.")
    topics: list[str]
    keywords: list[str]
    entities: list[str]
    received_day: date = Field(description="The day on which this version came in.")
    batch_id: str = Field(description="The file or vendor task it came with.")
    record_number: int = Field(description="Its position in that batch, from 1.")


class ReviewPage(Page[Review]):
    """A page of reviews, all of one snapshot."""

    snapshot: str = Field(description="The snapshot version that was read.")
    review_count: int | None = Field(
        description="All reviews that pass the filters, on every page; null unless asked for."
    )
