"""Shapes of the enrichment slice."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from resources.nlp.aspects.lexicon import ANY_LANGUAGE, LONGEST_TERM, OTHER
from resources.nlp.topics.taxonomy import (
    LONGEST_DESCRIPTION,
    LONGEST_EXAMPLE,
    LONGEST_KEYWORD,
    LONGEST_NAME,
    MAX_EXAMPLES,
    MAX_KEYWORDS,
    MAX_TOPICS,
)
from resources.vocabulary import TierName
from serving_api.kit.parameters import refuse_unstorable_characters

LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
MAX_CATEGORIES, MAX_TERMS = 40, 20_000


_Text = Annotated[str, Field(min_length=1), AfterValidator(refuse_unstorable_characters)]
_Description = Annotated[
    str, Field(max_length=LONGEST_DESCRIPTION), AfterValidator(refuse_unstorable_characters)
]
Name = Annotated[_Text, Field(max_length=LONGEST_NAME)]
Keyword = Annotated[_Text, Field(max_length=LONGEST_KEYWORD)]
Example = Annotated[_Text, Field(max_length=LONGEST_EXAMPLE)]


def _refuse_equal_names(topics: list[Topic]) -> list[Topic]:
    if len({topic.name.casefold().strip() for topic in topics}) < len(topics):
        raise ValueError("topics must have different names")
    return topics


def _refuse_equal_terms(terms: list[Term]) -> list[Term]:
    if len({(term.language, term.text) for term in terms}) < len(terms):
        raise ValueError("a language must not have the same term twice")
    return terms


def _in_lower_case(text: str) -> str:
    text = " ".join(text.lower().split())
    if not 1 <= len(text.split()) <= LONGEST_TERM:
        raise ValueError(f"must be 1 to {LONGEST_TERM} words")
    return text


class Topic(BaseModel):
    """One topic."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Annotated[
        str, Field(max_length=LONGEST_DESCRIPTION), AfterValidator(refuse_unstorable_characters)
    ] = ""
    keywords: Annotated[
        dict[LanguageCode, Annotated[list[Keyword], Field(max_length=MAX_KEYWORDS)]],
        Field(
            max_length=120,
            description="By language, whole words; one that ends in `*` also begins longer words.",
        ),
    ] = {}
    examples: Annotated[
        list[Example], Field(max_length=MAX_EXAMPLES, description="Texts that speak of it.")
    ] = []


class NewTaxonomy(BaseModel):
    """The topics to look for from now on, in the order in which they are reported."""

    model_config = ConfigDict(extra="forbid")

    topics: Annotated[
        list[Topic],
        Field(min_length=1, max_length=MAX_TOPICS),
        AfterValidator(_refuse_equal_names),
    ]


class Stored(BaseModel):
    """Which version of a document counts."""

    version: str = Field(description="As annotations name it in `models`.")
    is_default: bool = Field(description="Whether it is the one that ReviewGraph ships.")
    author: str | None = Field(description="Id of the user who wrote it; null for the default.")
    created_at: datetime | None = Field(description="Null for the default.")


class Taxonomy(Stored):
    """The topics that the tenant's reviews are read for."""

    topics: list[Topic]


class Term(BaseModel):
    """A term that names an aspect."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[_Text, Field(max_length=100), AfterValidator(_in_lower_case)]
    category: Name = OTHER
    language: Annotated[
        str,
        Field(
            pattern=r"^([a-z]{2,3}|\*)$", description="Of the reviews it is sought in; `*`: of all."
        ),
    ] = ANY_LANGUAGE


class MinedTerm(Term):
    """A term, and what the reviews that it was mined from say of it."""

    count: int = Field(default=0, description="How often they hold it; 0 where it was not mined.")
    score: float = Field(default=1.0, description="How sure the miner is, 0 to 1.")
    example: str = Field(default="", description="A piece of a review that holds it.")
    span: list[int] = Field(default=[0, 0], description="Where it stands there: start and end.")


class NewAspectLexicon(BaseModel):
    """The aspects to look for from now on."""

    model_config = ConfigDict(extra="forbid")

    categories: Annotated[
        dict[Name, _Description],
        Field(
            min_length=1,
            max_length=MAX_CATEGORIES,
            description=f"Name to description. There is always `{OTHER}` besides.",
        ),
    ]
    terms: Annotated[list[Term], Field(max_length=MAX_TERMS), AfterValidator(_refuse_equal_terms)]
    aliases: Annotated[
        dict[
            Annotated[_Text, Field(max_length=100), AfterValidator(_in_lower_case)],
            Annotated[_Text, Field(max_length=100), AfterValidator(_in_lower_case)],
        ],
        Field(max_length=MAX_TERMS, description="Another form to the term it stands for."),
    ] = {}


class AspectLexicon(Stored):
    """The aspects that the tenant's reviews are read for."""

    categories: dict[str, str]
    terms: list[MinedTerm]
    aliases: dict[str, str]


class Plugin(BaseModel):
    """A model that is not shipped."""

    model_config = ConfigDict(extra="forbid")

    task: Literal["sentiment", "ner", "zero_shot", "embeddings"]
    engine: Literal["transformers", "spacy"]
    model: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$",
            max_length=200,
            description="The name of an installed one. Folders are for whoever runs this.",
        ),
    ]
    options: Annotated[dict[str, Any], Field(max_length=20)] = {}


class NewNlpSettings(BaseModel):
    """Which models shall read the reviews."""

    model_config = ConfigDict(extra="forbid")

    tier: TierName
    plugins: Annotated[
        list[Plugin], Field(max_length=4, description="Used in the tier `plugin` alone.")
    ] = []


class NlpSettings(BaseModel):
    """Which models read the tenant's reviews."""

    tier: TierName
    allowed_tiers: list[TierName] = Field(description="What the tenant's plan allows.")
    plugins: list[Plugin]
    has_own_models: bool = Field(description="Whether models learned from its own reviews.")
    models_version: str | None = Field(description="Of its own models.")
    updated_at: datetime | None = Field(description="Null while it is the default.")
