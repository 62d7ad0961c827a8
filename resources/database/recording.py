"""How a stage says what it did: the ledger, its batches, its sources and what it used, at once.

Every stage records through here, in one transaction, so that the four never tell different stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

from resources.database.batch_records import (
    BATCH_STAGES,
    NO_ROWS,
    BatchRecord,
    BatchStage,
    RowCounts,
)
from resources.database.due_stages import READS
from resources.database.source_days import SourceDay
from resources.database.stage_records import StageRecord
from resources.database.unit_of_work import UnitOfWork
from resources.database.usage_records import UsageEntry, UsageKind
from resources.vocabulary import DayRange, Stage

_USED: Mapping[Stage, UsageKind] = {
    "collected": "reviews_collected",
    "enriched": "reviews_enriched",
}
"""What a tenant uses when a batch passes a stage."""


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """What a stage made of one batch.

    Attributes:
        batch_id: The batch, as ``raw_reviews`` names it.
        source: Where its reviews come from.
        rows_in: Rows the stage was given.
        rows_kept: Rows it passed on.
        rows_unchanged: Rows that said nothing new.
        rows_rejected: Rows it could not use.
        fingerprint: What the outcome rested on beside the rows; see ``BatchRecord``.
        cost_usd: What an outside service took for the batch, in US dollars.
    """

    batch_id: str
    source: str
    rows_in: int
    rows_kept: int
    rows_unchanged: int = 0
    rows_rejected: int = 0
    fingerprint: str = ""
    cost_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SourceOutcome:
    """What a stage learned of one source's day; None where it cannot tell. See ``SourceDay``."""

    source: str
    claimed: int | None = None
    fetched: int | None = None
    new: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    rejected: int | None = None
    gone: int | None = None


@dataclass(frozen=True, kw_only=True)
class DayOutcome:
    """What a stage did for one tenant and day.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC).
        rows_in: Rows of the whole day that the stage was given; the four counts are the sums over
            the day's recorded batches when this is None.
        rows_kept: Rows it passed on.
        rows_unchanged: Rows that said nothing new.
        rows_rejected: Rows it could not use.
        table_version: Version of the lake table it wrote.
        input_version: Version of the lake table it read.
        model_versions: Annotator to version, for stages that understand text.
        cost_usd: Spent on outside services for the day, in US dollars.
        batches: The batches it has done now.
        is_whole: Whether these are all batches of the day; the records of others are struck out.
        sources: What it learned of the day's sources.
    """

    tenant_id: str
    day: date
    rows_in: int | None = None
    rows_kept: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    table_version: int | None = None
    input_version: int | None = None
    model_versions: Mapping[str, str] = field(default_factory=dict)
    cost_usd: float = 0.0
    batches: Sequence[BatchOutcome] = ()
    is_whole: bool = False
    sources: Sequence[SourceOutcome] = ()


