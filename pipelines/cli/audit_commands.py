"""``reviewgraph audit``: whether what has been told to have happened is still what was written."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

app = typer.Typer(help="The record of what has happened: see that nobody has changed it.")
INSTALLATION = "(installation)"


@app.callback()
def audit() -> None:
    """The record of what has happened: see that nobody has changed it."""


@app.command("verify")
def verify(
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Only the chain of this tenant; all chains when not given.",
            callback=checked_tenant,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="A head that was printed earlier, which the tenant's chain must hold."),
    ] = None,
) -> None:
    """Compute the chain of events anew, and say what does not add up.

    Keep the heads that it prints in another place: by them you find out later whether a chain was
    written anew as a whole.
    """
    from pipelines.session import open_session
    from resources.errors import WrongUsageError

    if head is not None and tenant is None:
        raise WrongUsageError("A head belongs to one chain: say whose with --tenant.")
    with open_session() as session, session.database.jobs() as work:
        if tenant is not None:
            work.tenants.require(tenant)
        chains = work.event_chains.verify(tenant, everything=tenant is None, noted=head)
    for chain in chains:
        name = chain.tenant_id or INSTALLATION
        if chain.is_whole:
            console.say(f"{name}: {chain.events} events, whole, head {chain.head}")
        for fault in chain.faults:
            console.say(f"{name}: {fault}")
    if not chains:
        console.say("Nothing has happened yet.")
    if not all(chain.is_whole for chain in chains):
        raise typer.Exit(1)
