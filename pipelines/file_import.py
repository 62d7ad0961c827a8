"""A file of reviews, from the disk to a delivered report.

This is what ``reviewgraph import`` does without its printing, so that the demo and the scenario
tests walk the same path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from pipelines.launch import StepEvent, run_days
from pipelines.session import Session
from resources.collection.day_totals import LandedRows, find_landed, note_collected
from resources.collection.importing import (
    ImportPlan,
    LandedBatch,
    LandingReport,
    Limits,
    land,
    plan_import,
)
from resources.database import ImportBatch
from resources.privacy.suppression import screening
from resources.storage.schemas import REJECTED_REVIEWS, REVIEWS, TableSpec
from resources.values.spreadsheets import write_csv
from resources.vocabulary import DayRange, utc_today


@dataclass(frozen=True)
class Balance:
    """What became of an import's records: collected = kept + unchanged + rejected."""

    collected: int
    kept: int
    unchanged: int
    rejected: int


@dataclass
class FileImport:
    """One import of one file or folder for one tenant.

    Attributes:
        session: The installation.
        plan: The files, and how they are understood.
        day: The ingestion day of what lands now.
    """

    session: Session
    plan: ImportPlan
    day: date

    @classmethod
    def of(
        cls,
        session: Session,
        tenant_id: str,
        path: Path,
        *,
        source: str | None = None,
        day: date | None = None,
    ) -> FileImport:
        """Plan an import; by default the file names the source and the day is today.

        Raises:
            ImportFileError: The file cannot be imported.
        """
        limits = Limits.of(session.settings)
        plan = plan_import(path, tenant_id=tenant_id, source=source, limits=limits)
        return cls(session, plan, day or utc_today())

    @property
    def tenant_id(self) -> str:
        """Whose reviews these are."""
        return self.plan.tenant_id

    def create_tenant_if_new(self) -> bool:
        """Create the tenant under its own id when there is none; return whether it was new.

        Raises:
            TenantRestsError: It is suspended, closing or closed.
            LimitReachedError: Its plan leaves no room for reviews in this month.
        """
        with self.session.database.jobs() as work:
            if work.tenants.get(self.tenant_id) is not None:
                work.tenants.require_active(self.tenant_id)
                work.limits.require_room(self.tenant_id, "reviews_per_month")
                return False
            work.tenants.create(self.tenant_id, self.tenant_id.replace("-", " ").title())
            return True

    def land(self, progress: Callable[[int, int, int], None] | None = None) -> LandingReport:
        """Land the records in ``raw_reviews``, exactly once whatever happened before.

        Args:
            progress: Told of bytes read, bytes in all, and rows so far.
        """
        with screening(self.session.database, self.tenant_id) as screen:
            landing = land(
                self.plan, day=self.day, lake=self.session.lake, progress=progress, screen=screen
            )
        self._note_landing(landing)
        return landing

    def days(self, landing: LandingReport) -> DayRange:
        """Return the ingestion days on which this import's records landed."""
        noted = self._noted(landing)
        return DayRange(min(batch.day for batch in noted), max(batch.day for batch in noted))

    def is_through(self, landing: LandingReport) -> bool:
        """Whether everything this import landed has been carried to the report."""
        days = self.days(landing)
        with self.session.database.jobs() as work:
            return not work.ledger.incomplete((days.first, days.last), tenants=[self.tenant_id])

    def process(
        self,
        landing: LandingReport,
        *,
        on_event: Callable[[StepEvent], None] = lambda _: None,
    ) -> str | None:
        """Run the graph for the days of this import, if anything of it is not through yet.

        Returns:
            The run's id, None when there was nothing to do.
        """
        if self.is_through(landing):
            return None
        return run_days(
            self.session,
            self.days(landing),
            [self.tenant_id],
            reason=f"import of {self.plan.source}",
            on_event=on_event,
        )

    def balance(self, landing: LandingReport, *, is_repeat: bool = False) -> Balance:
        """Count what became of the records of this import.

        Args:
            landing: What landing did.
            is_repeat: Whether all of it had landed and been processed before. Then nothing is new:
                what was used is what the lake holds already, and what was rejected still is.
        """
        collected = sum(batch.record_count for batch in self._noted(landing))
        rejected = self._count(REJECTED_REVIEWS, landing)
        if is_repeat:
            return Balance(collected, 0, collected - rejected, rejected)
        kept = self._count(REVIEWS, landing)
        return Balance(collected, kept, collected - kept - rejected, rejected)

    def write_rejects(self, landing: LandingReport, path: Path) -> int:
        """Write the rejected rows of this import with their reasons as CSV.

        No cell of it becomes a formula, see :mod:`resources.values.spreadsheets`.

        Returns:
            How many rows were written; no file is made for none.
        """
        rejected = self._rows(REJECTED_REVIEWS, landing).sort("batch_id", "record_number")
        frame = rejected.select(
            "record_number", "reason_code", "reason", "field", "value", "payload"
        ).collect()
        if not frame.is_empty():
            write_csv(frame, path)
        return len(frame)

    def _note_landing(self, landing: LandingReport) -> None:
        """Write what landed to the database: each batch once, and the day in the ledger.

        A process that was killed between the lake's commit and this note leaves a batch without a
        note; the next import of the file finds it and makes up for it.
        """
        with self.session.database.jobs() as work:
            new = [
                batch
                for batch in landing.batches
                if work.imports.get(self.tenant_id, batch.batch_id) is None
            ]
            if not new:
                return
            found = find_landed(
                self.session.lake, self.tenant_id, [batch.batch_id for batch in new]
            )
            for batch in new:
                landed = found.get(batch.batch_id, LandedRows(self.day, batch.record_count))
                work.imports.record(self._note(batch, landed))
            for day in sorted({landed.day for landed in found.values()}):
                note_collected(work, self.session.lake, self.tenant_id, day)

    def _note(self, batch: LandedBatch, landed: LandedRows) -> ImportBatch:
        return ImportBatch(
            id=batch.batch_id,
            tenant_id=self.tenant_id,
            source=self.plan.source,
            file_name=batch.file_name,
            byte_count=batch.byte_count,
            record_count=landed.rows,
            day=landed.day,
            mapping=batch.guesses[0].mapping if batch.guesses else {},
            landed_at=datetime.now(UTC),
        )

    def _noted(self, landing: LandingReport) -> list[ImportBatch]:
        with self.session.database.jobs() as work:
            found = (work.imports.get(self.tenant_id, one.batch_id) for one in landing.batches)
            return [batch for batch in found if batch is not None]

    def _rows(self, spec: TableSpec, landing: LandingReport) -> pl.LazyFrame:
        return self.session.lake.read(
            spec,
            days=self.days(landing),
            tenants=[self.tenant_id],
            batches=[batch.batch_id for batch in landing.batches],
        ).frame

    def _count(self, spec: TableSpec, landing: LandingReport) -> int:
        return int(self._rows(spec, landing).select(pl.len()).collect().item())
