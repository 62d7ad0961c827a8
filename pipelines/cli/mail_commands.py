"""``reviewgraph mail``: the mails that the sandbox has taken, where no mail server is set."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console

app = typer.Typer(help="Mails: read what the sandbox has taken, or send one as a test.")


@app.command("list")
def list_mails() -> None:
    """List the mails that the sandbox has taken, the latest first."""
    from resources.sandbox.mail import MailFolder
    from resources.settings import Settings

    mails = MailFolder(Settings().mails_path).all()
    for stored in mails:
        taken = stored.taken_at.isoformat(timespec="seconds")
        console.say(f"{stored.name}  {taken}  {stored.mail['To']}  {stored.mail['Subject']}")
    if not mails:
        console.say("No mail has been taken. `reviewgraph mail test you@example.com` sends one.")


@app.command("show")
def show_mail(
    name: Annotated[str, typer.Argument(help="The mail's name, or the beginning of it.")],
) -> None:
    """Show one mail that the sandbox has taken."""
    from resources.sandbox.mail import MailFolder
    from resources.settings import Settings

    stored = MailFolder(Settings().mails_path).get(name)
    for header in ("From", "To", "Subject", "Date", "Message-ID"):
        console.say(f"{header}: {stored.mail[header]}")
    body = stored.mail.get_body(preferencelist=("plain", "html"))
    console.say("" if body is None else f"\n{body.get_content().rstrip()}")


@app.command("test")
def send_test_mail(
    to: Annotated[str, typer.Argument(help="The address that it goes to.")],
) -> None:
    """Send a mail as a test; the worker sends it as it sends every other."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.mail.send("test", to=to)
    console.say("It is sent as soon as a worker runs: `reviewgraph up`, or `reviewgraph worker`.")
