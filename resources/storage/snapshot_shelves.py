"""Where whole snapshots stand: what a shelf can do, and the shelf that is a folder.

A folder's snapshots are read where they lie. One that lies behind an address is copied first; that
shelf is ``resources.storage.snapshot_remote``.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from resources.storage.snapshot_files import (
    Manifest,
    SnapshotDamagedError,
    SnapshotMissingError,
    read_manifest,
    sync_folder,
    write_manifest,
)

VERSION = re.compile(r"[0-9a-f]{32}")
_DRAFT = ".draft-"


@dataclass(frozen=True)
class Opened:
    """A snapshot's files, ready to be read.

    Attributes:
        folder: Where they lie on this machine.
        manifest: What they are.
        hold: Keeps them there as long as somebody refers to it; None where nothing takes them away.
    """

    folder: Path
    manifest: Manifest
    hold: object | None = None


class Shelf(Protocol):
    """Holds tenants' snapshots, each whole or not at all."""

    def drafting(self, tenant_id: str) -> AbstractContextManager[Path]:
        """An empty folder to write tables to; what is left of it is deleted at the end."""

    def keep(self, draft: Path, manifest: Manifest) -> bool:
        """Put up what was drafted; False where that version stands there whole already."""

    def open(self, tenant_id: str, version: str) -> Opened:
        """The files of a version.

        Raises:
            SnapshotMissingError: There is no such version.
            SnapshotDamagedError: Its files are not what was published.
        """

    def versions(self, tenant_id: str) -> list[str]:
        """The versions that can be opened, sorted."""

    def discard(self, tenant_id: str, versions: list[str]) -> None:
        """Take versions away, and what killed publishers left."""

    def folder(self, tenant_id: str, version: str) -> Path:
        """Where a version's files lie on this machine when they are read."""

    def copies(self) -> list[tuple[str, str]]:
        """Tenant and version of every copy that this machine reads from."""

    def drop_copy(self, tenant_id: str, version: str) -> bool:
        """Remove a copy; False while it is being read."""

    def check(self) -> None:
        """Find out whether the shelf can be read.

        Raises:
            OSError: The folder cannot be read.
            StorageUnreachableError: The service does not answer.
        """


class FolderShelf:
    """Snapshots in a folder of this machine, or of a file system that machines share.

    A version is written under another name, forced to disk and then renamed. Publishers of one
    tenant take turns.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def drafting(self, tenant_id: str) -> Iterator[Path]:
        """A folder beside the tenant's versions; nobody else publishes for the tenant meanwhile."""
        home = self._home(tenant_id)
        home.mkdir(parents=True, exist_ok=True)
        with _turn(home):
            _clear_drafts(home)
            draft = home / f"{_DRAFT}{uuid4().hex}"
            draft.mkdir()
            yield draft
            _clear_drafts(home)

    def keep(self, draft: Path, manifest: Manifest) -> bool:
        """Rename the draft to its version."""
        tenant_id, version = manifest["tenant_id"], manifest["version"]
        folder = self.folder(tenant_id, version)
        if _is_whole(folder, tenant_id, version):
            return False
        write_manifest(draft, manifest)
        _remove(folder)
        draft.rename(folder)
        sync_folder(folder.parent)
        return True

    def open(self, tenant_id: str, version: str) -> Opened:
        """The version's folder, after a look at the length of its files."""
        folder = self.folder(tenant_id, version)
        return Opened(folder, read_manifest(folder, tenant_id, version))

    def versions(self, tenant_id: str) -> list[str]:
        """The names of the tenant's folders that are versions."""
        home = self._home(tenant_id)
        if not home.is_dir():
            return []
        return sorted(entry.name for entry in home.iterdir() if VERSION.fullmatch(entry.name))

    def discard(self, tenant_id: str, versions: list[str]) -> None:
        """Delete folders."""
        home = self._home(tenant_id)
        if not home.is_dir():
            return
        with _turn(home):
            _clear_drafts(home)
            for version in versions:
                _remove(home / version)
            sync_folder(home)

    def folder(self, tenant_id: str, version: str) -> Path:
        """The version's folder."""
        return self._home(tenant_id) / version

    def copies(self) -> list[tuple[str, str]]:
        """None: the versions are read where they lie."""
        return []

    def drop_copy(self, tenant_id: str, version: str) -> bool:  # noqa: ARG002 - of the shelf
        """Nothing is in the way: there is no copy."""
        return True

    def check(self) -> None:
        """List the folder; before the first snapshot there is none, and that is well."""
        if self._root.exists():
            next(self._root.iterdir(), None)

    def _home(self, tenant_id: str) -> Path:
        return self._root.resolve() / tenant_id


@contextmanager
def _turn(home: Path) -> Iterator[None]:
    """Hold the tenant's lock; the system releases it even when the process is killed."""
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_whole(folder: Path, tenant_id: str, version: str) -> bool:
    try:
        read_manifest(folder, tenant_id, version)
    except (SnapshotMissingError, SnapshotDamagedError):
        return False
    return True


def _remove(folder: Path) -> None:
    """Delete a version, or what damage left of it."""
    if folder.exists():
        # Out of sight first: nobody may open a folder that is half deleted.
        doomed = folder.with_name(f"{_DRAFT}{uuid4().hex}")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _clear_drafts(home: Path) -> None:
    # Only called in turn, so whoever wrote these is gone or done.
    for draft in home.glob(f"{_DRAFT}*"):
        shutil.rmtree(draft)
