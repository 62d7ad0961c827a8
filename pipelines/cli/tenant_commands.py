"""``reviewgraph tenant``: the tenants and the people who may see them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import console
from pipelines.cli.options import Tenant, checked_address, checked_tenant
from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from resources.nlp.plugins import PluginSpec
    from resources.vocabulary import TierName


class GivenFileError(ReviewGraphError):
    """A file that an option names, and that does not hold what it must."""


app = typer.Typer(no_args_is_help=True, help="Create and list tenants.")


@app.command("create")
def create(
    tenant: Annotated[
        str, typer.Argument(help="Its id for ever: a-z, 0-9 and hyphens.", callback=checked_tenant)
    ],
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    colour: Annotated[str | None, typer.Option(help="Of its reports, #rrggbb.")] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="JSON list of {name, kind, aliases}: what its reviews speak of."),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            help="Email address of an owner to create or to let in.", callback=checked_address
        ),
    ] = None,
) -> None:
    """Create a tenant and, with --user, somebody who may log in to the API for it.

    A tenant that is there, for example of an import, is given what is named here.
    """
    from pipelines.cli.tenant_state_commands import admit, refuse_unproven
    from pipelines.session import open_session
    from resources.database.tenancy import DEFAULT_COLOUR

    if colour is not None and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise typer.BadParameter(
            f"{colour!r} is not a colour such as #2f5d8a.", param_hint="--colour"
        )
    title = name or tenant.replace("-", " ").title()
    known_names = _read_names(names) if names else []
    with open_session() as session, session.database.jobs() as work:
        if user is not None:
            refuse_unproven(work, tenant, user, "owner")
        if user is not None and work.tenants.get(tenant) is not None:
            work.tenants.update(tenant, name=name, colour=colour, names=known_names or None)
            console.say(f"There is a tenant {tenant} already.")
        else:
            work.tenants.create(tenant, title, colour=colour or DEFAULT_COLOUR, names=known_names)
            work.events.add("tenant.created", tenant, tenant_id=tenant)
            console.say(f"Created tenant {tenant} ({title}).")
        if user is not None:
            admit(work, tenant, user, "owner")


@app.command("list")
def list_tenants() -> None:
    """List the tenants with their current numbers."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        rows = []
        for tenant in work.tenants.list():
            current = work.snapshots.current(tenant.id)
            rows.append(
                (
                    tenant.id,
                    tenant.name,
                    current.version[:12] if current else None,
                    current.published_at.strftime("%Y-%m-%d %H:%M") if current else None,
                )
            )
    if rows:
        console.table(("tenant", "name", "snapshot", "published (UTC)"), rows)
    else:
        console.say("There is no tenant yet. Make one with: reviewgraph tenant create acme")


def _read_names(path: Path) -> list[Any]:
    try:
        names = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise GivenFileError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(names, list) or not all(
        isinstance(name, dict) and isinstance(name.get("name"), str) for name in names
    ):
        raise GivenFileError(
            f"{path} must be a list such as "
            '[{"name": "Trail Jacket", "kind": "product", "aliases": ["trail coat"]}].'
        )
    return [{"kind": "product", "aliases": [], **name} for name in names]


@app.command("tiers")
def tiers(
    tenant: Tenant,
    allow: Annotated[list[str], typer.Option(help="fast, cascade, deep or plugin; repeat it.")],
) -> None:
    """Say which tiers of understanding a tenant's plan allows; fast always is."""
    from pipelines.session import open_session

    chosen = [_tier_named(name) for name in allow]
    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        allowed = work.nlp_settings.allow(tenant, chosen).allowed_tiers
    console.say(f"{tenant} may use {', '.join(allowed)}.")


@app.command("tier")
def tier(
    tenant: Tenant,
    name: Annotated[str, typer.Argument(help="fast, cascade, deep or plugin.")],
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="JSON file {task, engine, model, options} of a plug-in; repeat it."),
    ] = None,
) -> None:
    """Choose how thoroughly a tenant's reviews are read from the next run on."""
    from pipelines.session import open_session
    from resources.nlp.plugins import require

    wanted = _tier_named(name)
    specs = [_plugin_in(path) for path in plugin or []]
    for spec in specs:
        require(spec)
    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        chosen = work.nlp_settings.choose(
            tenant, tier=wanted, plugins=[spec.to_dict() for spec in specs]
        )
    console.say(f"The reviews of {tenant} are read in the tier {chosen.tier} from now on.")


def _plugin_in(path: Path) -> PluginSpec:
    from resources.nlp.plugins import PluginSpec

    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise GivenFileError(f"{path} is not readable JSON: {error}") from error
    return PluginSpec.from_dict(document)


def _tier_named(name: str) -> TierName:
    from resources.vocabulary import TIER_NAMES

    for tier in TIER_NAMES:
        if tier == name:
            return tier
    raise typer.BadParameter(f"There is no tier {name!r}; choose from {', '.join(TIER_NAMES)}.")
