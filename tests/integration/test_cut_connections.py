"""A database that dies while somebody works on it: told as what it is, by both of its drivers."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from pipelines.cli import explaining
from resources.faults import find_fault


def cut_off(database, process):
    """End a connection, as a server that is stopped does."""
    url = make_url(database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as owner:
        owner.execute("select pg_terminate_backend(%s)", [process])


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_a_connection_that_is_cut_is_one_sentence_with_what_to_do(database, driver, capsys):
    engine = create_engine(make_url(database.owner_url).set(drivername=driver), poolclass=NullPool)
    connection = engine.connect()
    cut_off(database, connection.scalar(text("select pg_backend_pid()")))
    with pytest.raises(DBAPIError) as caught:
        connection.execute(text("select 1"))
    fault = find_fault(caught.value)
    assert fault is not None
    assert fault.next_step.startswith("See that it runs")
    assert explaining.explain(caught.value) == 1
    assert "PostgreSQL ended the connection" in capsys.readouterr().err
