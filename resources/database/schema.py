"""What all tables have in common: their schema, their names, and the wall between tenants.

The wall is PostgreSQL's row-level security. Two roles pass through it differently:

- ``reviewgraph_app`` (the API) sees the rows of the tenant named in the transaction's setting
  ``app.tenant_id``, and no row when it is not set;
- ``reviewgraph_jobs`` (the graph and the command line) works for all tenants.

Row-level security is forced, so that even the tables' owner sees nothing unless it is a superuser.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.errors import WrongUsageError
from resources.vocabulary import is_tenant_id

SCHEMA = "reviewgraph"
DAGSTER_SCHEMA = "dagster"
JOBS_SCHEMA = "jobs"
AUDIT_SCHEMA = "audit"
APP_ROLE = "reviewgraph_app"
JOBS_ROLE = "reviewgraph_jobs"

# What a transaction of the application says about itself.
TENANT_SETTING = "app.tenant_id"
USER_SETTING = "app.user_id"
LOGIN_SETTING = "app.login_email"
LIMIT_SETTING = "app.limit"
API_KEY_SETTING = "app.api_key"
SIGNING_KEYS_SETTING = "app.signing_keys"
LASTING_KEYS_SETTING = "app.lasting_keys"
IDENTITY_SETTING = "app.identity"
ONE_TIME_TOKEN_SETTING = "app.one_time_token"  # noqa: S105 - the name of a setting
ACTOR_SETTING = "app.actor"

EVENTS_CHANNEL = "reviewgraph_events"
"""On which the database says whose event was written: a tenant's id, or nothing."""


metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)

TIMESTAMP = DateTime(timezone=True)


def tenant_column() -> Column[str]:
    """The column that says whose row it is."""
    return Column("tenant_id", Text, ForeignKey(f"{SCHEMA}.tenants.id"), nullable=False)


def created_at() -> Column[Any]:
    """When the row was written, by the database's clock."""
    return Column("created_at", TIMESTAMP, nullable=False, server_default=text("now()"))


def json_column(name: str, *, empty: str) -> Column[Any]:
    """A JSON column that is never null; ``empty`` is ``{}`` or ``[]``."""
    return Column(name, JSONB, nullable=False, server_default=text(f"'{empty}'::jsonb"))


def one_of(column: str, choices: Iterable[str]) -> str:
    """The SQL of a check that a column holds one of some words."""
    return f"{column} in ({', '.join(repr(choice) for choice in choices)})"


def current(setting: str) -> str:
    """The SQL that reads one of the transaction's settings; null when it is not set.

    A setting made in an earlier transaction of the same connection reads as an empty string. As a
    query of its own it is evaluated once a statement; the bare call would be once a row.
    """
    return f"(select nullif(current_setting('{setting}', true), ''))"


def check_tenant_id(tenant_id: str) -> str:
    """Return the identifier if it is one.

    Raises:
        WrongUsageError: If it is not.
    """
    if not is_tenant_id(tenant_id):
        raise WrongUsageError(
            f"{tenant_id!r} cannot be a tenant's identifier. Use 1 to 63 small letters, digits and "
            "hyphens, beginning with a letter or digit, for example 'acme-hotels'."
        )
    return tenant_id
