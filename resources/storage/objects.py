"""Files made for people: reports and what belongs to them, named by their content.

An object's key holds the SHA-256 of its bytes, so the same file is stored once, a stored file never
changes, and writing is safe to repeat. The store is a local folder or an ``s3://`` address; large
files go up in parts and are read in parts. Nothing is handed out before its content was compared
with its name. Rows of data do not belong here; they live in the lake and in snapshots.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

import obstore
from obstore.exceptions import PreconditionError
from obstore.store import LocalStore

from resources.errors import ReviewGraphError
from resources.settings import Settings
from resources.storage import links
from resources.storage.places import (
    MAX_PARTS_AT_ONCE,
    UPLOAD_PART_BYTES,
    Place,
    answering,
    asking,
    is_address,
    open_place,
)
from resources.vocabulary import TENANT_ID

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

_SUFFIX = r"(?:\.[a-z0-9]{1,16}){0,2}"
_KEY = re.compile(
    rf"tenants/(?P<tenant>{TENANT_ID})/(?P<fan>[0-9a-f]{{2}})/(?P=fan)[0-9a-f]{{62}}{_SUFFIX}"
)
_CHUNK_BYTES = 1024 * 1024
_MAX_REMEMBERED = 4096  # objects whose content was found to be theirs

Source = bytes | Path | Iterable[bytes]
"""What an object is made of: bytes, a file, or chunks as they come."""


class ObjectStoreError(ReviewGraphError):
    """The object store cannot do what it was asked to do."""


class ObjectNotFoundError(ObjectStoreError):
    """No object has this key."""


class ObjectDamagedError(ObjectStoreError):
    """An object's content is not what was stored."""


@dataclass(frozen=True)
class StoredObject:
    """A file in the store.

    Attributes:
        key: Its name, ``tenants/{tenant}/{first two digits}/{sha256}{suffix}``.
        sha256: 64 hexadecimal digits.
        size: In bytes.
    """

    key: str
    sha256: str
    size: int


