"""Checking the parts the API stands on."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database
from resources.errors import ReviewGraphError
from resources.logs import fields
from resources.settings import Settings
from resources.storage.snapshots import SnapshotStore
from resources.telemetry import all_breakers
from serving_api.health.schemas import Readiness

_HEADERS_OF_PROXIES = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)

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


def may_read_figures(request: Request, settings: Settings) -> bool:
    """Whether somebody may read the figures: who shows the token, or asks from this machine.

    Behind a proxy everybody seems to be on this machine. One that says nothing of itself cannot be
    told from a program here, so without a token nobody may where the installation has an address
    for others or proxies that it trusts.
    """
    token = settings.metrics_token
    if token is not None:
        shown = request.headers.get("authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {token.get_secret_value()}".encode())
    is_for_others = settings.trusted_proxies or not _is_loopback(_host_in(settings.site))
    return not is_for_others and _is_from_here(request)


def _is_from_here(request: Request) -> bool:
    """Whether nothing about a request says that it came through a proxy."""
    is_direct = not any(name in request.headers for name in _HEADERS_OF_PROXIES)
    # Many a proxy still sends HTTP/1.0 on by itself; what reads figures speaks 1.1.
    is_direct = is_direct and request.scope.get("http_version") != "1.0"
    names = request.headers.getlist("host")
    is_to_here = len(names) == 1 and _is_loopback(_host_in(f"//{names[0]}"))
    client = request.client
    return is_direct and is_to_here and client is not None and _is_loopback(client.host)


def _host_in(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _state(name: str, check: Callable[[], object]) -> Literal["ok", "failing"]:
    try:
        check()
    except (SQLAlchemyError, ReviewGraphError, OSError):
        logger.warning("not ready", extra=fields(part=name), exc_info=True)
        return "failing"
    return "ok"
