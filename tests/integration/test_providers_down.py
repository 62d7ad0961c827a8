"""Identity providers and storage that are down or hang: found out soon, and waited for by few.

Nobody gets in because a provider does not answer, and nobody else notices that it does not.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.places import StorageUnreachableError
from resources.storage.schemas import REVIEWS
from resources.telemetry import breaker_of, breakers_of
from resources.telemetry.breakers import MAX_FAILURES, OPEN_SECONDS
from tests.account_world import forget_limits, slug
from tests.api_world import read
from tests.hostile_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.provider_world import running_world_with_providers

KEY = f"tenants/acme/00/{'0' * 64}.pdf"
UNREACHABLE = (503, b"", {})


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world_with_providers(module_settings, module_database) as world:
        yield world


@pytest.fixture
def ada(world):
    with world.client("ada") as client:
        yield client


@pytest.fixture(autouse=True)
def _nobody_is_throttled(world):
    forget_limits(world)


@pytest.fixture(scope="module")
def silent_port():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield server.getsockname()[1]


@pytest.fixture
def provider():
    with running_provider() as provider:
        yield provider


@contextmanager
def set_up(world, who, tenant, issuer):
    body = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with world.client(who) as client:
        made = client.post(f"/v1/tenants/{tenant}/identity-providers", json=body)
        assert made.status_code == 201, made.text
        try:
            yield
        finally:
            gone = f"/v1/tenants/{tenant}/identity-providers/{made.json()['id']}"
            assert client.delete(gone).status_code == 204


def depart(world, tenant):
    """Go to a provider; an address may only ask for so much at the same moment."""
    with world.client() as client:
        while (answer := client.post(f"/v1/auth/sso/{tenant}", json={})).status_code == 429:
            forget_limits(world)
            time.sleep(0.05)
        return answer


@contextmanager
def departing(world, tenant, times):
    """As many people who wait for a provider."""
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(depart(world, tenant)), daemon=True)
        for _ in range(times)
    ]
    for thread in threads:
        thread.start()
    yield answers
    for thread in threads:
        thread.join(60)


def wait_until_open(look, meanwhile):
    """Until the breaker opens; how soon it does, ``bench_services_down`` measures."""
    deadline = time.monotonic() + 60
    while look() != "open":
        meanwhile()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def sessions(world):
    with world.database.jobs() as work:
        return work.session.scalar(text("select count(*) from reviewgraph.sessions"))


def test_while_a_provider_hangs_its_breaker_opens_and_nobody_else_notices(
    world, ada, silent_port, provider
):
    silent = f"http://127.0.0.1:{silent_port}"
    with (
        set_up(world, "ada", "acme", silent),
        set_up(world, "bob", "brava", provider.issuer),
        departing(world, "acme", MAX_FAILURES),
    ):
        wait_until_open(
            lambda: breakers_of("identity-providers").state,
            lambda: read(ada, "/v1/tenants/acme"),
        )
        refused = depart(world, "acme")
        assert (refused.status_code, slug(refused)) == (503, "provider-down")
        assert int(refused.headers["retry-after"]) == OPEN_SECONDS
        assert depart(world, "brava").status_code == 200
        with world.client() as anybody:
            ready = anybody.get("/readyz")
            figures = anybody.get("/metrics").text
    assert (ready.json()["status"], ready.json()["services"]) == (
        "ok",
        {"identity-providers": "open"},
    )
    assert 'reviewgraph_breaker_state{service="identity-providers"} 2.0' in figures
    assert str(silent_port) not in ready.text + figures


def test_who_waits_for_one_provider_takes_no_connection_from_another(world, silent_port, provider):
    silent = f"http://127.0.0.1:{silent_port}"
    with (
        set_up(world, "ada", "acme", silent),
        set_up(world, "bob", "brava", provider.issuer),
        departing(world, "acme", 25) as answers,
    ):
        while not any(slug(answer) == "provider-down" for answer in answers):
            time.sleep(0.05)  # twenty wait, and who comes then is told so at once
        assert depart(world, "brava").status_code == 200
    assert {answer.status_code for answer in answers} <= {502, 503}


def test_nobody_gets_in_while_a_provider_is_down_and_all_is_well_afterwards(world, provider):
    before = sessions(world)
    with set_up(world, "ada", "acme", provider.issuer), world.client() as browser:
        states = []
        for _ in range(MAX_FAILURES + 1):
            address = browser.post("/v1/auth/sso/acme", json={}).json()["authorization_url"]
            states.append((parse_qs(urlsplit(address).query)["state"][0], dict(browser.cookies)))
        provider.answer["/token"] = UNREACHABLE
        slugs = []
        for state, cookies in states:
            with world.client() as other:
                other.cookies.update(cookies)
                query = {"code": "code", "state": state}
                slugs.append(slug(other.get("/v1/auth/sso/acme/callback", params=query)))
        assert slugs == ["provider-unavailable"] * MAX_FAILURES + ["provider-down"]
        assert sessions(world) == before

        provider.reset()
        later = time.monotonic() + OPEN_SECONDS
        group = breakers_of("identity-providers")
        token_endpoint = group.of(f"{urlsplit(provider.issuer).netloc}/token")
        token_endpoint.clock = lambda: later
        assert group.state == "half-open"
        address = browser.post("/v1/auth/sso/acme", json={}).json()["authorization_url"]
        query = parse_qs(urlsplit(address).query)
        provider.nonce = query["nonce"][0]
        given = {"code": "code", "state": query["state"][0]}
        assert browser.get("/v1/auth/sso/acme/callback", params=given).status_code == 200
        assert group.state == "closed"


@pytest.mark.parametrize(
    ("answer", "last"),
    [((404, b"", {}), "provider-unavailable"), (UNREACHABLE, "provider-down")],
    ids=["wrong", "down"],
)
def test_what_a_tenant_has_named_at_a_host_closes_it_to_nobody_else(world, provider, answer, last):
    provider.answer["/brava/.well-known/openid-configuration"] = answer
    with (
        set_up(world, "bob", "brava", f"{provider.issuer}/brava"),
        set_up(world, "ada", "acme", provider.issuer),
    ):
        slugs = [slug(depart(world, "brava")) for _ in range(MAX_FAILURES + 1)]
        assert slugs == ["provider-unavailable"] * MAX_FAILURES + [last]
        assert depart(world, "acme").status_code == 200


def s3_options(port):
    return {
        "aws_region": "us-east-1",
        "aws_endpoint_url": f"http://127.0.0.1:{port}",
        "aws_allow_http": "true",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
    }


@pytest.mark.parametrize("asked", ["objects", "lake"])
def test_while_storage_hangs_its_breaker_opens_and_requests_are_served(
    world, ada, silent_port, asked
):
    objects = ObjectStore("s3://bucket/objects", s3_options(silent_port))
    lake = Lake("s3://bucket/lake", s3_options(silent_port))
    ask = {"objects": lambda: objects.exists(KEY), "lake": lambda: lake.version(REVIEWS)}
    came_back = []

    def wait():
        with pytest.raises(StorageUnreachableError):
            ask[asked]()
        came_back.append(asked)

    for _ in range(MAX_FAILURES):
        threading.Thread(target=wait, daemon=True).start()
    wait_until_open(lambda: breaker_of("s3").state, lambda: read(ada, "/v1/tenants/acme"))
    assert came_back == []  # nobody had to wait for thirty seconds first
    for again in ask.values():
        with pytest.raises(StorageUnreachableError, match="asked again within seconds"):
            again()
    with world.client() as anybody:
        assert anybody.get("/readyz").json()["services"] == {"s3": "open"}


def test_storage_that_is_down_is_asked_no_more_for_a_while():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        objects = ObjectStore("s3://bucket/objects", s3_options(unused.getsockname()[1]))
        threads = [
            threading.Thread(target=pytest.raises, args=(StorageUnreachableError, objects.get, KEY))
            for _ in range(MAX_FAILURES)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(StorageUnreachableError, match="asked again within seconds"):
            objects.get(KEY)


def test_files_of_a_folder_have_no_breaker(tmp_path):
    store = ObjectStore(str(tmp_path))
    for _ in range(MAX_FAILURES + 1):
        assert not store.exists(KEY)
    assert breaker_of("s3").state == "closed"
