"""Shapes of the workspaces slice."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from resources.database.workspaces import WorkspaceKind
from serving_api.kit.parameters import CleanText
from serving_api.tenants.schemas import Line

MAX_ITEMS = 1000

Names = Annotated[list[CleanText], Field(max_length=MAX_ITEMS)]


class NewWorkspace(BaseModel):
    """A workspace to make."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(examples=["Harbour Hotel"])
    kind: WorkspaceKind = Field(default="brand", description="What it stands for.")


class WorkspaceChange(BaseModel):
    """Another name for a workspace."""

    model_config = ConfigDict(extra="forbid")

    name: Line


class Contents(BaseModel):
    """What belongs to a workspace. Nothing belongs to two: it leaves the one it was in.

    A review belongs to the workspace of its product; where that is of none, to that of its
    location; where that is of none, to that of its source.
    """

    model_config = ConfigDict(extra="forbid")

    sources: Names = Field(description="Sources, as reviews name them.", examples=[["google"]])
    products: Names = Field(description="Products, as reviews name them.", examples=[["kettle"]])
    locations: Names = Field(
        default=[], description="Locations, as reviews name them.", examples=[["Albany"]]
    )


class Workspace(BaseModel):
    """A brand, place or team of a tenant."""

    id: uuid.UUID
    name: str
    kind: WorkspaceKind
    created_at: datetime
    archived_at: datetime | None = Field(description="Since when it is out of use.")
    sources: list[str]
    products: list[str]
    locations: list[str]


class Workspaces(BaseModel):
    """The workspaces, by name."""

    items: list[Workspace]
