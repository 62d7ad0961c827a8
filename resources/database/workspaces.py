"""Workspaces: a tenant's brands, places and teams, and which of its reviews belong to each.

What belongs to one workspace belongs to no other, so that their numbers can be added up. A review
may bear the names of things of several; then the most particular decides: its product, else its
location, else its source.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from resources.database.errors import DuplicateError
from resources.database.repository import Repository
from resources.database.schema import TIMESTAMP, created_at, metadata, one_of, tenant_column

WorkspaceKind = Literal["brand", "location", "team"]
WORKSPACE_KINDS: tuple[WorkspaceKind, ...] = get_args(WorkspaceKind)

ItemKind = Literal["product", "location", "source"]
ITEM_KINDS: tuple[ItemKind, ...] = get_args(ItemKind)
"""What can belong to a workspace, from what decides first to what decides last."""


@dataclass(frozen=True)
class Workspace:
    """A part of a tenant.

    Attributes:
        id: Random and immutable.
        tenant_id: Whose it is.
        kind: What it stands for.
        name: Unique among the tenant's workspaces that are not archived.
        created_at: When it was made.
        archived_at: Since when it is out of use.
    """

    id: uuid.UUID
    tenant_id: str
    kind: WorkspaceKind
    name: str
    created_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True)
class WorkspaceItem:
    """Something that belongs to a workspace.

    Attributes:
        tenant_id: Whose it is.
        workspace_id: The workspace.
        kind: A product, a location or a source.
        name: As reviews name it.
    """

    tenant_id: str
    workspace_id: uuid.UUID
    kind: ItemKind
    name: str


@dataclass(frozen=True)
class WorkspaceContents:
    """What decides which reviews belong to a workspace.

    Attributes:
        workspace: The workspace.
        own: What belongs to it, by kind and name.
        elsewhere: What belongs to the tenant's other workspaces.
    """

    workspace: Workspace
    own: tuple[WorkspaceItem, ...]
    elsewhere: tuple[WorkspaceItem, ...]

    def names(self, kind: ItemKind) -> list[str]:
        """Its own products, locations or sources."""
        return [item.name for item in self.own if item.kind == kind]

    def names_elsewhere(self, kind: ItemKind) -> list[str]:
        """Those of the other workspaces."""
        return [item.name for item in self.elsewhere if item.kind == kind]


workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    tenant_column(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    created_at(),
    Column("archived_at", TIMESTAMP),
    UniqueConstraint("tenant_id", "id"),
    CheckConstraint(one_of("kind", WORKSPACE_KINDS), name="kind"),
    Index(
        "uq_workspaces_name",
        "tenant_id",
        "name",
        unique=True,
        postgresql_where=text("archived_at is null"),
    ),
)

workspace_items = Table(
    "workspace_items",
    metadata,
    tenant_column(),
    Column("workspace_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    # What belongs to one workspace belongs to no other: their numbers can be added up.
    PrimaryKeyConstraint("tenant_id", "kind", "name"),
    ForeignKeyConstraint(["tenant_id", "workspace_id"], [workspaces.c.tenant_id, workspaces.c.id]),
    CheckConstraint(one_of("kind", ITEM_KINDS), name="kind"),
    Index(None, "tenant_id", "workspace_id"),
)


class WorkspaceRepository(Repository):
    """The workspaces of tenants."""

    def create(self, tenant_id: str, kind: WorkspaceKind, name: str) -> Workspace:
        """Add a workspace.

        Raises:
            DuplicateError: If one of that name is in use.
        """
        self._take_turns(tenant_id)
        self._require_free(tenant_id, name)
        statement = insert(workspaces).values(tenant_id=tenant_id, kind=kind, name=name)
        return self._exactly_one(Workspace, statement.returning(workspaces))

    def list(self, tenant_id: str, *, archived: bool = False) -> tuple[Workspace, ...]:
        """The workspaces by name, those out of use only when asked for."""
        statement = select(workspaces).where(workspaces.c.tenant_id == tenant_id)
        if not archived:
            statement = statement.where(workspaces.c.archived_at.is_(None))
        return self._all(Workspace, statement.order_by(workspaces.c.name, workspaces.c.id))

    def get(self, tenant_id: str, workspace_id: uuid.UUID) -> Workspace | None:
        """One workspace of the tenant."""
        return self._one(Workspace, select(workspaces).where(*_is(tenant_id, workspace_id)))

    def rename(self, tenant_id: str, workspace_id: uuid.UUID, name: str) -> Workspace | None:
        """Give a workspace another name; None if there is none in use.

        Raises:
            DuplicateError: If another one of that name is in use.
        """
        self._take_turns(tenant_id)
        self._require_free(tenant_id, name, beside=workspace_id)
        return self._change(tenant_id, workspace_id, name=name)

    def archive(self, tenant_id: str, workspace_id: uuid.UUID) -> Workspace | None:
        """Take a workspace out of use and free what belonged to it; None if there is none."""
        archived = self._change(tenant_id, workspace_id, archived_at=func.now())
        if archived is not None:
            self.assign(tenant_id, workspace_id, [])
        return archived

    def items(self, tenant_id: str) -> tuple[WorkspaceItem, ...]:
        """What belongs to the tenant's workspaces, by kind and name."""
        statement = select(workspace_items).where(workspace_items.c.tenant_id == tenant_id)
        return self._all(
            WorkspaceItem, statement.order_by(workspace_items.c.kind, workspace_items.c.name)
        )

    def contents(self, tenant_id: str, workspace_id: uuid.UUID) -> WorkspaceContents | None:
        """What decides which reviews belong to a workspace; None if there is none in use."""
        found = self.get(tenant_id, workspace_id)
        if found is None or found.archived_at is not None:
            return None
        items = self.items(tenant_id)
        return WorkspaceContents(
            found,
            own=tuple(item for item in items if item.workspace_id == found.id),
            elsewhere=tuple(item for item in items if item.workspace_id != found.id),
        )

    def assign(
        self, tenant_id: str, workspace_id: uuid.UUID, items: Sequence[tuple[ItemKind, str]]
    ) -> None:
        """Say what belongs to a workspace, in place of what did; it leaves any other one."""
        self._execute(
            delete(workspace_items).where(
                workspace_items.c.tenant_id == tenant_id,
                workspace_items.c.workspace_id == workspace_id,
            )
        )
        if not items:
            return
        statement = insert(workspace_items)
        statement = statement.on_conflict_do_update(
            constraint=workspace_items.primary_key,
            set_={"workspace_id": statement.excluded.workspace_id},
        )
        rows = [
            {"tenant_id": tenant_id, "workspace_id": workspace_id, "kind": kind, "name": name}
            for kind, name in dict.fromkeys(items)
        ]
        self._execute(statement, rows)

    def _change(
        self, tenant_id: str, workspace_id: uuid.UUID, **values: object
    ) -> Workspace | None:
        statement = (
            update(workspaces)
            .where(*_is(tenant_id, workspace_id), workspaces.c.archived_at.is_(None))
            .values(**values)
            .returning(workspaces)
        )
        return self._one(Workspace, statement)

    def _take_turns(self, tenant_id: str) -> None:
        """Of two who take the same name at once, the second is told so."""
        self._execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"workspaces of {tenant_id}"},
        )

    def _require_free(self, tenant_id: str, name: str, *, beside: uuid.UUID | None = None) -> None:
        statement = select(workspaces.c.id).where(
            workspaces.c.tenant_id == tenant_id,
            workspaces.c.name == name,
            workspaces.c.archived_at.is_(None),
            workspaces.c.id.is_distinct_from(beside),
        )
        if self._execute(statement).first() is not None:
            raise DuplicateError(f"There is a workspace {name!r} already. Choose another name.")


def _is(tenant_id: str, workspace_id: uuid.UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return workspaces.c.tenant_id == tenant_id, workspaces.c.id == workspace_id
