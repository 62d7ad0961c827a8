"""Which batches are still to be read: what came since, and what would be read otherwise now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

from resources.database import BatchRecord, StageRecord, UnitOfWork
from resources.nlp.cache import models_of
from resources.nlp.context import AnnotationContext


@dataclass(frozen=True)
class DuePart:
    """Some tenants' part of a day, annotated together in one commit.

    Attributes:
        tenants: Whose reviews.
        batches: Only these batches of theirs; all of the day when None.
    """

    tenants: tuple[str, ...]
    batches: frozenset[str] | None = None


@dataclass(frozen=True)
class DueBatches:
    """What is to be read of a day.

    Attributes:
        whole: The tenants of whom all batches are to be read.
        some: Tenant -> the batches to be read, of tenants of whom others stay.
        settled: The ledger's records of tenants of whom nothing is to be read.
        fingerprints: (tenant, batch) -> what its annotations rest on.
        normalised: (tenant, batch) -> the record of the stage before.
    """

    whole: tuple[str, ...]
    some: Mapping[str, frozenset[str]]
    settled: tuple[StageRecord, ...]
    fingerprints: Mapping[tuple[str, str], str]
    normalised: Mapping[tuple[str, str], BatchRecord]

    def parts(self) -> list[DuePart]:
        """What is annotated together: few commits, and no batch that is not due.

        Batches are named by their tenants, so that two tenants may use the same name.
        """
        parts = [DuePart(self.whole)] if self.whole else []
        waiting = dict(sorted(self.some.items()))
        while waiting:
            together, names = [], frozenset[str]()
            for tenant, batches in waiting.items():
                if not names & batches:
                    together.append(tenant)
                    names |= batches
            parts.append(DuePart(tuple(together), names))
            waiting = {name: due for name, due in waiting.items() if name not in together}
        return parts

    def of(self, tenant: str) -> list[BatchRecord]:
        """The batches of a tenant that are to be read, as they were normalised."""
        chosen = self.some.get(tenant)
        return [
            record
            for (name, batch), record in self.normalised.items()
            if name == tenant and (chosen is None or batch in chosen)
        ]


def due_batches(
    work: UnitOfWork,
    day: date,
    annotations: Mapping[str, AnnotationContext],
    *,
    redo: bool = False,
) -> DueBatches:
    """Say which batches of a day are to be read.

    A batch is read again when it was normalised again, when the tenant's models or choices are
    others now, and when people said something else of the day's reviews.

    Args:
        work: The transaction to look in.
        day: The ingestion day.
        annotations: Tenant -> what its reviews are read with.
        redo: Whether everything is read again.
    """
    tenants = list(annotations)
    normalised = work.batches.of_days("normalised", (day, day), tenants)
    recorded = {
        (record.tenant_id, record.batch_id): record.fingerprint
        for record in work.batches.of_days("enriched", (day, day), tenants)
    }
    ledger = {
        record.tenant_id: record
        for record in work.ledger.for_day(day)
        if record.stage == "enriched" and record.status == "done"
    }
    whole, some, settled = [], {}, []
    fingerprints: dict[tuple[str, str], str] = {}
    for tenant, context in annotations.items():
        said = _said(work, tenant, day)
        own = [record for record in normalised if record.tenant_id == tenant]
        for record in own:
            fingerprints[tenant, record.batch_id] = _fingerprint(record, context, said)
        due = frozenset(
            record.batch_id
            for record in own
            if recorded.get((tenant, record.batch_id)) != fingerprints[tenant, record.batch_id]
        )
        if redo or tenant not in ledger or len(due) == len(own):
            whole.append(tenant)
        elif due:
            some[tenant] = due
        else:
            settled.append(ledger[tenant])
    return DueBatches(
        tuple(whole),
        some,
        tuple(settled),
        fingerprints,
        {(record.tenant_id, record.batch_id): record for record in normalised},
    )


def _said(work: UnitOfWork, tenant: str, day: date) -> Sequence[tuple[str, str, str]]:
    """What people say of a day's reviews, in one spelling."""
    return sorted(
        (one.review_key, one.field, json.dumps(one.value, sort_keys=True, default=str))
        for one in work.corrections.of_tenant(tenant)
        if one.day == day
    )


def _fingerprint(
    record: BatchRecord, context: AnnotationContext, said: Sequence[tuple[str, str, str]]
) -> str:
    moment = "" if record.finished_at is None else record.finished_at.isoformat()
    rests_on = json.dumps([models_of(context), said, moment])
    return blake2b(rests_on.encode(), digest_size=16).hexdigest()
