"""What tests of accounts share: the mails that wait to be sent, and what their links hold."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import text

from tests.api_world import World

GOOD = "tulips argue with thunder"
BETTER = "nine cups of purple soup"

_MAILS = text(
    "select args ->> 'template' as template, args ->> 'to' as address, args -> 'data' as data"
    " from jobs.procrastinate_jobs where task_name = 'send_mail' order by id"
)


def mails_to(world: World, address: str) -> list[str]:
    """The templates of the mails to an address, the oldest first."""
    return [mail["template"] for mail in _mails(world) if mail["address"] == address]


def token_for(world: World, address: str, template: str) -> str:
    """What the link in the newest mail of a template to an address holds."""
    mail = [m for m in _mails(world) if (m["address"], m["template"]) == (address, template)][-1]
    with world.database.jobs() as work:
        token = work.one_time_tokens.get(uuid.UUID(mail["data"]["token_id"]))
        assert token is not None
        return work.one_time_tokens.text_of(token)


def _mails(world: World) -> list[dict[str, Any]]:
    with world.database.jobs() as work:
        return [dict(row) for row in work.session.execute(_MAILS).mappings()]


def forget_limits(world: World) -> None:
    """Let every limit count from nothing."""
    with world.database.jobs() as work:
        work.session.execute(text("delete from reviewgraph.rate_limits"))


def events_of(world: World, email: str) -> list[str]:
    """What happened to an account, the oldest first."""
    query = text(
        "select e.type from reviewgraph.events e join reviewgraph.users u"
        " on e.subject = u.id::text where u.email = :email and e.type like 'user.%'"
        " order by e.position"
    )
    with world.database.jobs() as work:
        return list(work.session.scalars(query, {"email": email}))


def new_account(world: World, email: str, password: str = GOOD, name: str = "Nora Quill") -> None:
    """Register an account and confirm its address."""
    with world.client() as client:
        body = {"email": email, "name": name, "password": password}
        answer = client.post("/v1/auth/register", json=body)
        assert answer.status_code == 202, answer.text
        token = token_for(world, email, "verify_email")
        answer = client.post("/v1/auth/verify-email", json={"token": token, "password": password})
        assert answer.status_code == 204, answer.text
    forget_limits(world)


def log_in(world: World, email: str, password: str = GOOD, **more: str) -> Any:
    """The answer to a log-in."""
    with world.client() as client:
        return client.post("/v1/auth/token", json={"email": email, "password": password, **more})


def client_of(world: World, email: str, password: str = GOOD) -> Any:
    """A client with a session of its own."""
    answer = log_in(world, email, password)
    assert answer.status_code == 200, answer.text
    return world.client(Authorization=f"Bearer {answer.json()['access_token']}")


def slug(answer: Any) -> str:
    """Which kind of problem an answer is."""
    return str(answer.json()["type"]).rpartition(":")[2]
