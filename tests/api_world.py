"""A small installation with two tenants, served over real HTTP, for every test that asks the API.

What the tests expect is worked out from ``tests.published_reviews`` in plain Python, not by the
code under test.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from resources.database import Database, ImportBatch, StageRecord
from resources.database.api_keys import ApiKey
from resources.database.users import hash_password
from resources.settings import Settings
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore
from serving_api.main import create_app
from serving_api.server import AnnouncingServer, address_of, bind
from tests.published_reviews import FIRST_DAY, review_key, reviews_of, tables_of

PASSWORD = "correct horse battery staple"
RECEIVED_DAY = date(2026, 3, 20)
FORMATS = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass
class World:
    """The running installation.

    Attributes:
        app: The application.
        base: Its address.
        settings: Its settings.
        database: Its database, of which the tests also use the side of the graph.
        snapshots: Its snapshots.
        objects: Its files.
        users: Email of each user by nickname.
        ids: What exists of each tenant: ``snapshot``, ``report``, ``request``, ``file``,
            ``review``, ``source`` and ``import``.
        tokens: Access tokens by nickname, each fetched once.
    """

    app: FastAPI
    base: str
    settings: Settings
    database: Database
    snapshots: SnapshotStore
    objects: ObjectStore
    users: dict[str, Any]
    ids: dict[str, dict[str, str]]
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, nickname: str | None = None, **headers: str) -> httpx2.Client:
        """A client that sends the user's token."""
        if nickname is not None:
            headers["Authorization"] = f"Bearer {self.token(nickname)}"
        return httpx2.Client(
            base_url=self.base,
            headers=headers,
            trust_env=False,
            timeout=30,
            verify=False,  # nothing is encrypted on loopback, and reading certificates takes 20 ms
        )

    def token(self, nickname: str) -> str:
        """The user's access token."""
        if nickname not in self.tokens:
            self.tokens[nickname] = self.token_of_new_session(nickname)
        return self.tokens[nickname]

    def token_of_new_session(self, nickname: str) -> str:
        """What a log-in gives, without the password: hashing one is slow on purpose."""
        user = self.users[nickname].id
        with self.database.jobs() as work:
            session = work.sessions.start(user)
        token: str = self.app.state.services.tokens.issue(user, session.id)
        return token

    def log_in(self, nickname: str) -> dict[str, Any]:
        """The tokens of a new session of the user."""
        with self.client() as client:
            answer = client.post(
                "/v1/auth/token",
                json={"email": self.users[nickname].email, "password": PASSWORD},
            )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def changed_behind_it(self) -> None:
        """Let the application answer from memory only once it has heard of what a test changed.

        It hears within a second, and a test may ask sooner.
        """
        self.app.state.services.memory.catch_up()

    def key(self, tenant: str, nickname: str, *scopes: str) -> tuple[ApiKey, str]:
        """An API key of a tenant that the user has made, and what a program shows."""
        with self.database.jobs() as work:
            return work.api_keys.create(
                tenant,
                self.users[nickname].id,
                name="of a test",
                scopes=scopes,
                lifetime=timedelta(days=1),
            )


def fresh_token(world: World, nickname: str) -> str:
    """A token of a new session, whatever the requests before have used up and done to the account.

    The examples of the documentation change the password of whoever has the one of the examples.
    """
    user_id = world.users[nickname].id
    with world.database.jobs() as work:
        work.session.execute(text("delete from reviewgraph.rate_limits"))
        work.users.set_password_hash(user_id, _hashed(PASSWORD))
        work.second_factors.remove(user_id)
    world.tokens.pop(nickname, None)
    return world.token(nickname)


def file_content(tenant: str, file_format: str) -> bytes:
    """What the report of a tenant holds in one format."""
    return f"{file_format} report of {tenant}\n".encode() * 1000


