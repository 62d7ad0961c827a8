"""Where files lie: a folder of this machine or an S3 service, opened alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from obstore.store import S3Config

Place = LocalStore | S3Store

UPLOAD_PART_BYTES = 8 * 1024 * 1024
"""Files longer than this are uploaded in parts, which become visible together."""
MAX_PARTS_AT_ONCE = 4
"""Parts on their way at the same time; bounds the memory of one upload."""

# A short outage is waited out; a long one is said while somebody still waits for the answer.
_MAX_RETRIES = 4
_RETRY_TIMEOUT = timedelta(seconds=20)
_CONNECT_TIMEOUT = timedelta(seconds=5)
_ALLOW_HTTP = "aws_allow_http"


class StorageUnreachableError(ReviewGraphError):
    """The service that holds the files does not answer, or does not let us in."""


def is_address(location: str) -> bool:
    """Whether a location is an address and not a folder of this machine."""
    return "://" in location


def open_place(location: str, storage_options: Mapping[str, str] | None = None) -> Place:
    """Open a folder, made when missing, or an ``s3://bucket/prefix``.

    Args:
        location: The folder or the address.
        storage_options: Access to the S3 service, spelled as for the lake (``aws_region``, ...).
    """
    if not is_address(location):
        return LocalStore(Path(location).absolute(), mkdir=True)
    options = dict(storage_options or {})
    plain_http = options.pop(_ALLOW_HTTP, "false") == "true"
    return S3Store.from_url(
        location,
        config=cast("S3Config", options),
        client_options={"allow_http": plain_http, "connect_timeout": _CONNECT_TIMEOUT},
        retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _RETRY_TIMEOUT},
    )


@contextmanager
def answering(location: str) -> Iterator[None]:
    """Tell the operator which place failed, in place of the service's own words alone.

    Raises:
        StorageUnreachableError: The block met an error of the service. That a file is not there
            stays a ``FileNotFoundError``.
    """
    try:
        yield
    except BaseError as error:
        said = str(error).partition("\n")[0]
        raise StorageUnreachableError(
            f"The files at {location} cannot be reached: {said}. Check the address, the access key "
            "and the network, then try again."
        ) from error
