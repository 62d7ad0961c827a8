"""Shapes of the reviews slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import SnapshotVersion, WorkspaceParameter
from serving_api.kit.tabular import FieldsParameter
from serving_api.reviews.filters import ReviewFilters

MAXIMUM_PAGE = 200
MAX_VERSIONS = 100

Sort = Literal["newest", "oldest", "best", "worst", "most_positive", "most_negative"]


class ReviewListParameters(ReviewFilters):
    """Filters, order and page of a list of reviews."""

    sort: Annotated[
        Sort,
        Field(
            description="By the day of writing; `best` and `worst` by rating, `most_positive` and "
            "`most_negative` by sentiment, those without one last."
        ),
    ] = "newest"
    workspace: WorkspaceParameter = None
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


class ReviewDetails(Review):
    """One review with all that its snapshot holds of it, and where the rest is."""

    language_confidence: float | None = Field(description="Probability of the language, 0 to 1.")
    topic_reasons: list[str] = Field(description="Beside topics: the evidence for each.")
    entity_kinds: list[str] = Field(description="Beside entities: what each name stands for.")
    versions: str = Field(description="Address of all its versions, each with its annotations.")
    corrections: str = Field(description="Address of what people said of it.")


class Aspect(BaseModel):
    """Something a review speaks of, and how."""

    term: str
    category: str
    sentiment: str = Field(description="Of the clause that the term stands in.")
    score: float | None = Field(description="From -1 to 1.")
    start: int = Field(description="In the characters of title, line break and text as one.")
    end: int = Field(description="Exclusive.")


class PersonalData(BaseModel):
    """Where personal data stand in a review."""

    kind: str
    start: int
    end: int


class Annotations(BaseModel):
    """What was read from one version of a review."""

    language: str | None
    language_confidence: float | None
    sentiment: str | None
    sentiment_score: float | None
    sentiment_confidence: float | None
    sentiment_margin: float | None = Field(
        description="Probability of the likeliest sentiment, less that of the second."
    )
    tier: str | None = Field(description="Who judged the sentiment: fast, deep or plugin.")
    rating_disagreement: float | None = Field(
        description="How much better the rating is than the text, -2 to 2."
    )
    topics: list[str]
    topic_reasons: list[str]
    keywords: list[str]
    entities: list[str]
    entity_kinds: list[str]
    aspects: list[Aspect]
    pii: list[PersonalData]
    spam_score: float | None
    spam_reasons: list[str]
    corrected: list[str] = Field(description="The fields that hold what a person said.")
    models: dict[str, Any] = Field(description="Which version of what read it.")


class ReviewVersion(BaseModel):
    """A review as its author left it at one time."""

    version: int
    received_day: date
    batch_id: str
    record_number: int
    title: str | None
    text: str | None
    rating: float | None
    rating_given: str | None = Field(description="As the source wrote it.")
    posted_at: datetime | None
    author: str | None
    product: str | None
    location: str | None
    url: str | None
    annotations: Annotations | None = Field(description="Null until it was read.")


class ReviewVersions(BaseModel):
    """All versions of a review up to the published one, the first one first."""

    items: list[ReviewVersion] = Field(description="The latest 100 at most.")


class ReviewPage(Page[Review]):
    """A page of reviews, all of one snapshot."""

    snapshot: str = Field(description="The snapshot version that was read.")
    review_count: int | None = Field(
        description="All reviews that pass the filters, on every page; null unless asked for."
    )
