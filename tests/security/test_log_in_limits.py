"""Guessing passwords: how far one gets, from one address and from many, with several workers."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import make_url, text

from resources.database import Database
from serving_api.identity import limits
from serving_api.identity.devices import LIFETIME_SECONDS, Devices
from serving_api.identity.limits import (
    MAX_FAILURES_OF_ACCOUNT,
    MAX_FAILURES_OF_ACCOUNT_AND_CLIENT,
    SECONDS,
)
from serving_api.main import create_app
from tests.account_world import forget_limits, slug
from tests.api_world import PASSWORD, running_world, serving


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    module_settings.trusted_proxies = "127.0.0.1"
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture(autouse=True)
def _limits_of_its_own(world):
    forget_limits(world)


@contextlib.contextmanager
def asking_from(world, address, base=None):
    headers = {"X-Forwarded-For": address}
    with httpx2.Client(
        base_url=base or world.base, headers=headers, trust_env=False, timeout=60
    ) as client:
        yield client


def log_in(client, email="vic@example.com", password="wrong", **more):
    return client.post("/v1/auth/token", json={"email": email, "password": password, **more})


def count(world, address, times, email="vic@example.com", **more):
    with asking_from(world, address) as client:
        return Counter(log_in(client, email, **more).status_code for _ in range(times))


def test_ten_failures_of_an_account_from_one_address_and_not_one_more(world):
    assert count(world, "203.0.113.1", 14) == {401: MAX_FAILURES_OF_ACCOUNT_AND_CLIENT, 429: 4}
    assert MAX_FAILURES_OF_ACCOUNT_AND_CLIENT <= 10
    assert SECONDS >= 15 * 60
    with asking_from(world, "203.0.113.1") as client:
        right = log_in(client, password=PASSWORD)
        assert (right.status_code, slug(right)) == (429, "too-many-requests")
        assert 0 < int(right.headers["retry-after"]) <= SECONDS * 1.1 + 1
        assert log_in(client, "ada@example.com", PASSWORD).status_code == 200
    with asking_from(world, "203.0.113.2") as elsewhere:
        assert log_in(elsewhere, password=PASSWORD).status_code == 200


def test_an_account_that_does_not_exist_is_limited_alike(world):
    known = count(world, "203.0.113.3", 13)
    unknown = count(world, "203.0.113.3", 13, "nobody@example.com")
    assert known == unknown


def test_the_spelling_of_an_address_opens_no_further_attempts(world):
    spellings = ["vic@example.com", "VIC@example.com", " vic@Example.com ", "Vic@EXAMPLE.com"]
    with asking_from(world, "203.0.113.4") as client:
        codes = [log_in(client, spellings[n % 4]).status_code for n in range(12)]
    assert codes.count(401) == MAX_FAILURES_OF_ACCOUNT_AND_CLIENT


def test_a_forged_address_of_a_client_opens_no_further_attempts(world):
    with asking_from(world, "unused") as client:
        codes = Counter()
        for n in range(13):
            forged = {
                "X-Forwarded-For": f"198.51.100.{n}, 203.0.113.5",
                "Forwarded": f"for=9.9.9.{n}",
            }
            body = {"email": "vic@example.com", "password": "wrong"}
            answer = client.post("/v1/auth/token", json=body, headers=forged)
            codes[answer.status_code] += 1
    assert codes[401] == MAX_FAILURES_OF_ACCOUNT_AND_CLIENT


def test_addresses_of_one_ipv6_network_count_as_one(world):
    with ThreadPoolExecutor(1) as threads:
        codes = Counter()
        for n in range(13):
            codes += threads.submit(count, world, f"2001:db8:1:2::{n}", 1).result()
    assert codes[401] == MAX_FAILURES_OF_ACCOUNT_AND_CLIENT


def test_right_passwords_count_for_nothing(world):
    with asking_from(world, "203.0.113.6") as client:
        codes = {log_in(client, password=PASSWORD).status_code for _ in range(13)}
    assert codes == {200}


def test_an_account_attacked_from_everywhere_is_closed_to_strangers_alone(world, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FAILURES_OF_ACCOUNT", 6)
    with asking_from(world, "203.0.113.7") as home:
        device = log_in(home, password=PASSWORD).json()["device"]
    codes = sum((count(world, f"198.51.100.{n}", 2) for n in range(5)), Counter())
    assert codes == {401: 6, 429: 4}
    with asking_from(world, "203.0.113.8") as stranger:
        assert log_in(stranger, password=PASSWORD).status_code == 429
        assert log_in(stranger, password=PASSWORD, device=device).status_code == 200
        # Whoever steals the device's token guesses no faster by it.
        stolen = Counter(log_in(stranger, device=device).status_code for _ in range(13))
        assert stolen == {401: limits.MAX_FAILURES_OF_DEVICE, 429: 3}
    assert MAX_FAILURES_OF_ACCOUNT <= 100


def test_a_device_is_known_for_its_own_account_and_not_for_ever(world):
    keys = Database(world.settings).keys
    devices = Devices(keys)
    token = devices.issue("vic@example.com")
    assert devices.id_of(token, " VIC@example.com")
    assert devices.id_of(token, "ada@example.com") is None
    old = devices.issue("vic@example.com", now=time.time() - LIFETIME_SECONDS - 5)
    assert devices.id_of(old, "vic@example.com") is None
    for wrong in (None, "", "x", token[:-4], token[:-1] + "!", "A" * 68, "é" * 68):
        assert devices.id_of(wrong, "vic@example.com") is None
    count(world, "203.0.113.9", 12)
    with asking_from(world, "203.0.113.9") as client:
        for useless in (old, "A" * 68, devices.issue("ada@example.com")):
            assert log_in(client, password=PASSWORD, device=useless).status_code == 429


def test_one_client_cannot_try_every_account(world, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FAILURES_OF_CLIENT", 8)
    with asking_from(world, "203.0.113.10") as client:
        codes = Counter(log_in(client, f"user-{n}@example.com").status_code for n in range(11))
    assert codes == {401: 8, 429: 3}


def test_everybody_together_cannot_try_without_end(world, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FAILURES", 7)
    codes = sum(
        (count(world, f"198.51.100.{n}", 1, f"user-{n}@example.com") for n in range(10)),
        Counter(),
    )
    assert codes == {401: 7, 429: 3}


def test_four_workers_count_together(world):
    settings = world.settings
    with contextlib.ExitStack() as servers:
        bases = [
            servers.enter_context(
                serving(create_app(settings, world.database, world.snapshots, world.objects))
            )
            for _ in range(4)
        ]

        def attack(base):
            codes = Counter()
            with asking_from(world, "203.0.113.11", base) as client:
                while codes[429] < 3:
                    codes[log_in(client).status_code] += 1
            return codes

        with ThreadPoolExecutor(4) as threads:
            codes = sum(threads.map(attack, bases), Counter())
    assert codes[401] == MAX_FAILURES_OF_ACCOUNT_AND_CLIENT


def test_nobody_gets_in_uncounted_while_the_counts_cannot_be_reached(world, postgres):
    name = make_url(world.database.app_url).database
    with asking_from(world, "203.0.113.12") as client:
        postgres.run_as_owner(f"alter database {name} allow_connections false")
        try:
            postgres.run_as_owner(
                f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
            )
            answers = [log_in(client, password=PASSWORD), log_in(client)]
        finally:
            postgres.run_as_owner(f"alter database {name} allow_connections true")
        assert [(answer.status_code, slug(answer)) for answer in answers] == [
            (503, "unavailable"),
            (503, "unavailable"),
        ]
        assert log_in(client, password=PASSWORD).status_code == 200


def test_no_name_of_a_limit_tells_whom_it_is_about(world):
    count(world, "203.0.113.13", 1)
    with world.database.jobs() as work:
        names = work.session.scalars(text("select name from reviewgraph.rate_limits")).all()
    assert names
    assert not any("vic" in name or "@" in name for name in names)


def register(client, email):
    body = {"email": email, "name": "Vic", "password": "tulips argue with thunder"}
    return client.post("/v1/auth/register", json=body)


def forget(client, email):
    return client.post("/v1/auth/forgot-password", json={"email": email})


@pytest.mark.parametrize("ask", [log_in, register, forget])
def test_known_and_unknown_addresses_take_the_same_time(world, ask):
    def seconds(email, n):
        with asking_from(world, f"198.51.100.{n % 250}") as client:
            start = time.perf_counter()
            assert ask(client, email).status_code in {401, 202}
            return time.perf_counter() - start

    known, unknown = [], []
    for n in range(15):  # by turns, so that whatever else goes on goes on for both
        forget_limits(world)
        known.append(seconds("vic@example.com", n))
        unknown.append(seconds(f"{ask.__name__}-{n}@example.com", n))
    ratio = statistics.median(known) / statistics.median(unknown)
    # An answer without a check would be a twentieth; a busy machine moves medians by far less.
    assert 0.6 < ratio < 1.6, ratio
