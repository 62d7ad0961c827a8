"""A connection that is kept for its own sake: its loss is noticed at once, and it is made anew.

Nothing is asked through it while all is well. The thread that keeps it sleeps until the operating
system reports that the other side has gone, so it costs nothing and tells sooner than any polling.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg

from resources.errors import ReviewGraphError

Connection = psycopg.Connection[tuple[Any, ...]]

_FIRST_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 0.5  # well below the time after which a lease that is free is called lost


class Lifeline:
    """A connection that is made again as often as it is lost. Use it as a context manager.

    The first connection is made in the caller's thread, so that its failure reaches the caller;
    later failures are answered by trying again, with growing pauses.

    Args:
        connect: Makes the connection.
        prepare: Gives each new connection the state that it is to hold.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        prepare: Callable[[Connection], object] = lambda _: None,
    ) -> None:
        self._connect = connect
        self._prepare = prepare
        self._is_over = threading.Event()
        self._alarm, self._bell = socket.socketpair()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            connection = self._new_connection()
        except BaseException:
            self._close_bell()
            raise
        self._thread = threading.Thread(
            target=self._keep, args=(connection,), name="lifeline", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._bell.send(b"!")
        if self._thread is not None:
            self._thread.join()
        self._close_bell()

    def _keep(self, connection: Connection | None) -> None:
        while connection is not None:
            self._wait_until_lost(connection)
            connection = self._connect_again()

    def _new_connection(self) -> Connection:
        connection = self._connect()
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _wait_until_lost(self, connection: Connection) -> None:
        """Return when the connection is lost or no longer wanted; it is closed then."""
        with suppress(psycopg.OperationalError), connection:
            while not self._is_over.is_set():
                readable, _, _ = select.select([connection, self._alarm], [], [])
                if connection in readable:  # the server speaks unasked: mostly it says good-bye
                    connection.execute("select 1")

    def _connect_again(self) -> Connection | None:
        """The new connection, or None when it is no longer wanted."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_over.is_set():
            with suppress(psycopg.Error, ReviewGraphError, OSError):
                return self._new_connection()
            self._is_over.wait(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
        return None

    def _close_bell(self) -> None:
        self._alarm.close()
        self._bell.close()