class ObjectStore:
    """Immutable files by content-addressed key. Safe to share between threads.

    Args:
        location: A folder, or ``s3://bucket/prefix``.
        storage_options: Access to the S3 service, spelled as for the lake (``aws_region``, ...).
        secret: Gives the key that links to files of a folder are signed with.
    """

    def __init__(
        self,
        location: str,
        storage_options: dict[str, str] | None = None,
        *,
        secret: Callable[[], str] | None = None,
    ) -> None:
        self._location = location
        self._storage_options = storage_options
        self._folder = None if is_address(location) else Path(location).absolute()
        self._secret = secret
        self._sound: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def _store(self) -> Place:
        """The folder or bucket, opened when first used: loading the graph makes no folder."""
        return open_place(self._location, self._storage_options)

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """The object store that the settings name."""
        return cls(
            settings.objects_location,
            settings.s3_options,
            # Asked for when a link is signed: it may have to be made, and opening writes nothing.
            secret=lambda: settings.signing_key,
        )

    def put(self, tenant_id: str, data: Source, *, suffix: str) -> StoredObject:
        """Store a file under the hash of its content; storing it again changes nothing.

        Chunks pass through a temporary file without a name, because the key is known only after
        the last one: a writer that is killed leaves nothing behind, here or in the store.

        Args:
            tenant_id: Whose file it is.
            data: Its bytes, the file that holds them, or chunks of them.
            suffix: Its ending with the dot, for example ``.pdf``; may be empty.

        Raises:
            ObjectStoreError: The tenant or the suffix cannot be part of a key.
            StorageUnreachableError: The service does not answer.
        """
        _key(tenant_id, "0" * 64, suffix)  # refused before anything is read
        with _as_file(data) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
            sha256 = digest.hexdigest()
            stored = StoredObject(_key(tenant_id, sha256, suffix), sha256, file.tell())
            file.seek(0)
            if not self._holds(stored):
                self._upload(stored, file)
        return stored

    def get(self, key: str) -> bytes:
        """The whole content of an object.

        Raises:
            ObjectNotFoundError: There is no such object.
            ObjectDamagedError: Its content is not what was stored.
        """
        return b"".join(self.stream(key))

    def exists(self, key: str) -> bool:
        """Whether there is an object with this key."""
        try:
            self._head(key)
        except ObjectNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """How many bytes an object has.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        return self._head(key)["size"]

    def path(self, key: str) -> Path | None:
        """Where the object lies on this machine; None when the store is not a local folder.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        _checked(key)
        if self._folder is None:
            return None
        path = self._folder / key
        if not path.is_file():
            raise _not_found(key)
        return path

    def stream(self, key: str, within: tuple[int, int] | None = None) -> Iterator[bytes]:
        """The content of an object, or a part of it, in chunks of about one MiB.

        The whole content is compared with the key before the first byte is given, once for each
        state of the file; a file that changes after that is no longer read.

        Args:
            key: The object's key.
            within: First byte and the one after the last, counted from 0; the whole when None.

        Raises:
            ObjectNotFoundError: There is no such object; raised at the call, not while reading.
            ObjectDamagedError: Its content is not what was stored; raised at the call.
            ObjectStoreError: The part lies outside of the object.
        """
        found = self._head(key)
        self._verify(key, found)
        if within is not None and not 0 <= within[0] < within[1] <= found["size"]:
            raise ObjectStoreError(
                f"Bytes {within[0]} to {within[1]} are not within the {found['size']} bytes of "
                f"{key}."
            )
        return self._chunks(key, found, within)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is removed already."""
        _checked(key)
        with answering(self._location):
            try:
                with asking(self._store):
                    obstore.delete(self._store, key)
            except FileNotFoundError:
                return

    def keys(self, tenant_id: str, *, before: datetime | None = None) -> list[str]:
        """The keys of a tenant's objects, sorted.

        Args:
            tenant_id: The tenant.
            before: Only objects that were written before that moment.
        """
        prefix = _key(tenant_id, "0" * 64, "").partition("/00/")[0]
        with answering(self._location), asking(self._store, moves_data=True):
            found = [one for page in obstore.list(self._store, prefix=prefix) for one in page]
        return sorted(
            one["path"]
            for one in found
            if _KEY.fullmatch(one["path"]) and (before is None or one["last_modified"] < before)
        )

    def sign(self, key: str, seconds: int) -> str:
        """A link that opens one object for a while, without any other permission.

        Args:
            key: The object's key.
            seconds: How long the link is good for.

        Returns:
            For an S3 service an address that can be opened as it is; for a folder a token that
            :meth:`verify_link` understands.

        Raises:
            ObjectNotFoundError: There is no such object.
            ObjectStoreError: The store has no secret to sign with.
        """
        self._head(key)
        if not isinstance(self._store, LocalStore):
            return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))
        return links.sign(self._signing_key(), key, int(time.time()) + seconds)

    def verify_link(self, token: str, *, now: float | None = None) -> str:
        """The key of the object that a token of :meth:`sign` opens.

        Args:
            token: What :meth:`sign` returned for a folder.
            now: Seconds since 1970; the clock's when not given.

        Raises:
            LinkError: The token is not ours, or its time is over.
        """
        key = links.verify(self._signing_key(), token, time.time() if now is None else now)
        return _checked(key)

    def _signing_key(self) -> str:
        if self._secret is None:
            raise ObjectStoreError("This object store was opened without a key to sign links with.")
        return self._secret()

    def _head(self, key: str) -> ObjectMeta:
        with answering(self._location):
            try:
                with asking(self._store):
                    return obstore.head(self._store, _checked(key))
            except FileNotFoundError as error:
                raise _not_found(key) from error

    def _holds(self, stored: StoredObject) -> bool:
        """Whether the file is there and sound; one that is damaged is written over."""
        try:
            self._verify(stored.key, self._head(stored.key))
        except (ObjectNotFoundError, ObjectDamagedError):
            return False
        return True

    def _upload(self, stored: StoredObject, file: IO[bytes]) -> None:
        """Write an object; it becomes visible whole, in one part or in many."""
        is_large = stored.size > UPLOAD_PART_BYTES
        with answering(self._location), asking(self._store, moves_data=True):
            obstore.put(
                self._store,
                stored.key,
                file if is_large else file.read(),
                use_multipart=is_large,
                chunk_size=UPLOAD_PART_BYTES,
                max_concurrency=MAX_PARTS_AT_ONCE,
            )

    def _verify(self, key: str, found: ObjectMeta) -> None:
        """Compare an object's content with its key, unless this state of it was compared before."""
        state = (key, self._state(key, found))
        with self._lock:
            if state in self._sound:
                self._sound.move_to_end(state)
                return
        digest = hashlib.sha256()
        for chunk in self._chunks(key, found, None):
            digest.update(chunk)
        if digest.hexdigest() != sha256_of(key):
            raise _damaged(key)
        with self._lock:
            self._sound[state] = None
            if len(self._sound) > _MAX_REMEMBERED:
                self._sound.popitem(last=False)

    def _state(self, key: str, found: ObjectMeta) -> str:
        """What differs as soon as an object was written to."""
        state = f"{found['e_tag']} {found['size']} {found['last_modified'].timestamp()}"
        if self._folder is None:
            return state
        # The time of a file's content can be set back by whoever changes it; this one cannot.
        try:
            return f"{state} {(self._folder / key).stat().st_ctime_ns}"
        except FileNotFoundError as error:
            raise _not_found(key) from error

    def _chunks(
        self, key: str, found: ObjectMeta, within: tuple[int, int] | None
    ) -> Iterator[bytes]:
        if found["size"] == 0:
            return iter(())
        options: GetOptions = {"if_match": found["e_tag"]}
        if within is not None:
            options["range"] = within
        with answering(self._location):
            try:
                with asking(self._store):
                    result = obstore.get(self._store, key, options=options)
            except FileNotFoundError as error:
                raise _not_found(key) from error
            except PreconditionError as error:
                raise _damaged(key) from error
        return (bytes(chunk) for chunk in result.stream(min_chunk_size=_CHUNK_BYTES))


