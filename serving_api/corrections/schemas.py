"""Shapes of the corrections slice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from resources.nlp.texts import language_code
from resources.vocabulary import CorrectedField, Sentiment
from serving_api.kit.parameters import MAX_WHOLE_NUMBER, CleanText, refuse_unstorable_characters

Label = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(refuse_unstorable_characters)
]
_MAX_LABELS = 50


def _refuse_unknown_codes(code: str) -> str:
    if language_code(code) is None:
        raise ValueError("is no code of a language")
    return code


def _refuse_repeats(labels: list[str] | None) -> list[str] | None:
    if labels is not None and len(set(labels)) < len(labels):
        raise ValueError("must not name the same one twice")
    return labels


class _Correction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Annotated[CleanText | None, Field(description="Why, for whoever asks later.")] = None


class SentimentCorrection(_Correction):
    """How the customer feels."""

    field: Literal["sentiment"]
    value: Sentiment | None = Field(description="Null withdraws what was said before.")


class LanguageCorrection(_Correction):
    """Which language the review is in; everything else is then read in that language."""

    field: Literal["language"]
    value: (
        Annotated[str, Field(pattern=r"^[a-z]{2,3}$"), AfterValidator(_refuse_unknown_codes)] | None
    ) = Field(description="ISO 639-1; null withdraws what was said before.")


class TopicsCorrection(_Correction):
    """What the review is about: all of its topics, by their names in the taxonomy."""

    field: Literal["topics"]
    value: Annotated[
        list[Label] | None,
        Field(max_length=_MAX_LABELS, description="Null withdraws what was said before."),
        AfterValidator(_refuse_repeats),
    ]


class Entity(BaseModel):
    """A name that a review speaks of."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    kind: Label = Field(description="For example `product`, `place` or `person`.")


class EntitiesCorrection(_Correction):
    """Whom and what the review names: all of them."""

    field: Literal["entities"]
    value: Annotated[
        list[Entity] | None,
        Field(max_length=_MAX_LABELS, description="Null withdraws what was said before."),
    ]


class CorrectedAspect(BaseModel):
    """Something the review speaks of, at the place where it does."""

    model_config = ConfigDict(extra="forbid")

    term: Annotated[Label, Field(description="As the lexicon names it, or as written.")]
    category: Label
    sentiment: Sentiment
    start: Annotated[
        int,
        Field(ge=0, le=MAX_WHOLE_NUMBER, description="In title, line break and text as one."),
    ]
    end: Annotated[int, Field(ge=0, le=MAX_WHOLE_NUMBER, description="Exclusive.")]

    @model_validator(mode="after")
    def _encloses_something(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must lie behind start")
        return self


class AspectsCorrection(_Correction):
    """Everything the review speaks of, and how."""

    field: Literal["aspects"]
    value: Annotated[
        list[CorrectedAspect] | None,
        Field(max_length=_MAX_LABELS, description="Null withdraws what was said before."),
    ]


NewCorrection = Annotated[
    SentimentCorrection
    | LanguageCorrection
    | TopicsCorrection
    | EntitiesCorrection
    | AspectsCorrection,
    Field(discriminator="field"),
]
"""What a person says of one field of a review."""


class Correction(BaseModel):
    """What a person said."""

    review_key: str
    field: CorrectedField
    revision: int = Field(description="From 1 within the field; the highest one counts.")
    value: Any = Field(description="Null where it withdraws what was said before.")
    previous: Any = Field(description="What was published when it was said.")
    author: str = Field(description="Id of the user who said so.")
    note: str | None
    day: date | None = Field(description="The ingestion day that is written anew to show it.")
    created_at: datetime


class CorrectionHistory(BaseModel):
    """All that was ever said of a review, the latest first."""

    items: list[Correction]
