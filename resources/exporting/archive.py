"""Writing a tenant's archive: a zip of Parquet, CSV, JSON lines and the reports' own files.

Rows of PostgreSQL are read as the application reads them, behind the wall of the tenant. Nothing is
held in memory whole: tables pass through files of a scratch folder, one at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, LargeBinary, Table, Text, cast, select

from resources.database import Database, ReportDocument
from resources.database.event_records import events
from resources.database.tables import metadata
from resources.exporting.history import rows_shown
from resources.storage.lake import Lake
from resources.storage.objects import ObjectDamagedError, ObjectNotFoundError, ObjectStore
from resources.storage.schemas import TABLES
from resources.storage.snapshots import Snapshot, SnapshotDamagedError, SnapshotMissingError
from resources.values.spreadsheets import write_csv

ROWS_PER_CSV = 200_000
"""What spreadsheet programs open without trouble; longer tables are several files."""

NOT_EXPORTED = frozenset(
    {
        "event_publications",  # what has been carried out of the events
        "idempotency_keys",  # answers to requests, kept for two days
        "provider_attempts",  # log-ins under way
        "rate_limits",
        "sessions",
    }
)
"""Tables that hold nothing of a tenant's that it could use elsewhere."""

_SECRET = re.compile(r"secret|hash|hmac|digest|sealed|token|password", re.IGNORECASE)
_OPEN = frozenset({("events", "hash"), ("events", "previous_hash")})
"""What is called like a secret and is none: by these hashes the tenant can check its events."""
_ROWS_AT_ONCE = 1000
_CHUNK_BYTES = 1024 * 1024

_OF_HISTORY = """
The plan shows reviews that were written from {first_day} on. Older ones are not in this archive.
"""

_README = """Everything that ReviewGraph has of the tenant {tenant}, as of {made_at}.

tenant.json            what the tenant is and chose
members.jsonl          who belongs to it
database/*.jsonl       its rows of every table, one JSON object a line; no secrets
lake/*.parquet         its reviews as they came, as they were read, and what was said of them
reviews/*.csv          the reviews once more, for spreadsheet programs
snapshot/*.parquet     the numbers that are published
reports/*              the files of its reports
manifest.json          every file of this archive, with its size and SHA-256

database/events.jsonl holds the chain of what happened: "hash" and "previous_hash" in hex, and
"data_text" as it is hashed. docs/events.md of ReviewGraph says over what each hash is made.
{history}
In CSV files an apostrophe stands before a text where a spreadsheet program would begin a formula.
"""


@dataclass(frozen=True)
class ArchivedTenant:
    """What an archive holds.

    Attributes:
        tenant_id: Whose it is.
        files: Name to size and SHA-256 of every file in it.
        missing: Files of reports that the object store has no longer, or not as they were.
    """

    tenant_id: str
    files: dict[str, dict[str, Any]]
    missing: tuple[str, ...]


