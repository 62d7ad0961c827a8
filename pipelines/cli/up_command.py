"""``reviewgraph up``: the whole product on this machine, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import console

if TYPE_CHECKING:
    from pipelines.session import Session
    from pipelines.supervisor import Supervisor


def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI; a free one if taken.")] = 3000,
    api_port: Annotated[int, typer.Option(help="Port of the API; a free one if taken.")] = 8000,
) -> None:
    """Start Dagster's UI and daemon, the API and the sandbox together; Ctrl-C stops them all."""
    from pipelines.launch import prepare_environment
    from pipelines.session import open_session
    from pipelines.supervisor import Supervisor

    signal.signal(signal.SIGTERM, _interrupt)
    console.heading("Starting ReviewGraph")
    with open_session() as session:
        environment = prepare_environment(session)
        try:
            with Supervisor(session.settings.home / "logs", environment) as supervisor:
                addresses = _start_all(session, supervisor, port, api_port)
                console.heading("Running. Ctrl-C stops everything.")
                for name, address in addresses.items():
                    console.say(f"  {name:<12}{address}")
                console.say(f"  {'logs':<12}{supervisor.logs}")
                sys.stdout.flush()
                supervisor.watch()
        except KeyboardInterrupt:
            # One Ctrl-C is enough; a second one must not interrupt the stopping.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    console.say("Stopped.")


def _start_all(
    session: Session, supervisor: Supervisor, port: int, api_port: int
) -> dict[str, str]:
    """Start the servers in the order in which they need each other; return their addresses."""
    from pipelines.supervisor import free_port
    from resources.settings import PROJECT_ROOT

    binaries = Path(sys.executable).parent
    reviewgraph = str(binaries / "reviewgraph")
    addresses: dict[str, str] = {}
    if session.settings.dataforseo_login is None:
        with console.step("sandbox (DataForSEO)"):
            sandbox_port = free_port()
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
        api_port = free_port(api_port)
        server = supervisor.start(
            "api", [reviewgraph, "api", "--port", str(api_port)], cwd=PROJECT_ROOT
        )
        supervisor.wait_until_answers(server, f"http://127.0.0.1:{api_port}/healthz")
    addresses["API"] = f"http://127.0.0.1:{api_port}/openapi.json"
    with console.step("code server"):
        code_port = free_port()
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
        port = free_port(port)
        arguments = ["-w", str(workspace)]
        supervisor.start(
            "daemon", [str(binaries / "dagster-daemon"), "run", *arguments], cwd=PROJECT_ROOT
        )
        server = supervisor.start(
            "webserver",
            [str(binaries / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), *arguments],
            cwd=PROJECT_ROOT,
        )
        supervisor.wait_until_answers(server, f"http://127.0.0.1:{port}/server_info", seconds=300)
    return {"Dagster UI": f"http://127.0.0.1:{port}", **addresses}


def _write_workspace(session: Session, code_port: int) -> Path:
    """Point the UI and the daemon to the one code server, so that the graph is loaded once."""
    path = session.settings.home / "dagster" / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": code_port, "location_name": "reviewgraph"}
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))  # JSON is YAML
    return path


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
