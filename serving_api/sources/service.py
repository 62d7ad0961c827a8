"""Reading and changing a tenant's sources."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from resources import database
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.kit.identifiers import identifier
from serving_api.kit.paging import Cursors, PageOf
from serving_api.sources.schemas import (
    NewSource,
    Source,
    SourceChange,
    SourceDay,
    SourceListParameters,
    SourcePage,
)


def list_sources(
    session: TenantSession, parameters: SourceListParameters, cursors: Cursors
) -> SourcePage:
    """One page of the tenant's sources, by name.

    Raises:
        Problem: ``invalid-cursor``.
    """
    session.require("sources:read")
    tenant_id = session.tenant.id
    page = PageOf(cursors, f"/v1/tenants/{tenant_id}/sources", parameters)
    position = page.position(length=1)
    found = session.work.sources.page(
        tenant_id, limit=page.rows_to_read, after=None if position is None else position[0]
    )
    shown, onward = page.cut(found, lambda source: (source.name,))
    days = session.work.source_days.latest(tenant_id, [source.name for source in shown])
    return SourcePage(items=[_source(source, days.get(source.name)) for source in shown], **onward)


def get_source(session: TenantSession, source_id: str) -> Source:
    """One source.

    Raises:
        Problem: ``not-found`` if this tenant has no such source.
    """
    session.require("sources:read")
    return _with_last_day(session, _require(session, source_id))


def create_source(session: TenantSession, wanted: NewSource) -> Source:
    """Make a source.

    Raises:
        Problem: ``forbidden``; ``name-taken`` if the tenant has one of that name.
    """
    session.require("sources:write")
    try:
        made = session.work.sources.add(
            session.tenant.id,
            wanted.kind,
            wanted.name,
            wanted.config.spelled(),
            is_active=wanted.is_active,
        )
    except database.DuplicateError:
        raise Problem("name-taken", "A source of this tenant has that name already.") from None
    _tell(session, "source.created", made)
    # Reviews may have come under this name before: by files, or by a source that was removed.
    return _with_last_day(session, made)


def change_source(session: TenantSession, source_id: str, wanted: SourceChange) -> Source:
    """Change a source's configuration, pause it or go on with it.

    Raises:
        Problem: ``forbidden``; ``not-found``.
    """
    session.require("sources:write")
    before = _require(session, source_id)
    changed = session.work.sources.change(
        session.tenant.id,
        before.id,
        config=None if wanted.config is None else wanted.config.spelled(),
        is_active=wanted.is_active,
    )
    if changed is None:
        raise Problem("not-found")
    if changed != before:
        _tell(session, _what_changed(before, changed), changed)
    return _with_last_day(session, changed)


def remove_source(session: TenantSession, source_id: str) -> None:
    """Remove a source that was never asked. Its reviews, if files brought any, stay.

    Raises:
        Problem: ``forbidden``; ``not-found``; ``in-use`` if it was asked: what it cost is told by
            it, so it can be paused and not removed.
    """
    session.require("sources:write")
    source = _require(session, source_id)
    try:
        is_gone = session.work.sources.remove(session.tenant.id, source.id)
    except IntegrityError:  # a run has bought its first task meanwhile
        is_gone = False
    if not is_gone:
        raise Problem(
            "in-use",
            "The source has been asked for reviews, and its costs are filed under it. "
            "Pause it instead: PATCH it with is_active false.",
        )
    _tell(session, "source.removed", source)


def _require(session: TenantSession, source_id: str) -> database.Source:
    source = session.work.sources.get(session.tenant.id, identifier(source_id))
    if source is None:
        raise Problem("not-found")
    return source


def _what_changed(before: database.Source, after: database.Source) -> str:
    if before.is_active == after.is_active or dict(before.config) != dict(after.config):
        return "source.changed"
    return "source.resumed" if after.is_active else "source.paused"


def _tell(session: TenantSession, what: str, source: database.Source) -> None:
    data = {"kind": source.kind, "is_active": source.is_active}
    session.work.events.add(what, str(source.id), tenant_id=session.tenant.id, data=data)


def _with_last_day(session: TenantSession, source: database.Source) -> Source:
    days = session.work.source_days.latest(session.tenant.id, [source.name])
    return _source(source, days.get(source.name))


def _source(source: database.Source, last_day: database.SourceDay | None) -> Source:
    return Source(
        id=source.id,
        kind=source.kind,
        name=source.name,
        config=dict(source.config),
        is_active=source.is_active,
        created_at=source.created_at,
        last_day=None
        if last_day is None
        else SourceDay(
            day=last_day.day,
            claimed=last_day.claimed,
            fetched=last_day.fetched,
            new=last_day.new,
            changed=last_day.changed,
            unchanged=last_day.unchanged,
            rejected=last_day.rejected,
            gone=last_day.gone,
        ),
    )
