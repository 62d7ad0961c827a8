"""Snapshots at an address, read through copies on this machine.

::

    {root}/{tenant_id}/{version}/{table}.{first digits of its sha256}.parquet
    {root}/{tenant_id}/{version}/manifest.json

The manifest is written last and removed first: a version is there whole or not at all. Tables are
named by their content, so that two publishers of one version cannot mix their files, and so that
a table that did not change is copied by the service and not sent again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore

from resources.storage.places import (
    MAX_PARTS_AT_ONCE,
    UPLOAD_PART_BYTES,
    Place,
    answering,
    asking,
)
from resources.storage.snapshot_cache import SnapshotCache
from resources.storage.snapshot_files import (
    MANIFEST,
    Manifest,
    SnapshotDamagedError,
    damaged,
    no_snapshot,
    parse_manifest,
    table_path,
    write_manifest,
)
from resources.storage.snapshot_shelves import VERSION, Opened

# For so long a version that was there is taken to be there still: asking costs a request.
_TRUSTED_SECONDS = 30.0
# No upload takes longer: what has no manifest after that belongs to a publisher that was killed.
_MAX_UPLOAD_TIME = timedelta(hours=6)
_CHUNK_BYTES = 8 * 1024 * 1024


class RemoteShelf:
    """Snapshots below an address. Any number of machines may publish and read.

    Args:
        location: The address, for messages.
        place: The address, opened.
        cache: The copies on this machine.
    """

    def __init__(self, location: str, place: Place, cache: SnapshotCache) -> None:
        self._location = location
        self._place = place
        self._cache = cache
        self._seen: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def drafting(self, tenant_id: str) -> Iterator[Path]:
        """A folder among the copies: what is published here is read here next."""
        del tenant_id  # drafts of all tenants may lie side by side
        with self._cache.drafting() as draft:
            yield draft

    def keep(self, draft: Path, manifest: Manifest) -> bool:
        """Send the tables that are not there yet, then the manifest."""
        tenant_id, version = manifest["tenant_id"], manifest["version"]
        with answering(self._location):
            present = self._files(tenant_id)
            if self._is_whole(tenant_id, version, present):
                return False
            for name in manifest["tables"]:
                self._send(table_path(draft, name), name, manifest, present)
            content = json.dumps(manifest, indent=2).encode()
            with asking(self._place):
                obstore.put(self._place, _manifest_key(tenant_id, version), content)
        self._note(tenant_id, version)
        write_manifest(draft, manifest)
        self._cache.adopt(draft, tenant_id, version)
        return True

    def open(self, tenant_id: str, version: str) -> Opened:
        """The copy of the version; it is fetched when it is missing or damaged."""
        with answering(self._location):
            self._require(tenant_id, version)
            folder, manifest, hold = self._cache.open(
                tenant_id, version, lambda draft: self._fetch(draft, tenant_id, version)
            )
        return Opened(folder, manifest, hold)

    def versions(self, tenant_id: str) -> list[str]:
        """The versions whose manifest is there."""
        with answering(self._location):
            return sorted(_whole_versions(self._files(tenant_id)))

    def discard(self, tenant_id: str, versions: list[str]) -> None:
        """Delete versions, manifest first, what killed publishers left, and copies of neither."""
        with answering(self._location):
            files = self._files(tenant_id)
            whole = _whole_versions(files)
            abandoned = datetime.now(UTC) - _MAX_UPLOAD_TIME
            for version in {_version_of(key) for key in files}:
                of_version = [key for key in files if _version_of(key) == version]
                is_rest = version not in whole and all(
                    files[key][1] < abandoned for key in of_version
                )
                if version in versions or is_rest:
                    self._delete(tenant_id, version, of_version)
            for owner, version in self._cache.copies():
                if owner == tenant_id and version not in whole:  # another machine took it away
                    self.drop_copy(owner, version)

    def folder(self, tenant_id: str, version: str) -> Path:
        """Where the version's copy lies when it is read."""
        return self._cache.folder(tenant_id, version)

    def copies(self) -> list[tuple[str, str]]:
        """Tenant and version of every copy on this machine."""
        return self._cache.copies()

    def drop_copy(self, tenant_id: str, version: str) -> bool:
        """Remove a copy, and take it for granted no more that the version is there."""
        with self._lock:
            self._seen.pop((tenant_id, version), None)
        return self._cache.drop(tenant_id, version)

    def check(self) -> None:
        """Ask the service for the names at the top."""
        with answering(self._location), asking(self._place):
            obstore.list_with_delimiter(self._place)

    def _files(self, tenant_id: str) -> dict[str, tuple[int, datetime]]:
        """Size and time of every file of a tenant, by key."""
        with asking(self._place, moves_data=True):
            return {
                found["path"]: (found["size"], found["last_modified"])
                for page in obstore.list(self._place, tenant_id, chunk_size=1000)
                for found in page
            }

    def _manifest(self, tenant_id: str, version: str) -> Manifest:
        key = _manifest_key(tenant_id, version)
        try:
            with asking(self._place):
                content = bytes(obstore.get(self._place, key).bytes())
        except FileNotFoundError as error:
            raise no_snapshot(tenant_id, version) from error
        return parse_manifest(content, f"{self._location}/{key}", tenant_id, version)

    def _is_whole(
        self, tenant_id: str, version: str, present: dict[str, tuple[int, datetime]]
    ) -> bool:
        if _manifest_key(tenant_id, version) not in present:
            return False
        try:
            manifest = self._manifest(tenant_id, version)
        except SnapshotDamagedError:
            return False
        return all(
            present.get(_table_key(manifest, name), (None,))[0] == entry["bytes"]
            for name, entry in manifest["tables"].items()
        )

    def _send(
        self, file: Path, name: str, manifest: Manifest, present: dict[str, tuple[int, datetime]]
    ) -> None:
        key, size = _table_key(manifest, name), manifest["tables"][name]["bytes"]
        if present.get(key, (None,))[0] == size:
            return
        same = key.rpartition("/")[2]
        for other, (other_size, _) in present.items():
            if other.rpartition("/")[2] == same and other_size == size:
                try:
                    with asking(self._place, moves_data=True):
                        obstore.copy(self._place, other, key)
                except FileNotFoundError:
                    continue  # pruned a moment ago
                return
        with asking(self._place, moves_data=True):
            obstore.put(
                self._place,
                key,
                file,
                chunk_size=UPLOAD_PART_BYTES,
                max_concurrency=MAX_PARTS_AT_ONCE,
            )

    def _fetch(self, draft: Path, tenant_id: str, version: str) -> None:
        manifest = self._manifest(tenant_id, version)
        for name in manifest["tables"]:
            key = _table_key(manifest, name)
            try:
                with asking(self._place):
                    content = obstore.get(self._place, key)
            except FileNotFoundError as error:
                raise damaged(f"{self._location}/{key}", "it is missing") from error
            with table_path(draft, name).open("wb") as file:
                for chunk in content.stream(min_chunk_size=_CHUNK_BYTES):
                    file.write(chunk)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))

    def _require(self, tenant_id: str, version: str) -> None:
        """See that the version is still published: a copy must not outlive it."""
        with self._lock:
            seen = self._seen.get((tenant_id, version))
        if seen is not None and time.monotonic() - seen < _TRUSTED_SECONDS:
            return
        try:
            with asking(self._place):
                obstore.head(self._place, _manifest_key(tenant_id, version))
        except FileNotFoundError as error:
            self.drop_copy(tenant_id, version)
            raise no_snapshot(tenant_id, version) from error
        self._note(tenant_id, version)

    def _delete(self, tenant_id: str, version: str, keys: list[str]) -> None:
        manifest = _manifest_key(tenant_id, version)
        for key in sorted(keys, key=lambda key: key != manifest):
            with asking(self._place):
                obstore.delete(self._place, key)
        self.drop_copy(tenant_id, version)

    def _note(self, tenant_id: str, version: str) -> None:
        with self._lock:
            self._seen[tenant_id, version] = time.monotonic()


def _manifest_key(tenant_id: str, version: str) -> str:
    return f"{tenant_id}/{version}/{MANIFEST}"


def _table_key(manifest: Manifest, name: str) -> str:
    digest = manifest["tables"][name]["sha256"][:32]
    return f"{manifest['tenant_id']}/{manifest['version']}/{name}.{digest}.parquet"


def _version_of(key: str) -> str:
    return key.split("/")[1]


def _whole_versions(files: dict[str, tuple[int, datetime]]) -> set[str]:
    return {
        _version_of(key)
        for key in files
        if key.endswith(f"/{MANIFEST}") and VERSION.fullmatch(_version_of(key))
    }
