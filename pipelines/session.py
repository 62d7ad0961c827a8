"""One installation, opened: what every command, run and server stands on.

The embedded PostgreSQL is shared by all processes of one home. Each holds a shared file lock while
it works; the last one to leave finds that it could lock the file alone, and stops the server. The
lock belongs to the operating system, so a killed process leaves nothing behind that would keep the
server running for ever or stop it under somebody else.
"""

from __future__ import annotations

import fcntl
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resources.home import make_private, sweep_drafts, unusable
from resources.logs import is_server
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.database import Database
    from resources.storage.lake import Lake
    from resources.storage.objects import ObjectStore
    from resources.storage.snapshots import SnapshotStore

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """What one process uses of an installation; each store is opened once."""

    settings: Settings
    database: Database

    @cached_property
    def lake(self) -> Lake:
        """The lake's tables."""
        from resources.storage.lake import Lake

        return Lake.from_settings(self.settings)

    @cached_property
    def objects(self) -> ObjectStore:
        """The report files."""
        from resources.storage.objects import ObjectStore

        return ObjectStore.from_settings(self.settings)

    @cached_property
    def snapshots(self) -> SnapshotStore:
        """The tenants' published snapshots."""
        from resources.storage.snapshots import SnapshotStore

        return SnapshotStore.from_settings(self.settings)

    @property
    def resources(self) -> dict[str, Any]:
        """What the graph's assets stand on here, by the names under which they ask for it."""
        return {
            "database": self.database,
            "lake": self.lake,
            "objects": self.objects,
            "snapshots": self.snapshots,
        }


@contextmanager
def open_session(
    settings: Settings | None = None, *, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[Session]:
    """Open an installation: the database runs and is migrated while the block lasts.

    Args:
        settings: The installation; read from the environment when not given.
        meanwhile: Something to do while the database starts.

    An embedded server that dies meanwhile is started again, and runs whose process died before are
    ended, so that nothing waits for them.

    Raises:
        ReviewGraphError: The database cannot be started or reached.
    """
    settings = settings or Settings()
    from stamina import instrumentation

    from pipelines.dead_runs import end_dead_runs_of
    from resources.database import Database

    instrumentation.set_on_retry_hooks([instrumentation.LoggingOnRetryHook])

    with _in_use(settings), Database(settings) as database:
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(database.migrate)
            meanwhile()
            starting.result()
        session = Session(settings, database)
        with _kept_running(settings):
            end_dead_runs_of(session)
            yield session


@contextmanager
def _in_use(settings: Settings) -> Iterator[None]:
    """Hold the home's lock; stop the embedded server when nobody else holds it any more."""
    with _lock_file(settings.home).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            yield
        finally:
            if _is_alone(lock) and settings.database_url is None:
                from resources.database.embedded import server

                server.stop(settings.home)


def _kept_running(settings: Settings) -> AbstractContextManager[object]:
    """While this lasts an embedded server that dies is back within seconds."""
    if settings.database_url is not None:
        return nullcontext()
    from resources.database.embedded.guard import kept_running

    return kept_running(settings.home)


def _lock_file(home: Path) -> Path:
    """Return the home's lock file, after a look whether the home can be used and is private."""
    notice = make_private(home)
    if notice is not None and is_server():
        _LOG.warning(notice)
    elif notice is not None:
        sys.stderr.write(f"{notice}\n")
    sweep_drafts(home)
    path = home / "in-use.lock"
    try:
        path.touch()
    except OSError as error:
        raise unusable(home, error) from error
    return path


def _is_alone(lock: IO[str]) -> bool:
    """Whether no other process holds the lock."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