@dataclass(frozen=True)
class StageRecorder:
    """What one stage of one run has to say; made when the work begins.

    Attributes:
        stage: The stage.
        run_id: The Dagster run, if it is one.
        started_at: When the work began.
    """

    stage: Stage
    run_id: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def record(self, work: UnitOfWork, outcomes: Iterable[DayOutcome]) -> None:
        """Write what the stage did, over what it did for the same tenants and days before.

        Args:
            work: The transaction that all of it is written in.
            outcomes: One for each tenant and day.
        """
        # Always in the same order, so that two runs wait for each other instead of locking up.
        done = sorted(outcomes, key=lambda one: (one.tenant_id, one.day))
        if not done:
            return
        self._record_batches(work, done)
        work.ledger.record_all(self._stage_records(work, done))
        work.source_days.record_all(self._source_days(done))
        work.usage.add_all(self._usage(done))
        if self.stage == "collected":
            self._tell_of(work, done)

    def _tell_of(self, work: UnitOfWork, done: Iterable[DayOutcome]) -> None:
        """Tell what has come in; of a tenant after the other, as outcomes are in that order."""
        for outcome in done:
            reviews = sum(batch.rows_kept for batch in outcome.batches)
            if reviews:
                work.events.add(
                    "reviews.collected",
                    outcome.day.isoformat(),
                    tenant_id=outcome.tenant_id,
                    data={"reviews": reviews, "batches": len(outcome.batches)},
                )

    def record_passed_on(
        self,
        work: UnitOfWork,
        days: DayRange,
        tenants: Sequence[str],
        *,
        table_version: int | None = None,
        input_version: int | None = None,
    ) -> None:
        """Record of each day the rows that the stage before has kept of that day.

        For stages that carry on whole tenants: what a day added is what they did for the day. A day
        of which the stage before has no record gets none.

        Args:
            work: The transaction that all of it is written in.
            days: The days of the run.
            tenants: The tenants of the run.
            table_version: Version of the lake table the stage wrote.
            input_version: Version of the lake table the stage read.
        """
        kept = work.ledger.rows_kept(READS[self.stage], (days.first, days.last), tenants)
        self.record(
            work,
            (
                DayOutcome(
                    tenant_id=tenant_id,
                    day=day,
                    rows_in=rows,
                    rows_kept=rows,
                    table_version=table_version,
                    input_version=input_version,
                )
                for (tenant_id, day), rows in kept.items()
            ),
        )

    def record_failed(self, work: UnitOfWork, days: DayRange, tenant_id: str, error: str) -> None:
        """Record that the stage went wrong for a tenant, on each day it would have recorded.

        Args:
            work: The transaction that all of it is written in.
            days: The days of the run.
            tenant_id: The tenant.
            error: What went wrong.
        """
        given = work.ledger.rows_kept(READS[self.stage], (days.first, days.last), [tenant_id])
        work.ledger.record_all(
            StageRecord(
                tenant_id=tenant_id,
                day=day,
                stage=self.stage,
                status="failed",
                rows_in=rows,
                run_id=self.run_id,
                started_at=self.started_at,
                error=error,
            )
            for (_, day), rows in sorted(given.items())
        )

    def _record_batches(self, work: UnitOfWork, outcomes: Sequence[DayOutcome]) -> None:
        stage = _batch_stage(self.stage)
        if stage is None:
            return
        for outcome in outcomes:
            if outcome.is_whole:
                work.batches.forget(outcome.tenant_id, outcome.day, stage)
        work.batches.record_all(
            BatchRecord(
                tenant_id=outcome.tenant_id,
                day=outcome.day,
                stage=stage,
                batch_id=batch.batch_id,
                source=batch.source,
                rows_in=batch.rows_in,
                rows_kept=batch.rows_kept,
                rows_unchanged=batch.rows_unchanged,
                rows_rejected=batch.rows_rejected,
                fingerprint=batch.fingerprint,
                run_id=self.run_id,
            )
            for outcome in outcomes
            for batch in outcome.batches
        )

    def _stage_records(
        self, work: UnitOfWork, outcomes: Sequence[DayOutcome]
    ) -> Iterator[StageRecord]:
        sums = self._sums(work, [one for one in outcomes if one.rows_in is None])
        for outcome in outcomes:
            counts = RowCounts(
                outcome.rows_in or 0,
                outcome.rows_kept,
                outcome.rows_unchanged,
                outcome.rows_rejected,
            )
            if outcome.rows_in is None:
                counts = sums.get((outcome.tenant_id, outcome.day), NO_ROWS)
            yield StageRecord(
                tenant_id=outcome.tenant_id,
                day=outcome.day,
                stage=self.stage,
                rows_in=counts.rows_in,
                rows_kept=counts.kept,
                rows_unchanged=counts.unchanged,
                rows_rejected=counts.rejected,
                table_version=outcome.table_version,
                input_version=outcome.input_version,
                model_versions=outcome.model_versions,
                cost_usd=outcome.cost_usd,
                run_id=self.run_id,
                started_at=self.started_at,
            )

    def _sums(
        self, work: UnitOfWork, outcomes: Sequence[DayOutcome]
    ) -> Mapping[tuple[str, date], RowCounts]:
        stage = _batch_stage(self.stage)
        if stage is None or not outcomes:
            return {}
        days = [outcome.day for outcome in outcomes]
        tenants = sorted({outcome.tenant_id for outcome in outcomes})
        return work.batches.sums(stage, (min(days), max(days)), tenants)

    def _source_days(self, outcomes: Sequence[DayOutcome]) -> Iterator[SourceDay]:
        for outcome in outcomes:
            for source in sorted(outcome.sources, key=lambda one: one.source):
                yield SourceDay(
                    tenant_id=outcome.tenant_id,
                    day=outcome.day,
                    source=source.source,
                    claimed=source.claimed,
                    fetched=source.fetched,
                    new=source.new,
                    changed=source.changed,
                    unchanged=source.unchanged,
                    rejected=source.rejected,
                    gone=source.gone,
                    run_id=self.run_id,
                )

    def _usage(self, outcomes: Sequence[DayOutcome]) -> Iterator[UsageEntry]:
        for outcome in outcomes:
            for batch in outcome.batches:
                entry = UsageEntry(
                    tenant_id=outcome.tenant_id,
                    kind="vendor_cost",
                    subject=batch.batch_id,
                    quantity=1,
                    cost_usd=Decimal(str(batch.cost_usd)),
                    day=outcome.day,
                    run_id=self.run_id,
                )
                if batch.cost_usd:
                    yield entry
                if self.stage in _USED:
                    yield replace(
                        entry, kind=_USED[self.stage], quantity=batch.rows_kept, cost_usd=Decimal(0)
                    )


def _batch_stage(stage: Stage) -> BatchStage | None:
    """The stage, if it works batch by batch."""
    return cast("BatchStage", stage) if stage in BATCH_STAGES else None
