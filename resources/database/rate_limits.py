"""How often something may happen: counted in PostgreSQL, so that all workers count together.

A limit holds over every span of its length, not per quarter of an hour by the clock: the span is
counted in slots, and a slot counts until it has left the span entirely. One statement takes and
counts, under the lock of its one row, by the database's clock. The table is not logged: counts are
lost when the server crashes, and cost no write to the disk until then. By hand, for no library
keeps its counts in PostgreSQL.

Take in a unit of work of its own, before what is limited: a rollback would take the count back with
it, and a long transaction would make others wait. When the database does not answer, taking raises
like every other statement, so nothing is let through uncounted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)

from resources.database.repository import Repository
from resources.database.schema import LIMIT_SETTING, TIMESTAMP, metadata

SLOTS = 10
"""Into how many parts a span is divided; a count lasts up to one part longer than the span."""

ANY_FORGOTTEN = "*"
"""The name under which all counts are seen that no limit looks at any more."""

_SWEEP_SHARE = 0.002


@dataclass(frozen=True)
class Verdict:
    """Whether something may happen now.

    Attributes:
        allowed: Whether it may; only then it was counted.
        remaining: How often more it may happen before it is refused.
        retry_after: Seconds after which asking again makes sense; 0 where it was allowed.
    """

    allowed: bool
    remaining: int
    retry_after: int


rate_limits = Table(
    "rate_limits",
    metadata,
    Column("name", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("slot", BigInteger, nullable=False),
    Column("counts", ARRAY(Integer), nullable=False),
    Column("forgotten_at", TIMESTAMP, nullable=False, index=True),
    PrimaryKeyConstraint("name", "seconds"),
    prefixes=["UNLOGGED"],
)

# The counts of now: those of the row, moved back by the slots that have passed since.
_MOVED = f"""
    (array_fill(0, array[least(greatest(n.slot - r.slot, 0), {SLOTS + 1})::int]) || r.counts)
    [1:{SLOTS + 1}]
"""
_NOW = """
    select floor(extract(epoch from clock_timestamp()) * :slots / :seconds)::bigint as slot,
           clock_timestamp() as moment
"""
_TAKE = text(f"""
    with n as ({_NOW})
    insert into reviewgraph.rate_limits as r (name, seconds, slot, counts, forgotten_at)
    select :name, :seconds, n.slot, array_prepend(:cost, array_fill(0, array[{SLOTS}])),
           n.moment + make_interval(secs => 2 * :seconds)
    from n where :cost <= :limit
    on conflict (name, seconds) do update
    set (slot, counts, forgotten_at) = (
        select greatest(n.slot, r.slot),
               array_prepend(moved.counts[1] + :cost, moved.counts[2:]), excluded.forgotten_at
        from n, lateral (select {_MOVED} as counts) moved
    )
    where (select sum(c) from n, unnest({_MOVED}) c) + :cost <= :limit
    returning (select sum(c) from unnest(r.counts) c) as used
""")
_LOOK = text(f"""
    with n as ({_NOW})
    select n.slot, extract(epoch from n.moment) as moment, {_MOVED} as counts
    from reviewgraph.rate_limits r, n where r.name = :name and r.seconds = :seconds
""")
_GIVE_BACK = text("""
    update reviewgraph.rate_limits
    set counts = array_prepend(greatest(counts[1] - :cost, 0), counts[2:])
    where name = :name and seconds = :seconds
""")


class RateLimitRepository(Repository):
    """The counts of all limits."""

    def take(self, name: str, *, limit: int, seconds: int, cost: int = 1) -> Verdict:
        """Count something, if it may happen.

        Args:
            name: What is counted, and whose; never a secret, nor an address in the clear.
            limit: How often it may happen in any span.
            seconds: The length of the span.
            cost: How often it happens at once.
        """
        if random.random() < _SWEEP_SHARE:  # noqa: S311 - chance spares a schedule, no secret
            self.sweep()
        values = self._about(name, seconds) | {"cost": cost, "limit": limit}
        used = self._execute(_TAKE, values).scalar_one_or_none()
        if used is None:
            return self._refusal(name, limit=limit, seconds=seconds, cost=cost)
        return Verdict(allowed=True, remaining=limit - int(used), retry_after=0)

    def look(self, name: str, *, limit: int, seconds: int, cost: int = 1) -> Verdict:
        """As :meth:`take`, without counting."""
        values = self._about(name, seconds)
        row = self._execute(_LOOK, values).mappings().one_or_none()
        used = 0 if row is None else sum(row["counts"])
        if used + cost > limit:
            return self._refusal(name, limit=limit, seconds=seconds, cost=cost)
        return Verdict(allowed=True, remaining=limit - used, retry_after=0)

    def give_back(self, name: str, *, seconds: int, cost: int = 1) -> None:
        """Take back what was counted a moment ago and turned out not to be what is limited."""
        self._execute(_GIVE_BACK, self._about(name, seconds) | {"cost": cost})

    def forget(self, name: str, *, seconds: int) -> None:
        """Begin to count from nothing."""
        self._about(name, seconds)
        self._execute(
            delete(rate_limits).where(rate_limits.c.name == name, rate_limits.c.seconds == seconds)
        )

    def sweep(self, most: int = 1000) -> int:
        """Remove counts that no limit looks at any more; return how many.

        Args:
            most: How many at once; what others are taking away is left to them.
        """
        self._open(ANY_FORGOTTEN)
        old = (
            select(rate_limits.c.name, rate_limits.c.seconds)
            .where(rate_limits.c.forgotten_at < func.now())
            .limit(most)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        statement = delete(rate_limits).where(
            rate_limits.c.name == old.c.name, rate_limits.c.seconds == old.c.seconds
        )
        return len(self._execute(statement.returning(rate_limits.c.seconds)).all())

    def _about(self, name: str, seconds: int) -> dict[str, Any]:
        self._open(name)
        return {"name": name, "seconds": seconds, "slots": SLOTS}

    def _open(self, name: str) -> None:
        # To the application's role, this opens the rows of exactly this name.
        self._execute(text(f"select set_config('{LIMIT_SETTING}', :name, true)"), {"name": name})

    def _refusal(self, name: str, *, limit: int, seconds: int, cost: int) -> Verdict:
        """When enough will have been forgotten for it to be allowed again."""
        row = self._execute(_LOOK, self._about(name, seconds)).mappings().one_or_none()
        if row is None or cost > limit:
            return Verdict(allowed=False, remaining=0, retry_after=seconds)
        used = sum(row["counts"])
        left = used
        for age in range(SLOTS, -1, -1):  # the oldest slot is forgotten first
            left -= row["counts"][age]
            if left + cost <= limit:
                ends = (row["slot"] + SLOTS + 1 - age) * timedelta(seconds=seconds) / SLOTS
                wait = ends.total_seconds() - float(row["moment"])
                return Verdict(
                    allowed=False, remaining=max(0, limit - used), retry_after=max(1, ceil(wait))
                )
        return Verdict(allowed=False, remaining=0, retry_after=seconds)
