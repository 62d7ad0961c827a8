"""Shapes of the sources slice."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from resources.collection.dataforseo.source_config import GoogleReviewsConfig
from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import refuse_unstorable_characters

MAXIMUM_PAGE = 200

SourceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(refuse_unstorable_characters),
]


class SourceDay(BaseModel):
    """What a source gave on one day. A number is null where nobody can tell (yet)."""

    day: date
    claimed: int | None = Field(description="Reviews that the source says it has in all.")
    fetched: int | None = Field(description="Rows that came from it.")
    new: int | None
    changed: int | None
    unchanged: int | None
    rejected: int | None
    gone: int | None = Field(description="Known reviews that it does not show any more.")


class Source(BaseModel):
    """A place that is asked for new reviews every day."""

    id: uuid.UUID
    kind: str = Field(description="Which collector asks it.", examples=["google_reviews"])
    name: str = Field(description="Unique within the tenant; the `source` of its reviews.")
    config: dict[str, Any] = Field(description="What the collector is told.")
    is_active: bool = Field(description="Whether it is asked at all.")
    created_at: datetime
    last_day: SourceDay | None = Field(
        description="The last day on which it gave anything; null if it never did."
    )


class SourcePage(Page[Source]):
    """Sources, by name."""


class SourceListParameters(BaseModel):
    """Which page of sources is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAXIMUM_PAGE, description="Sources on a page.")] = 50
    cursor: CursorParameter = None


class NewSource(BaseModel):
    """A source that is to be asked from the next daily run on."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[Literal["google_reviews"], Field(description="Which collector asks it.")]
    name: Annotated[
        SourceName, Field(description="Unique within the tenant; never changes.", examples=["maps"])
    ]
    config: GoogleReviewsConfig
    is_active: Annotated[bool, Field(description="False makes it and leaves it paused.")] = True


class SourceChange(BaseModel):
    """What is to be changed of a source; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    config: Annotated[
        GoogleReviewsConfig | None, Field(description="The whole configuration anew.")
    ] = None
    is_active: Annotated[bool | None, Field(description="False pauses it.")] = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.config is None and self.is_active is None:
            raise ValueError("give config, is_active or both")
        return self
