"""Checking the parts the API stands on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database
from resources.errors import ReviewGraphError
from resources.logs import fields
from resources.storage.snapshots import SnapshotStore
from serving_api.health.schemas import Readiness

logger = logging.getLogger(__name__)


def readiness(database: Database, snapshots: SnapshotStore) -> Readiness:
    """Whether the database answers and snapshots can be read."""
    checks = {
        "database": _state("database", database.version),
        "snapshots": _state("snapshots", snapshots.check),
    }
    failing = "failing" in checks.values()
    return Readiness(status="failing" if failing else "ok", checks=checks)


def _state(name: str, check: Callable[[], object]) -> Literal["ok", "failing"]:
    try:
        check()
    except (SQLAlchemyError, ReviewGraphError, OSError):
        logger.warning("not ready", extra=fields(part=name), exc_info=True)
        return "failing"
    return "ok"
