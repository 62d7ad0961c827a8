"""Runs an ASGI application on loopback, in a thread or until interrupted."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

_STARTED_WITHIN = 20.0  # seconds
_LOOPBACK = "127.0.0.1"


def _listen(port: int) -> socket.socket:
    """Bind first, so that the address is known and free before the server starts."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_LOOPBACK, port))
    listener.listen(128)
    return listener


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def running(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve in a thread while the context is open.

    Args:
        app: The application.
        port: A free port is chosen when 0.

    Yields:
        The base address, for example ``http://127.0.0.1:40123``.
    """
    with contextlib.closing(_listen(port)) as listener:
        server = _server(app)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
        )
        thread.start()
        try:
            deadline = time.monotonic() + _STARTED_WITHIN
            while not server.started:
                if not thread.is_alive() or time.monotonic() > deadline:
                    raise RuntimeError("The sandbox's server did not start.")
                time.sleep(0.005)
            yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def serve_until_interrupted(app: ASGIApp, *, port: int = 0) -> None:
    """Serve in the calling thread, which must be the main one, until SIGINT or SIGTERM."""
    with contextlib.closing(_listen(port)) as listener:
        _server(app).run(sockets=[listener])
