"""Nothing that lets somebody in stands in a log or in a dump of the database."""

from __future__ import annotations

import base64
import json
import logging
import uuid

import pytest
from sqlalchemy import text

from resources.keys import LASTING
from resources.logs import JsonLines
from tests.api_world import PASSWORD, running_world

# What the tests' own client says of its requests is not our log.
OF_THE_CLIENT = ("httpx", "httpcore")


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


class Lines(logging.Handler):
    """Everything that anybody logs, down to the last detail, as the server would write it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())
        self.written = []

    def emit(self, record):
        if not record.name.startswith(OF_THE_CLIENT):
            self.written += [self.format(record), str(record.msg), str(record.args)]


@pytest.fixture
def log():
    root, lines = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines.written
    root.setLevel(level)
    root.removeHandler(lines)


def dump(world):
    """Every row of every table, as text."""
    query = (
        "select schemaname, tablename from pg_tables"
        " where schemaname in ('reviewgraph', 'jobs', 'dagster') and has_table_privilege("
        " format('%I.%I', schemaname, tablename), 'select')"
    )
    with world.database.jobs() as work:
        tables = work.session.execute(text(query)).all()
        work.session.execute(text("select set_config('bytea_output', 'hex', true)"))
        work.signing_keys.known()
        rows = [
            f"{schema}.{table} {row}"
            for schema, table in tables
            for row in work.session.scalars(text(f'select t::text from "{schema}"."{table}" t'))
        ]
    names = {row.split()[0] for row in rows}
    assert {
        "reviewgraph.sessions",
        "reviewgraph.api_keys",
        "reviewgraph.signing_keys",
        "reviewgraph.lasting_keys",
    } <= names
    return "\n".join(rows)


def spellings(secret):
    """A secret as text, and its bytes as dumps and logs may spell them."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    texts = {raw.hex(), base64.b64encode(raw).decode().rstrip("=")}
    texts.add(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    return texts if isinstance(secret, bytes) else texts | {secret}


def use_everything(world):
    """Use each kind of secret, well and badly; return what lets somebody in, by name."""
    grant = world.log_in("ada")
    with world.client(Authorization=f"Bearer {grant['access_token']}") as ada:
        wanted = {"name": "a key", "scopes": ["metrics:read"]}
        made = ada.post("/v1/tenants/acme/api-keys", json=wanted).json()
        ada.get("/v1/sessions")
        renewed = ada.post(
            "/v1/auth/refresh", json={"refresh_token": grant["refresh_token"]}
        ).json()
        # In wrong places, wrong forms and at the wrong time
        ada.post("/v1/auth/refresh", json={"refresh_token": made["key"]})
        ada.post("/v1/auth/refresh", json={"refresh_token": renewed["refresh_token"], "x": 1})
        ada.post("/v1/auth/token", json={"email": "ada@example.com", "password": made["key"]})
        ada.get(f"/v1/sessions?token={made['key']}")
        ada.get(f"/v1/tenants/acme/reviews?search={grant['access_token']}")
        ada.delete(f"/v1/sessions/{renewed['refresh_token']}")
        ada.delete(f"/v1/tenants/acme/api-keys/{made['key']}")
    with world.client(Authorization=f"Bearer {made['key']}") as program:
        assert program.get("/v1/tenants/acme/metrics").status_code == 200
        program.get("/v1/tenants/acme/reports")
    for shown in (made["key"] + "x", renewed["refresh_token"], grant["access_token"][:-1]):
        with world.client(Authorization=f"Bearer {shown}") as stranger:
            assert stranger.get("/v1/me").status_code == 401
    with world.client(Authorization=f"Bearer {renewed['access_token']}") as ada:
        assert ada.delete(f"/v1/tenants/acme/api-keys/{made['id']}").status_code == 204
        assert ada.post("/v1/auth/logout").status_code == 204
    with world.database.jobs() as work:
        token = work.one_time_tokens.issue("reset_password", email="ada@example.com")
        link = work.one_time_tokens.text_of(token)
        private = [key.private for key in work.signing_keys.known()]
    return {
        "password": PASSWORD,
        "access token": grant["access_token"],
        "its signature": grant["access_token"].rpartition(".")[2],
        "refresh token": grant["refresh_token"].removeprefix("rg_refresh_"),
        "next refresh token": renewed["refresh_token"].removeprefix("rg_refresh_"),
        "name of a device": grant["device"],
        "API key": made["key"],
        "secret of the API key": made["key"][31:-6],
        "token of a link": link,
        "secret of the installation": world.settings.signing_key,
        **{f"signing key {number}": key for number, key in enumerate(private)},
        **{
            f"derived for {purpose}": world.database.keys.derive(purpose)
            for purpose in (*LASTING, "refresh token", "token signing key", "cursors")
        },
    }


def test_no_secret_stands_in_a_log_or_in_a_dump_of_the_database(world, log):
    secrets = use_everything(world)
    logged, stored = "\n".join(log), dump(world)
    assert "logged in" in logged
    assert json.loads(log[0])
    for name, secret in secrets.items():
        for spelling in spellings(secret):
            assert spelling not in logged, name
            assert spelling not in stored, name


def test_the_search_would_find_a_secret(world, log):
    """A search that cannot find anything proves nothing."""
    secret = uuid.uuid4().hex
    logging.getLogger("serving_api").info("told %s", secret)
    with world.database.jobs() as work:
        work.events.add("search.tried", secret)
        work.session.execute(
            text("update reviewgraph.api_keys set mac = :mac"), {"mac": secret.encode()}
        )
    assert secret in "\n".join(log)
    stored = dump(world)
    assert secret in stored
    assert secret.encode().hex() in stored
