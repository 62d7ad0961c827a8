"""``reviewgraph up``: the whole product on this machine, until Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pipelines.cli import console
from pipelines.cli.options import port_option

if TYPE_CHECKING:
    from pipelines.session import Session
    from pipelines.supervisor import Supervisor


def up(
    port: Annotated[int, port_option("Port of the Dagster UI; a free one if taken.")] = 3000,
    api_port: Annotated[int, port_option("Port of the API; a free one if taken.")] = 8000,
) -> None:
    """Start Dagster's UI and daemon, the API, a worker and the sandbox; Ctrl-C stops them all."""
    from pipelines.launch import prepare_environment
    from pipelines.session import open_session
    from pipelines.supervisor import Supervisor

    with open_session() as session, _only_one(session.settings.home), suppress(KeyboardInterrupt):
        console.heading("Starting ReviewGraph")
        # The servers work in another folder, where another .env would mislead them.
        environment = {**session.settings.environment(), **prepare_environment(session)}
        with Supervisor(session.settings.home / "logs", environment) as supervisor:
            addresses = _start_all(session, supervisor, port, api_port)
            console.heading("Running. Ctrl-C stops everything.")
            for name, address in addresses.items():
                console.say(f"  {name:<12}{address}")
            console.say(f"  {'logs':<12}{supervisor.logs}")
            sys.stdout.flush()
            supervisor.watch(_say_at_once)
    console.say("Stopped.")


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Refuse to run twice over one home: two daemons would work against each other.

    Raises:
        ReviewGraphError: Another ``up`` holds the home.
    """
    from resources.errors import ReviewGraphError

    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ReviewGraphError(
                f"ReviewGraph is up already over {home}. Stop it with Ctrl-C where it runs, or "
                "choose another folder with REVIEWGRAPH_HOME."
            ) from error
        yield


def _start_all(
    session: Session, supervisor: Supervisor, port: int, api_port: int
) -> dict[str, str]:
    """Start the servers in the order in which they need each other; return their addresses."""
    from pipelines.ports import kept_port
    from resources.settings import PROJECT_ROOT

    home = session.settings.home
    binaries = Path(sys.executable).parent
    reviewgraph = str(binaries / "reviewgraph")
    addresses: dict[str, str] = {}
    if session.settings.dataforseo_login is None:
        with console.step("sandbox (DataForSEO)"):
            sandbox_port = kept_port(home, "sandbox")
            server = supervisor.start(
                "sandbox", [reviewgraph, "sandbox", "--port", str(sandbox_port)], cwd=PROJECT_ROOT
            )
            supervisor.wait_until_listens(server, sandbox_port)
        address = f"http://127.0.0.1:{sandbox_port}"
        supervisor.environment = {
            **supervisor.environment,
            "REVIEWGRAPH_DATAFORSEO_URL": address,
            "REVIEWGRAPH_DATAFORSEO_LOGIN": "sandbox",
            "REVIEWGRAPH_DATAFORSEO_PASSWORD": "sandbox",
        }
        addresses["Sandbox"] = address
    with console.step("API"):
        api_port = kept_port(home, "api", api_port)
        if session.settings.public_url is None:
            _let_links_lead_to(f"http://127.0.0.1:{api_port}", session, supervisor)
        server = supervisor.start(
            "api", [reviewgraph, "api", "--port", str(api_port)], cwd=PROJECT_ROOT
        )
        supervisor.wait_until_answers(server, f"http://127.0.0.1:{api_port}/healthz")
    addresses["API"] = f"http://127.0.0.1:{api_port}/openapi.json"
    with console.step("worker"):
        supervisor.start("worker", [reviewgraph, "worker"], cwd=PROJECT_ROOT)
    with console.step("code server"):
        code_port = kept_port(home, "code-server")
        server = supervisor.start(
            "code-server",
            [
                str(binaries / "dagster"), "api", "grpc",
                "--module-name", "pipelines.definitions",
                "--host", "127.0.0.1", "--port", str(code_port),
            ],
            cwd=PROJECT_ROOT,
        )  # fmt: skip
        supervisor.wait_until_listens(server, code_port, seconds=300)
    workspace = _write_workspace(session, code_port)
    with console.step("Dagster UI and daemon"):
        port = kept_port(home, "webserver", port)
        supervisor.start(
            "daemon",
            [str(binaries / "dagster-daemon"), "run", "-w", str(workspace)],
            cwd=PROJECT_ROOT,
        )
        server = supervisor.start(
            "webserver",
            [
                sys.executable, "-m", "pipelines.ui_server",
                "--port", str(port), "--workspace", str(workspace),
            ],
            cwd=PROJECT_ROOT,
        )  # fmt: skip
        supervisor.wait_until_answers(server, f"http://127.0.0.1:{port}/server_info", seconds=300)
    return {"Dagster UI": f"http://127.0.0.1:{port}", **addresses}


def _let_links_lead_to(address: str, session: Session, supervisor: Supervisor) -> None:
    """Tell where the API is to what writes links: servers that start from now on, and commands."""
    from resources.home import note_address

    note_address(session.settings.home, address)
    supervisor.environment = {**supervisor.environment, "REVIEWGRAPH_PUBLIC_URL": address}


def _write_workspace(session: Session, code_port: int) -> Path:
    """Point the UI and the daemon to the one code server, so that the graph is loaded once."""
    path = session.settings.home / "dagster" / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": code_port, "location_name": "reviewgraph"}
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))  # JSON is YAML
    return path


def _say_at_once(sentence: str) -> None:
    """Say a line now, also where the output is a pipe or a file."""
    console.say(f"  {sentence}")
    sys.stdout.flush()
