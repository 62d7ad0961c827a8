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
from serving_api.kit.paging import Cursors, link
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
    binding = ("imports", tenant_id)
    after = None
    if parameters.cursor is not None:
        moment, batch_id = cursors.read(binding, parameters.cursor, length=2)
        after = (datetime.fromisoformat(moment), batch_id)
    found = session.work.imports.list(tenant_id, limit=parameters.limit + 1, after=after)
    shown = found[: parameters.limit]
    outcomes = _outcomes(session, [batch.id for batch in shown])
    cursor = address = None
    if len(found) > parameters.limit:
        last = shown[-1]
        cursor = cursors.write(binding, (last.landed_at.isoformat(), last.id))
        address = _next(_address(tenant_id), parameters, cursor)
    return ImportPage(
        items=[_import(batch, outcomes.get(batch.id)) for batch in shown],
        next_cursor=cursor,
        next=address,
    )


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
    binding = ("rejected rows", batch.tenant_id, batch.id)
    after = 0
    if parameters.cursor is not None:
        after = int(cursors.read(binding, parameters.cursor, length=1)[0])
    rows = TenantRows(lake, batch.tenant_id).rejected(
        batch.id, batch.day, after=after, limit=parameters.limit + 1
    )
    found = [RejectedRow.model_validate(row) for row in rows.select(_COLUMNS).to_dicts()]
    shown = found[: parameters.limit]
    cursor = address = None
    if len(found) > parameters.limit:
        cursor = cursors.write(binding, (str(shown[-1].record_number),))
        path = f"{_address(batch.tenant_id)}/{batch.id}/rejected-rows"
        address = _next(path, parameters, cursor)
    return RejectedRowPage(items=shown, next_cursor=cursor, next=address)


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


def _next(path: str, parameters: ListParameters, cursor: str) -> str:
    return link(path, [("limit", str(parameters.limit)), ("cursor", cursor)])
