"""More of ``reviewgraph tenant``: who belongs to a tenant, its plan, its status, and its end."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Tenant, checked_address
from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from resources.database import UnitOfWork
    from resources.database.users import Role

Address = Annotated[
    str, typer.Argument(help="The person's email address.", callback=checked_address)
]
RoleOption = Annotated[str, typer.Option(help="owner, admin, analyst or viewer.")]
MIN_GRACE_DAYS, MAX_GRACE_DAYS = 0, 3650
MAX_LIMIT = 1_000_000_000


class ExportFileError(ReviewGraphError):
    """The file of an archive cannot be written."""


class UnprovenAddressError(ReviewGraphError):
    """An account whose address nobody has confirmed: whoever made it may be anybody."""


class NotYetError(ReviewGraphError):
    """A tenant cannot be closed for good before its grace period is over."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``reviewgraph tenant``."""
    app.command("members")(members)
    app.command("let-in")(let_in)
    app.command("plan")(plan)
    app.command("suspend")(suspend)
    app.command("resume")(resume)
    app.command("close")(close)
    app.command("export")(export)


def members(tenant: Tenant) -> None:
    """List who belongs to a tenant, and who is invited."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        rows = [
            (one.email, one.name, one.role, f"since {one.created_at:%Y-%m-%d}")
            for one in work.members.list(tenant)
        ]
        rows += [
            (one.email, "", one.role, f"invited until {one.expires_at:%Y-%m-%d}")
            for one in work.invitations.list_open(tenant)
        ]
    if rows:
        console.table(("email", "name", "role", ""), rows)
    else:
        console.say(
            f"Nobody belongs to {tenant} yet. Let somebody in with: "
            f"reviewgraph tenant let-in {tenant} ann@example.com --role owner"
        )


def let_in(tenant: Tenant, email: Address, role: RoleOption = "viewer") -> None:
    """Let a person into a tenant, with an account that is made if there is none."""
    from pipelines.session import open_session

    wanted = role_named(role)
    with open_session() as session, session.database.jobs() as work:
        work.tenants.require(tenant)
        admit(work, tenant, email, wanted)


def admit(work: UnitOfWork, tenant: str, email: str, role: Role) -> None:
    """Make somebody a member, or change the member's role, and say so.

    Raises:
        UnprovenAddressError: If there is an account of that address that nobody has confirmed.
    """
    refuse_unproven(work, tenant, email, role)
    account = work.users.by_email(email)
    if account is None:
        password = secrets.token_urlsafe(12)
        account = work.users.create(email, email.strip().split("@")[0], password)
        console.say(f"Created {email} with the password {password} (shown only now).")
    known = work.users.membership(tenant, account.id)
    if known is not None and known.role == role:
        console.say(f"{email} is {role} of {tenant} already.")
        return
    if known is None:
        work.users.add_membership(tenant, account.id, role)
        work.events.add("membership.added", str(account.id), tenant_id=tenant, data={"role": role})
    else:
        work.members.change_role(tenant, account.id, role)
        work.events.add(
            "membership.changed",
            str(account.id),
            tenant_id=tenant,
            data={"from": known.role, "to": role},
        )
    console.say(f"{email} is {role} of {tenant} now.")


def refuse_unproven(work: UnitOfWork, tenant: str, email: str, role: Role) -> None:
    """Go on only where nobody waits in an account made in another's name.

    Raises:
        UnprovenAddressError: If there is an account of that address that nobody has confirmed.
    """
    account = work.users.by_email(email)
    if account is not None and account.email_verified_at is None:
        raise UnprovenAddressError(
            f"Somebody has made an account of {account.email} and never shown that the address is "
            f"theirs. Once there is a tenant {tenant}, mail the owner of the address a link, which "
            f"gives them the account: reviewgraph user invite {account.email} --tenant {tenant} "
            f"--role {role}"
        )


def plan(
    tenant: Tenant,
    name: Annotated[
        str | None, typer.Argument(help="free, team, business or enterprise; shown if not given.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="A limit of its own, NAME=NUMBER or NAME=none; repeat it. Without a plan's name "
            "it joins those that the tenant has; with one they begin anew."
        ),
    ] = None,
) -> None:
    """Show a tenant's plan with what is used of it, or give it another one."""
    from pipelines.session import open_session
    from resources.database.plan_limits import IN_WORDS

    own = dict(_parsed_limit(pair) for pair in limit or [])
    with open_session() as session, session.database.jobs() as work:
        found = work.tenants.require(tenant)
        if name is not None or own:
            kept = found.plan_limits if name is None else {}
            found = work.tenants.set_plan(tenant, name or found.plan, limits={**kept, **own})
            work.events.add(
                "tenant.plan_changed", tenant, tenant_id=tenant, data={"plan": found.plan}
            )
        uses = work.limits.uses(tenant)
    has = found.limits
    console.say(f"{tenant} has the plan {has.name}, with the tiers {', '.join(has.tiers)}.")
    console.table(
        ("limit", "used", "allowed"),
        [
            (
                IN_WORDS[use.name],
                "" if use.used is None else f"{use.used:,}",
                "no limit" if use.limit is None else f"{use.limit:,}",
            )
            for use in uses
        ],
    )


