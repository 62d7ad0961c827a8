"""Serving the API until someone says stop."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from resources.home import note_address
from resources.logs import fields, log_to_stderr
from resources.settings import Settings
from serving_api.main import create_app

LOOPBACK = "127.0.0.1"
_SECONDS_TO_FINISH = 10

logger = logging.getLogger(__name__)


def run_api(settings: Settings, port: int = 0) -> None:
    """Serve the API on loopback until SIGINT or SIGTERM; requests under way are finished first.

    Where no public address is set, links lead to the one of now, which is noted in the home.
    Once it answers, one line of JSON on standard output says where: ``{"api": "http://..."}``.
    Requests, refusals and errors go to standard error, see ``resources.logs``.
    Whatever shall be reached from elsewhere stands behind a proxy that speaks TLS.

    Args:
        settings: The installation's settings; its database must have been migrated.
        port: The port to bind; 0 for a free one.

    Raises:
        OSError: If the port is taken.
        SystemExit: With code 1 if the application could not start.
    """
    log_to_stderr()
    listener = bind(port)
    if settings.public_url is None:
        note_address(settings.home, address_of(listener))
    server = AnnouncingServer(create_app(settings), address_of(listener))
    # uvicorn raises the signal once more when it has ended, for whoever waits for it. Here that is
    # nobody: having been asked to stop and having stopped is a success.
    previous = {
        number: signal.signal(number, _do_nothing) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
    if not server.started:
        sys.exit(1)
    logger.info("stopped")


class AnnouncingServer(uvicorn.Server):
    """A server that says where it is as soon as it answers."""

    def __init__(self, app: object, address: str) -> None:
        super().__init__(server_config(app))
        self.address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce the address."""
        await super().startup(sockets)
        if self.started:
            logger.info("started", extra=fields(address=self.address))
            sys.stdout.write(json.dumps({"api": self.address}) + "\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, then finish what is under way."""
        hub = getattr(getattr(self.config.app, "state", None), "event_hub", None)
        if hub is not None:
            hub.close_streams()
        await super().shutdown(sockets)


def server_config(app: object) -> uvicorn.Config:
    """How the API is served, here and in tests."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,  # its loggers pass on what they are told
        access_log=False,  # addresses hold what people search for; the edge logs without them
        server_header=False,
        proxy_headers=False,  # nobody in front is trusted before someone says so
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        lifespan="on",
    )


def bind(port: int) -> socket.socket:
    """A listening socket on loopback."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """The address under which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal that has been obeyed already."""
