"""Checking the parts the API stands on."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal

from fastapi import Request
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database
from resources.errors import ReviewGraphError
from resources.logs import fields
from resources.storage.snapshots import SnapshotStore
from resources.telemetry import all_breakers
from serving_api.health.schemas import Readiness

logger = logging.getLogger(__name__)


def readiness(database: Database, snapshots: SnapshotStore) -> Readiness:
    """Whether the database answers and snapshots can be read."""
    checks = {
        "database": _state("database", database.version),
        "snapshots": _state("snapshots", snapshots.check),
    }
    failing = "failing" in checks.values()
    return Readiness(
        status="failing" if failing else "ok",
        checks=checks,
        services={breaker.name: breaker.state for breaker in all_breakers()},
    )


def may_read_figures(request: Request, token: SecretStr | None) -> bool:
    """Whether somebody may read the figures: who shows the token, or asks from this machine.

    Behind a proxy everybody seems to be on this machine, so what comes through one does not count.
    """
    if token is not None:
        shown = request.headers.get("authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {token.get_secret_value()}".encode())
    is_proxied = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    return not is_proxied and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _state(name: str, check: Callable[[], object]) -> Literal["ok", "failing"]:
    try:
        check()
    except (SQLAlchemyError, ReviewGraphError, OSError):
        logger.warning("not ready", extra=fields(part=name), exc_info=True)
        return "failing"
    return "ok"
