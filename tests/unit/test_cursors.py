"""A cursor of any list is one that the list takes."""

from __future__ import annotations

import pytest

from resources.keys import Keys
from serving_api.kit.paging import MAX_CURSOR_LENGTH, Cursors

MAX_NAME = 4_000


@pytest.mark.parametrize("character", ["a", "水", "𐍈", '"', "\x01"])
def test_the_longest_name_has_a_cursor_that_may_be_sent(character):
    cursors = Cursors(Keys("x" * 48))
    position = ["1" * 20, character * MAX_NAME]
    cursor = cursors.write(("list",), position)
    assert len(cursor) <= MAX_CURSOR_LENGTH
    assert cursors.read(("list",), cursor, length=2) == position
