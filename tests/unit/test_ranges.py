"""Which part of a file a request asks for (RFC 9110, 14)."""

from __future__ import annotations

import pytest

from serving_api.kit.ranges import RangeNotSatisfiableError, wanted_part

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-", (10, 100)),
        ("bytes=90-500", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        (f"bytes=0-{'9' * 30}", None),
    ],
)
def test_a_header_names_a_part_or_the_whole(header, part):
    assert wanted_part(header, None, ETAG, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_part_outside_of_the_file_is_said_to_be_so(header):
    with pytest.raises(RangeNotSatisfiableError):
        wanted_part(header, None, ETAG, 100)


def test_a_part_of_another_file_is_not_given():
    assert wanted_part("bytes=1-2", ETAG, ETAG, 100) == (1, 3)
    assert wanted_part("bytes=1-2", '"other"', ETAG, 100) is None
