"""The API answers under its own names only: a page cannot reach it by a name of its own."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from resources.settings import Settings, SettingsError
from serving_api.kit.hosts import AllowedHosts
from tests.account_world import slug


def status_of(world, *headers):
    """The status of a request with exactly these lines."""
    port = urlsplit(world.base).port
    lines = "".join(f"{line}\r\n" for line in headers)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.0.0.1:1"]
)
def test_it_answers_under_the_names_of_this_machine(world, host):
    assert status_of(world, f"Host: {host}") == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.1:80:80", "[::1", "a b", ""],
)
def test_under_another_name_it_does_not(world, host):
    assert status_of(world, f"Host: {host}") == 421


def test_two_names_are_none(world):
    assert status_of(world, "Host: localhost", "Host: evil.example") in {400, 421}


def test_the_refusal_says_what_to_do_and_reaches_nothing(world):
    with world.client("ada", Host="evil.example") as client:
        answer = client.post("/v1/tenants/acme/reports", json={})
    assert (answer.status_code, slug(answer)) == (421, "wrong-host")
    assert "REVIEWGRAPH_ALLOWED_HOSTS" in answer.json()["detail"]
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("given", "name", "is_allowed"),
    [
        ({}, "reviews.example.com", False),
        ({"public_url": "https://Reviews.example.com/"}, "reviews.example.com", True),
        ({"public_url": "https://[fd00::7]:8443"}, "[fd00::7]:8443", True),
        ({"allowed_hosts": "reviews.internal, Other.example"}, "other.example:443", True),
        ({"allowed_hosts": "reviews.internal"}, "localhost", True),
        ({"allowed_hosts": "*"}, "anything.example", True),
        ({"trusted_proxies": "10.0.0.0/8"}, "anything.example", True),
        ({"trusted_proxies": "10.0.0.0/8", "allowed_hosts": "a.example"}, "b.example", False),
    ],
)
def test_which_names_are_allowed_is_a_setting(given, name, is_allowed):
    settings = Settings(_env_file=None, **given)
    scope = {"type": "http", "headers": [(b"host", name.encode())]}
    assert AllowedHosts(settings.host_names).allows(scope) == is_allowed


@pytest.mark.parametrize("wrong", ["https://a.example", "a.example:80", "*.example", "a b"])
def test_what_is_no_name_is_refused(wrong):
    with pytest.raises(SettingsError, match="REVIEWGRAPH_ALLOWED_HOSTS"):
        Settings(_env_file=None, allowed_hosts=wrong)
