"""Shapes of the identity providers slice."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from resources.database import identity_providers as database
from serving_api.kit.parameters import CleanSecret, CleanText


class NewIdentityProvider(BaseModel):
    """A provider to set up."""

    model_config = ConfigDict(extra="forbid")

    issuer: Annotated[
        CleanText,
        Field(
            min_length=8,
            description="The provider's name for itself, exactly as its metadata say it.",
            examples=["https://id.example.com"],
        ),
    ]
    client_id: Annotated[CleanText, Field(min_length=1, examples=["reviewgraph"])]
    client_secret: Annotated[CleanSecret, Field(min_length=1, max_length=500)]
    default_role: Literal["viewer", "analyst"] = Field(
        "viewer", description="What somebody becomes who comes by it for the first time."
    )


class IdentityProvider(BaseModel):
    """A provider of a tenant. Its client secret is never shown."""

    id: uuid.UUID
    issuer: str
    client_id: str
    default_role: str
    created_at: datetime
    redirect_uri: str = Field(description="Register this address at the provider.")

    @classmethod
    def of(cls, provider: database.IdentityProvider, redirect_uri: str) -> IdentityProvider:
        """The shape of a provider."""
        return cls(
            id=provider.id,
            issuer=provider.issuer,
            client_id=provider.client_id,
            default_role=provider.default_role,
            created_at=provider.created_at,
            redirect_uri=redirect_uri,
        )


class IdentityProviders(BaseModel):
    """The providers of a tenant, and the domains whose addresses may come by them."""

    items: list[IdentityProvider]
    domains: list[str] = Field(
        description="Domains that the operator has verified to be the tenant's."
    )
