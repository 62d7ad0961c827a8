"""Where files lie: a folder of this machine or an S3 service, opened alike."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from obstore.exceptions import BaseError, GenericError
from obstore.store import LocalStore, S3Store

from resources.errors import ReviewGraphError
from resources.telemetry import ServiceDownError, breaker_of

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
PATIENCE = {
    "max_retries": str(_MAX_RETRIES),
    "retry_timeout": f"{_RETRY_TIMEOUT.seconds}s",
    "connect_timeout": f"{_CONNECT_TIMEOUT.seconds}s",
}
"""The same as deltalake's options."""
_ALLOW_HTTP = "aws_allow_http"

S3 = "s3"
"""The name of the service's circuit breaker; all places of an installation are at one service."""
MAX_AT_ONCE = 30
"""Requests of one process that may wait for the service: its other threads go on serving."""
_MAX_WAIT_SECONDS = 0.5
_asking = threading.BoundedSemaphore(MAX_AT_ONCE)


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
        StorageUnreachableError: The block met an error of the service, or the service is not asked
            for the moment. That a file is not there stays a ``FileNotFoundError``.
    """
    try:
        yield
    except ServiceDownError as error:
        raise StorageUnreachableError(
            f"The files at {location} are not asked for: their service has not answered for a "
            "while. It is asked again within seconds; see that it runs."
        ) from error
    except BaseError as error:
        raise unreachable("files", location, error) from error


def unreachable(what: str, location: str, error: Exception) -> StorageUnreachableError:
    """What to raise when a service gave an error in place of an answer.

    Args:
        what: What lies there, for example ``files``.
        location: The place.
        error: The library's error; its first line is told.
    """
    said = str(error).partition("\n")[0]
    return StorageUnreachableError(
        f"The {what} at {location} cannot be reached: {said}. Check the address, the access key "
        "and the network, then try again."
    )


@contextmanager
def asking(
    place: Place | str, *failures: type[BaseException], moves_data: bool = False
) -> Iterator[None]:
    """Ask a place for something within the block: an S3 service through its circuit breaker.

    Blocks must not lie within each other.

    Args:
        place: Where, as it was opened or as its location; a folder of this machine has no breaker.
        *failures: Errors that say that the service is not well, besides those of obstore.
        moves_data: Whether much may be sent or fetched, which takes as long as it takes.

    Raises:
        ServiceDownError: The service has not answered for a while, or too many wait for it.
    """
    if isinstance(place, LocalStore) or (isinstance(place, str) and not is_address(place)):
        yield
        return
    if not _asking.acquire(timeout=_MAX_WAIT_SECONDS):
        raise ServiceDownError(f"Too many wait for {S3} already.")
    try:
        with breaker_of(S3).call(
            GenericError, *failures, slow_seconds=math.inf if moves_data else None
        ):
            yield
    finally:
        _asking.release()
