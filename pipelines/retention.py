"""Keeping reviews no longer than their tenant chose: what is older is erased, batch by batch."""

from __future__ import annotations

import logging

from pipelines.session import Session
from resources.database import Erasure
from resources.logs import fields
from resources.privacy.retention import ask_for_overdue
from resources.vocabulary import utc_today

logger = logging.getLogger(__name__)


def forget_old_reviews(session: Session) -> list[Erasure]:
    """Ask for the erasure of what is too old, for every tenant that chose how long it keeps."""
    with session.database.jobs() as work:
        tenants = [tenant.id for tenant in work.tenants.list() if tenant.status != "closed"]
    asked = (forget_old_reviews_of(session, tenant_id) for tenant_id in tenants)
    return [erasure for erasure in asked if erasure is not None]


def forget_old_reviews_of(session: Session, tenant_id: str) -> Erasure | None:
    """Ask for the next erasure of a tenant's old reviews; None where none is to be asked for."""
    with session.database.jobs() as work:
        erasure = ask_for_overdue(
            work, session.lake, session.database.keys, tenant_id, today=utc_today()
        )
    if erasure is not None:
        logger.info("reviews too old", extra=fields(tenant=tenant_id, erasure=str(erasure.id)))
    return erasure
