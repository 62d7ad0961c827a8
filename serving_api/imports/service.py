"""Reading what has landed, and what of it was rejected."""

from __future__ import annotations

from datetime import datetime

from resources import database
from resources.storage.lake import Lake
from resources.storage.tenant_rows import TenantRows
from resources.values.spreadsheets import csv_of
from serving_api.imports.schemas import (
    MAX_CSV_ROWS,
    Import,
    ImportOutcome,
    ImportPage,
    ListParameters,
    RejectedRow,
    RejectedRowPage,
)
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.kit.paging import Cursors, PageOf
from serving_api.kit.parameters import is_storable

_COLUMNS = ("record_number", "reason_code", "reason", "field", "value", "payload")


def list_imports(
    session: TenantSession, parameters: ListParameters, cursors: Cursors
) -> ImportPage:
    """One page of the files that have landed, the latest first.

    Raises:
        Problem: ``invalid-cursor``.
    """
    session.require("sources:read")
    tenant_id = session.tenant.id
    page = PageOf(cursors, _address(tenant_id), parameters)
    after = None
    if (position := page.position(length=2)) is not None:
        after = (datetime.fromisoformat(position[0]), position[1])
    found = session.work.imports.list(tenant_id, limit=page.rows_to_read, after=after)
    shown, onward = page.cut(found, lambda batch: (batch.landed_at.isoformat(), batch.id))
    outcomes = _outcomes(session, [batch.id for batch in shown])
    return ImportPage(items=[_import(batch, outcomes.get(batch.id)) for batch in shown], **onward)


def get_import(session: TenantSession, import_id: str) -> Import:
    """One file that has landed.

    Raises:
        Problem: ``not-found`` if this tenant has no such import.
    """
    session.require("sources:read")
    batch = _require(session, import_id)
    return _import(batch, _outcomes(session, [batch.id]).get(batch.id))


def list_rejected(
    session: TenantSession,
    import_id: str,
    parameters: ListParameters,
    lake: Lake,
    cursors: Cursors,
) -> RejectedRowPage:
    """One page of a file's rejected records.

    Raises:
        Problem: ``not-found``; ``invalid-cursor``.
    """
    session.require("reviews:read")
    batch = _require(session, import_id)
    page = PageOf(cursors, f"{_address(batch.tenant_id)}/{batch.id}/rejected-rows", parameters)
    position = page.position(length=1)
    rows = TenantRows(lake, batch.tenant_id).rejected(
        batch.id,
        batch.day,
        after=0 if position is None else int(position[0]),
        limit=page.rows_to_read,
    )
    found = [RejectedRow.model_validate(row) for row in rows.select(_COLUMNS).to_dicts()]
    shown, onward = page.cut(found, lambda row: (str(row.record_number),))
    return RejectedRowPage(items=list(shown), **onward)


def rejected_as_csv(session: TenantSession, import_id: str, after: int, lake: Lake) -> str:
    """A file's rejected records as CSV, of which no cell becomes a formula.

    Raises:
        Problem: ``not-found``.
    """
    session.require("reviews:read")
    batch = _require(session, import_id)
    rows = TenantRows(lake, batch.tenant_id).rejected(
        batch.id, batch.day, after=after, limit=MAX_CSV_ROWS
    )
    return csv_of(rows.select(_COLUMNS))


def _require(session: TenantSession, import_id: str) -> database.ImportBatch:
    if not is_storable(import_id):  # no import can have that name, and PostgreSQL cannot spell it
        raise Problem("not-found")
    batch = session.work.imports.get(session.tenant.id, import_id)
    if batch is None:
        raise Problem("not-found")
    return batch


def _outcomes(session: TenantSession, batch_ids: list[str]) -> dict[str, database.BatchRecord]:
    return session.work.batches.of_batches(session.tenant.id, "normalised", batch_ids)


def _import(batch: database.ImportBatch, outcome: database.BatchRecord | None) -> Import:
    return Import(
        id=batch.id,
        source=batch.source,
        file_name=batch.file_name,
        byte_count=batch.byte_count,
        record_count=batch.record_count,
        day=batch.day,
        mapping=dict(batch.mapping),
        landed_at=batch.landed_at,
        outcome=None
        if outcome is None
        else ImportOutcome(
            kept=outcome.rows_kept,
            unchanged=outcome.rows_unchanged,
            rejected=outcome.rows_rejected,
            finished_at=outcome.finished_at,
        ),
        rejected_rows=f"{_address(batch.tenant_id)}/{batch.id}/rejected-rows",
    )


def _address(tenant_id: str) -> str:
    return f"/v1/tenants/{tenant_id}/imports"
