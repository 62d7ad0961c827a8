"""Who listens to events in this process, and the one connection that wakes them.

PostgreSQL tells on a channel whose event was written; what it was, each listener reads for itself,
with a look whether it still may. So nothing that is lost on the way, neither a notification nor the
connection, makes anybody miss an event: whoever is not woken looks after ``LOOK_SECONDS``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from resources.database.schema import EVENTS_CHANNEL
from resources.errors import ReviewGraphError
from serving_api.kit.errors import Problem

MAX_LISTENERS = 200
MAX_LISTENERS_OF_TENANT = 10
LOOK_SECONDS = 5.0
"""How long a listener that nothing wakes sleeps between two looks."""
SLOW_SECONDS = 15.0
"""A reader who takes nothing for so long is cut off."""
MAX_STREAM_SECONDS = 15 * 60.0
"""As long as an access token is good: the client comes again with a new one."""

_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_SECONDS_BETWEEN_WAKINGS = 1.0  # of everybody, by what happens to accounts

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Listener:
    """One reader of a stream.

    Attributes:
        tenant_id: Whose events it reads.
        news: Set when there may be something new.
        began: When it came, on the monotonic clock.
        gave: When it was last handed something that it has not taken; None while it waits.
    """

    tenant_id: str
    news: asyncio.Event = field(default_factory=asyncio.Event)
    began: float = field(default_factory=time.monotonic)
    gave: float | None = None

    def handed(self, content: bytes) -> bytes:
        """Note that something is handed to it now."""
        self.gave = time.monotonic()
        return content

    @property
    def is_slow(self) -> bool:
        """Whether it has taken nothing of what it was handed for too long."""
        return self.gave is not None and time.monotonic() - self.gave > SLOW_SECONDS


class EventHub:
    """The listeners of one process.

    Args:
        url: Address of the database for the application's role.
    """

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._listeners: set[Listener] = set()
        self._last_waking_of_all = 0.0
        self._task: asyncio.Task[None] | None = None
        self.is_closed = False
        self.reading = asyncio.Semaphore(1)  # streams never take connections from requests

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="listening to events")

    async def stop(self) -> None:
        """End; streams end first."""
        self.close_streams()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def close_streams(self) -> None:
        """Let all streams end, as the process is about to."""
        self.is_closed = True
        for listener in self._listeners:
            listener.news.set()

    def join(self, tenant_id: str) -> Listener:
        """Come to listen.

        Raises:
            Problem: ``too-many-requests`` if there are as many as there may be.
        """
        of_tenant = Counter(listener.tenant_id for listener in self._listeners)[tenant_id]
        if of_tenant >= MAX_LISTENERS_OF_TENANT or len(self._listeners) >= MAX_LISTENERS:
            raise Problem(
                "too-many-requests",
                f"At most {MAX_LISTENERS_OF_TENANT} streams of a tenant are open at once.",
                headers={"Retry-After": "30"},
            )
        listener = Listener(tenant_id)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no longer."""
        self._listeners.discard(listener)

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name="events"
                ) as connection:
                    await connection.execute(f"listen {EVENTS_CHANNEL}".encode())
                    failures = 0
                    self._wake("")
                    async for told in connection.notifies():
                        self._wake(told.payload)
            except (psycopg.Error, ReviewGraphError, OSError) as error:
                if not failures:
                    logger.warning("lost the channel of events", exc_info=error)
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

    def _wake(self, tenant_id: str) -> None:
        """Wake a tenant's listeners; where an account is concerned, all: it may be theirs.

        Log-ins of everybody are told too, so waking all is kept to once a second.
        """
        if tenant_id:
            for listener in self._listeners:
                if listener.tenant_id == tenant_id:
                    listener.news.set()
            return
        wait = self._last_waking_of_all + _SECONDS_BETWEEN_WAKINGS - time.monotonic()
        if wait <= 0:
            self._last_waking_of_all = time.monotonic()
            for listener in self._listeners:
                listener.news.set()
        elif wait < _SECONDS_BETWEEN_WAKINGS:
            self._last_waking_of_all += _SECONDS_BETWEEN_WAKINGS
            asyncio.get_running_loop().call_later(wait, self._wake_all)

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.news.set()
