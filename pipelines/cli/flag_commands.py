"""``reviewgraph flag``: what is switched on for whom."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_tenant

app = typer.Typer(no_args_is_help=True, help="Switch features on and off.")


@app.command("set")
def set_flag(
    name: Annotated[str, typer.Argument(help="The flag; made if there is none.")],
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is on.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is.")] = None,
    plan: Annotated[
        list[str] | None, typer.Option(help="Only for tenants of this plan; repeat it.")
    ] = None,
    percentage: Annotated[
        int | None, typer.Option(min=0, max=100, help="For this share of those tenants.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Only this tenant's own switch, which goes before all else.",
            callback=checked_tenant,
        ),
    ] = None,
    reset: Annotated[bool, typer.Option(help="Take the tenant's own switch away.")] = False,
) -> None:
    """Make a flag, change it, or give one tenant a switch of its own. A new flag is off."""
    from pipelines.session import open_session

    if tenant is not None and (on is None) is not reset:
        raise typer.BadParameter(
            "Give --on, --off or --reset with --tenant.", param_hint="--tenant"
        )
    if tenant is None and reset:
        raise typer.BadParameter("Goes with --tenant.", param_hint="--reset")
    with open_session() as session, session.database.jobs() as work:
        if tenant is not None:
            work.tenants.require(tenant)
            work.flags.override(name, tenant, is_on=None if reset else on)
            work.events.add(
                "feature.changed", name, tenant_id=tenant, data={"is_on": None if reset else on}
            )
            said = "follows the flag again" if reset else "has" if on else "does not have"
            console.say(f"{tenant} {said} {name}.")
            return
        flag = work.flags.set(
            name, is_on=on, description=description, plans=plan, percentage=percentage
        )
        work.events.add("feature.changed", name, data={"is_on": flag.is_on})
    state = "on" if flag.is_on else "off"
    console.say(f"{name} is {state}{_for_whom(flag.plans, flag.percentage)}.")


@app.command("list")
def list_flags(
    tenant: Annotated[
        str | None,
        typer.Option(help="What this tenant has, and why.", callback=checked_tenant),
    ] = None,
) -> None:
    """List the flags."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        flags = work.flags.list()
        decided = {}
        if tenant is not None:
            decided = work.flags.of_tenant(work.tenants.require(tenant))
    if not flags:
        console.say("There is no flag yet. Make one with: reviewgraph flag set new-report")
    elif tenant is None:
        console.table(
            ("flag", "state", "plans", "percent", "description"),
            [
                (
                    flag.name,
                    "on" if flag.is_on else "off",
                    ", ".join(flag.plans) or "all",
                    flag.percentage,
                    flag.description,
                )
                for flag in flags
            ],
        )
    else:
        console.table(
            ("flag", "has it", "decided by"),
            [(name, "yes" if has else "no", why) for name, (has, why) in decided.items()],
        )


def _for_whom(plans: tuple[str, ...], percentage: int) -> str:
    share = "" if percentage == 100 else f" for {percentage} percent"  # noqa: PLR2004 - all
    return f"{share}{' of the plans ' + ', '.join(plans) if plans else ''}"
