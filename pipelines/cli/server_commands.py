"""``reviewgraph api``, ``worker`` and ``sandbox``: one server each, until interrupted."""

from __future__ import annotations

import errno
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import port_option


def api(
    port: Annotated[int, port_option("Port on loopback; a free one when 0.")] = 8000,
) -> None:
    """Start the API alone; its address is printed as JSON."""
    from pipelines.session import open_session
    from resources.logs import log_to_stderr
    from serving_api.server import run_api

    log_to_stderr()
    with open_session() as session, _port_explained(port):
        run_api(session.settings, port=port)


def worker() -> None:
    """Start a worker alone: it sends mails and does whatever else was put off."""
    from pipelines.background import run_worker
    from pipelines.session import open_session
    from resources.logs import log_to_stderr

    log_to_stderr()
    with open_session() as session:
        run_worker(session)


def sandbox(
    world: Annotated[
        Path | None,
        typer.Option(
            help="A folder written by `reviewgraph generate`; a small one when not given."
        ),
    ] = None,
    port: Annotated[int, port_option("Port on loopback; a free one when 0.")] = 0,
) -> None:
    """Start the outside world alone: a DataForSEO on loopback; addresses are printed as JSON."""
    from resources.sandbox.dataforseo import DataForSEOSandbox
    from resources.sandbox.world import generate_world
    from resources.settings import Settings

    if world is None:
        world = Settings().home / "sandbox"
        if not (world / "manifest.json").exists():
            generate_world(world, reviews=2_000, tenants=3)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with _port_explained(port), DataForSEOSandbox(world).running(port=port) as address:
        _print_addresses({"dataforseo": address})
        stop.wait()


@contextmanager
def _port_explained(port: int) -> Iterator[None]:
    """Say what to do when the port is taken."""
    from resources.errors import ReviewGraphError

    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise ReviewGraphError(
            f"Port {port} is taken. Choose another with --port, or let --port 0 find a free one."
        ) from error


def _print_addresses(addresses: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
