"""How fast the API answers, beside an empty route of the same framework in the same run.

    python -m tests.performance.bench_api --seconds 8 --mixed 600

Two workers serve each of two applications, one after the other: one with an empty asynchronous
route and nothing else, and ours over a small installation in a folder of its own. Several client
processes hold 64 connections together. Besides requests a second, what a request costs the servers
in CPU time is told: the clients share the machine, and that figure leaves them out.

With ``--mixed`` many kinds of reads follow each other for so many seconds: what failed, and how the
memory of the servers grew, is told.

Log-ins with a password and exchanges of refresh tokens are measured as well, for a core: they are
told by the CPU time that they take.

What has to be reached: a metric read that is kept, its token checked and counted, half of the empty
route; a conditional request 60% of it; the slowest of a hundred under five times the median.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import httpx2
import psutil
from fastapi import FastAPI
from pydantic import SecretStr

from resources.database import Database
from resources.logs import log_to_stderr
from resources.settings import Settings
from serving_api.main import create_app
from tests.api_world import PASSWORD, running_world

WORKERS = 2
CONNECTIONS = 64
OK, TOO_MANY = 200, 429
METRICS = "/v1/tenants/acme/metrics?dimension=product"


def empty() -> FastAPI:
    """An application with one route that does nothing."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {}

    return app


def ours() -> FastAPI:
    """The API, as the environment says, writing its log as it does under ``reviewgraph api``."""
    log_to_stderr()
    return create_app(Settings())


@dataclass(frozen=True)
class Load:
    """What came of some seconds of requests."""

    requests: int
    failed: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests in a second."""
        return self.requests / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of the servers' CPU time for a request."""
        return self.cpu_seconds / max(1, self.requests) * 1e6


