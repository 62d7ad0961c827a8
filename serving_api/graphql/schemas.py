"""Shapes of the GraphQL slice: what is sent, and what comes back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving_api.kit.errors import ParameterError


class GraphQLRequest(BaseModel):
    """One document. Several at once are not taken."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)

    query: Annotated[str, Field(min_length=1, max_length=32_768, description="The document.")]
    variables: Annotated[
        dict[str, Any] | None, Field(description="Values of the document's variables.")
    ] = None
    operation_name: Annotated[
        str | None,
        Field(alias="operationName", max_length=200, description="Which of its operations."),
    ] = None
    extensions: Annotated[dict[str, Any] | None, Field(description="Not used.")] = None


class GraphQLExtensions(BaseModel):
    """What goes wrong in the words of the rest of this API."""

    slug: str = Field(description="The kind of problem.")
    type: str = Field(description="As in a problem document.")
    status: int = Field(description="What REST would answer with.")
    request_id: str
    errors: list[ParameterError] | None = Field(default=None)


class GraphQLErrorAnswer(BaseModel):
    """Something that went wrong."""

    message: str
    path: list[str | int] | None = Field(default=None, description="The field it belongs to.")
    extensions: GraphQLExtensions


class GraphQLAnswer(BaseModel):
    """What a document is answered with."""

    data: dict[str, Any] | None = Field(description="Null where nothing was carried out.")
    errors: list[GraphQLErrorAnswer] | None = Field(default=None)
