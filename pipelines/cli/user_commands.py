"""``reviewgraph user``: the people who may log in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import console
from pipelines.cli.options import checked_address
from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from resources.database import UnitOfWork, User
    from resources.settings import Settings


class UnknownUserError(ReviewGraphError):
    """An address was named that has no account."""


app = typer.Typer(no_args_is_help=True, help="Create users, let them in again, or keep them out.")

Address = Annotated[str, typer.Argument(help="The email address.", callback=checked_address)]
ByMail = Annotated[
    bool, typer.Option("--mail", help="Send the link by mail instead of printing it.")
]


@app.command("create")
def create(
    email: Address,
    name: Annotated[str | None, typer.Option(help="What to call the person.")] = None,
    mail: ByMail = False,
) -> None:
    """Create a user, who chooses a password by a link that works once and for 30 minutes.

    You vouch for the address. Let the user into a tenant with `reviewgraph tenant create --user`.
    """
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        user = work.users.create(email, name or email.split("@")[0], None)
        _tell(work, user, "user.registered")
        console.say(f"Created {user.email}.")
        _give_link(work, user, session.settings, by_mail=mail)


@app.command("reset")
def reset(
    email: Address,
    mail: ByMail = False,
    second_factor: Annotated[
        bool,
        typer.Option(
            "--second-factor",
            help="Remove the second factor too, for who has lost it and the recovery codes.",
        ),
    ] = False,
) -> None:
    """Let a user choose another password by a link; all sessions and other links end now."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        user = _user(work, email)
        ended = work.sessions.end_all(user.id, "ended_by_operator")
        work.one_time_tokens.revoke_all(user.id)
        console.say(f"Ended {ended} {'session' if ended == 1 else 'sessions'} of {user.email}.")
        if second_factor:
            work.second_factors.remove(user.id)
            _tell(work, user, "user.second_factor_disabled")
            work.mail.send("second_factor_removed", to=user.email, name=user.name)
            console.say("Log-ins ask for the password alone from now on.")
        _tell(work, user, "user.password_reset_asked")
        _give_link(work, user, session.settings, by_mail=mail)


@app.command("disable")
def disable(email: Address) -> None:
    """Let a user log in no longer. Sessions end now; the user's API keys rest."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        user = _user(work, email)
        work.users.set_active(user.id, is_active=False)
        work.one_time_tokens.revoke_all(user.id)
        _tell(work, user, "user.disabled")
    console.say(f"{user.email} can log in no longer.")


@app.command("enable")
def enable(email: Address) -> None:
    """Let a user log in again who was disabled. The user's API keys work again, too."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        user = _user(work, email)
        work.users.set_active(user.id, is_active=True)
        _tell(work, user, "user.changed", changed=["is_active"])
    console.say(f"{user.email} can log in.")


def _user(work: UnitOfWork, email: str) -> User:
    user = work.users.by_email(email)
    if user is None:
        raise UnknownUserError(
            f"There is no user with the address {email}. Make one with: "
            f"reviewgraph user create {email}"
        )
    return user


def _tell(work: UnitOfWork, user: User, kind: str, **more: Any) -> None:
    work.events.add(kind, str(user.id), data={"user": str(user.id), "by": "operator", **more})


def _give_link(work: UnitOfWork, user: User, settings: Settings, *, by_mail: bool) -> None:
    """Issue a token to choose a password, and mail or print the link that holds it."""
    token = work.one_time_tokens.issue("reset_password", email=user.email, user_id=user.id)
    if by_mail:
        work.mail.send("reset_password", to=user.email, token_id=str(token.id))
        console.say("A link to choose a password is sent as soon as a worker runs.")
        return
    text = work.one_time_tokens.text_of(token)
    console.say("Choose a password within 30 minutes (shown only now, works once):")
    console.say(f"{settings.site}/confirm?purpose=reset_password&token={text}")
