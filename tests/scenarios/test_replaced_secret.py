"""An installation's secret is replaced, twice: nobody is logged out, and no program stops."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest

from resources.settings import PROJECT_ROOT

COMMAND = [sys.executable, "-m", "pipelines.cli"]
OLD, NEW = "the first secret key of this installation", "the secret key that has replaced it"
NEWEST = "the secret key that has replaced the one that had replaced the first"
TENANT = "/v1/tenants/acme"


class Installation:
    """A home with an embedded server, and what it is told from outside."""

    def __init__(self, home, secret, previous=None):
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT_ROOT),
            "REVIEWGRAPH_HOME": str(home),
            "REVIEWGRAPH_SECRET_KEY": secret,
            "REVIEWGRAPH_SECRET_KEY_PREVIOUS": previous or "",
            "REVIEWGRAPH_WORKERS": "1",
        }

    def run(self, *arguments):
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=PROJECT_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self):
        with subprocess.Popen(
            [*COMMAND, "api", "--port", "0"],
            cwd=PROJECT_ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server:
            try:
                base = json.loads(server.stdout.readline())["api"]
                with httpx2.Client(base_url=base, trust_env=False, timeout=60) as client:
                    yield client
            finally:
                server.terminate()
                server.wait(60)


def shows(token):
    return {"Authorization": f"Bearer {token}"}


def refresh(client, token):
    answer = client.post("/v1/auth/refresh", json={"refresh_token": token})
    return answer.json() if answer.status_code == 200 else answer.status_code


@pytest.mark.slow
def test_replacing_the_secret_logs_nobody_out_and_stops_no_program(tmp_path):
    home = tmp_path / "home"
    before = Installation(home, OLD)
    said = before.run("tenant", "create", "acme", "--user", "ada@example.com")
    password = re.search(r"password (\S+)", said)[1]
    with before.serving() as client:
        grant = client.post(
            "/v1/auth/token", json={"email": "ada@example.com", "password": password}
        ).json()
        made = client.post(
            f"{TENANT}/api-keys",
            json={"name": "of a program", "scopes": ["tenant:read"]},
            headers=shows(grant["access_token"]),
        ).json()
        unused = client.post(
            f"{TENANT}/api-keys",
            json={"name": "never used meanwhile", "scopes": ["tenant:read"]},
            headers=shows(grant["access_token"]),
        ).json()

    with Installation(home, NEW, previous=OLD).serving() as client:
        assert client.get("/v1/me", headers=shows(grant["access_token"])).status_code == 200
        assert client.get(TENANT, headers=shows(made["key"])).status_code == 200
        renewed = refresh(client, grant["refresh_token"])
        assert client.get("/v1/me", headers=shows(renewed["access_token"])).status_code == 200

    with Installation(home, NEW).serving() as client:
        assert client.get(TENANT, headers=shows(made["key"])).status_code == 200
        assert client.get("/v1/me", headers=shows(renewed["access_token"])).status_code == 200
        assert refresh(client, grant["refresh_token"]) == 401  # of the secret that is forgotten
        assert set(refresh(client, renewed["refresh_token"])) == set(renewed)

    with Installation(home, NEWEST, previous=NEW).serving() as client:
        assert client.get(TENANT, headers=shows(made["key"])).status_code == 200

    with Installation(home, NEWEST).serving() as client:  # of OLD, nobody has heard for a while
        for key in (made, unused):
            assert client.get(TENANT, headers=shows(key["key"])).status_code == 200
