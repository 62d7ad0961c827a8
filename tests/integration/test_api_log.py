"""What the API logs of its requests, refusals and errors, by the command that people start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import httpx2
import pytest
from sqlalchemy import create_engine, text

from resources.settings import PROJECT_ROOT
from tests.api_world import PASSWORD

ACME = "/v1/tenants/acme"
# What people send, each in a place of its own. Nothing of it may stand in the log.
SECRETS = {
    "searched": "whispered-search",
    "product": "whispered-product",
    "password": "whispered-password",
    "email": "whispered@example.com",
    "text": "whispered-text of a review",
    "path": "whispered-path",
    "token": "whispered.token.here",
    "cursor": "whispered-cursor",
    "agent": "whispered-agent",
    "key": "whispered-key",
}


@pytest.fixture(scope="module")
def log(world, tmp_path_factory):
    """The log of a server that `reviewgraph api` runs; ``log.address`` leads to it."""
    path = tmp_path_factory.mktemp("log") / "api.log"
    command = [sys.executable, "-m", "pipelines.cli", "api", "--port", "0"]
    environment = {
        **os.environ,
        "REVIEWGRAPH_HOME": str(world.settings.home),
        "REVIEWGRAPH_SECRET_KEY": world.settings.signing_key,
        "REVIEWGRAPH_DATABASE_URL": world.settings.database_url.get_secret_value(),
        "REVIEWGRAPH_WORKERS": "1",
    }
    with (
        path.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as server,
    ):
        try:
            yield Log(path, json.loads(server.stdout.readline())["api"])
        finally:
            server.terminate()
            server.wait(30)


class Log:
    """A log on disk, and the server that writes it."""

    def __init__(self, path, address):
        self.path, self.address = path, address

    def client(self, token=None, **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx2.Client(base_url=self.address, headers=headers, trust_env=False, timeout=60)

    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def of(self, answer):
        """The lines of one request; its own is written when the answer has left."""
        name = answer.headers["x-request-id"]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            lines = [line for line in self.lines() if line.get("request_id") == name]
            if lines and lines[-1]["event"] == "request":
                return lines
            time.sleep(0.05)
        raise AssertionError(f"there is no line of request {name}")

    def request(self, answer):
        *_, line = self.of(answer)
        return line


def test_every_request_has_one_line_that_says_what_became_of_it(world, log):
    with log.client(world.token("ada")) as ada:
        answers = [
            ada.get("/healthz"),
            ada.get(f"{ACME}/metrics"),
            ada.get(f"{ACME}/reports/{world.ids['acme']['report']}/files/pdf"),
            ada.post(f"{ACME}/reports", json={}),
            ada.delete("/v1/me"),
        ]
    told = [log.request(answer) for answer in answers]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("GET", "/healthz", 200),
        ("GET", "/v1/tenants/{tenant}/metrics", 200),
        ("GET", "/v1/tenants/{tenant}/reports/{report_id}/files/{file_format}", 200),
        ("POST", "/v1/tenants/{tenant}/reports", 202),
        ("DELETE", "/v1/me", 405),
    ]
    assert told[1]["tenant"] == "acme"
    assert told[1]["user"] == str(world.users["ada"].id)
    assert told[2]["bytes"] == len(answers[2].content)
    for one in told:
        assert one["level"] == "info"
        assert one["milliseconds"] > 0
        assert one["client"] == "127.0.0.1"
    names = [line["request_id"] for line in log.lines() if line["event"] == "request"]
    assert len(names) == len(set(names))


def test_refusals_are_warnings_that_name_the_problem(world, log):
    attempt = {"email": "ada@example.com", "password": "wrong"}
    with log.client() as anonymous, log.client(world.token("vic")) as vic:
        answers = [
            anonymous.get("/v1/me"),
            anonymous.get("/v1/me", headers={"Authorization": "Bearer x.y.z"}),
            anonymous.post("/v1/auth/token", json=attempt),
            vic.post(f"{ACME}/reports", json={}),
        ]
        unknown = vic.get("/v1/tenants/brava/metrics")
    told = [log.request(answer) for answer in answers]
    assert [(one["level"], one["status"], one["problem"]) for one in told] == [
        ("warning", 401, "unauthenticated"),
        ("warning", 401, "unauthenticated"),
        ("warning", 401, "invalid-credentials"),
        ("warning", 403, "forbidden"),
    ]
    assert [line["event"] for line in log.of(answers[2])] == ["log-in refused", "request"]
    assert log.request(unknown)["problem"] == "not-found"


def test_a_request_with_an_api_key_names_the_key_and_its_maker_and_no_secret(world, log):
    key, shown = world.key("acme", "ada", "metrics:read")
    with log.client(shown) as program:
        told = log.request(program.get(f"{ACME}/metrics"))
    assert (told["user"], told["key"]) == (str(world.users["ada"].id), str(key.id))
    with log.client(world.token("ada")) as ada:
        assert "key" not in log.request(ada.get(f"{ACME}/metrics"))
    assert shown[31:-6] not in log.path.read_text()


def test_a_log_in_is_logged_with_the_user_and_the_session(world, log):
    with log.client() as anonymous:
        answer = anonymous.post(
            "/v1/auth/token", json={"email": "ada@example.com", "password": PASSWORD}
        )
    entered, _ = log.of(answer)
    assert (entered["event"], entered["user"]) == ("logged in", str(world.users["ada"].id))
    assert entered["session"]
    assert answer.json()["access_token"] not in log.path.read_text()


def test_an_unexpected_error_is_logged_under_the_id_that_the_answer_gives(world, log):
    owner = create_engine(world.database.owner_url)
    with log.client(world.token("ada")) as ada, owner.connect() as connection:
        connection.execute(
            text("alter table reviewgraph.users rename column password_hash to hidden")
        )
        connection.commit()
        try:
            answer = ada.post(
                "/v1/auth/token",
                json={"email": SECRETS["email"], "password": SECRETS["password"]},
            )
        finally:
            connection.execute(
                text("alter table reviewgraph.users rename column hidden to password_hash")
            )
            connection.commit()
    owner.dispose()
    assert answer.status_code == 500
    assert "logged" in answer.json()["detail"]
    error, request = log.of(answer)
    assert (error["level"], error["event"]) == ("error", "failed")
    assert error["request_id"] == answer.json()["request_id"]
    assert [one["type"] for one in error["errors"]] == [
        "sqlalchemy.exc.ProgrammingError",
        "psycopg.errors.UndefinedColumn",
    ]
    assert any("verify_password" in place for place in error["errors"][0]["at"])
    assert (request["level"], request["problem"]) == ("error", "unexpected")


def test_what_the_api_stands_on_and_does_not_find_is_logged_with_its_reason(world, log):
    folder = world.settings.snapshots_path / "brava"
    hidden = folder.rename(folder.with_name("hidden"))
    try:
        with log.client(world.token("bob")) as bob:
            answer = bob.get("/v1/tenants/brava/metrics")
    finally:
        hidden.rename(folder)
    assert answer.status_code == 503
    error, request = log.of(answer)
    assert error["errors"][0]["message"]
    assert request["problem"] == "numbers-unreadable"


def test_nothing_that_people_send_stands_in_the_log(world, log):
    secret = SECRETS
    with log.client(world.token("ada"), **{"User-Agent": secret["agent"]}) as ada:
        answers = [
            ada.get(f"{ACME}/reviews", params={"q": secret["searched"]}),
            ada.get(f"{ACME}/metrics/topics", params={"product": secret["product"]}),
            ada.get(f"{ACME}/reviews", params={"cursor": secret["cursor"]}),
            ada.get(f"{ACME}/reviews", params={secret["searched"]: "1"}),
            ada.get(f"{ACME}/reviews/{secret['path']}"),
            ada.get(f"/v1/tenants/{secret['path'].upper()}/metrics"),
            ada.get(f"/{secret['path']}"),
            ada.get("/v1/me", headers={"Authorization": f"Bearer {secret['token']}"}),
            ada.post(f"{ACME}/reports", json={}, headers={"Idempotency-Key": secret["key"]}),
            ada.post(f"{ACME}/reports", json={"period_start": secret["text"]}),
            ada.post("/v1/analyze?tenant=acme", json={"texts": [{"text": secret["text"]}]}),
            ada.post("/v1/analyze?tenant=acme", json={"texts": [{"title": [secret["text"]]}]}),
            ada.post(
                "/v1/auth/token", json={"email": secret["email"], "password": secret["password"]}
            ),
            ada.post("/v1/auth/token", json={"password": secret["password"]}),
            ada.get(f"{ACME}/metrics", headers={"X-Request-ID": f"{secret['path']} and more"}),
        ]
    for answer in answers:
        log.request(answer)
    written = log.path.read_text()
    for place, value in secret.items():
        assert value.lower() not in written.lower(), place
    assert PASSWORD not in written
    assert world.token("ada") not in written
    assert world.settings.signing_key not in written


def test_no_client_can_write_a_line_of_its_own(world, log):
    before = len(log.lines())
    with log.client(world.token("ada")) as ada:
        answers = [
            ada.get('/v1/%0A{"event":"forged"}'),
            ada.get("/healthz", headers={"X-Request-ID": 'x","event":"forged'}),
            ada.get(f"{ACME}/reviews", params={"q": '\n{"event":"forged"}\r\n\u2028'}),
        ]
    for answer in answers:
        log.request(answer)
    assert len(log.lines()) == before + len(answers)
    assert "forged" not in log.path.read_text()


def test_links_lead_to_where_the_server_runs(world, log):
    assert world.settings.site == log.address
