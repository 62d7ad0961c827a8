"""Shapes of the exports slice."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, Field

from resources.database.tenant_exports import ExportStatus


class Export(BaseModel):
    """One archive of everything that the tenant has."""

    id: uuid.UUID
    status: ExportStatus = Field(description="`expired` once the archive was deleted.")
    requested_by: str = Field(description="The id of the user, or `operator`.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="Until when the archive is kept.")
    bytes: int | None = Field(description="The size of the archive.")
    sha256: str | None = Field(description="Of the archive, hexadecimal.")
    error: str | None
    archive: str | None = Field(description="Where to download it, once it is done.")


class Exports(BaseModel):
    """The exports, the latest first."""

    items: list[Export]
