"""``reviewgraph sessions``: where a user is logged in, for whoever runs the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_address
from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from resources.database import UnitOfWork, User


class UnknownUserError(ReviewGraphError):
    """Nobody has that address."""


app = typer.Typer(no_args_is_help=True, help="Where users are logged in.")
Address = Annotated[str, typer.Argument(help="The user's email address.", callback=checked_address)]


@app.command("list")
def list_sessions(user: Address) -> None:
    """List the sessions of a user that last."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        rows = [
            (
                str(found.id),
                f"{found.created_at:%Y-%m-%d %H:%M}",
                f"{found.last_used_at:%Y-%m-%d %H:%M}",
                found.address,
                found.user_agent,
            )
            for found in work.sessions.list(_user(work, user).id)
        ]
    if rows:
        console.table(("session", "began (UTC)", "last used (UTC)", "address", "client"), rows)
    else:
        console.say(f"{user} is logged in nowhere.")


@app.command("end")
def end_sessions(user: Address) -> None:
    """End all sessions of a user. A running API refuses their tokens from the next request on."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        lasting = work.sessions.list(_user(work, user).id)
        for found in lasting:
            work.sessions.end(found.user_id, found.id, "ended_by_operator")
            work.events.add(
                "session.ended",
                str(found.id),
                data={"user": str(found.user_id), "reason": "ended_by_operator"},
            )
    console.say(f"Ended {len(lasting)} session{'' if len(lasting) == 1 else 's'} of {user}.")


def _user(work: UnitOfWork, address: str) -> User:
    user = work.users.by_email(address)
    if user is None:
        raise UnknownUserError(f"There is no user with the address {address}.")
    return user
