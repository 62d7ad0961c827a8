"""Identifiers in addresses: a UUID has one spelling, and whatever is none names nothing."""

from __future__ import annotations

import uuid

from serving_api.kit.errors import Problem


def identifier(text: str) -> uuid.UUID:
    """The UUID that a part of an address spells.

    Raises:
        Problem: ``not-found`` for anything else, also for braces, ``urn:`` and capital letters.
    """
    try:
        found = uuid.UUID(text)
    except ValueError:
        raise Problem("not-found") from None
    if str(found) != text:
        raise Problem("not-found")
    return found
