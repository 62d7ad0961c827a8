"""What a tenant chose for itself, with its history: who changed what, when, from what to what.

Every change is a row that stays. The newest counts; a tenant that never chose has the defaults.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    insert,
    select,
    text,
)

from resources.database.errors import StaleVersionError
from resources.database.repository import Repository
from resources.database.schema import created_at, json_column, metadata, tenant_column

MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 30, 3650
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _require_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("must be a time zone such as Europe/Vienna")
    return name


def _require_plain(line: str) -> str:
    if _CONTROLS.search(line) or line != line.strip():
        raise ValueError("must be one line without control characters or spaces at its ends")
    return line


Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_require_plain)]


class TenantChoices(BaseModel):
    """The settings of a tenant, each with its default.

    Attributes:
        timezone: In which its days begin, for people who read of them.
        language: In which it is written to.
        week_starts_on: The first day of its weeks.
        report_name: What its reports call it; the tenant's name when None.
        retention_days: For how many days after it was written a review is kept; for ever when None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: Annotated[str, AfterValidator(_require_zone)] = Field(
        default="UTC", description="An IANA time zone.", examples=["Europe/Vienna"]
    )
    language: Literal["en", "de", "fr", "es", "it", "nl", "pl", "pt"] = Field(
        default="en", description="In which the tenant is written to."
    )
    week_starts_on: Literal["monday", "saturday", "sunday"] = "monday"
    report_name: Line | None = Field(
        default=None, description="What reports call the tenant; its name when null."
    )
    retention_days: Annotated[int, Field(ge=MIN_RETENTION_DAYS, le=MAX_RETENTION_DAYS)] | None = (
        Field(
            default=None,
            description="For how many days after it was written a review is kept, or after it came "
            "in where its source gave no date; for ever when null. Older ones are erased within "
            "an hour, and do not come back when the days are made more.",
        )
    )


@dataclass(frozen=True)
class SettingsChange:
    """One change of a tenant's settings.

    Attributes:
        tenant_id: Whose they are.
        revision: From 1; the highest one counts.
        choices: All settings after the change, as far as they were chosen.
        before: What was changed, as it was.
        after: What was changed, as it is since.
        author: Who changed it: a user's identifier, or for example ``operator``.
        created_at: When.
    """

    tenant_id: str
    revision: int
    choices: Mapping[str, Any] = field(hash=False)
    before: Mapping[str, Any] = field(hash=False)
    after: Mapping[str, Any] = field(hash=False)
    author: str
    created_at: datetime


tenant_settings = Table(
    "tenant_settings",
    metadata,
    tenant_column(),
    Column("revision", Integer, nullable=False),
    json_column("choices", empty="{}"),
    json_column("before", empty="{}"),
    json_column("after", empty="{}"),
    Column("author", Text, nullable=False),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "revision"),
    CheckConstraint("revision > 0", name="revision_is_positive"),
)


class TenantSettingsRepository(Repository):
    """The settings of tenants."""

    def current(self, tenant_id: str) -> tuple[TenantChoices, int]:
        """The settings that count, and their revision; 0 while they are the defaults."""
        latest = next(iter(self.history(tenant_id, limit=1)), None)
        if latest is None:
            return TenantChoices(), 0
        return TenantChoices.model_validate(latest.choices), latest.revision

    def history(
        self, tenant_id: str, *, limit: int = 100, before: int | None = None
    ) -> tuple[SettingsChange, ...]:
        """The changes, the latest first.

        Args:
            tenant_id: Whose.
            limit: How many at most.
            before: Only those of lower revisions.
        """
        statement = select(tenant_settings).where(tenant_settings.c.tenant_id == tenant_id)
        if before is not None:
            statement = statement.where(tenant_settings.c.revision < before)
        return self._all(
            SettingsChange, statement.order_by(tenant_settings.c.revision.desc()).limit(limit)
        )

    def change(
        self,
        tenant_id: str,
        changes: Mapping[str, Any],
        *,
        author: str,
        expected: int | None = None,
    ) -> SettingsChange | None:
        """Change some settings; None if they are so already.

        Args:
            tenant_id: Whose.
            changes: The settings to change, by name.
            author: Who changes them.
            expected: The revision that the author has seen; whatever counts when None.

        Raises:
            StaleVersionError: If another revision counts by now.
            ValidationError: If a setting cannot be so (pydantic's).
        """
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"settings of {tenant_id}"},
        )
        current, revision = self.current(tenant_id)
        if expected is not None and expected != revision:
            raise StaleVersionError(
                f"The settings of {tenant_id} were changed since revision {expected}. Read them "
                "again, then change them."
            )
        old = current.model_dump(mode="json")
        new = TenantChoices.model_validate({**old, **changes}).model_dump(mode="json")
        changed = [name for name in new if new[name] != old[name]]
        if not changed:
            return None
        statement = insert(tenant_settings).values(
            tenant_id=tenant_id,
            revision=revision + 1,
            choices=new,
            before={name: old[name] for name in changed},
            after={name: new[name] for name in changed},
            author=author,
        )
        return self._exactly_one(SettingsChange, statement.returning(tenant_settings))
