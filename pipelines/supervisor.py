"""Several servers as one: started together, kept running, and stopped to the last process.

Each server gets a session of its own, so that Ctrl-C in the terminal reaches only the supervisor,
which then ends the servers in order, with everything they started themselves. A server that dies is
started again as it was, after pauses that grow; what it had started itself is left to finish. One
that will not stay up ends the whole, with the end of its log.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from pipelines.log_files import cut_if_large
from resources.errors import ReviewGraphError

_STOP_SECONDS = 20
_POLL_SECONDS = 0.2
_WATCH_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 1.0
MAX_DEATHS = 5
"""How often one server may die within ``DEATHS_WITHIN_SECONDS`` and be started again."""
DEATHS_WITHIN_SECONDS = 600.0


class ServerDiedError(ReviewGraphError):
    """A server ended by itself; the message holds the end of its log."""


@dataclass
class Server:
    """One server, and how it is started.

    Attributes:
        name: Its name, also of its log.
        command: Program and arguments.
        cwd: The folder that it runs in.
        environment: All its variables.
        process: The process that runs now, or ran last.
        log: What it prints, of all its lives.
        deaths: When it died, in seconds of the monotonic clock.
        next_start: When it is started again, on the same clock; None while it runs.
    """

    name: str
    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    log: Path
    deaths: list[float] = field(default_factory=list)
    next_start: float | None = None


@dataclass
class Supervisor:
    """Starts servers, keeps them running, and guarantees that none is left.

    Attributes:
        logs: The folder for their logs.
        environment: Variables for all of them, besides this process's own.
        servers: The servers, in the order in which they were started.
    """

    logs: Path
    environment: Mapping[str, str]
    servers: list[Server] = field(default_factory=list)
    _survivors: list[psutil.Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._end_leftovers()
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
        environment = {**os.environ, **self.environment}
        process = _launch(command, cwd, environment, log)
        server = Server(name, command, cwd, environment, process, log)
        self.servers.append(server)
        self._note_running()
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

    def watch(self, say: Callable[[str], object]) -> None:
        """Start again what dies, for ever, and cut logs that have become large.

        Args:
            say: Told in one sentence of each death and each new start.

        Raises:
            ServerDiedError: A server died too often in too short a time.
        """
        while True:
            for server in self.servers:
                self._keep_running(server, say)
                cut_if_large(server.log)
            time.sleep(_WATCH_SECONDS)

    def stop(self) -> None:
        """End all servers, the last one first, and every process that they started."""
        family = [
            process
            for server in reversed(self.servers)
            for process in [*_descendants(server.process.pid), *_members(server.process.pid)]
        ] + self._survivors
        for process in self._survivors:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
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
        self._survivors.clear()
        self._notes.unlink(missing_ok=True)

    def _keep_running(self, server: Server, say: Callable[[str], object]) -> None:
        now = time.monotonic()
        if server.next_start is None and server.process.poll() is not None:
            recent = [death for death in server.deaths if now - death < DEATHS_WITHIN_SECONDS]
            server.deaths = [*recent, now]
            if len(server.deaths) > MAX_DEATHS:
                raise ServerDiedError(
                    f"{server.name} ended {len(server.deaths)} times within "
                    f"{DEATHS_WITHIN_SECONDS / 60:.0f} minutes, the last time "
                    f"{_how(server.process)}. {_tail(server)}"
                )
            pause = _FIRST_PAUSE_SECONDS * 2 ** (len(server.deaths) - 1)
            server.next_start = now + pause
            self._survivors += _members(server.process.pid)
            say(
                f"{server.name} ended {_how(server.process)} and is started again in {pause:.0f} s "
                f"({len(server.deaths)} of at most {MAX_DEATHS} times in "
                f"{DEATHS_WITHIN_SECONDS / 60:.0f} minutes); see {server.log}"
            )
        if server.next_start is not None and now >= server.next_start:
            server.next_start = None
            server.process = _launch(server.command, server.cwd, server.environment, server.log)
            self._note_running()

    # What a supervisor that was killed has left ---------------------------------------------------

    @property
    def _notes(self) -> Path:
        return self.logs / "running.json"

    def _note_running(self) -> None:
        """Write down which processes run, for whoever comes after a supervisor that was killed."""
        running = {}
        for server in self.servers:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(server.process.pid)
                running[server.name] = [process.pid, process.create_time()]
        draft = self._notes.with_suffix(".new")
        draft.write_text(json.dumps(running))
        draft.replace(self._notes)

    def _end_leftovers(self) -> None:
        """End the servers of a supervisor that was killed: they hold ports, and work unwatched."""
        if not self._notes.exists():
            return
        left = []
        for process_id, born in json.loads(self._notes.read_text()).values():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(process_id)
                if process.create_time() == born:  # else somebody else has the number by now
                    left += [*_descendants(process.pid), *_members(process.pid)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(left, timeout=_STOP_SECONDS)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._notes.unlink()

    def _raise_if_dead(self, server: Server) -> None:
        if server.process.poll() is not None:
            raise ServerDiedError(f"{server.name} ended {_how(server.process)}. {_tail(server)}")


def _launch(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; what it prints is added to its log."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            list(command),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _how(process: subprocess.Popen[bytes]) -> str:
    """How a process ended, in words."""
    code = process.returncode
    if code is not None and code < 0:
        return f"by signal {-code} ({signal.strsignal(-code)})"
    return f"with code {code}"


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
