"""``reviewgraph keys``: the keys that sign access tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import console

app = typer.Typer(no_args_is_help=True, help="The keys that sign access tokens.")


@app.command("list")
def list_keys() -> None:
    """List the keys whose tokens are accepted: the next one, the one that signs, retired ones."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        work.signing_keys.ensure()
        rows = [
            (key.kid, key.state, f"{key.created_at:%Y-%m-%d %H:%M}")
            for key in work.signing_keys.known()
        ]
    console.table(("key", "state", "made (UTC)"), rows)


@app.command("rotate")
def rotate(
    compromised: Annotated[
        bool,
        typer.Option(
            "--compromised",
            help="The key is in wrong hands: forget all keys, so that every token ends at once.",
        ),
    ] = False,
) -> None:
    """Let the next key sign, and announce another one. Nobody is logged out by it."""
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        keys = work.signing_keys
        key = keys.replace_all() if compromised else keys.rotate()
    console.say(f"Access tokens are signed with the key {key.kid} from now on.")
    if compromised:
        console.say("All access tokens have ended; refresh tokens give new ones.")
    else:
        console.say("Those of the key before it are good until they end, within 15 minutes.")
