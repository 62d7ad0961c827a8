"""Several servers as one: started together, watched, and stopped to the last process.

Each server gets a session of its own, so that Ctrl-C in the terminal reaches only the supervisor,
which then ends the servers in order, with everything they started themselves.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from resources.errors import ReviewGraphError

_STOP_SECONDS = 20
_POLL_SECONDS = 0.2


class ServerDiedError(ReviewGraphError):
    """A server ended by itself; the message holds the end of its log."""


@dataclass
class Server:
    """One running server."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Supervisor:
    """Starts servers and guarantees that none is left.

    Attributes:
        logs: The folder for their logs.
        environment: Variables for all of them, besides this process's own.
    """

    logs: Path
    environment: Mapping[str, str]
    servers: list[Server] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], *, cwd: Path) -> Server:
        """Start a server in a session of its own, its output in ``logs``."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                cwd=cwd,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        server = Server(name, process, log)
        self.servers.append(server)
        return server

    def wait_until_answers(self, server: Server, address: str, *, seconds: float = 120) -> None:
        """Wait until an HTTP address answers.

        Raises:
            ServerDiedError: The server ended, or did not answer in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._raise_if_dead(server)
            with suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310
                return
            time.sleep(_POLL_SECONDS)
        raise ServerDiedError(f"{server.name} did not answer in {seconds:.0f} s. {_tail(server)}")

    def wait_until_listens(self, server: Server, port: int, *, seconds: float = 120) -> None:
        """Wait until a port on loopback accepts connections; raises as ``wait_until_answers``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._raise_if_dead(server)
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(_POLL_SECONDS)
        raise ServerDiedError(f"{server.name} did not listen in {seconds:.0f} s. {_tail(server)}")

    def watch(self) -> None:
        """Return never, unless a server dies: then raise ``ServerDiedError``."""
        while True:
            for server in self.servers:
                self._raise_if_dead(server)
            time.sleep(1)

    def stop(self) -> None:
        """End all servers, the last one first, and every process that they started."""
        family = [
            process
            for server in reversed(self.servers)
            for process in [*_descendants(server.process.pid), *_members(server.process.pid)]
        ]
        for server in reversed(self.servers):
            _signal_group(server.process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=_STOP_SECONDS)
        for server in self.servers:
            _signal_group(server.process.pid, signal.SIGKILL)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for server in self.servers:
            server.process.wait()
        self.servers.clear()

    def _raise_if_dead(self, server: Server) -> None:
        if server.process.poll() is not None:
            raise ServerDiedError(
                f"{server.name} ended with code {server.process.returncode}. {_tail(server)}"
            )


def free_port(preferred: int = 0) -> int:
    """Return the preferred port on loopback if it is free, else one that is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ReviewGraphError("No port is free on this machine.")


def _signal_group(process_id: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, number)


def _descendants(process_id: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process_id)
        return [root, *root.children(recursive=True)]
    return []


def _members(session_id: int) -> list[psutil.Process]:
    """Return the processes of a session: also those whose parent has gone before them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session_id:
                found.append(process)
    return found


def _tail(server: Server) -> str:
    lines = server.log.read_text(errors="replace").splitlines()[-12:]
    return f"The end of {server.log}:\n" + "\n".join(lines)
