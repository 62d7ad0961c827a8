"""Parts of a file (RFC 9110, 14): a download that broke off goes on where it stopped."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class RangeNotSatisfiableError(ValueError):
    """The part that is asked for lies outside of the file."""


def wanted_part(
    header: str | None, if_range: str | None, etag: str, size: int
) -> tuple[int, int] | None:
    """The part of a file that a request asks for.

    Args:
        header: The request's ``Range``.
        if_range: Its ``If-Range``: a part is only wanted of the file that bears this ETag.
        etag: The file's ETag.
        size: The file's size in bytes.

    Returns:
        The first byte and the one after the last, counted from 0; None for the whole file, which
        is also the answer to several parts at once and to what is no range in bytes.

    Raises:
        RangeNotSatisfiableError: No byte of the file is in the range.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None or (if_range is not None and if_range.strip() != etag):
        return None
    first, last = found["first"], found["last"]
    if not first and not last:
        return None
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None  # the wrong way round: no range at all
    if start >= size or start >= end:
        raise RangeNotSatisfiableError
    return start, end
