"""What a request asks the database: every statement, for tests that say how many there may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from resources.database import Database


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """Collects the statements that the application's role has executed meanwhile."""
    statements: list[str] = []

    def note(_connection, _cursor, statement, _values, _context, _many) -> None:
        statements.append(statement)

    engine = database._app_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
