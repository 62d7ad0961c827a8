"""Taking a person out of PostgreSQL: rows of their reviews, and whatever quotes them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from sqlalchemy import Connection, text

from resources.database.schema import DAGSTER_SCHEMA, JOBS_SCHEMA, SCHEMA
from resources.privacy.finding import strings_in
from resources.privacy.registry import TABLES, WRITTEN_AT
from resources.privacy.traces import Traces


@dataclass(frozen=True)
class _Column:
    schema: str
    table: str
    name: str
    is_json: bool

    @property
    def place(self) -> str:
        return f"table {self.schema}.{self.table}.{self.name}"

    @property
    def owner(self) -> str:
        """The column that says whose row it is."""
        return "id" if self.table == "tenants" else "tenant_id"


def blank_tenant(connection: Connection, tenant_id: str, traces: Traces) -> dict[str, int]:
    """Blank what quotes a person in the tenant's rows of the application's tables.

    Args:
        connection: Of the graph's role, which may change them.
        tenant_id: The tenant.
        traces: What to look for.

    Returns:
        How many values of each column were blanked.
    """
    return {
        column.place: count
        for column, names in _columns_of_tenants(connection)
        if (count := _blank(connection, column, traces, names=names, tenant_id=tenant_id))
    }


def blank_libraries(connection: Connection, traces: Traces) -> dict[str, int]:
    """As :func:`blank_tenant`, for the own tables of Dagster and of the queue, of all tenants.

    Args:
        connection: Of the owner: the roles may not look there.
        traces: What to look for.
    """
    return {
        column.place: count
        for schema in (DAGSTER_SCHEMA, JOBS_SCHEMA)
        for column in _text_columns(connection, schema)
        if (count := _blank(connection, column, traces, words=False))
    }


def count_in_tenant(connection: Connection, tenant_id: str, traces: Traces) -> dict[str, int]:
    """How many values of the tenant's rows still quote the person, by column; none is right."""
    return {
        column.place: len(
            list(_quoting(connection, column, traces, names=names, tenant_id=tenant_id))
        )
        for column, names in _columns_of_tenants(connection)
    }


def count_in_libraries(connection: Connection, traces: Traces) -> dict[str, int]:
    """As :func:`count_in_tenant`, for the own tables of Dagster and of the queue."""
    return {
        column.place: len(list(_quoting(connection, column, traces, words=False)))
        for schema in (DAGSTER_SCHEMA, JOBS_SCHEMA)
        for column in _text_columns(connection, schema)
    }


def count_where_kept(
    connection: Connection, tenant_id: str, traces: Traces
) -> dict[tuple[str, str], int]:
    """How many values that an erasure leaves say the same, by kind of column and column."""
    counts = {}
    for column in _text_columns(connection, SCHEMA):
        for kind in ("own", "kept", "authored", "quoting"):
            if column.name in getattr(TABLES.get(column.table), kind, ()):
                names = kind in {"kept", "quoting"}
                saying = _quoting(connection, column, traces, names=names, tenant_id=tenant_id)
                counts[kind, column.place] = len(list(saying))
    return {place: count for place, count in counts.items() if count}


def texts_of_tenant(
    connection: Connection, tenant_id: str
) -> Iterator[tuple[str, datetime | None]]:
    """What the tenant calls its own, without a time, and what its people wrote, with its time."""
    for column in _text_columns(connection, SCHEMA):
        registered = TABLES.get(column.table)
        if registered is None or column.name not in registered.own | registered.authored:
            continue
        is_own = column.name in registered.own
        statement = sql.SQL(
            "select {name}::text, {written} from {table} where {owner} = %(tenant)s"
            " and {name} is not null"
        ).format(
            name=sql.Identifier(column.name),
            written=sql.SQL("null") if is_own else sql.Identifier(WRITTEN_AT),
            table=sql.Identifier(column.schema, column.table),
            owner=sql.Identifier(column.owner),
        )
        rows = connection.exec_driver_sql(statement.as_string(None), {"tenant": tenant_id})
        for row in rows:
            said = str(row[0])
            texts = strings_in(json.loads(said), keys=True) if column.is_json else (said,)
            for one in texts:
                yield one, row[1]


def _columns_of_tenants(connection: Connection) -> Iterator[tuple[_Column, bool]]:
    """The columns that may quote somebody, and whether a name alone is a quotation there."""
    for column in _text_columns(connection, SCHEMA):
        registered = TABLES.get(column.table)
        if registered is None:
            continue
        if column.name in registered.quoting:
            yield column, True
        elif column.name in registered.authored:
            yield column, False


def _text_columns(connection: Connection, schema: str) -> list[_Column]:
    query = text(
        "select c.table_name, c.column_name, c.data_type in ('json', 'jsonb') as is_json"
        " from information_schema.columns c join information_schema.tables t"
        " using (table_schema, table_name) where c.table_schema = :schema"
        " and t.table_type = 'BASE TABLE'"
        " and c.data_type in ('text', 'character varying', 'json', 'jsonb') order by 1, 2"
    )
    return [
        _Column(schema, row.table_name, row.column_name, row.is_json)
        for row in connection.execute(query, {"schema": schema})
    ]


def _quoting(
    connection: Connection,
    column: _Column,
    traces: Traces,
    *,
    names: bool = True,
    words: bool = True,
    tenant_id: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Where rows quote the person, and the value without it."""
    spellings = traces.spellings if names else traces.quoted_spellings
    if not spellings:
        return
    query = sql.SQL("select ctid::text, {name}::text from {table} where {name}::text like any({p})")
    statement = query.format(
        name=sql.Identifier(column.name),
        table=sql.Identifier(column.schema, column.table),
        p=sql.SQL("%(patterns)s"),
    ).as_string(None)
    values: dict[str, Any] = {"patterns": [f"%{_literal(one)}%" for one in spellings]}
    if tenant_id is not None:
        statement += f" and {column.owner} = %(tenant)s"
        values["tenant"] = tenant_id
    for row in connection.exec_driver_sql(statement, values):
        at, said = str(row[0]), str(row[1])
        if column.is_json:
            value = json.loads(said)
            blanked = traces.blanked_json(value, names=names, words=words)
            if blanked != value:
                yield at, json.dumps(blanked)
        elif (plain := traces.blanked(said, names=names, words=words)) != said:
            yield at, plain


def _blank(
    connection: Connection,
    column: _Column,
    traces: Traces,
    *,
    names: bool = True,
    words: bool = True,
    tenant_id: str | None = None,
) -> int:
    rows = list(_quoting(connection, column, traces, names=names, words=words, tenant_id=tenant_id))
    cast = sql.SQL("::jsonb") if column.is_json else sql.SQL("")
    statement = (
        sql.SQL("update {table} set {name} = %(value)s{cast} where ctid = %(at)s::tid")
        .format(
            table=sql.Identifier(column.schema, column.table),
            name=sql.Identifier(column.name),
            cast=cast,
        )
        .as_string(None)
    )
    for at, value in rows:
        connection.exec_driver_sql(statement, {"value": value, "at": at})
    return len(rows)


def _literal(text: str) -> str:
    """A text as a pattern of LIKE that matches nothing else."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
