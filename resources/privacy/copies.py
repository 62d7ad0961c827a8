"""Copies of snapshots on this machine: they go when their snapshot goes, as in an erasure.

Whoever takes a snapshot away does it on a machine of their own and cannot reach the copies on this
one. What they do is strike the snapshot out of the database, which tells of it
(:mod:`resources.database.changes`). A copy that is being read at that moment goes once it is not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database
from resources.database.changes import Changes
from resources.errors import ReviewGraphError
from resources.logs import fields
from resources.storage.snapshots import SnapshotStore

_SECONDS_UNTIL_READ = 1.0
# A request that began before a snapshot went may have fetched another copy after it.
_SECONDS_BETWEEN_ROUNDS = 600.0

logger = logging.getLogger(__name__)


class GoneCopies:
    """Removes the copies whose snapshot is recorded no more, as long as its ``with`` block lasts.

    Args:
        database: Where it is recorded which snapshots there are.
        snapshots: Whose copies.
    """

    def __init__(self, database: Database, snapshots: SnapshotStore) -> None:
        self._database = database
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._are_all_due = True
        self._wake = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep_removing, name="copies", daemon=True)

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
        self._wake.set()
        self._thread.join()

    def on_change(self, subject: str) -> None:
        """Have a tenant's copies looked at when its snapshots have changed."""
        kind, _, tenant_id = subject.partition(":")
        if kind == "numbers":
            with self._lock:
                self._told.add(tenant_id)
            self._wake.set()

    def on_gap(self) -> None:
        """Have all copies looked at: their snapshots may have gone unheard."""
        with self._lock:
            self._are_all_due = True
        self._wake.set()

    def _keep_removing(self) -> None:
        due: set[str] = set()
        pause, next_round = 0.0, time.monotonic() + _SECONDS_BETWEEN_ROUNDS
        while not self._is_over.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if time.monotonic() >= next_round:
                self.on_gap()
                next_round = time.monotonic() + _SECONDS_BETWEEN_ROUNDS
            due = self._left_of(due | self._told_of())
            pause = _SECONDS_UNTIL_READ if due else _SECONDS_BETWEEN_ROUNDS

    def _told_of(self) -> set[str]:
        """The tenants whose copies are to be looked at, since this was asked last."""
        with self._lock:
            told, are_all_due = self._told, self._are_all_due
            self._told, self._are_all_due = set(), False
        with_copies = set(self._snapshots.copies())
        return with_copies if are_all_due else told & with_copies

    def _left_of(self, due: set[str]) -> set[str]:
        """Those of the tenants of which some copy could not be removed yet."""
        try:
            return {tenant_id for tenant_id in due if not self._is_rid_of(tenant_id)}
        except (ReviewGraphError, SQLAlchemyError, OSError):
            logger.warning("copies of snapshots could not be looked at")
            return due

    def _is_rid_of(self, tenant_id: str) -> bool:
        """Remove the copies of a tenant's snapshots that are gone; False while one is read."""
        with self._database.work(tenant_id) as work:
            recorded = {record.version for record in work.snapshots.list(tenant_id)}
        # What is just being published here may not be recorded yet; its copy is fetched again.
        gone = self._snapshots.copies().get(tenant_id, set()) - recorded
        removed = [one for one in gone if self._snapshots.drop_copy(tenant_id, one)]
        if removed:
            logger.info("copies removed", extra=fields(tenant=tenant_id, count=len(removed)))
        return len(removed) == len(gone)


@contextmanager
def removing_gone_copies(database: Database, snapshots: SnapshotStore) -> Iterator[None]:
    """Listen and remove while the block lasts, for who listens for nothing else."""
    with (
        GoneCopies(database, snapshots) as copies,
        Changes(database.app_url, copies.on_change, copies.on_gap),
    ):
        yield