def read(client: httpx2.Client, address: str, **parameters: Any) -> Any:
    """The answer to a request that must succeed."""
    answer = client.get(address, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def all_pages(client: httpx2.Client, address: str | None) -> list[Any]:
    """Every item of a list, by following ``next`` to its end."""
    items = []
    while address:
        page = read(client, address)
        items += page["items"]
        address = page["next"]
    return items


def figures_in(body: Any) -> Iterator[dict[str, Any]]:
    """Every figure of an answer, wherever it stands."""
    if isinstance(body, dict):
        if {"value", "review_count", "reviews"} <= body.keys():
            yield body
        for value in body.values():
            yield from figures_in(value)
    elif isinstance(body, list):
        for value in body:
            yield from figures_in(value)


@contextlib.contextmanager
def running_world(settings: Settings, database: Database) -> Iterator[World]:
    """Fill an empty installation and serve it for a while."""
    snapshots = SnapshotStore(settings.snapshots_path)
    objects = ObjectStore.from_settings(settings)
    users = _create_users(database)
    ids = {tenant: _publish(database, snapshots, objects, tenant) for tenant in ("acme", "brava")}
    app = create_app(settings, database, snapshots, objects)
    with contextlib.closing(snapshots), serving(app) as base:
        yield World(app, base, settings, database, snapshots, objects, users, ids)


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of loopback."""
    listener = bind(0)
    server = AnnouncingServer(app, address_of(listener))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server could not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.01)
    try:
        yield server.address
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@cache
def _hashed(password: str) -> str:
    """The hash that all users of a world share: hashing is slow on purpose."""
    return hash_password(password)


def _create_users(database: Database) -> dict[str, Any]:
    with database.jobs() as work:
        for tenant in ("acme", "brava", "empty"):
            work.tenants.create(tenant, tenant.title(), colour="#123456")
        hashed = _hashed(PASSWORD)
        users = {
            name: work.users.add(
                f"{name}@example.com",
                name.title(),
                hashed,
                is_active=name != "off",
                is_verified=True,
            )
            for name in ("ada", "vic", "bob", "eve", "zoe", "off")
        }
        work.users.add_membership("acme", users["ada"].id, "owner")
        work.users.add_membership("empty", users["ada"].id, "viewer")
        work.users.add_membership("acme", users["vic"].id, "viewer")
        work.users.add_membership("acme", users["off"].id, "viewer")
        work.users.add_membership("brava", users["bob"].id, "owner")
    return users


def _publish(
    database: Database, snapshots: SnapshotStore, objects: ObjectStore, tenant: str
) -> dict[str, str]:
    published = snapshots.publish(tenant, tables_of(reviews_of(tenant)), {})
    files = []
    for file_format, media_type in FORMATS.items():
        stored = objects.put(tenant, file_content(tenant, file_format), suffix=f".{file_format}")
        files.append(
            {
                "format": file_format,
                "key": stored.key,
                "sha256": stored.sha256,
                "bytes": stored.size,
                "media_type": media_type,
            }
        )
    with database.jobs() as work:
        work.snapshots.point_to(
            tenant,
            published.version,
            path=str(published.path),
            row_count=sum(published.row_counts.values()),
        )
        source = work.sources.create(
            tenant,
            "google_reviews",
            f"maps of {tenant}",
            {"place_id": f"place-of-{tenant}", "location_code": 2840, "language_code": "en"},
        )
        batch_id = hashlib.md5(f"file of {tenant}".encode()).hexdigest()
        work.imports.record(
            ImportBatch(
                id=batch_id,
                tenant_id=tenant,
                source="shop",
                file_name=f"reviews of {tenant}.csv",
                byte_count=1000,
                record_count=90,
                day=RECEIVED_DAY,
                mapping={"text": "Review"},
                landed_at=datetime(2026, 3, 20, 8, tzinfo=UTC),
            )
        )
        work.ledger.record(
            StageRecord(tenant_id=tenant, day=RECEIVED_DAY, stage="collected", rows_kept=90)
        )
        request = work.reports.request(tenant, requested_by="schedule")
        report = work.reports.add_document(
            tenant,
            snapshot_version=published.version,
            title=f"Reviews of {tenant}",
            review_count=90,
            files=files,  # type: ignore[arg-type]
            request_id=request.id,
            period_start=FIRST_DAY,
            period_end=FIRST_DAY + timedelta(days=40),
        )
        erasure = work.erasures.ask(
            tenant, kind="author", requested_by="test", subject="author:0", sealed="nothing"
        )
    return {
        "snapshot": published.version,
        "report": str(report.id),
        "request": str(request.id),
        "file": files[0]["key"],
        "erasure": str(erasure.id),
        "review": review_key(tenant, 0),
        "source": str(source.id),
        "import": batch_id,
    }
