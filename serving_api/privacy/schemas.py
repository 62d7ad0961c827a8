"""Shapes of the privacy slice."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from resources.privacy.subjects import normal_name
from serving_api.kit.paging import CursorParameter, Page
from serving_api.kit.parameters import refuse_unstorable_characters

MAX_REVIEWS = 500
MAX_SOURCES = 50


def _refuse_nameless(name: str) -> str:
    if not normal_name(name):
        raise ValueError("must hold a letter that can be seen")
    return name


Name = Annotated[
    str,
    Field(min_length=1, max_length=300),
    AfterValidator(refuse_unstorable_characters),
    AfterValidator(_refuse_nameless),
]
ReviewKey = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SourceName = Annotated[
    str, Field(min_length=1, max_length=300), AfterValidator(refuse_unstorable_characters)
]


class NewErasure(BaseModel):
    """Who is to be erased, told in exactly one way."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"author": "Jane Doe"}, {"review_keys": ["0" * 32]}]},
    )

    author: Annotated[
        Name | None,
        Field(
            description="The author's name as reviews show it; case and spaces do not matter. "
            "Everybody of exactly this name is erased."
        ),
    ] = None
    account: Annotated[
        Name | None, Field(description="The source's own id of the author's account.")
    ] = None
    review_keys: Annotated[
        list[ReviewKey] | None,
        Field(min_length=1, max_length=MAX_REVIEWS, description="Single reviews."),
    ] = None
    sources: Annotated[
        list[SourceName],
        Field(max_length=MAX_SOURCES, description="Only at these sources; everywhere when empty."),
    ] = []
    suppress: Annotated[
        bool, Field(description="Refuse the same reviews when they are imported again.")
    ] = True

    @model_validator(mode="after")
    def _told_in_one_way(self) -> Self:
        told = [one for one in (self.author, self.account, self.review_keys) if one is not None]
        if len(told) != 1:
            raise ValueError("give exactly one of author, account and review_keys")
        return self


class ErasureStep(BaseModel):
    """A step of an erasure that is done."""

    step: str
    done_at: datetime


class LeftThere(BaseModel):
    """A place that says the same words and was left as it is."""

    values: int = Field(description="How many values say them.")
    why: str = Field(description="Why they are not the person's, or cannot be taken out.")


class Receipt(BaseModel):
    """What was erased where, and that nothing is left."""

    records: int = Field(description="Records that were erased.")
    reviews: int = Field(description="Reviews that they had become.")
    erased: dict[str, int] = Field(description="Each place, and how much was taken out of it.")
    searched: dict[str, int] = Field(
        description="Each place that was searched afterwards, and how much was found: nothing."
    )
    left: dict[str, LeftThere] = Field(
        default={},
        description="Each place that still says words of the reviews, because they are the "
        "tenant's own: the review only repeats them.",
    )
    not_reached: dict[str, str] = Field(
        description="Where this installation's hands do not reach, and what to do there."
    )
    searched_at: datetime = Field(description="When everything was searched.")


class Erasure(BaseModel):
    """An erasure, and how far it is."""

    id: uuid.UUID
    kind: Literal["author", "account", "review", "retention"] = Field(
        description="`retention`: reviews that are older than the setting `retention_days` says."
    )
    status: Literal["queued", "running", "done", "failed"] = Field(
        description="`failed`: something was left or went wrong; it is tried again."
    )
    subject: str = Field(description="A keyed hash of who was asked for, and no name.")
    suppress: bool = Field(description="Whether the same reviews are refused from now on.")
    attempt: int = Field(description="How often it was worked on.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[ErasureStep] = Field(description="The steps that are done, in order.")
    receipt: Receipt | None = Field(description="Null until it is done.")


class ErasurePage(Page[Erasure]):
    """Erasures, the latest first."""


class ErasureListParameters(BaseModel):
    """Which page of erasures is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200, description="Erasures on a page.")] = 50
    cursor: CursorParameter = None
