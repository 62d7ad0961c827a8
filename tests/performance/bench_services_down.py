"""How much longer unrelated requests take while an identity provider hangs, in one run.

    python -m tests.performance.bench_services_down

A provider that takes connections and says nothing is asked again and again by eight people. The
same reads are timed in turns with and without them, so that both meet the machine in the same mood.
Its breaker is closed at the beginning of each turn, and opens during it.
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
from tests.hostile_provider import CLIENT_ID, CLIENT_SECRET

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
def people_who_log_in(world: World) -> Iterator[None]:
    """People who go to the provider again and again."""
    is_over = threading.Event()

    def go() -> None:
        with world.client() as client:
            while not is_over.wait(0.2):
                client.post("/v1/auth/sso/acme", json={})

    threads = [threading.Thread(target=go) for _ in range(PEOPLE)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def p95(values: list[float]) -> float:
    """The time that 95 of 100 requests do not pass."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Print the times of unrelated requests with and without people who wait for the provider."""
    with (
        tempfile.TemporaryDirectory(prefix="reviewgraph-bench-") as folder,
        ExitStack() as resources,
        socket.create_server(("127.0.0.1", 0), backlog=1000) as silent,
    ):
        settings = settings_in(Path(folder) / "home")
        settings.loopback_identity_providers = True
        database = resources.enter_context(Database(settings))
        database.migrate()
        with running_world(settings, database) as world, world.client("ada") as ada:
            issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
            body = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            limits.MAX_DEPARTURES_OF_CLIENT = 10**6  # what waits is measured, not what is refused
            made = ada.post("/v1/tenants/acme/identity-providers", json=body)
            assert made.status_code == 201, made.text
            alone: list[float] = []
            beside: list[float] = []
            opened: list[float] = []
            for _ in range(TURNS):
                alone += timed(ada, [])
                breakers_of("identity-providers")._members.clear()
                with people_who_log_in(world):
                    beside += timed(ada, opened)
        ratio = p95(beside) / p95(alone)
        print(f"p95 alone {p95(alone) * 1000:.1f} ms, beside {p95(beside) * 1000:.1f} ms")
        print(f"ratio {ratio:.2f} (at most {MAX_RATIO})")
        print(f"breaker open after {max(opened):.1f} s at most, in {len(opened)} of {TURNS} turns")


if __name__ == "__main__":
    main()
