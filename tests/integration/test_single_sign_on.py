"""Logging in at a provider that is not ours: the good path, with a client that is registered."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from serving_api.server import address_of, bind
from tests.account_world import slug
from tests.provider_world import running_world_with_providers

CLAIMS = {"sub": "sue", "email": "Sue@acme.example", "email_verified": True, "name": "Sue Storm"}
DOUBTFUL = {"sub": "joe", "email": "joe@acme.example", "name": "Joe"}


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world_with_providers(module_settings, module_database) as world:
        yield world


@pytest.fixture(scope="module")
def issuer():
    """The provider, in a process of its own: it does not stop when asked from within."""
    with contextlib.closing(bind(0)) as listener:
        address = address_of(listener)
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(urlsplit(address).port)]
    command += ["--require-registration", "true", "--require-nonce", "true"]
    for claims in (CLAIMS, DOUBTFUL):
        command += ["--user-claims", json.dumps(claims)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"{address}/.well-known/openid-configuration", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the provider could not start"
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail("the provider did not start in time")


@pytest.fixture(scope="module")
def client_id(world, issuer):
    redirect_uri = f"{world.settings.site}/v1/auth/sso/acme/callback"
    registered = httpx2.post(
        f"{issuer}/oauth2/clients", json={"redirect_uris": [redirect_uri]}, trust_env=False
    ).json()
    body = {name: registered[name] for name in ("client_id", "client_secret")}
    with world.client("ada") as ada:
        answer = ada.post(
            "/v1/tenants/acme/identity-providers",
            json={"issuer": issuer, **body, "default_role": "analyst"},
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["redirect_uri"] == redirect_uri
    return registered["client_id"]


def log_in(world, subject, **form):
    """Go to the provider as a browser does, agree there, and come back."""
    with world.client() as browser:
        address = browser.post("/v1/auth/sso/acme", json={}).json()["authorization_url"]
        with httpx2.Client(trust_env=False) as elsewhere:
            agreed = elsewhere.post(address, data={"sub": subject, **form})
        assert agreed.status_code == 302, agreed.text
        query = parse_qs(urlsplit(agreed.headers["location"]).query)
        given = {name: values[0] for name, values in query.items()}
        return browser.get("/v1/auth/sso/acme/callback", params=given)


@pytest.mark.usefixtures("client_id")
def test_somebody_logs_in_at_a_provider_and_is_a_member_from_then_on(world):
    answer = log_in(world, "sue")
    assert answer.status_code == 200, answer.text
    with world.client(Authorization=f"Bearer {answer.json()['access_token']}") as sue:
        me = sue.get("/v1/me").json()
        assert sue.get("/v1/tenants/acme/reports").status_code == 200
    assert (me["email"], me["name"]) == ("sue@acme.example", "Sue Storm")
    assert [(one["id"], one["role"]) for one in me["tenants"]] == [("acme", "analyst")]
    again = log_in(world, "sue")
    with world.client(Authorization=f"Bearer {again.json()['access_token']}") as sue:
        assert sue.get("/v1/me").json()["id"] == me["id"]


@pytest.mark.usefixtures("client_id")
def test_whose_address_the_provider_does_not_vouch_for_stays_outside(world):
    assert slug(log_in(world, "joe")) == "provider-refused"


@pytest.mark.usefixtures("client_id")
def test_who_turns_back_at_the_provider_is_told_so(world):
    assert slug(log_in(world, "sue", action="deny")) == "provider-refused"
