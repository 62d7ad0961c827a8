"""What a stage did for one tenant and day: the record and the table of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from resources.database.schema import TIMESTAMP, json_column, metadata, one_of, tenant_column
from resources.vocabulary import STAGES, Stage

StageStatus = Literal["running", "done", "failed", "held"]
STAGE_STATUSES: tuple[StageStatus, ...] = ("running", "done", "failed", "held")


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What one stage did for one tenant and day.

    Attributes:
        tenant_id: The tenant.
        day: The ingestion day (UTC).
        stage: One of ``STAGES``.
        status: ``running``, ``done``, ``failed``, or ``held`` back by a check.
        rows_in: Rows the stage was given.
        rows_kept: Rows it passed on.
        rows_unchanged: Rows that said nothing new.
        rows_rejected: Rows it could not use. ``in = kept + unchanged + rejected`` when done.
        table_version: Version of the lake table it wrote, null for stages that write none.
        input_version: Version of the lake table it read, null for stages that read none.
        model_versions: Annotator to version, for stages that understand text.
        cost_usd: Spent on outside services, in US dollars.
        run_id: The Dagster run.
        attempts: Runs that have tried so far; counted by the ledger, whatever is given.
        started_at: When the latest of them began; now, unless given.
        finished_at: When it ended; null while it runs.
        error: What went wrong.
    """

    tenant_id: str
    day: date
    stage: Stage
    status: StageStatus = "done"
    rows_in: int = 0
    rows_kept: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    table_version: int | None = None
    input_version: int | None = None
    model_versions: Mapping[str, str] = field(default_factory=dict)
    cost_usd: float = 0.0
    run_id: str | None = None
    attempts: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None


stage_runs = Table(
    "stage_runs",
    metadata,
    tenant_column(),
    Column("day", Date, nullable=False),
    Column("stage", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("rows_in", BigInteger, nullable=False),
    Column("rows_kept", BigInteger, nullable=False),
    Column("rows_unchanged", BigInteger, nullable=False),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("table_version", BigInteger),
    Column("input_version", BigInteger),
    json_column("model_versions", empty="{}"),
    Column("cost_usd", Double, nullable=False),
    Column("run_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("started_at", TIMESTAMP, nullable=False),
    Column("finished_at", TIMESTAMP),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "day", "stage"),
    CheckConstraint(one_of("stage", STAGES), name="stage"),
    CheckConstraint(one_of("status", STAGE_STATUSES), name="status"),
    Index(None, "day", "stage"),
)
