"""Asking for erasures and reading how far they are."""

from __future__ import annotations

import uuid

from resources import database
from resources.keys import Keys
from resources.privacy.asking import ask
from resources.privacy.subjects import Marker, Sealer, Wanted
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.kit.identifiers import identifier
from serving_api.kit.paging import Cursors, PageOf
from serving_api.privacy.schemas import (
    Erasure,
    ErasureListParameters,
    ErasurePage,
    ErasureStep,
    NewErasure,
    Receipt,
)


def request_erasure(session: TenantSession, wanted: NewErasure, keys: Keys) -> Erasure:
    """Write an erasure down; it begins within a minute where the graph is running.

    Args:
        session: Who asks.
        wanted: Who is to be erased.
        keys: The installation's keys, which seal the name.

    Raises:
        Problem: ``forbidden``.
    """
    session.require("privacy:erase")
    tenant_id = session.tenant.id
    marker, sealer = Marker(keys, tenant_id), Sealer(keys, tenant_id)
    person = Wanted(
        wanted.author, wanted.account, tuple(wanted.review_keys or ()), tuple(wanted.sources)
    )

    asked = ask(
        session.work,
        tenant_id,
        person,
        marker,
        sealer,
        requested_by=str(session.principal.user_id),
        suppress=wanted.suppress,
    )
    return _erasure(session, asked)


def list_erasures(
    session: TenantSession, parameters: ErasureListParameters, cursors: Cursors
) -> ErasurePage:
    """One page of the tenant's erasures, the latest first.

    Raises:
        Problem: ``forbidden``, ``invalid-cursor``.
    """
    session.require("privacy:erase")
    tenant_id = session.tenant.id
    page = PageOf(cursors, f"/v1/tenants/{tenant_id}/erasures", parameters)
    shown, onward = page.of_records(session.work.erasures, tenant_id)
    return ErasurePage(items=[_erasure(session, one) for one in shown], **onward)


def get_erasure(session: TenantSession, erasure_id: str) -> Erasure:
    """One erasure, with its receipt once it is done.

    Raises:
        Problem: ``forbidden``; ``not-found`` if this tenant has no such erasure.
    """
    session.require("privacy:erase")
    found = session.work.erasures.get(session.tenant.id, identifier(erasure_id))
    if found is None:
        raise Problem("not-found")
    return _erasure(session, found)


def erasure_address(tenant_id: str, erasure_id: uuid.UUID) -> str:
    """Where to read how far an erasure is."""
    return f"/v1/tenants/{tenant_id}/erasures/{erasure_id}"


def _erasure(session: TenantSession, found: database.Erasure) -> Erasure:
    steps = session.work.erasures.steps(found)
    return Erasure(
        id=found.id,
        kind=found.kind,
        status=found.status,
        subject=found.subject,
        suppress=found.suppress,
        attempt=found.attempt,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        steps=[ErasureStep(step=one.step, done_at=one.done_at) for one in steps],
        receipt=Receipt.model_validate(found.receipt) if found.status == "done" else None,
    )
