"""Shapes of the analysis slice."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from resources.vocabulary import Sentiment

MAXIMUM_TEXTS = 1_000
MAXIMUM_CHARACTERS = 1_000_000


class TextToAnalyze(BaseModel):
    """One text, with what is known of it."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=MAXIMUM_CHARACTERS)]
    title: Annotated[str | None, Field(max_length=10_000, description="Read before the text.")] = (
        None
    )
    language: Annotated[
        str | None,
        Field(pattern=r"^[a-z]{2,3}$", description="ISO 639-1, where known; else it is found."),
    ] = None
    rating: Annotated[
        float | None,
        Field(ge=1, le=5, description="Stars; only compared with the text, never read into it."),
    ] = None


def _as_object(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class AnalysisRequest(BaseModel):
    """Texts to understand."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"texts": ["The staff was friendly.", {"text": "Prima!"}]}},
    )

    texts: Annotated[
        list[
            Annotated[
                TextToAnalyze,
                BeforeValidator(_as_object, json_schema_input_type=str | TextToAnalyze),
            ]
        ],
        Field(min_length=1, max_length=MAXIMUM_TEXTS, description="Strings or objects."),
    ]
    redact: Annotated[
        bool, Field(description="Also return each text without its personal data.")
    ] = False


class Aspect(BaseModel):
    """Something a text speaks of, and how."""

    term: str
    category: str
    sentiment: Sentiment
    score: float = Field(description="From -1 to 1.")
    start: int = Field(description="Where the term begins, in characters.")
    end: int = Field(description="Where it ends, exclusive.")


class PersonalData(BaseModel):
    """A place in a text that holds personal data."""

    kind: str = Field(description="For example `email`, `phone`, `card` or `iban`.")
    start: int
    end: int


class AnalyzedText(BaseModel):
    """What a text says. Positions count characters of title, line break and text as one."""

    language: str = Field(description="ISO 639-1; `und` when not known.")
    language_confidence: float
    sentiment: Sentiment | None = Field(description="Null where there is nothing to understand.")
    sentiment_score: float | None = Field(description="From -1 to 1.")
    sentiment_confidence: float | None = Field(description="Probability of the label, 0 to 1.")
    sentiment_margin: float | None = Field(
        description="Probability of the best label less that of the second best."
    )
    tier: str | None = Field(description="Who judged: `fast`, `cascade`, `deep` or `plugin`.")
    rating_disagreement: float | None = Field(
        description="How much better it is rated than it reads, -2 to 2; null without a rating."
    )
    topics: list[str]
    topic_reasons: list[str] = Field(description="Beside topics: the evidence for each.")
    keywords: list[str]
    entities: list[str]
    entity_kinds: list[str] = Field(description="Beside entities.")
    aspects: list[Aspect]
    pii: list[PersonalData]
    spam_score: float | None = Field(description="0 to 1.")
    spam_reasons: list[str]
    signature: int | None = Field(
        description="64 bits that differ little between similar texts; null without words."
    )
    corrected: list[str] = Field(description="Empty here: people correct reviews, not texts.")
    text_hash: str
    models: dict[str, str] = Field(description="Annotator to version.")
    redacted: str | None = Field(
        default=None,
        description="What was read, without personal data; only where it was asked for.",
    )


class Analysis(BaseModel):
    """The analyzed texts, in the order in which they were sent."""

    items: list[AnalyzedText]
