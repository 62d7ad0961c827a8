"""What every repository builds on: one transaction, and rows turned into records.

A repository reads and writes the tables of one domain inside its unit of work's transaction, and
returns frozen dataclasses that outlive it. It never commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sqlalchemy import Executable, Result, RowMapping, Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

Record = TypeVar("Record")


@dataclass(frozen=True)
class Repository:
    """One domain's tables, seen through one transaction.

    Attributes:
        session: The transaction of the unit of work.
    """

    session: Session

    def _execute(self, statement: Executable, values: Any = None) -> Result[Any]:
        return self.session.execute(statement, values)

    def _one(self, record: type[Record], statement: Executable) -> Record | None:
        row = self._execute(statement).mappings().one_or_none()
        return None if row is None else to_record(record, row)

    def _exactly_one(self, record: type[Record], statement: Executable) -> Record:
        return to_record(record, self._execute(statement).mappings().one())

    def _all(self, record: type[Record], statement: Executable) -> tuple[Record, ...]:
        return tuple(to_record(record, row) for row in self._execute(statement).mappings())


def to_record(record: type[Record], row: RowMapping | Mapping[str, Any]) -> Record:
    """Build a frozen dataclass from the columns of the same names; JSON arrays become tuples."""
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]
    return record(
        **{name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in names}
    )


def upsert(table: Table) -> Insert:
    """An insert that writes over the row of the same primary key."""
    statement = insert(table)
    new = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    return statement.on_conflict_do_update(constraint=table.primary_key, set_=new)
