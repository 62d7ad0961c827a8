"""Copies of snapshots on this machine: bounded, whole, and never taken away under a reader.

::

    {folder}/{tenant_id}/{version}/...     a copy, as it lies in a folder of snapshots
    {folder}/{tenant_id}/{version}.lock    held by whoever reads, writes or removes the copy
    {folder}/.drafts/{any name}            a copy that is being made

Readers share a version's lock, in this process and in others; whoever makes or removes the copy
holds it alone. So a version is fetched once however many ask for it, and what is read stays. The
locks are the system's (``flock``): a killed process lets go of them. They are not filelock's, which
has no lock that readers can share and that ends with its process. When a copy was last opened is
the time of its lock file. Deleting the whole folder is safe at any time: it is fetched again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from resources.storage.snapshot_files import (
    Manifest,
    SnapshotDamagedError,
    SnapshotMissingError,
    damaged,
    read_manifest,
    table_path,
    verify_tables,
)

_DRAFTS = ".drafts"


class Hold:
    """A lock on one copy, held until nobody refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self.release = weakref.finalize(self, os.close, descriptor)


class SnapshotCache:
    """The copies below one folder. Safe to share between threads and processes.

    Args:
        folder: Where they lie.
        max_bytes: Their total size. Only what is read at the moment may exceed it.
        forget: Called with the folder of a copy before it goes.
    """

    def __init__(self, folder: Path, max_bytes: int, forget: Callable[[Path], None]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._forget = forget
        self._verified: dict[Path, tuple[tuple[int, int, int], ...]] = {}
        self._lock = threading.Lock()

    def folder(self, tenant_id: str, version: str) -> Path:
        """Where the copy of a version lies, if there is one."""
        return self._folder.resolve() / tenant_id / version

    def open(
        self, tenant_id: str, version: str, fetch: Callable[[Path], None]
    ) -> tuple[Path, Manifest, Hold]:
        """The copy of a version, fetched unless it is here and sound.

        Args:
            tenant_id: Whose snapshot it is.
            version: Its version.
            fetch: Fills an empty folder with the snapshot's files.

        Returns:
            The folder, its manifest, and what keeps both in place.

        Raises:
            SnapshotDamagedError: What was fetched is not what was published.
        """
        folder = self.folder(tenant_id, version)
        while True:
            hold = _shared(_lock_path(folder))
            manifest = self._sound_manifest(folder, tenant_id, version)
            if manifest is not None:
                os.utime(_lock_path(folder))
                return folder, manifest, hold
            hold.release()
            self._fetch_once(folder, tenant_id, version, fetch)

    def adopt(self, draft: Path, tenant_id: str, version: str) -> None:
        """Keep a whole snapshot that was written here, unless there is a copy already."""
        folder = self.folder(tenant_id, version)
        with _alone(_lock_path(folder), wait=False) as is_alone:
            if is_alone and self._sound_manifest(folder, tenant_id, version) is None:
                self._replace(folder, draft)
        self.make_room()

    @contextmanager
    def drafting(self) -> Iterator[Path]:
        """An empty folder on the same disk; what is left of it is deleted at the end."""
        draft = self._folder.resolve() / _DRAFTS / uuid4().hex
        with _alone(_lock_path(draft)):
            draft.mkdir(parents=True)
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                _lock_path(draft).unlink(missing_ok=True)

    def copies(self) -> list[tuple[str, str]]:
        """Tenant and version of every copy."""
        return [(path.parent.name, path.name) for path in self._folder.glob("[!.]*/*/")]

    def drop(self, tenant_id: str, version: str) -> bool:
        """Remove the copy of a version; False while it is being read, then it stays."""
        return self._remove_unless_held(self.folder(tenant_id, version))

    def make_room(self) -> None:
        """Remove what was not opened the longest until the copies are within their bound.

        What killed processes left of drafts goes, too.
        """
        root = self._folder.resolve()
        for lock in root.glob(f"{_DRAFTS}/*.lock"):
            self._remove_unless_held(lock.with_suffix(""))
        copies = []
        for folder in root.glob("[!.]*/*/"):
            try:
                copies.append((_last_use(folder), _size(folder), folder))
            except FileNotFoundError:
                continue  # another process is making room, too
        excess = sum(size for _, size, _ in copies) - self._max_bytes
        for _, size, folder in sorted(copies):
            if excess <= 0:
                break
            if self._remove_unless_held(folder):
                excess -= size

    def _fetch_once(
        self, folder: Path, tenant_id: str, version: str, fetch: Callable[[Path], None]
    ) -> None:
        with _alone(_lock_path(folder)):
            if self._sound_manifest(folder, tenant_id, version) is not None:
                return  # somebody else fetched it while we waited
            with self.drafting() as draft:
                fetch(draft)
                verify_tables(draft, read_manifest(draft, tenant_id, version))
                self._replace(folder, draft)
                # Still alone with it, so that this copy is not what makes room.
                self.make_room()

    def _replace(self, folder: Path, draft: Path) -> None:
        self._forget(folder)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)

    def _sound_manifest(self, folder: Path, tenant_id: str, version: str) -> Manifest | None:
        """The manifest of a copy whose files are what was published, if there is one.

        Contents are compared once for each state of the files that this process meets.
        """
        try:
            manifest = read_manifest(folder, tenant_id, version)
            state = tuple(_state(table_path(folder, name)) for name in sorted(manifest["tables"]))
            with self._lock:
                is_known = self._verified.get(folder) == state
            if not is_known:
                verify_tables(folder, manifest)
        except (SnapshotMissingError, SnapshotDamagedError, FileNotFoundError):
            return None
        with self._lock:
            self._verified[folder] = state
        return manifest

    def _remove_unless_held(self, folder: Path) -> bool:
        with _alone(_lock_path(folder), wait=False) as is_alone:
            if not is_alone:
                return False
            self._forget(folder)
            with self._lock:
                self._verified.pop(folder, None)
            shutil.rmtree(folder, ignore_errors=True)
            _lock_path(folder).unlink(missing_ok=True)
            return True


def _shared(path: Path) -> Hold:
    """Lock a copy together with other readers."""
    descriptor = _locked(path, fcntl.LOCK_SH)
    if descriptor is None:
        raise AssertionError("a lock that is waited for is got")
    return Hold(descriptor)


@contextmanager
def _alone(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Lock a copy against everybody else; yields whether that was possible."""
    descriptor = _locked(path, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: Path, how: int) -> int | None:
    """A descriptor that holds the lock file, or None where others hold it and we do not wait."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # A lock on a file that was removed meanwhile keeps nobody out of the next one.
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _last_use(folder: Path) -> int:
    return _lock_path(folder).stat().st_mtime_ns


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise damaged(path, "it is missing") from error
    return status.st_ino, status.st_size, status.st_mtime_ns
