"""How much longer unrelated requests take while an identity provider hangs, in one run.

    python -m tests.performance.bench_services_down

Eight people log in again and again, each from an address of their own: in turns at a provider that
is well, and at one that takes connections and says nothing. Unrelated reads are timed beside both,
so that both meet the machine in the same mood. The breakers are closed at the beginning of each
turn; that of the silent provider opens during it.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from resources.database import Database
from resources.telemetry import breakers_of
from serving_api.identity import limits
from tests.api_world import World, read, running_world
from tests.conftest import settings_in
from tests.hostile_provider import CLIENT_ID, CLIENT_SECRET, running_provider

PEOPLE, TURNS, TURN_SECONDS = 8, 6, 12.0
MAX_RATIO = 1.2
READS = ("/v1/tenants/acme", "/v1/tenants/acme/reviews?limit=20", "/v1/me")


def timed(client: Any, opened: list[float]) -> list[float]:
    """How long unrelated requests take during one turn; notes when the breaker opened."""
    took, began, is_noted = [], time.monotonic(), False
    while (passed := time.monotonic() - began) < TURN_SECONDS:
        for address in READS:
            before = time.perf_counter()
            read(client, address)
            took.append(time.perf_counter() - before)
        if not is_noted and breakers_of("identity-providers").state == "open":
            opened.append(passed)
            is_noted = True
        time.sleep(0.02)
    return took


@contextmanager
def people_who_log_in(world: World, provider: str) -> Iterator[None]:
    """People who go to a provider again and again."""
    is_over = threading.Event()

    def go(person: int) -> None:
        with world.client(**{"X-Forwarded-For": f"198.51.{person}.1"}) as client:
            while not is_over.wait(0.5):
                client.post("/v1/auth/sso/acme", json={"provider": provider})

    threads = [threading.Thread(target=go, args=(person,)) for person in range(PEOPLE)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def set_up(client: Any, issuer: str) -> str:
    """A provider of the tenant; its id."""
    body = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    made = client.post("/v1/tenants/acme/identity-providers", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def p95(values: list[float]) -> float:
    """The time that 95 of 100 requests do not pass."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Print the times of unrelated requests beside people who log in at either provider."""
    with (
        tempfile.TemporaryDirectory(prefix="reviewgraph-bench-") as folder,
        ExitStack() as resources,
        socket.create_server(("127.0.0.1", 0), backlog=1000) as silent,
        running_provider() as well,
    ):
        settings = settings_in(Path(folder) / "home")
        settings.loopback_identity_providers = True
        settings.trusted_proxies = "127.0.0.0/8"
        database = resources.enter_context(Database(settings))
        database.migrate()
        with running_world(settings, database) as world, world.client("ada") as ada:
            limits.MAX_DEPARTURES_OF_CLIENT = 10**6  # what waits is measured, not what is refused
            silent_one = set_up(ada, f"http://127.0.0.1:{silent.getsockname()[1]}")
            one_that_is_well = set_up(ada, well.issuer)
            beside_well: list[float] = []
            beside_silent: list[float] = []
            opened: list[float] = []
            for _ in range(TURNS):
                for provider, took in (
                    (one_that_is_well, beside_well),
                    (silent_one, beside_silent),
                ):
                    breakers_of("identity-providers")._members.clear()
                    with people_who_log_in(world, provider):
                        took.extend(timed(ada, opened))
        ratio = p95(beside_silent) / p95(beside_well)
        print(
            f"p95 beside a provider that is well {p95(beside_well) * 1000:.1f} ms, "
            f"beside one that hangs {p95(beside_silent) * 1000:.1f} ms"
        )
        print(f"ratio {ratio:.2f} (at most {MAX_RATIO})")
        print(f"breaker open after {max(opened):.1f} s at most, in {len(opened)} of {TURNS} turns")


if __name__ == "__main__":
    main()
