"""Keyset paging: opaque, signed cursors that are bound to one tenant, one list and one order.

A cursor holds the sort key of the last row of a page. Rows that arrive meanwhile move no other row
to another page, and page 1,000 costs what page 1 costs. The signature keeps clients from making
cursors up; the binding keeps a cursor of one tenant from being used for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Protocol, TypedDict, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from resources.keys import Keys
from serving_api.kit.errors import Problem

Item = TypeVar("Item")
MAX_CURSOR_LENGTH = 32_768
"""Room for the longest name that a list is sorted by: 4,000 characters of any script."""

CursorParameter = Annotated[
    str | None,
    Field(
        max_length=MAX_CURSOR_LENGTH,
        description="`next_cursor` of the page before; the first page if unset.",
    ),
]
_SIGNATURE_BYTES = 16


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Give it as `cursor` to read on; null on the last page."
    )
    next: str | None = Field(description="Address of the next page; null on the last page.")


class Cursors:
    """Makes and reads cursors.

    Args:
        keys: The installation's keys.
    """

    def __init__(self, keys: Keys) -> None:
        self._key = keys.derive("cursors")

    def write(self, binding: Sequence[str], position: Sequence[str]) -> str:
        """A cursor that stands after ``position`` in the list that ``binding`` names."""
        # As it is in UTF-8: escaped, a character of another script takes twice as much or more.
        payload = json.dumps(list(position), ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(binding, payload) + payload).decode().rstrip("=")

    def read(self, binding: Sequence[str], cursor: str, *, length: int) -> list[str]:
        """The position a cursor stands for.

        Args:
            binding: The list that is being read: tenant, name, order and filters.
            cursor: What the client sent.
            length: How many values a position of this list has.

        Raises:
            Problem: ``invalid-cursor`` if it was not made by :meth:`write` for this list.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Problem("invalid-cursor") from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(binding, payload)):
            raise Problem("invalid-cursor")
        position: list[str] = json.loads(payload)
        if len(position) != length:
            raise Problem("invalid-cursor")
        return position

    def _sign(self, binding: Sequence[str], payload: bytes) -> bytes:
        message = json.dumps(list(binding), ensure_ascii=True).encode() + b"\0" + payload
        return hmac.digest(self._key, message, "sha256")[:_SIGNATURE_BYTES]


class PageParameters(Protocol):
    """What a client asks of a list: how many rows, and from where on."""

    limit: int
    cursor: str | None


class Onward(TypedDict):
    """Where a list goes on: the fields that every page has."""

    next_cursor: str | None
    next: str | None


class HasId(Protocol):
    """A row of a list that is known by its id."""

    @property
    def id(self) -> uuid.UUID:
        """Its id."""


Record = TypeVar("Record", bound=HasId)


class Records(Protocol[Record]):
    """The rows of tenants' lists, the latest first."""

    def get(self, tenant_id: str, record_id: uuid.UUID, /) -> Record | None:
        """One of the tenant's rows."""

    def list(self, tenant_id: str, *, limit: int, before: Record | None) -> Sequence[Record]:
        """The tenant's rows after ``before``, as many as the limit allows."""


class PageOf:
    """One page of a list that has no filters: what was asked for, and how the list goes on.

    Args:
        cursors: Reads and writes the list's cursors.
        path: The list's address, which names the tenant and so binds its cursors to it.
        parameters: What the client asks for.
    """

    def __init__(self, cursors: Cursors, path: str, parameters: PageParameters) -> None:
        self._cursors = cursors
        self._path = path
        self._parameters = parameters

    @property
    def rows_to_read(self) -> int:
        """One more than the page holds: it tells whether another page follows."""
        return self._parameters.limit + 1

    def position(self, *, length: int) -> list[str] | None:
        """The sort key behind which the page begins; None for the first page.

        Raises:
            Problem: ``invalid-cursor``.
        """
        if self._parameters.cursor is None:
            return None
        return self._cursors.read((self._path,), self._parameters.cursor, length=length)

    def of_records(
        self, records: Records[Record], tenant_id: str
    ) -> tuple[Sequence[Record], Onward]:
        """The rows of the page, and where the list goes on, of a list that reads by its rows.

        Args:
            records: Where the rows are.
            tenant_id: Whose rows.

        Raises:
            Problem: ``invalid-cursor``.
        """
        before = None
        if (position := self.position(length=1)) is not None:
            before = records.get(tenant_id, uuid.UUID(position[0]))
            if before is None:
                raise Problem("invalid-cursor")
        found = records.list(tenant_id, limit=self.rows_to_read, before=before)
        return self.cut(found, lambda record: (str(record.id),))

    def cut(
        self, found: Sequence[Item], position_of: Callable[[Item], Sequence[str]]
    ) -> tuple[Sequence[Item], Onward]:
        """The rows of the page, and where the list goes on.

        Args:
            found: At most :attr:`rows_to_read` rows.
            position_of: The sort key of a row.
        """
        limit = self._parameters.limit
        shown = found[:limit]
        if len(found) <= limit:
            return shown, Onward(next_cursor=None, next=None)
        cursor = self._cursors.write((self._path,), position_of(shown[-1]))
        address = link(self._path, [("limit", str(limit)), ("cursor", cursor)])
        return shown, Onward(next_cursor=cursor, next=address)


def digest_of(parameters: BaseModel) -> str:
    """A fingerprint of filters, for binding a cursor to them."""
    return hashlib.sha256(
        parameters.model_dump_json(exclude={"cursor", "limit", "count", "fields"}).encode()
    ).hexdigest()


def link(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    """A relative address with a query, spelled the same way everywhere."""
    return f"{path}?{urlencode(parameters)}" if parameters else path
