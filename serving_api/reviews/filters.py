"""Which reviews are meant: the filters, what they mean in SQL, and links that carry them.

A filter selects exactly the reviews that the marts count under the same name. That is the promise
behind the ``reviews`` link of every figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from resources.vocabulary import Sentiment
from serving_api.kit.paging import link
from serving_api.kit.parameters import CleanText, Day, MemberName


def _words_of(text: str) -> str:
    """The SQL that takes a text apart into words, accents and case aside."""
    parts = rf"string_split_regex(strip_accents(lower({text})), '[^\pL\pM\pN]+')"
    return f"list_filter({parts}, lambda word: word <> '')"


# What each filter means; every one binds a single value.
_CONDITIONS = {
    "first_day": "posted_day >= ?",
    "last_day": "posted_day <= ?",
    "source": "source = ?",
    "product": "product = ?",
    "location": "location = ?",
    "language": "language = ?",
    "sentiment": "list_contains(?::varchar[], sentiment)",
    "annotated": "(sentiment is not null) = ?",
    "understood": "(sentiment is not null) = ?",
    "topic": "list_contains(topics, ?)",
    "entity": "list_contains(entities, ?)",
    "keyword": "list_contains(keywords, ?)",
    "min_score": "sentiment_score >= ?",
    "max_score": "sentiment_score <= ?",
    # The marts' own rule: the nearest whole star, halves upwards. DuckDB's greatest and least pass
    # over nulls, so that a review without a rating would else have one star.
    "rating": "(rating is not null and least(greatest(floor(rating + 0.5), 1), 5) = ?)",
    "rated": "(rating is not null) = ?",
    "dated": "has_posted_date = ?",
    "q": "contains(lower(concat_ws(chr(10), title, text)), lower(?))",
    "words": f"list_has_all({_words_of('concat_ws(chr(10), title, text)')}, {_words_of('?')})",
}


def _require_a_word(text: str | None) -> str | None:
    if text is not None and not any(character.isalnum() for character in text):
        raise ValueError("must hold a word: letters or digits")
    return text


class ReviewFilters(BaseModel):
    """Filters that can be combined; a review must pass all of them."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)

    first_day: Annotated[
        Day | None, Field(alias="from", description="Written on this day or later.")
    ] = None
    last_day: Annotated[
        Day | None, Field(alias="to", description="Written on this day or earlier.")
    ] = None
    source: Annotated[MemberName | None, Field(description="From this source.")] = None
    product: Annotated[
        MemberName | None, Field(description="About this product; empty: about none.")
    ] = None
    location: Annotated[
        MemberName | None, Field(description="About this location; empty: about none.")
    ] = None
    language: Annotated[
        MemberName | None,
        Field(description="In this language, ISO 639-1; `und`: not known.", examples=["de"]),
    ] = None
    sentiment: Annotated[
        list[Sentiment], Field(description="With one of these sentiments.", max_length=4)
    ] = []
    annotated: Annotated[bool | None, Field(description="Whether a sentiment could be given.")] = (
        None
    )
    understood: Annotated[
        bool | None, Field(description="The former name of `annotated`.", deprecated=True)
    ] = None
    topic: Annotated[MemberName | None, Field(description="Mentions this topic.")] = None
    entity: Annotated[MemberName | None, Field(description="Speaks of this name.")] = None
    keyword: Annotated[MemberName | None, Field(description="Has this keyword.")] = None
    min_score: Annotated[
        float | None, Field(ge=-1, le=1, description="With at least this sentiment, -1 to 1.")
    ] = None
    max_score: Annotated[
        float | None, Field(ge=-1, le=1, description="With at most this sentiment, -1 to 1.")
    ] = None
    rating: Annotated[
        int | None, Field(ge=1, le=5, description="Rated so, to the nearest whole star.")
    ] = None
    rated: Annotated[bool | None, Field(description="Whether it came with a rating.")] = None
    dated: Annotated[
        bool | None, Field(description="Whether its source said when it was written.")
    ] = None
    q: Annotated[
        CleanText | None,
        Field(min_length=1, description="Has these very characters in title or text, in any case."),
    ] = None
    words: Annotated[
        CleanText | None,
        Field(
            min_length=1,
            description="Has all of these words in title or text, whole and in any order, case and "
            "accents aside. For scripts that put no spaces between words use `q`.",
        ),
        AfterValidator(_require_a_word),
    ] = None

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError("from must not be later than to")
        return self

    @model_validator(mode="after")
    def _scores_in_order(self) -> Self:
        if None not in (self.min_score, self.max_score) and self.min_score > self.max_score:  # type: ignore[operator]
            raise ValueError("min_score must not be more than max_score")
        return self

    def conditions(self) -> tuple[str, list[Any]]:
        """The filters as SQL over the snapshot's ``reviews``.

        Returns:
            A condition of constant text, and the values it binds, in order.
        """
        values = dict(self)  # plain attribute access would warn of the deprecated ones
        given = {
            name: value
            for name in _CONDITIONS
            if (value := values[name]) is not None and value != []
        }
        condition = " and ".join(_CONDITIONS[name] for name in given) or "true"
        return condition, list(given.values())


@dataclass(frozen=True)
class ReviewLinks:
    """Writes addresses of the reviews behind figures of one snapshot.

    The snapshot is part of the address: the link returns the reviews that the figure was counted
    from, also when newer numbers have been published meanwhile.

    Attributes:
        tenant_id: The tenant.
        version: The snapshot version.
        workspace: The workspace whose reviews were counted; all of the tenant's when None.
    """

    tenant_id: str
    version: str
    workspace: str | None = None

    def to(self, **filters: str | float | bool | date | None) -> str:
        """The address of the reviews that pass these filters.

        Args:
            **filters: Field names of :class:`ReviewFilters`; None leaves a filter out.
        """
        named = [
            (_ALIASES.get(name, name), _spelled(value))
            for name, value in filters.items()
            if value is not None
        ]
        path = f"/v1/tenants/{self.tenant_id}/reviews"
        if self.workspace is not None:
            named.append(("workspace", self.workspace))
        return link(path, [*named, ("snapshot", self.version)])


_ALIASES = {name: field.alias for name, field in ReviewFilters.model_fields.items() if field.alias}


def _spelled(value: str | float | bool | date) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
