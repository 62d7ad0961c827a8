"""``reviewgraph domain``: which domains of mail addresses are whose."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Tenant
from resources.errors import ReviewGraphError

app = typer.Typer(
    no_args_is_help=True, help="Say which domains are a tenant's, for its identity provider."
)


class DomainTakenError(ReviewGraphError):
    """A domain that is another tenant's."""


def checked_domain(given: str) -> str:
    """Return a domain in the one spelling in which it is kept."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(f"x@{given.strip()}", check_deliverability=False)
    except EmailNotValidError:
        raise typer.BadParameter(f"{given!r} is not a domain such as example.com.") from None
    return str(found.normalized.lower().partition("@")[2])


Domain = Annotated[str, typer.Argument(help="What stands behind the @.", callback=checked_domain)]


@app.command("add")
def add(tenant: Tenant, domain: Domain) -> None:
    """Say that a domain is a tenant's, once you have seen that it is.

    From then on the tenant's identity provider may log in every user with an address of it,
    whatever tenants the user belongs to.
    """
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        if work.identity_providers.add_domain(tenant, domain) is None:
            raise DomainTakenError(f"{domain} is another tenant's. Remove it there first.")
        work.events.add("domain.added", domain, tenant_id=tenant)
    console.say(f"{domain} is a domain of {tenant}.")


@app.command("remove")
def remove(tenant: Tenant, domain: Domain) -> None:
    """Take a domain back from a tenant.

    Whoever of the domain came by an identity provider is logged out: it may not have been them.
    """
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        if work.identity_providers.remove_domain(tenant, domain):
            work.events.add("domain.removed", domain, tenant_id=tenant)
            ended = sum(
                work.sessions.end_all(user_id, "ended_by_operator")
                for user_id in work.identity_providers.users_brought_from(domain)
            )
            console.say(f"{domain} is no domain of {tenant} any more.")
            sessions = "session" if ended == 1 else "sessions"
            console.say(f"Ended {ended} {sessions} of its users who came by an identity provider.")
        else:
            console.say(f"{domain} is no domain of {tenant}.")


@app.command("list")
def list_domains(tenant: Tenant) -> None:
    """List the domains of a tenant."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        found = work.identity_providers.domains(tenant)
    for one in found:
        console.say(one.domain)
    if not found:
        console.say(f"{tenant} has none. Add one with: reviewgraph domain add {tenant} example.com")