@contextmanager
def serving(factory: str, environment: dict[str, str]) -> Iterator[int]:
    """Serve an application with several workers; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [
        sys.executable, "-m", "uvicorn", f"tests.performance.bench_api:{factory}", "--factory",
        "--workers", str(WORKERS), "--port", str(port), "--no-access-log", "--no-server-header",
        "--log-level", "warning",
    ]  # fmt: skip
    log = Path(tempfile.gettempdir()) / f"bench-api-{os.getpid()}-{factory}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            wait_for(port, server)
            time.sleep(3)  # both workers
            yield port
        finally:
            server.terminate()
            server.wait(30)
            log.unlink()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when something listens."""
    while True:
        assert server.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def workers() -> list[psutil.Process]:
    """The processes that serve."""
    me = psutil.Process()
    return [
        child
        for child in me.children(recursive=True)
        if any("bench_api" in part or "spawn" in part for part in child.cmdline())
        and not any("--clients" in part for part in child.cmdline())
    ]


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(
        self, requests: list[bytes], until: float, answers: list[float], bad: list[bytes]
    ) -> None:
        self.requests, self.until, self.answers, self.bad = cycle(requests), until, answers, bad
        self.done = asyncio.get_running_loop().create_future()
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(next(self.requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        data = self.left + data
        head, found, body = data.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            self.left = data
            return
        self.left = b""
        now = time.perf_counter()
        self.answers.append(now - self.began)
        if head[9:12] not in {b"200", b"202", b"304"}:
            self.bad.append(head[9:12])
        if time.monotonic() < self.until:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.bad.append(b"cut")
        self.done.set_result(None)


def _length(head: bytes) -> int:
    lowered = head.lower()
    place = lowered.find(b"content-length:")
    if place < 0:
        return 0
    return int(
        lowered[place + 15 : lowered.find(b"\r", place) if b"\r" in lowered[place:] else None]
    )


def client(
    port: int, requests: list[bytes], connections: int, seconds: float, told: object
) -> None:
    """Hold some connections and ask for some seconds; run in a process of its own."""
    import uvloop

    answers: list[float] = []
    bad: list[bytes] = []

    async def ask() -> None:
        until = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        clients = [
            Client(
                requests[n % len(requests) :] + requests[: n % len(requests)], until, answers, bad
            )
            for n in range(connections)
        ]
        for one in clients:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)
        await asyncio.gather(*(one.done for one in clients))

    uvloop.run(ask())
    told.put((len(answers), len(bad), sorted(answers)[:: max(1, len(answers) // 5000)]))  # type: ignore[attr-defined]


def load(port: int, requests: list[bytes], seconds: float, servers: list[psutil.Process]) -> Load:
    """Ask for some seconds over all connections."""
    spawned = multiprocessing.get_context("fork")
    told = spawned.Queue()
    count = 2
    before = cpu_of(servers)
    began = time.perf_counter()
    clients = [
        spawned.Process(target=client, args=(port, requests, CONNECTIONS // count, seconds, told))
        for _ in range(count)
    ]
    for one in clients:
        one.start()
    results = [told.get() for _ in clients]
    for one in clients:
        one.join()
    taken = time.perf_counter() - began
    return Load(
        requests=sum(result[0] for result in results),
        failed=sum(result[1] for result in results),
        seconds=taken,
        cpu_seconds=cpu_of(servers) - before,
        latencies=sorted(value for result in results for value in result[2]),
    )


def cpu_of(processes: list[psutil.Process]) -> float:
    """CPU time that processes have taken so far."""
    return sum(sum(one.cpu_times()[:2]) for one in processes if one.is_running())


def request_of(path: str, **headers: str) -> bytes:
    """A request as bytes."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def told(name: str, result: Load, beside: Load | None) -> dict[str, object]:
    """A line of the report."""
    median = statistics.median(result.latencies)
    p99 = result.latencies[int(len(result.latencies) * 0.99)]
    line: dict[str, object] = {
        "what": name,
        "requests_per_second": round(result.rate),
        "server_us_per_request": round(result.cost, 1),
        "failed": result.failed,
        "median_ms": round(median * 1000, 2),
        "p99_over_median": round(p99 / median, 2),
    }
    if beside is not None:
        line["of_empty_route"] = round(result.rate / beside.rate, 3)
        line["of_empty_route_by_cpu"] = round(beside.cost / result.cost, 3)
    return line


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--mixed", type=float, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        settings = Settings(
            _env_file=None,
            home=Path(home) / "home",
            secret_key=SecretStr("a key for measurements only, of at least 32 bytes"),
            requests_per_minute=100_000_000,
        )
        with Database(settings) as database:
            database.migrate()
            with running_world(settings, database) as world:
                token = world.token("ada")
                measure(settings, token, given.seconds, given.mixed)
        from resources.database.embedded import server

        server.stop(settings.home)


def measure(settings: Settings, token: str, seconds: float, mixed: float) -> None:
    """Load the empty route, then ours."""
    with serving("empty", {}) as port:
        servers = workers()
        load(port, [request_of("/")], 1, servers)
        plain = load(port, [request_of("/")], seconds, servers)
        print(json.dumps(told("empty route", plain, None)), flush=True)
    with serving("ours", settings.environment()) as port:
        servers = workers()
        bearer = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(
            f"http://127.0.0.1:{port}{METRICS}",
            headers={**bearer, "Accept-Encoding": "identity", "Accept": "*/*"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        read = request_of(METRICS, **bearer)
        load(port, [read], 1, servers)
        print(
            json.dumps(told("kept metric read", load(port, [read], seconds, servers), plain)),
            flush=True,
        )
        held = request_of(METRICS, **bearer, If_None_Match=answer.headers["etag"])
        load(port, [held], 1, servers)
        print(
            json.dumps(told("conditional, 304", load(port, [held], seconds, servers), plain)),
            flush=True,
        )
        measure_log_ins(port, seconds, servers)
        if mixed:
            measure_mixed(port, token, [read, held], mixed, servers)


def measure_mixed(
    port: int, token: str, kept: list[bytes], seconds: float, servers: list[psutil.Process]
) -> None:
    """Reads that are kept, reads that are not, and lists from the database."""
    bearer = {"Authorization": f"Bearer {token}"}
    reads = [
        request_of(f"/v1/tenants/acme/{path}", **bearer)
        for path in (
            *(f"reviews?limit={n}&q={n}" for n in range(1, 40)),
            "metrics/series?grain=week",
            "metrics/topics",
            "reports",
            "taxonomy",
        )
    ]
    parts, began = max(2, int(seconds // 60)), memory_of(servers)
    sizes, asked, failed = [began], 0, 0
    for _ in range(parts):
        result = load(port, kept * 40 + reads, seconds / parts, servers)
        asked, failed = asked + result.requests, failed + result.failed
        sizes.append(memory_of(servers))
    line = {"what": "mixed", "requests": asked, "failed": failed, "megabytes": sizes}
    print(json.dumps(line), flush=True)


def memory_of(processes: list[psutil.Process]) -> int:
    """Megabytes of memory that processes take together."""
    return sum(one.memory_info().rss for one in processes) // 2**20


def measure_log_ins(port: int, seconds: float, servers: list[psutil.Process]) -> None:
    """Log in and exchange tokens, a few clients at a time."""
    base = f"http://127.0.0.1:{port}"
    log_in = {"email": "ada@example.com", "password": PASSWORD}

    def sessions(_: int) -> tuple[int, int]:
        good = bad = 0
        until = time.monotonic() + seconds
        with httpx2.Client(base_url=base, trust_env=False, timeout=30) as client:
            while time.monotonic() < until:
                status = client.post("/v1/auth/token", json=log_in).status_code
                good, bad = good + (status == OK), bad + (status not in {OK, TOO_MANY})
        return good, bad

    def grants(_: int) -> tuple[int, int]:
        good = bad = 0
        until = time.monotonic() + seconds
        with httpx2.Client(base_url=base, trust_env=False, timeout=30) as client:
            token = client.post("/v1/auth/token", json=log_in).json().get("refresh_token")
            while token is not None and time.monotonic() < until:
                answer = client.post("/v1/auth/refresh", json={"refresh_token": token})
                good, bad = good + answer.is_success, bad + (not answer.is_success)
                token = answer.json().get("refresh_token", token)
        return good, bad

    for name, work in (("password sessions", sessions), ("refresh grants", grants)):
        before, began = cpu_of(servers), time.perf_counter()
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(work, range(2)))
        taken, cpu = time.perf_counter() - began, cpu_of(servers) - before
        good, bad = (sum(column) for column in zip(*results, strict=True))
        line = {
            "what": name,
            "per_second": round(good / taken, 1),
            "per_core": round(good / cpu, 1),
            "failed": bad,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
