"""Turns at work that takes a while: a few at a time, and no tenant has all of them."""

from __future__ import annotations

from weakref import WeakValueDictionary

from anyio import CapacityLimiter

_MIN_TURNS = 2  # one tenant must leave one to the others


class Turns:
    """Who may work now: a few at a time, and of one tenant no more than half of them.

    Whoever waits is served in the order of coming. So a short request waits for one or two others,
    whatever its neighbours sent: other tenants, or its own.

    Args:
        count: How many work at the same time, at least 2.
    """

    def __init__(self, count: int) -> None:
        self.all = CapacityLimiter(max(_MIN_TURNS, count))
        self._share = max(1, max(_MIN_TURNS, count) // 2)
        self._by_tenant: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    def of(self, tenant_id: str) -> CapacityLimiter:
        """The turns of one tenant; kept for as long as a request of it holds them."""
        found = self._by_tenant.get(tenant_id)
        if found is None:
            found = self._by_tenant[tenant_id] = CapacityLimiter(self._share)
        return found
