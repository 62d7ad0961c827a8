"""Checking the parts the API stands on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database
from resources.errors import ReviewGraphError
from serving_api.health.schemas import Readiness

logger = logging.getLogger(__name__)


def readiness(database: Database, snapshots: Path) -> Readiness:
    """Whether the database answers and snapshots can be read."""
    checks = {
        "database": _state("database", database.version),
        "snapshots": _state("snapshots", lambda: _list(snapshots)),
    }
    failing = "failing" in checks.values()
    return Readiness(status="failing" if failing else "ok", checks=checks)


def _state(name: str, check: Callable[[], object]) -> Literal["ok", "failing"]:
    try:
        check()
    except (SQLAlchemyError, ReviewGraphError, OSError):
        logger.warning("not ready: %s", name, exc_info=True)
        return "failing"
    return "ok"


def _list(folder: Path) -> None:
    if folder.exists():  # it does not before the first snapshot, and that is well
        os.listdir(folder)  # noqa: PTH208 - the call is the check