def suspend(
    tenant: Tenant,
    reason: Annotated[str, typer.Option(help="Why, for its members.")],
) -> None:
    """Refuse a tenant everything but the reason; nothing is collected or reported for it."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.tenants.set_status(tenant, "suspended", reason=reason)
        work.events.add("tenant.suspended", tenant, tenant_id=tenant)
    console.say(f"{tenant} is suspended. End that with: reviewgraph tenant resume {tenant}")


def resume(tenant: Tenant) -> None:
    """Let a tenant that is suspended or closing be active again."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        before = work.tenants.require(tenant).status
        work.tenants.set_status(tenant, "active")
        kind = "tenant.reopened" if before == "closing" else "tenant.resumed"
        work.events.add(kind, tenant, tenant_id=tenant)
    console.say(f"{tenant} is active again.")


def close(
    tenant: Tenant,
    days: Annotated[
        int,
        typer.Option(
            min=MIN_GRACE_DAYS,
            max=MAX_GRACE_DAYS,
            help="For how long it can still be read and exported.",
        ),
    ] = 30,
    reason: Annotated[str | None, typer.Option(help="Why, for its members.")] = None,
    erase: Annotated[
        bool, typer.Option(help="Erase everything of a tenant whose time is over; asks first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Close a tenant, in two steps: first for a grace period, then for good with --erase."""
    if erase:
        _erase(tenant, is_sure=yes)
        return
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        closes_at = datetime.now(UTC) + timedelta(days=days)
        work.tenants.set_status(tenant, "closing", reason=reason, closes_at=closes_at)
        work.events.add(
            "tenant.closing", tenant, tenant_id=tenant, data={"closes_at": closes_at.isoformat()}
        )
    console.say(
        f"{tenant} is closing. Until {closes_at:%Y-%m-%d %H:%M} UTC it can be read and exported, "
        f"and reviewgraph tenant resume {tenant} opens it again. After that: "
        f"reviewgraph tenant close {tenant} --erase"
    )


def _erase(tenant: str, *, is_sure: bool) -> None:
    from pipelines.closing import close_for_good
    from pipelines.session import open_session

    if not is_sure:
        typer.confirm(f"Erase every review, number, report and setting of {tenant}?", abort=True)
    with open_session() as session:
        with session.database.jobs() as work:
            found = work.tenants.require(tenant)
        if found.status != "closed":
            if found.status != "closing" or found.closes_at is None:
                raise NotYetError(
                    f"{tenant} is {found.status}. Close it first: reviewgraph tenant close {tenant}"
                )
            if found.closes_at > datetime.now(UTC):
                raise NotYetError(
                    f"{tenant} can be opened again until {found.closes_at:%Y-%m-%d %H:%M} UTC; "
                    "erase it after that."
                )
        for what, count in close_for_good(session, tenant).items():
            console.say(f"  {what:<44}{count:>10,}")
    console.say(f"{tenant} is closed, and nothing is left of it but its name and its usage.")


def export(
    tenant: Tenant,
    out: Annotated[Path | None, typer.Option(help="The zip file to write.")] = None,
) -> None:
    """Write everything that a tenant has into one archive."""
    from pipelines.exporting import write_to
    from pipelines.session import open_session

    target = out or Path(f"{tenant}.zip")
    if target.exists():
        raise ExportFileError(f"{target} is there already. Choose another file with --out.")
    draft = target.with_name(f"{target.name}.part")
    with open_session() as session:
        try:
            archived = write_to(draft, session, tenant)
            draft.rename(target)
        except OSError as error:
            raise ExportFileError(f"{target} cannot be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
    console.say(f"Wrote {len(archived.files):,} files to {target}.")
    for name in archived.missing:
        console.say(f"  not in the object store any more: {name}")


def role_named(name: str) -> Role:
    """The role of a name.

    Raises:
        BadParameter: If there is none.
    """
    from resources.database.users import ROLES

    for role in ROLES:
        if role == name:
            return role
    raise typer.BadParameter(f"There is no role {name!r}; choose from {', '.join(ROLES)}.")


def _parsed_limit(pair: str) -> tuple[str, int | None]:
    from resources.database.plans import LIMIT_NAMES

    name, _, value = pair.partition("=")
    # Other scripts have digits too, some of which int() does not read, and int() has its own end.
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(MAX_LIMIT))
    number = int(value) if is_number else None
    if name not in LIMIT_NAMES or not (
        value == "none" or (number is not None and number <= MAX_LIMIT)
    ):
        raise typer.BadParameter(
            f"{pair[:80]!r} is no limit such as seats=20 or seats=none, up to {MAX_LIMIT:,}; there "
            f"are {', '.join(LIMIT_NAMES)}.",
            param_hint="--limit",
        )
    return name, number
