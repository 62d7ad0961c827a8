"""Leases of runs: which runs of the graph have a living process behind them.

A run's process holds an advisory lock that is named by the run, on a connection of its own.
PostgreSQL lets it go with the process, however that ends and on whatever machine: there is no clock
to compare, no process number that could belong to somebody else by now, and nothing to renew while
the process is busy or the machine asleep. When the server itself is lost the lock is taken anew
from the next one, so a run is called abandoned only if its lock is free at two looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

import psycopg
from sqlalchemy import URL, make_url

from resources.database.errors import DatabaseUnavailableError
from resources.database.lifeline import Connection, Lifeline
from resources.database.schema import DAGSTER_SCHEMA

CONNECT_SECONDS = 5
# Longer than a living process needs to take its locks again from a server that was restarted.
_SECOND_LOOK_SECONDS = 4.0
# A machine that vanishes says no good-bye; these let both sides find out within half a minute.
_SERVER_KEEPALIVES = "-ctcp_keepalives_idle=10 -ctcp_keepalives_interval=5 -ctcp_keepalives_count=3"

_HELD = """
    select (classid::bigint << 32) | objid::bigint from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
"""
_HOLDERS = """
    select pid from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32) | objid::bigint = %s
"""


def held(url: str, run_id: str, when_ended: Callable[[], object] = lambda: None) -> Lifeline:
    """Hold the lease of a run; a context manager that lasts as long as the run.

    Args:
        url: Address of the database, of the owner or Dagster's.
        run_id: The Dagster run, a UUID.
        when_ended: Called, from a thread of its own, when the lease had been lost and the run is
            found ended by somebody else on taking it again.

    Raises:
        DatabaseUnavailableError: On entering, if the database does not answer.
    """
    times_taken = 0

    def take(connection: Connection) -> None:
        nonlocal times_taken
        # Shared: the connection it replaces may not be gone yet in the eyes of the server.
        connection.execute("select pg_advisory_lock_shared(%s)", [_key(run_id)])
        times_taken += 1
        if times_taken > 1 and _was_ended(connection, run_id):
            when_ended()

    return Lifeline(lambda: open_connection(url, f"run {run_id}"), take)


def without_process(url: str, run_ids: Iterable[str]) -> set[str]:
    """Those of some runs whose lease nobody holds, at two looks a few seconds apart.

    Args:
        url: Address of the database, of the owner or Dagster's.
        run_ids: Runs that have begun and not ended, as far as Dagster knows.

    Raises:
        DatabaseUnavailableError: If the database does not answer.
    """
    suspects = set(run_ids)
    if suspects:
        suspects = _free(url, suspects)
    if suspects:
        time.sleep(_SECOND_LOOK_SECONDS)
        suspects = _free(url, suspects)
    return suspects


def begun_and_free(url: str) -> set[str]:
    """Runs that Dagster believes to be at work and whose lease is free at one look.

    That is a cheap question, for whoever wants to know whether ``without_process`` is worth asking.
    """
    with open_connection(url, "leases") as connection:
        begun = _runs(connection, "status in ('NOT_STARTED', 'STARTED', 'CANCELING')")
    return _free(url, begun) if begun else set()


def call_back(url: str, run_id: str) -> bool:
    """Cut the connection by which a run's process holds its lease.

    The process notices, asks what has become of its run, and stops when that has been ended.

    Returns:
        Whether anybody held the lease.
    """
    with open_connection(url, "leases") as connection:
        holders = connection.execute(_HOLDERS, [_key(run_id)]).fetchall()
        for (process_id,) in holders:
            connection.execute("select pg_terminate_backend(%s)", [process_id])
    return bool(holders)


def open_connection(url: str, purpose: str) -> Connection:
    """A connection of its own that soon finds out when the other side has vanished.

    Args:
        url: Address of the database, whatever driver it names.
        purpose: What it is for, shown in the server's list of connections.

    Raises:
        DatabaseUnavailableError: If the database does not answer.
    """
    address = make_url(url).set(drivername="postgresql")
    try:
        connection: Connection = psycopg.connect(
            address.render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name=f"reviewgraph {purpose}",
            options=_options(address),
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"The database {address.render_as_string(hide_password=True)} does not answer "
            f"({str(error).strip()}). See that the server runs and that REVIEWGRAPH_DATABASE_URL "
            "is right."
        ) from None
    return connection


def _options(address: URL) -> str:
    """What the server is told about the connection, besides what the address says."""
    given = address.query.get("options", "")
    return f"{given} {_SERVER_KEEPALIVES}".strip()


def _was_ended(connection: Connection, run_id: str) -> bool:
    """Whether somebody ends the run or has ended it, while its process is still at work."""
    return run_id in _runs(
        connection, f"status in ('CANCELING', 'CANCELED', 'FAILURE') and run_id = '{UUID(run_id)}'"
    )


def _runs(connection: Connection, where: str) -> set[str]:
    """The ids of Dagster's runs of some statuses; none where no graph has run yet."""
    table = connection.execute("select to_regclass(%s)", [f"{DAGSTER_SCHEMA}.runs"]).fetchone()
    if table is None or table[0] is None:
        return set()
    found = connection.execute(f"select run_id from {DAGSTER_SCHEMA}.runs where {where}".encode())
    return {run_id for (run_id,) in found.fetchall()}


def _free(url: str, run_ids: set[str]) -> set[str]:
    with open_connection(url, "leases") as connection:
        keys = {key for (key,) in connection.execute(_HELD).fetchall()}
    return {run_id for run_id in run_ids if _key(run_id) not in keys}


def _key(run_id: str) -> int:
    """The lock's number: the first half of the run's random id."""
    return int.from_bytes(UUID(run_id).bytes[:8], "big", signed=True)
