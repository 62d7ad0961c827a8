"""Reading and changing a tenant's settings."""

from __future__ import annotations

from resources.database import StaleVersionError
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.tenant_settings.schemas import (
    Change,
    Changes,
    HistoryParameters,
    Settings,
    SettingsPatch,
)


def get_settings(session: TenantSession) -> Settings:
    """The settings that count."""
    session.require("settings:read")
    choices, revision = session.work.tenant_settings.current(session.tenant.id)
    return Settings(**choices.model_dump(), revision=revision)


def change_settings(
    session: TenantSession, wanted: SettingsPatch, if_match: str | None
) -> Settings:
    """Change what is given.

    Args:
        session: Who changes it.
        wanted: The settings to change.
        if_match: The ETag of what the client has seen, or ``*``; whatever counts when None.

    Raises:
        Problem: ``precondition-failed`` if the settings were changed since.
    """
    session.require("settings:write")
    expected = _expected(session, if_match)
    try:
        change = session.work.tenant_settings.change(
            session.tenant.id,
            wanted.model_dump(mode="json", exclude_unset=True),
            author=str(session.principal.user_id),
            expected=expected,
        )
    except StaleVersionError:
        raise Problem("precondition-failed") from None
    if change is not None:
        session.work.events.add(
            "settings.changed",
            session.tenant.id,
            tenant_id=session.tenant.id,
            data={"revision": change.revision, "changed": sorted(change.after)},
        )
    return get_settings(session)


def list_changes(session: TenantSession, parameters: HistoryParameters) -> Changes:
    """Who changed what, when, from what to what."""
    session.require("settings:read")
    found = session.work.tenant_settings.history(
        session.tenant.id, limit=parameters.limit, before=parameters.before
    )
    return Changes(
        items=[
            Change(
                revision=change.revision,
                changed_by=change.author,
                changed_at=change.created_at,
                before=dict(change.before),
                after=dict(change.after),
            )
            for change in found
        ]
    )


def etag_of(settings: Settings) -> str:
    """The ETag of settings."""
    return f'"settings-{settings.revision}"'


def _expected(session: TenantSession, if_match: str | None) -> int | None:
    """The revision that the client has seen, if it says so."""
    if if_match is None:
        return None
    held = {one.strip() for one in if_match.split(",")}
    if "*" in held:
        return None
    current = get_settings(session)
    if etag_of(current) not in held:
        raise Problem("precondition-failed")
    return current.revision