def write_archive(
    target: Path,
    tenant_id: str,
    *,
    database: Database,
    lake: Lake,
    published: Snapshot | None,
    objects: ObjectStore,
    first_day: date | None = None,
) -> ArchivedTenant:
    """Write everything that a tenant has into a new zip file.

    Args:
        target: The file to write.
        tenant_id: The tenant.
        database: Its rows.
        lake: Its reviews.
        published: Its published numbers, where there are some that can be read.
        objects: The files of its reports.
        first_day: The first day of writing whose reviews are in it; all are when None.

    Raises:
        UnknownTenantError: If there is no such tenant.
    """
    with (
        tempfile.TemporaryDirectory(prefix="reviewgraph-export-") as scratch,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        writer = _Writer(archive, Path(scratch))
        _write_tenant(writer, database, tenant_id, first_day)
        for table in exported_tables():
            writer.add_lines(f"database/{table.name}.jsonl", _rows(database, table, tenant_id))
        _write_lake(writer, lake, tenant_id, first_day)
        if published is not None:
            _write_snapshot(writer, published)
        missing = tuple(_write_reports(writer, database, objects, tenant_id))
        described = {
            "tenant": tenant_id,
            "history_starts": None if first_day is None else first_day.isoformat(),
            "files": writer.files,
            "missing": missing,
        }
        writer.add("manifest.json", [json.dumps(described, indent=1).encode()])
        return ArchivedTenant(tenant_id, writer.files, missing)


def exported_tables() -> list[Table]:
    """The tables whose rows belong to a tenant and go into its archive."""
    return [
        table
        for table in metadata.sorted_tables
        if "tenant_id" in table.c and table.name not in NOT_EXPORTED
    ]


@dataclass
class _Writer:
    """Puts files into an archive and notes what they are.

    Attributes:
        archive: The archive.
        scratch: A folder for files on their way.
    """

    archive: zipfile.ZipFile
    scratch: Path

    def __post_init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes], *, packed: bool = False) -> None:
        """Add a file; one that is packed already is not packed again."""
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        with self.archive.open(info, "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        self.files[name] = {"bytes": size, "sha256": digest.hexdigest()}

    def add_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add a file of one JSON object a line."""
        self.add(name, ((json.dumps(row, default=_spelled) + "\n").encode() for row in rows))

    def add_file(self, name: str, path: Path, *, packed: bool = False) -> None:
        """Move a scratch file into the archive."""
        with path.open("rb") as file:
            self.add(name, iter(lambda: file.read(_CHUNK_BYTES), b""), packed=packed)
        path.unlink()


def _write_tenant(
    writer: _Writer, database: Database, tenant_id: str, first_day: date | None
) -> None:
    with database.jobs() as work:
        tenant = asdict(work.tenants.require(tenant_id))
        members = [asdict(member) for member in work.members.list(tenant_id)]
        choices, _ = work.tenant_settings.current(tenant_id)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    history = "" if first_day is None else _OF_HISTORY.format(first_day=first_day)
    told = _README.format(tenant=tenant_id, made_at=made_at, history=history)
    writer.add("README.txt", [told.encode()])
    tenant["chosen"] = choices.model_dump(mode="json")
    writer.add("tenant.json", [json.dumps(tenant, indent=1, default=str).encode()])
    writer.add_lines("members.jsonl", members)


def _rows(database: Database, table: Table, tenant_id: str) -> Iterator[dict[str, Any]]:
    """A tenant's rows of a table, without what only this installation can use."""
    columns: list[ColumnElement[Any]] = [
        column
        for column in table.columns
        if (table.name, column.name) in _OPEN
        or not (isinstance(column.type, LargeBinary) or _SECRET.search(column.name))
    ]
    if table is events:
        columns.append(cast(events.c.data, Text).label("data_text"))
    statement = (
        select(*columns)
        .where(table.c.tenant_id == tenant_id)
        .order_by(*table.primary_key.columns)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    with database.work(tenant_id) as work:
        for row in work.session.execute(statement).mappings():
            yield dict(row)


def _spelled(value: object) -> str:
    """A value that JSON does not know, as text."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _write_lake(writer: _Writer, lake: Lake, tenant_id: str, first_day: date | None) -> None:
    for spec in TABLES.values():
        if "tenant_id" not in spec.schema.names:
            continue
        rows = rows_shown(lake, spec, tenant_id, first_day)
        if rows is None:
            continue
        path = writer.scratch / f"{spec.name}.parquet"
        rows.sink_parquet(path)
        if spec.name == "reviews":
            _write_sheets(writer, path)
        writer.add_file(f"lake/{spec.name}.parquet", path, packed=True)


def _write_sheets(writer: _Writer, reviews: Path) -> None:
    sheet = writer.scratch / "sheet.csv"
    with pq.ParquetFile(reviews) as file:
        for number, batch in enumerate(file.iter_batches(ROWS_PER_CSV), start=1):
            frame = pl.DataFrame(pl.from_arrow(batch))
            write_csv(frame, sheet)
            writer.add_file(f"reviews/reviews-{number:04}.csv", sheet)


def _write_snapshot(writer: _Writer, published: Snapshot) -> None:
    path = writer.scratch / "table.parquet"
    try:
        for name in sorted(published.manifest["tables"]):
            published.table(name).write_parquet(path)
            writer.add_file(f"snapshot/{name}.parquet", path, packed=True)
    except (SnapshotMissingError, SnapshotDamagedError):
        return  # it follows from the lake


def _write_reports(
    writer: _Writer, database: Database, objects: ObjectStore, tenant_id: str
) -> Iterator[str]:
    """Add the files of all reports; yields the names of those that are gone."""
    for document in _documents(database, tenant_id):
        for file in document.files:
            name = f"reports/{document.created_at:%Y-%m-%d}-{document.id}.{file['format']}"
            try:
                content = objects.stream(file["key"])
            except (ObjectNotFoundError, ObjectDamagedError):
                yield name
            else:
                writer.add(name, content, packed=file["format"] != "html")


def _documents(database: Database, tenant_id: str) -> Iterator[ReportDocument]:
    last = None
    while True:
        with database.jobs() as work:
            page = work.reports.list(tenant_id, before=last)
        if not page:
            return
        yield from page
        last = page[-1]
