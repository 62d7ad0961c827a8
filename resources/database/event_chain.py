"""The chain of events, and whether it is whole.

Each event of a tenant holds the hash of the one before it; the head of each chain stands in a table
that only the database's own function may move. Whoever alters, removes, inserts or reorders a row,
with whatever privileges, leaves a chain that does not add up. Who could rewrite the whole chain
together with its head is found out only by a head that was noted elsewhere: ``Chain.head`` is made
for that.

The hashes are computed anew here, in Python, so that a changed function of the database hides
nothing. What is hashed is a JSON array as PostgreSQL spells one; docs/events.md tells how.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Text, column, select, table
from sqlalchemy import cast as as_type

from resources.database.event_records import events
from resources.database.repository import Repository
from resources.database.schema import AUDIT_SCHEMA

MAX_FAULTS = 20
"""After so many faults a chain is not looked at any further."""
_ROWS_AT_ONCE = 1000

# Outside of the application's tables: see the revision that makes it.
event_chains = table(
    "event_chains", column("tenant_id"), column("sequence"), column("hash"), schema=AUDIT_SCHEMA
)


@dataclass
class Chain:
    """One chain, as it was found.

    Attributes:
        tenant_id: Whose it is; None for the installation's.
        events: How many events were read.
        head: The sequence and hash of the last one, ``12:3fa9...``; note it elsewhere to find out
            later whether anything before it has changed.
        faults: What does not add up, in sentences.
    """

    tenant_id: str | None
    events: int = 0
    head: str = "0:"
    faults: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything adds up."""
        return not self.faults


class EventChainRepository(Repository):
    """The chains of events; for the role of the graph, which sees all of them."""

    def verify(
        self, tenant_id: str | None = None, *, everything: bool = True, noted: str | None = None
    ) -> list[Chain]:
        """Compute the chains anew.

        Args:
            tenant_id: The tenant whose chain is meant.
            everything: Whether all chains are meant, whatever ``tenant_id`` says.
            noted: A head that was noted earlier; the chain must still hold it.
        """
        heads = {
            row.tenant_id: (row.sequence, row.hash)
            for row in self._execute(select(event_chains)).all()
        }
        known = set(heads) | set(self.session.scalars(select(events.c.tenant_id).distinct()))
        wanted = known if everything else {tenant_id}
        return [
            self._verify_one(each, heads.get(each, (0, b"")), noted)
            for each in sorted(wanted, key=lambda name: name or "")
        ]

    def _verify_one(
        self, tenant_id: str | None, head: tuple[int, bytes], noted: str | None
    ) -> Chain:
        chain = Chain(tenant_id)
        expected, before = 1, b""
        holds_noted = noted is None
        for row in self._rows(tenant_id):
            if len(chain.faults) >= MAX_FAULTS:
                return chain
            chain.events += 1
            sequence = row["sequence"]
            if sequence != expected:
                chain.faults.append(
                    f"event {expected} is missing" if sequence == expected + 1
                    else f"events {expected} to {sequence - 1} are missing"
                )  # fmt: skip
            elif row["previous_hash"] != before:
                chain.faults.append(f"event {sequence} does not follow from the one before it")
            if hash_of(row) != row["hash"]:
                chain.faults.append(f"event {sequence} ({row['id']}) is not what was written")
            chain.head = f"{sequence}:{row['hash'].hex()}"
            holds_noted = holds_noted or chain.head == noted
            expected, before = sequence + 1, row["hash"]
        if (expected - 1, before) != head:
            chain.faults.append(
                f"the chain ends with event {expected - 1}, and event {head[0]} was written last"
                if expected - 1 != head[0]
                else f"event {head[0]} is not the one that was written last"
            )
        if not holds_noted:
            chain.faults.append("the head that was noted is not in the chain any more")
        return chain

    def _rows(self, tenant_id: str | None) -> Iterator[dict[str, Any]]:
        statement = (
            select(events, as_type(events.c.data, Text).label("data_text"))
            .where(events.c.tenant_id.is_not_distinct_from(tenant_id))
            .order_by(events.c.sequence)
            .execution_options(yield_per=_ROWS_AT_ONCE)
        )
        for row in self._execute(statement).mappings():
            yield dict(row)


def hash_of(row: dict[str, Any]) -> bytes:
    """The hash of an event, as the database's function ``hash_of`` computes it."""
    told = [
        row["tenant_id"],
        row["sequence"],
        row["previous_hash"].hex(),
        str(row["id"]),
        row["source"],
        row["type"],
        row["subject"],
        _in_utc(row["created_at"]),
        row["actor"],
        row["data_text"],
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).digest()


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
