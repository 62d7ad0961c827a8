"""What belongs to each item of a list, read for all of its items at once.

Strawberry's data loaders need an event loop; resolvers here run one after the other in the thread
that holds the unit of work. So the first item that is asked has everything read for its siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any


class Batches:
    """The lists that one request has read, and what was read for their items."""

    def __init__(self) -> None:
        self._siblings: dict[int, list[Any]] = {}
        self._read: dict[tuple[str, int], Mapping[Any, Any]] = {}

    def remember(self, items: Iterable[Any]) -> None:
        """Note that these items came together."""
        together = list(items)  # holds them, so that no other object gets the id of one
        for item in together:
            self._siblings[id(item)] = together

    def of(
        self,
        item: Any,
        what: str,
        *,
        key: Callable[[Any], Hashable],
        read: Callable[[list[Any]], Mapping[Any, Any]],
    ) -> Any:
        """What belongs to an item; None where nothing does.

        Args:
            item: The item.
            what: A name of what is read, for example ``corrections``.
            key: What an item is known by.
            read: Reads what belongs to many of them, by their keys.
        """
        together = self._siblings.get(id(item))
        if together is None:  # it came alone
            return read([key(item)]).get(key(item))
        place = (what, id(together))
        if place not in self._read:
            self._read[place] = read([key(one) for one in together])
        return self._read[place].get(key(item))
