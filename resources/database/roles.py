"""The two roles that work on the tables, and the passwords they log in with.

Roles belong to the whole server, databases share them. Making them is therefore safe to repeat and
to do from several databases at once.
"""

from __future__ import annotations

import time

from psycopg import errors, sql
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from resources.database.errors import DatabaseSetupError
from resources.database.schema import APP_ROLE, JOBS_ROLE
from resources.keys import Keys

_TRIES = 20


def role_password(keys: Keys, role: str) -> str:
    """The password of a role, derived from the installation's secret key."""
    return keys.derive(f"postgresql role {role}").hex()


def ensure_roles(connection: Connection, keys: Keys) -> None:
    """Make both roles, give them their passwords, and let them into this database.

    Args:
        connection: The owner's, in autocommit mode.
        keys: The installation's keys, of which the passwords are derived.

    Raises:
        DatabaseSetupError: If the owner may not do that, or if a role can see more than it should.
    """
    for role in (APP_ROLE, JOBS_ROLE):
        _ensure_role(connection, role, role_password(keys, role))
        _refuse_powers(connection, role)
    database = connection.scalar(text("select current_database()"))
    grant = sql.SQL("grant connect on database {} to {}, {}").format(
        sql.Identifier(database), sql.Identifier(APP_ROLE), sql.Identifier(JOBS_ROLE)
    )
    _execute_patiently(connection, grant)


def _ensure_role(connection: Connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    try:
        if _find(connection, role) is None:
            _execute_patiently(connection, sql.SQL("create role {} login").format(name))
        # A literal, for PostgreSQL binds no values in such statements.
        change = sql.SQL("alter role {} login password {}").format(name, sql.Literal(password))
        _execute_patiently(connection, change)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise DatabaseSetupError(
            f"The role {role} cannot be set up ({reason}). The user of REVIEWGRAPH_DATABASE_URL "
            "must own the database and have the CREATEROLE privilege."
        ) from None


def _find(connection: Connection, role: str) -> Row[tuple[bool, bool]] | None:
    query = text("select rolsuper, rolbypassrls from pg_roles where rolname = :role")
    return connection.execute(query, {"role": role}).one_or_none()


def _refuse_powers(connection: Connection, role: str) -> None:
    found = _find(connection, role)
    if found is not None and any(found):
        raise DatabaseSetupError(
            f"The role {role} is a superuser or may bypass row-level security, so it would see "
            f"every tenant's rows. Take that from it: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"
        )


def _execute_patiently(connection: Connection, statement: sql.Composed) -> None:
    """Execute a statement about the whole server, again while another database does the same."""
    query = statement.as_string(None)
    for attempt in range(_TRIES):
        try:
            connection.exec_driver_sql(query)
        except DBAPIError as error:
            if isinstance(error.orig, errors.DuplicateObject | errors.UniqueViolation):
                return  # made by another database since we looked
            is_race = "tuple concurrently" in str(error.orig)
            if not is_race or attempt == _TRIES - 1:
                raise
            time.sleep(0.02 * (attempt + 1))
        else:
            return
