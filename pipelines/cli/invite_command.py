"""``reviewgraph user invite``: a mail with a link that lets somebody into a tenant."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_address, checked_tenant


def invite(
    email: Annotated[str, typer.Argument(help="Whom to invite.", callback=checked_address)],
    tenant: Annotated[str, typer.Option(help="Into which tenant.", callback=checked_tenant)],
    role: Annotated[str, typer.Option(help="owner, admin, analyst or viewer.")] = "viewer",
) -> None:
    """Mail somebody a link that works once, for seven days, and for that address alone."""
    from pipelines.cli.tenant_state_commands import role_named
    from pipelines.session import open_session
    from resources.database import DuplicateError
    from resources.database.invitations import TIME_OPEN

    wanted = role_named(role)
    address = email.strip().lower()
    with open_session() as session, session.database.jobs() as work:
        found = work.tenants.require_active(tenant)
        if any(member.email == address for member in work.members.list(tenant)):
            raise DuplicateError(f"{address} belongs to {tenant} already.")
        work.limits.admit(tenant, "seats")
        token = work.one_time_tokens.issue("invite", email=address, replaces=False)
        invitation = work.invitations.create(tenant, address, wanted, token_id=token.id)
        work.mail.send(
            "invitation",
            to=address,
            token_id=str(token.id),
            tenant=found.name,
            inviter=found.name,
            role=wanted,
            days=TIME_OPEN.days,
        )
        work.events.add(
            "invitation.created", str(invitation.id), tenant_id=tenant, data={"role": wanted}
        )
    console.say(
        f"{address} is invited to {tenant} as {wanted}, until "
        f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC. The mail goes out as soon as "
        "reviewgraph up runs."
    )
