"""The operator's commands for users and domains, as they are typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from resources.settings import PROJECT_ROOT
from tests.account_world import BETTER, GOOD, client_of, log_in, mails_to, new_account
from tests.api_world import PASSWORD

LINK = re.compile(r"/confirm\?purpose=reset_password&token=([A-Za-z0-9_-]{64})\b")


@pytest.fixture
def type_command(world):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            cwd=PROJECT_ROOT,
            env={
                **os.environ,
                **world.settings.environment(),
                "PYTHONPATH": str(PROJECT_ROOT),
                "COLUMNS": "200",
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def choose(world, answer, password):
    """Choose a password by the link that a command printed."""
    token = LINK.search(answer.stdout.replace("\n", ""))[1]
    with world.client() as client:
        return client.post("/v1/auth/reset-password", json={"token": token, "password": password})


def test_a_user_is_created_and_let_in_again_by_a_link_that_works_once(world, type_command):
    answer = type_command("user", "create", "Nora@example.com", "--name", "Nora")
    assert answer.returncode == 0, answer.stderr
    assert "Created nora@example.com." in answer.stdout
    assert choose(world, answer, GOOD).status_code == 204
    assert choose(world, answer, BETTER).status_code == 400
    with client_of(world, "nora@example.com") as nora:
        reset = type_command("user", "reset", "nora@example.com", "--second-factor")
        assert "Ended 1 session of nora@example.com." in reset.stdout, reset.stderr
        assert nora.get("/v1/me").status_code == 401
    assert choose(world, reset, BETTER).status_code == 204
    assert log_in(world, "nora@example.com", BETTER).status_code == 200
    again = type_command("user", "create", "nora@example.com")
    assert again.returncode == 1
    assert "There is a user with the address" in again.stderr


def test_a_link_is_mailed_instead_of_printed(world, type_command):
    new_account(world, "mailed@example.com")
    answer = type_command("user", "reset", "mailed@example.com", "--mail")
    assert answer.returncode == 0, answer.stderr
    assert "token" not in answer.stdout
    assert mails_to(world, "mailed@example.com")[-1] == "reset_password"


def test_who_is_disabled_has_no_session_and_no_key_and_comes_back_by_a_new_log_in(
    world, type_command
):
    grant, (_, shown) = world.log_in("ada"), world.key("acme", "ada", "tenant:read")

    def seen():
        opened = []
        for token, address in ((grant["access_token"], "/v1/me"), (shown, "/v1/tenants/acme")):
            with world.client(Authorization=f"Bearer {token}") as client:
                opened.append(client.get(address).status_code)
        return opened

    assert seen() == [200, 200]
    assert type_command("user", "disable", "Ada@example.com").returncode == 0
    assert seen() == [401, 401]
    attempt = {"email": "ada@example.com", "password": PASSWORD}
    with world.client() as client:
        assert client.post("/v1/auth/token", json=attempt).status_code == 401
        assert type_command("user", "enable", "ada@example.com").returncode == 0
        assert client.post("/v1/auth/token", json=attempt).status_code == 200
    assert seen() == [401, 200]
    assert type_command("user", "disable", "nobody@example.com").returncode == 1


def test_wrong_addresses_and_domains_are_told_in_a_sentence(type_command):
    unknown = type_command("user", "reset", "nobody@example.com")
    assert (unknown.returncode, "reviewgraph user create" in unknown.stderr) == (1, True)
    assert type_command("user", "create", "no address").returncode == 2
    assert type_command("domain", "add", "acme", "no domain").returncode == 2
    assert type_command("domain", "add", "nowhere", "x.example").returncode == 1


def test_a_domain_that_is_taken_back_logs_out_whom_a_provider_brought_from_it(world, type_command):
    with world.database.jobs() as work:
        work.identity_providers.add_domain("acme", "taken.example")
        brought, other = (
            work.users.create(f"{name}@taken.example", name, None) for name in ("sue", "joe")
        )
        work.identity_providers.link("https://id.example", "sue", brought.id)
        ended, lasting = (work.sessions.start(user.id) for user in (brought, other))
    said = type_command("domain", "remove", "acme", "taken.example").stdout
    assert "Ended 1 session of its users" in said
    with world.database.jobs() as work:
        assert work.sessions.user_of(brought.id, ended.id) is None
        assert work.sessions.user_of(other.id, lasting.id) is not None


def test_a_domain_is_of_one_tenant_alone(type_command):
    assert "acme" in type_command("domain", "add", "acme", "Acme.Example").stdout
    taken = type_command("domain", "add", "brava", "acme.example")
    assert (taken.returncode, "another tenant's" in taken.stderr) == (1, True)
    assert "acme.example" in type_command("domain", "list", "acme").stdout
    assert (
        "no domain of acme any more"
        in type_command("domain", "remove", "acme", "acme.example").stdout
    )
    assert type_command("domain", "add", "brava", "acme.example").returncode == 0
