"""A file of reviews, from the disk to a delivered report.

This is what ``reviewgraph import`` does without its printing, so that the demo and the scenario
tests walk the same path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from pipelines.launch import StepEvent, run_days
from pipelines.session import Session
from resources.collection.day_totals import note_collected
from resources.collection.importing import LandedBatch, LandingReport, land
from resources.database import ImportBatch
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS, TableSpec
from resources.vocabulary import DayRange


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
        tenant_id: Whose reviews these are.
        path: The file or folder.
        source: Name of the source.
        overrides: Fields whose column the user named.
        rating_scale: Highest possible rating, when told.
        day_first: How to read ambiguous dates, when told.
        day: The ingestion day of what lands now.
    """

    session: Session
    tenant_id: str
    path: Path
    source: str
    overrides: Mapping[str, str]
    rating_scale: float | None
    day_first: bool | None
    day: date

    @classmethod
    def of(
        cls,
        session: Session,
        tenant_id: str,
        path: Path,
        *,
        source: str | None = None,
        overrides: Mapping[str, str] | None = None,
        rating_scale: float | None = None,
        day_first: bool | None = None,
        day: date | None = None,
    ) -> FileImport:
        """Describe an import; by default the file names the source and the day is today."""
        return cls(
            session,
            tenant_id,
            path,
            source or source_name(path),
            overrides or {},
            rating_scale,
            day_first,
            day or datetime.now(UTC).date(),
        )

    def create_tenant_if_new(self) -> bool:
        """Create the tenant under its own id when there is none; return whether it was new."""
        with self.session.database.jobs() as work:
            if work.tenants.get(self.tenant_id) is not None:
                return False
            work.tenants.create(self.tenant_id, self.tenant_id.replace("-", " ").title())
            return True

    def land(self, progress: Callable[[int, int, int], None] | None = None) -> LandingReport:
        """Land the records in ``raw_reviews``, exactly once whatever happened before.

        Args:
            progress: Told of bytes read, bytes in all, and rows so far.
        """
        landing = land(
            self.path,
            tenant_id=self.tenant_id,
            source=self.source,
            day=self.day,
            lake=self.session.lake,
            overrides=self.overrides,
            rating_scale=self.rating_scale,
            day_first=self.day_first,
            progress=progress,
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
        return run_days(self.session, self.days(landing), [self.tenant_id], on_event=on_event)

    def balance(self, landing: LandingReport, *, is_repeat: bool = False) -> Balance:
        """Count what became of the records of this import.

        Args:
            landing: What landing did.
            is_repeat: Whether all of it had landed and been processed before. Then nothing is new:
                every record is what the lake holds already.
        """
        collected = sum(batch.record_count for batch in self._noted(landing))
        if is_repeat:
            return Balance(collected, 0, collected, 0)
        kept = self._count(REVIEWS, landing)
        rejected = self._count(REJECTED_REVIEWS, landing)
        return Balance(collected, kept, collected - kept - rejected, rejected)

    def write_rejects(self, landing: LandingReport, path: Path) -> int:
        """Write the rejected rows of this import with their reasons as CSV.

        Returns:
            How many rows were written; no file is made for none.
        """
        rejected = self._rows(REJECTED_REVIEWS, landing).sort("batch_id", "record_number")
        frame = rejected.select(
            "record_number", "reason_code", "reason", "field", "value", "payload"
        ).collect()
        if not frame.is_empty():
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_csv(path)
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
            found = self._landed_rows([batch.batch_id for batch in new])
            for batch in new:
                day, records = found.get(batch.batch_id, (self.day, batch.record_count))
                work.imports.record(self._note(batch, day, records))
            for day in sorted({day for day, _ in found.values()}):
                note_collected(work, self.session.lake, self.tenant_id, day)

    def _landed_rows(self, batches: list[str]) -> dict[str, tuple[date, int]]:
        """Return the day and the count of rows of batches that are in the lake."""
        raw = self.session.lake.read(RAW_REVIEWS, tenants=[self.tenant_id]).frame
        counts = (
            raw.filter(pl.col("batch_id").is_in(batches))
            .group_by("batch_id", "day")
            .agg(pl.len())
            .collect()
        )
        return {batch: (day, rows) for batch, day, rows in counts.iter_rows()}

    def _note(self, batch: LandedBatch, day: date, records: int) -> ImportBatch:
        return ImportBatch(
            id=batch.batch_id,
            tenant_id=self.tenant_id,
            source=self.source,
            file_name=batch.file_name,
            byte_count=batch.byte_count,
            record_count=records,
            day=day,
            mapping=batch.guesses[0].mapping if batch.guesses else {},
            landed_at=datetime.now(UTC),
        )

    def _noted(self, landing: LandingReport) -> list[ImportBatch]:
        with self.session.database.jobs() as work:
            found = (work.imports.get(self.tenant_id, one.batch_id) for one in landing.batches)
            return [batch for batch in found if batch is not None]

    def _rows(self, spec: TableSpec, landing: LandingReport) -> pl.LazyFrame:
        batches = [batch.batch_id for batch in landing.batches]
        frame = self.session.lake.read(
            spec, days=self.days(landing), tenants=[self.tenant_id]
        ).frame
        return frame.filter(pl.col("batch_id").is_in(batches))

    def _count(self, spec: TableSpec, landing: LandingReport) -> int:
        return int(self._rows(spec, landing).select(pl.len()).collect().item())


def source_name(path: Path) -> str:
    """Name a source after a file: ``Womens Reviews.csv.gz`` -> ``womens-reviews``."""
    stem = path.resolve().name.split(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "file"
