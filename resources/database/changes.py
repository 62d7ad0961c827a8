"""Hearing of changes: who keeps a copy of rows in memory is told when they are no longer right.

Triggers (see :func:`~resources.database.migrations.walls.tell_changes`) say with each commit what
it was about, for example ``user:<id>``. A thread of its own listens. It also asks the server
several times a second whether it is still there: what the server told before its answer has
arrived with it. So ``is_current`` is true only while every change of more than a moment ago is
known, whatever happens to the connection: cut, silent, or in the hands of a thread that gets no
turn. Who has just changed something itself calls ``catch_up``: nothing is current then until that
change has been told, too.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg

from resources.database.leases import open_connection
from resources.database.lifeline import Connection
from resources.errors import ReviewGraphError

CHANNEL = "reviewgraph_changes"
MAX_SILENCE_SECONDS = 0.9
"""How long after a question that was answered memory counts as current."""

_SECONDS_BETWEEN_QUESTIONS = 0.25
_PAUSE_SECONDS = 0.2


logger = logging.getLogger(__name__)


class Changes:
    """Listens for changes as long as its ``with`` block lasts.

    Args:
        url: Address of the database.
        on_change: Is told what each change is about; called from the listening thread.
        on_gap: Called when changes may have been missed.
    """

    def __init__(
        self, url: str, on_change: Callable[[str], object], on_gap: Callable[[], object]
    ) -> None:
        self._url = url
        self._on_change = on_change
        self._on_gap = on_gap
        self._current_until = 0.0
        self._asked, self._must_ask_after = 0.0, 0.0
        self._is_over = threading.Event()
        self._alarm, self._bell = socket.socketpair()
        self._bell.settimeout(0)
        self._thread = threading.Thread(target=self._keep_listening, name="changes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._ring()
        self._thread.join()
        self._alarm.close()
        self._bell.close()

    @property
    def is_current(self) -> bool:
        """Whether every change of more than a moment ago has been told."""
        is_told = self._asked >= self._must_ask_after
        return is_told and time.monotonic() < self._current_until

    def catch_up(self) -> None:
        """Let nothing count as current until all that is committed by now has been told."""
        self._must_ask_after = time.monotonic()
        self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it has been rung often enough
            self._bell.send(b"!")

    def _keep_listening(self) -> None:
        while not self._is_over.is_set():
            with (
                suppress(psycopg.Error, ReviewGraphError, OSError),
                open_connection(self._url, "changes") as connection,
            ):
                self._listen(connection)
            self._current_until = 0.0
            self._on_gap()
            if not self._is_over.is_set():
                logger.warning("changes are not heard, so nothing is answered from memory")
            self._is_over.wait(_PAUSE_SECONDS)

    def _tell(self, notice: psycopg.Notify) -> None:
        self._on_change(notice.payload)

    def _listen(self, connection: Connection) -> None:
        connection.add_notify_handler(self._tell)
        connection.execute(f"listen {CHANNEL}".encode())
        self._on_gap()  # what is remembered from before now was not watched over
        while not self._is_over.is_set():
            asked = time.monotonic()
            connection.execute("select 1")  # hands over what was told meanwhile, too
            self._asked, self._current_until = asked, asked + MAX_SILENCE_SECONDS
            readable, _, _ = select.select(
                [connection, self._alarm], [], [], _SECONDS_BETWEEN_QUESTIONS
            )
            if self._alarm in readable:
                self._alarm.recv(4096)
