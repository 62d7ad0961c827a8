"""Types of parameters that several slices take, and what makes them safe to pass on."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from resources.vocabulary import MAX_DAYS_AHEAD, MIN_POSTED_DAY, utc_today

MAX_WHOLE_NUMBER = 2**31 - 1
"""The largest whole number that a column of the database holds."""

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can spell a text: no NUL, and no half of a character."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def refuse_unstorable_characters(text: str) -> str:
    """Let only text pass that PostgreSQL and UTF-8 can spell.

    Raises:
        ValueError: If there is a NUL or half of a character in it.
    """
    if not is_storable(text):
        raise ValueError("must not contain NUL or half of a character")
    return text


def _require_iso_day(value: Any) -> Any:
    # Pydantic would also read 1700000000 as a date, seconds after 1970.
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DAY.fullmatch(value)):
        return value
    raise ValueError("must be a day such as 2026-03-31")


def _require_day_of_reviews(day: date) -> date:
    # Where no review can be, there is nothing to select, to count or to report on; and whoever
    # computes with the ends of the calendar falls over its edge.
    last = utc_today() + timedelta(days=MAX_DAYS_AHEAD)
    if not MIN_POSTED_DAY <= day <= last:
        raise ValueError(f"must lie between {MIN_POSTED_DAY} and {last}, as all reviews do")
    return day


def _refuse_unstorable_secret(secret: SecretStr) -> SecretStr:
    refuse_unstorable_characters(secret.get_secret_value())
    return secret


CleanText = Annotated[str, Field(max_length=300), AfterValidator(refuse_unstorable_characters)]
"""Text of a client that may reach a query as a bound parameter."""

CleanSecret = Annotated[SecretStr, AfterValidator(_refuse_unstorable_secret)]
"""A secret of a client; how long it may be, each use says."""

MemberName = Annotated[str, Field(max_length=4000), AfterValidator(refuse_unstorable_characters)]
"""The name of a product, place or topic: whatever reviews call it, links must be able to say."""

Day = Annotated[date, BeforeValidator(_require_iso_day), AfterValidator(_require_day_of_reviews)]
"""A day in UTC on which a review can have been written, spelled ``YYYY-MM-DD`` and nothing else."""

WorkspaceParameter = Annotated[
    str | None,
    Field(
        max_length=100,
        description="Only reviews of this workspace, by its id; of the whole tenant if unset.",
    ),
]
"""The parameter that chooses a workspace; an id that names none in use is not found."""

SnapshotVersion = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""The name of a snapshot version; a strict pattern, because it becomes the name of a folder."""

TenantPath = Annotated[
    str,
    Path(description="The tenant's id, for example `acme`.", examples=["acme"]),
]
