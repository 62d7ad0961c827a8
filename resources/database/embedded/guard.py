"""The embedded PostgreSQL, kept running: killed by whatever, it is back within seconds.

Whoever works on a home keeps an idle connection to its server, and starts the server again when
that connection is lost. Several may notice at once; the server's start lock lets one of them act.
"""

from __future__ import annotations

from pathlib import Path

from resources.database.embedded import server
from resources.database.errors import EmbeddedServerError
from resources.database.leases import open_connection
from resources.database.lifeline import Connection, Lifeline


def kept_running(home: Path, *, durable: bool = True) -> Lifeline:
    """Keep the server of a home running; a context manager that lasts as long as it is needed.

    Args:
        home: ReviewGraph's home folder.
        durable: As for ``server.ensure_running``.

    Raises:
        EmbeddedServerError: On entering, if there is no server or it cannot be started. A home that
            is removed while it is in use is not made anew.
    """

    def connect() -> Connection:
        if not server.EmbeddedServer.of(home).data.exists():  # then there is nothing to keep
            raise EmbeddedServerError(f"The database of {home} was removed.")
        return open_connection(server.ensure_running(home, durable=durable), "guard")

    return Lifeline(connect)
