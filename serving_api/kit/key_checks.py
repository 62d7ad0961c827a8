"""API keys: whose they are."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread

from resources.database import Database
from serving_api.kit.tokens import Principal, invalid_token

MAX_CONCURRENT_KEYS = 2
"""How many are looked up at once, and how many connections to the database that takes."""


class KeyChecks:
    """Finds out whose an API key is, a few at a time.

    Args:
        database: Where the keys are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._limiter = CapacityLimiter(MAX_CONCURRENT_KEYS)

    async def principal(self, shown: str) -> Principal:
        """Who the key stands for.

        Raises:
            Problem: ``unauthenticated`` if it is no key, or one that works no longer.
        """
        return await to_thread.run_sync(self._find, shown, limiter=self._limiter)

    def _find(self, shown: str) -> Principal:
        with self._database.work(None) as work:
            key = work.api_keys.find(shown)
        if key is None:
            raise invalid_token()
        return Principal(
            key.created_by, key_id=key.id, tenant_id=key.tenant_id, scopes=frozenset(key.scopes)
        )
