"""How Alembic runs the revisions: on the connection it is handed, never on one of its own."""

from __future__ import annotations

from alembic import context

from resources.database.schema import SCHEMA
from resources.database.tables import metadata


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Look at our own schema only; Dagster looks after its own."""
    return name == SCHEMA if kind == "schema" else True


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=include_name,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
