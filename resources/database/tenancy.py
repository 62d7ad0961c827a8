"""Tenants: the customers of this installation, each behind a wall of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from sqlalchemy import CheckConstraint, Column, Table, Text, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import DuplicateError, UnknownTenantError
from resources.database.repository import Repository
from resources.database.schema import check_tenant_id, created_at, json_column, metadata
from resources.vocabulary import TENANT_ID

DEFAULT_COLOUR = "#2f5d8a"


class TenantName(TypedDict):
    """A product, place or brand that reviews of a tenant may speak of.

    Attributes:
        name: What it is called.
        kind: For example ``product``, ``location`` or ``brand``.
        aliases: Other ways to write it.
    """

    name: str
    kind: str
    aliases: NotRequired[list[str]]


@dataclass(frozen=True)
class Tenant:
    """One customer.

    Attributes:
        id: Immutable slug, the same in the lake, in snapshots, in addresses and on the command
            line.
        name: What people call it.
        colour: Of its reports, ``#rrggbb``.
        names: What its reviews may speak of.
        settings: Whatever else is its own to choose.
        created_at: When it was made.
    """

    id: str
    name: str
    colour: str
    names: tuple[TenantName, ...] = field(hash=False)
    settings: Mapping[str, Any] = field(hash=False)
    created_at: datetime


tenants = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("colour", Text, nullable=False),
    json_column("names", empty="[]"),
    json_column("settings", empty="{}"),
    created_at(),
    CheckConstraint(f"id ~ '^{TENANT_ID}$'", name="id_is_slug"),
    CheckConstraint("colour ~ '^#[0-9a-fA-F]{6}$'", name="colour_is_rgb"),
)


class TenantRepository(Repository):
    """The tenants."""

    def create(
        self,
        tenant_id: str,
        name: str,
        *,
        colour: str = DEFAULT_COLOUR,
        names: Sequence[TenantName] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """Add a tenant.

        Raises:
            DuplicateError: If there is one with that identifier.
            ReviewGraphError: If the identifier is not a slug.
        """
        statement = (
            insert(tenants)
            .values(
                id=check_tenant_id(tenant_id),
                name=name,
                colour=colour,
                names=list(names),
                settings=dict(settings or {}),
            )
            .on_conflict_do_nothing()
            .returning(tenants)
        )
        tenant = self._one(Tenant, statement)
        if tenant is None:
            raise DuplicateError(f"There is a tenant {tenant_id!r} already. Choose another name.")
        return tenant

    def get(self, tenant_id: str) -> Tenant | None:
        """The tenant of that identifier, if it exists."""
        return self._one(Tenant, select(tenants).where(tenants.c.id == tenant_id))

    def require(self, tenant_id: str) -> Tenant:
        """The tenant of that identifier.

        Raises:
            UnknownTenantError: If it does not exist.
        """
        tenant = self.get(tenant_id)
        if tenant is None:
            known = ", ".join(other.id for other in self.list()[:10]) or "there is none yet"
            raise UnknownTenantError(
                f"There is no tenant {tenant_id!r} (known: {known}). "
                f"Make it with: reviewgraph tenant create {tenant_id}"
            )
        return tenant

    def list(self) -> tuple[Tenant, ...]:
        """All tenants, by identifier."""
        return self._all(Tenant, select(tenants).order_by(tenants.c.id))

    def update(
        self,
        tenant_id: str,
        *,
        name: str | None = None,
        colour: str | None = None,
        names: Sequence[TenantName] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """Change what is given and leave the rest.

        Raises:
            UnknownTenantError: If there is no such tenant.
        """
        given = {
            "name": name,
            "colour": colour,
            "names": None if names is None else [*names],
            "settings": None if settings is None else dict(settings),
        }
        changes = {column: value for column, value in given.items() if value is not None}
        if changes:
            self._execute(update(tenants).where(tenants.c.id == tenant_id).values(**changes))
        return self.require(tenant_id)
