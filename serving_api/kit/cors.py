"""Pages of other origins that may call the API from a browser: those of a setting, and no others.

They send a token that they hold themselves. Cookies and other things that a browser would add by
itself are not let through, so a page that somebody visits cannot act for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from serving_api.kit.idempotency import HEADER, REPLAYED

_SENT = ("Authorization", "Content-Type", HEADER, "If-None-Match", "If-Match", "X-Request-ID")
_SHOWN = (
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "History-Starts",
    REPLAYED,
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
)


def allow(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these exact origins call the API and read its answers."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=_SENT,
        expose_headers=_SHOWN,
        max_age=600,
    )
