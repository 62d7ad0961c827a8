"""How many requests one may send: allowances, leased from PostgreSQL in small batches.

PostgreSQL counts for all workers together (:mod:`resources.database.rate_limits`). A worker takes
some requests at once and lets them through without asking again. What it has leased and not used
soon is given up, so that never more requests pass than the limit and one lease of each worker.
When the count cannot be reached, what was leased runs out, and then nothing passes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import ceil
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, to_thread
from cachetools import LRUCache
from sqlalchemy.exc import SQLAlchemyError

from resources.database import Database, Tenant
from resources.errors import ReviewGraphError
from serving_api.kit.errors import Problem
from serving_api.kit.tokens import Principal

WINDOW_SECONDS = 60
MAX_CONCURRENT_COUNTS = 2
"""How many requests may ask PostgreSQL for a lease at once; it has as many connections."""

MAX_LEASE = 2000
USERS_AT_ONCE = 5
"""How many of a tenant's users may send as much as one may, at the same time."""

# What is leased and not used in time is lost to who asks: of a slow client, on two workers, at most
# a tenth of the limit.
_LEASES_PER_WINDOW = 120
_SECONDS_LEASED = 10.0
_MAX_LEASES = 50_000
_AHEAD = 3  # more is asked for when less than a third of a lease is left
_MAX_SECONDS_REFUSED = 5


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests of one kind may be sent in a minute.

    Attributes:
        kind: What the limit is called in the headers, for example ``user``.
        name: What is counted, and whose.
        limit: How many.
    """

    kind: str
    name: str
    limit: int

    @property
    def batch(self) -> int:
        """How many are leased at once."""
        return max(1, min(self.limit // _LEASES_PER_WINDOW, MAX_LEASE))


def of_bearer(principal: Principal, limit: int) -> Allowance:
    """What one user, or one key, may send."""
    if principal.key_id is not None:
        return Allowance("key", f"requests of key {principal.key_id}", limit)
    return Allowance("user", f"requests of user {principal.user_id}", limit)


def of_tenant(tenant: Tenant, limit: int) -> Allowance:
    """What all users and keys of a tenant may send together, within its plan."""
    together, of_plan = limit * USERS_AT_ONCE, tenant.limits.limit("requests_per_minute")
    most = together if of_plan is None else min(together, of_plan)
    return Allowance("tenant", f"requests of tenant {tenant.id}", most)


@dataclass(slots=True)
class _Lease:
    left: int = 0
    remaining: int = 0
    ends: float = 0.0
    refused_until: float = 0.0
    free_at: float = 0.0
    is_asked_for: bool = False


class Allowances:
    """The leases of one worker.

    Args:
        database: Where requests are counted.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counting = CapacityLimiter(MAX_CONCURRENT_COUNTS)
        self._asking: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._leases: LRUCache[str, _Lease] = LRUCache(_MAX_LEASES)

    def take_leased(self, allowances: Sequence[Allowance]) -> bool:
        """Let a request through on what is leased already, and take it; ask nobody.

        Returns:
            False, with nothing taken, if any of the allowances has no lease left.
        """
        return self._taken_from(allowances) is not None

    def _taken_from(self, allowances: Sequence[Allowance]) -> list[_Lease] | None:
        """The leases that a request was taken from; None if it was not."""
        now, leases = time.monotonic(), []
        with self._lock:
            for one in allowances:
                lease = self._leases.get(one.name)
                if lease is None or lease.left < 1 or now >= lease.ends:
                    return None
                leases.append(lease)
            for lease in leases:
                lease.left -= 1
        return leases

    def take(self, allowance: Allowance) -> None:
        """Let a request through, or not; asks the database when nothing is leased.

        Raises:
            Problem: ``too-many-requests``.
            DatabaseUnavailableError: Nothing is leased and nobody counts.
        """
        if not self.take_leased((allowance,)):
            self._lease(allowance, used=1)

    async def admit(self, allowances: Sequence[Allowance]) -> None:
        """As :meth:`take`, for several allowances and without holding up the event loop.

        Of the requests that wait for a new lease one asks for it.

        Raises:
            Problem: ``too-many-requests``.
            DatabaseUnavailableError: Nothing is leased and nobody counts.
        """
        if self.admit_at_once(allowances):
            return
        async with self._turns.setdefault(allowances[0].name, asyncio.Lock()):
            while not self.take_leased(allowances):
                await to_thread.run_sync(self._lease_all, allowances, limiter=self._counting)

    def admit_at_once(self, allowances: Sequence[Allowance]) -> bool:
        """As :meth:`take_leased`; asks for more before a lease runs out, and does not wait for it.

        So nobody has to wait while requests keep coming. Call it from the event loop.
        """
        leases = self._taken_from(allowances)
        if leases is None:
            return False
        for one, lease in zip(allowances, leases, strict=True):
            is_short = lease.left * _AHEAD < one.batch
            if is_short and one.batch > _AHEAD and not lease.is_asked_for:
                lease.is_asked_for = True
                task = asyncio.create_task(self._lease_ahead(one, lease))
                self._asking.add(task)  # the event loop alone would let go of it
                task.add_done_callback(self._asking.discard)
        return True

    async def _lease_ahead(self, allowance: Allowance, lease: _Lease) -> None:
        try:
            with suppress(Problem, ReviewGraphError, SQLAlchemyError):  # told to who needs it
                await to_thread.run_sync(
                    partial(self._lease, allowance, used=0), limiter=self._counting
                )
        finally:
            lease.is_asked_for = False

    def _lease_all(self, allowances: Sequence[Allowance]) -> None:
        for one in allowances:
            if not self._has_lease(one):
                self._lease(one, used=0)

    def _has_lease(self, allowance: Allowance) -> bool:
        with self._lock:
            lease = self._leases.get(allowance.name)
            return lease is not None and lease.left > 0 and time.monotonic() < lease.ends

    def _lease(self, allowance: Allowance, *, used: int) -> None:
        """Ask for a new lease, of which some is used already."""
        self._refuse_again(allowance)
        began = time.monotonic()
        wanted = allowance.batch
        with self._database.limits() as work:
            verdict = work.rate_limits.take(
                allowance.name, limit=allowance.limit, seconds=WINDOW_SECONDS, cost=wanted
            )
            if not verdict.allowed and 0 < verdict.remaining < wanted:
                wanted = verdict.remaining
                verdict = work.rate_limits.take(
                    allowance.name, limit=allowance.limit, seconds=WINDOW_SECONDS, cost=wanted
                )
        with self._lock:
            lease = self._leases.setdefault(allowance.name, _Lease())
            if verdict.allowed:
                left = lease.left if began < lease.ends else 0
                lease.left = left + wanted - used
                lease.ends = began + _SECONDS_LEASED
                lease.remaining = verdict.remaining
                return
            wait = max(1, verdict.retry_after)
            lease.refused_until = began + min(wait, _MAX_SECONDS_REFUSED)
            lease.free_at = began + wait
            lease.remaining = 0
        raise _refusal(allowance, wait)

    def headers(self, allowances: Sequence[Allowance]) -> list[tuple[bytes, bytes]]:
        """What a client is told of its limits (draft-ietf-httpapi-ratelimit-headers)."""
        policy = ", ".join(f'"{one.kind}";q={one.limit};w={WINDOW_SECONDS}' for one in allowances)
        with self._lock:
            left = ", ".join(
                f'"{one.kind}";r={_left(self._leases.get(one.name))};t={WINDOW_SECONDS}'
                for one in allowances
            )
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]

    def _refuse_again(self, allowance: Allowance) -> None:
        """Refuse without asking who was refused a moment ago: a flood must not reach the count."""
        with self._lock:
            lease = self._leases.get(allowance.name)
            now = time.monotonic()
            is_refused = lease is not None and now < lease.refused_until
            wait = 0.0 if lease is None else lease.free_at - now
        if is_refused:
            raise _refusal(allowance, max(1, ceil(wait)))


def _left(lease: _Lease | None) -> int:
    return 0 if lease is None else lease.remaining + max(0, lease.left)


def _refusal(allowance: Allowance, wait: int) -> Problem:
    return Problem(
        "too-many-requests",
        f"This {allowance.kind} may send {allowance.limit} requests in {WINDOW_SECONDS} seconds. "
        "Wait the seconds given in Retry-After, then go on more slowly.",
        headers={"Retry-After": str(wait)},
    )
