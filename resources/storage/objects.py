"""Files made for people: reports and what belongs to them, named by their content.

An object's key holds the SHA-256 of its bytes, so the same file is stored once, a stored file never
changes, and writing is safe to repeat. The store is a local folder or an ``s3://`` address.
Rows of data do not belong here; they live in the lake and in snapshots.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, S3Store

from resources.errors import ReviewGraphError
from resources.settings import Settings
from resources.vocabulary import TENANT_ID

if TYPE_CHECKING:
    from obstore.store import S3Config

_SUFFIX = r"(?:\.[a-z0-9]{1,16}){0,2}"
_KEY = re.compile(
    rf"tenants/(?P<tenant>{TENANT_ID})/(?P<fan>[0-9a-f]{{2}})/(?P=fan)[0-9a-f]{{62}}{_SUFFIX}"
)
_CHUNK_BYTES = 1024 * 1024
_ALLOW_HTTP = "aws_allow_http"


class ObjectStoreError(ReviewGraphError):
    """The object store cannot do what it was asked to do."""


class ObjectNotFoundError(ObjectStoreError):
    """No object has this key."""


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
    """Immutable files by content-addressed key.

    Args:
        location: A folder, or ``s3://bucket/prefix``.
        storage_options: Access to the S3 service, spelled as for the lake (``aws_region``, ...).
    """

    def __init__(self, location: str, storage_options: dict[str, str] | None = None) -> None:
        self._store: LocalStore | S3Store
        self._folder: Path | None = None
        if "://" in location:
            options = dict(storage_options or {})
            plain_http = options.pop(_ALLOW_HTTP, "false") == "true"
            self._store = S3Store.from_url(
                location,
                config=cast("S3Config", options),
                client_options={"allow_http": plain_http},
            )
        else:
            self._folder = Path(location).absolute()
            self._store = LocalStore(self._folder, mkdir=True)

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """The object store that the settings name."""
        return cls(settings.objects_location, settings.s3_options)

    def put(self, tenant_id: str, data: bytes, *, suffix: str) -> StoredObject:
        """Store a file under the hash of its content; storing it again changes nothing.

        Args:
            tenant_id: Whose file it is.
            data: Its bytes.
            suffix: Its ending with the dot, for example ``.pdf``; may be empty.

        Raises:
            ObjectStoreError: The tenant or the suffix cannot be part of a key.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        key = _checked(f"tenants/{tenant_id}/{sha256[:2]}/{sha256}{suffix}")
        # What is there already has the same bytes, or its key would be another. One request, so
        # that no reader ever meets half a file.
        with suppress(AlreadyExistsError):
            obstore.put(self._store, key, data, mode="create", use_multipart=False)
        return StoredObject(key, sha256, len(data))

    def get(self, key: str) -> bytes:
        """The whole content of an object.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        return b"".join(self.stream(key))

    def exists(self, key: str) -> bool:
        """Whether there is an object with this key."""
        try:
            obstore.head(self._store, _checked(key))
        except FileNotFoundError:
            return False
        return True

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

    def stream(self, key: str) -> Iterator[bytes]:
        """The content of an object in chunks of about one MiB.

        Raises:
            ObjectNotFoundError: There is no such object; raised at the call, not while reading.
        """
        try:
            found = obstore.get(self._store, _checked(key))
        except FileNotFoundError as error:
            raise _not_found(key) from error
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=_CHUNK_BYTES))


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
