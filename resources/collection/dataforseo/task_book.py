"""What collecting needs from outside: a source's particulars, and a book of tasks.

The database's ``Source``, ``DataForSEOTask`` and ``UnitOfWork`` fit these shapes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol


class CollectableSource(Protocol):
    """What a source must tell; the database's ``Source`` does.

    ``config`` holds DataForSEO's own fields (``place_id``, ``cid`` or ``keyword``; a location; a
    language; ``depth``, ``sort_by``, ``priority``), and optionally ``location`` and ``product``,
    which the rows then carry.
    """

    @property
    def id(self) -> uuid.UUID:
        """Immutable."""

    @property
    def tenant_id(self) -> str:
        """Whose it is."""

    @property
    def name(self) -> str:
        """Becomes the reviews' source."""

    @property
    def config(self) -> Mapping[str, Any]:
        """What to ask."""


class TaskNote(Protocol):
    """What is noted about a task; the database's ``DataForSEOTask`` is one."""

    @property
    def id(self) -> str | None:
        """DataForSEO's id, once bought."""

    @property
    def tag(self) -> str:
        """Our name for it."""

    @property
    def day(self) -> date:
        """The ingestion day it was bought for."""

    @property
    def status(self) -> str:
        """Planned, posted, collected or failed."""

    @property
    def cost_usd(self) -> float:
        """What it cost."""


class TaskBook(Protocol):
    """Where tasks are noted; the unit of work's ``tasks`` is one."""

    def plan(
        self, tenant_id: str, tag: str, day: date, source_id: uuid.UUID | None = None
    ) -> TaskNote:
        """Note the intention to buy."""

    def get(self, tenant_id: str, tag: str) -> TaskNote | None:
        """Find a note."""

    def posted(self, tenant_id: str, tag: str, task_id: str, *, cost_usd: float) -> None:
        """Note a purchase."""

    def collected(self, tenant_id: str, tag: str) -> None:
        """Note that the rows have landed."""

    def failed(self, tenant_id: str, tag: str, error: str) -> None:
        """Note that the task came to nothing."""

    def open(
        self, *, day: date | None = None, source_id: uuid.UUID | None = None
    ) -> Sequence[TaskNote]:
        """The tasks planned or posted."""


class Work(Protocol):
    """A transaction with a task book; the database's ``UnitOfWork`` is one."""

    @property
    def tasks(self) -> TaskBook:
        """The task book."""
