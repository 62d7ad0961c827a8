"""What a source of Google reviews may be told: the fields of a task, checked before it is bought.

A task that DataForSEO refuses is noticed only by the next daily run, hours after somebody typed it.
What can be known to be wrong is therefore refused where the source is made. Whether the place
exists is not asked here: looking costs money.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_DEPTH = 4490
"""The most reviews that one task may bring."""

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
_GROUPS = {
    "the place": ("keyword", "cid", "place_id"),
    "the location to search from": ("location_name", "location_code", "location_coordinate"),
    "the language": ("language_name", "language_code"),
}


class GoogleReviewsConfig(BaseModel):
    """Which place is asked for, from where and how."""

    model_config = ConfigDict(extra="forbid")

    keyword: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=700),
        Field(description="What one would type into the search to find the place."),
    ] = None
    cid: Annotated[
        str | None, Field(pattern=r"^[0-9]{1,32}$", description="Google's number of the place.")
    ] = None
    place_id: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9_-]{1,255}$", description="Google's name of the place."),
    ] = None
    location_name: Annotated[_Words | None, Field(description="As DataForSEO spells it.")] = None
    location_code: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    location_coordinate: Annotated[
        str | None,
        Field(
            pattern=r"^-?[0-9]{1,2}([.][0-9]{1,7})?,-?[0-9]{1,3}([.][0-9]{1,7})?(,[0-9.]{1,9}z?)?$",
            description="Latitude and longitude, for example `52.52,13.405`.",
        ),
    ] = None
    language_name: Annotated[_Words | None, Field(description="As DataForSEO spells it.")] = None
    language_code: Annotated[
        str | None, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$", examples=["en"])
    ] = None
    depth: Annotated[
        int | None, Field(ge=10, le=MAX_DEPTH, description="How many reviews to ask for at most.")
    ] = None
    sort_by: Literal["newest", "highest_rating", "lowest_rating", "relevant"] | None = None
    priority: Annotated[
        Literal[1, 2] | None, Field(description="2 is answered sooner and costs double.")
    ] = None
    product: Annotated[
        _Words | None, Field(description="The product that its reviews are filed under.")
    ] = None
    location: Annotated[
        _Words | None, Field(description="The location that its reviews are filed under.")
    ] = None

    @model_validator(mode="after")
    def _names_one_of_each(self) -> Self:
        for what, names in _GROUPS.items():
            given = [name for name in names if getattr(self, name) is not None]
            if len(given) != 1:
                raise ValueError(
                    f"name {what} by exactly one of {', '.join(names)}; "
                    f"given: {', '.join(given) or 'none'}"
                )
        return self

    def spelled(self) -> dict[str, Any]:
        """The configuration as it is kept: without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)