@contextmanager
def _as_file(data: Source) -> Iterator[IO[bytes]]:
    """The data as an open file, at its beginning."""
    if isinstance(data, Path):
        with data.open("rb") as file:
            yield file
        return
    with tempfile.SpooledTemporaryFile(max_size=UPLOAD_PART_BYTES, prefix="reviewgraph-") as file:
        for chunk in (data,) if isinstance(data, bytes) else data:
            file.write(chunk)
        file.seek(0)
        yield file


def _key(tenant_id: str, sha256: str, suffix: str) -> str:
    return _checked(f"tenants/{tenant_id}/{sha256[:2]}/{sha256}{suffix}")


def sha256_of(key: str) -> str:
    """The checksum of the content that a key stands for.

    Raises:
        ObjectStoreError: It is no key of this store.
    """
    return _checked(key).split("/")[3][:64]


def _checked(key: str) -> str:
    """Refuse whatever is not a key of this store: no path leads out of it or to another tenant."""
    if _KEY.fullmatch(key) is None:
        raise ObjectStoreError(
            f"{key!r} is not a key of the object store; a key reads "
            "tenants/<tenant>/<two digits>/<sha256><suffix>, for example with the suffix .pdf."
        )
    return key


def _not_found(key: str) -> ObjectNotFoundError:
    return ObjectNotFoundError(
        f"There is no object {key}. It may have been removed; make the file again."
    )


def _damaged(key: str) -> ObjectDamagedError:
    return ObjectDamagedError(
        f"The object {key} is damaged: its content is not what was stored. Delete it and make the "
        "file again."
    )
