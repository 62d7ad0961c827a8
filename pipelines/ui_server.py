"""Dagster's UI behind its guard: ``python -m pipelines.ui_server --port 3000 --workspace FILE``.

``dagster-webserver`` offers no place for a middleware, so what its command line does is done here:
the same instance, the same application, served by the same server, on loopback alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.cli import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
)
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver

from pipelines.ui_guard import UiGuard
from resources.logs import log_to_stderr

LOOPBACK = "127.0.0.1"
_POLL_MILLISECONDS = 2000  # how often the UI asks for what has changed


def serve(port: int, workspace: Path) -> None:
    """Serve the UI on loopback until SIGINT or SIGTERM.

    Args:
        port: The port to bind.
        workspace: The file that says where the graph's code server is.
    """
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW
        )
        target = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            app = DagsterWebserver(context, "", _POLL_MILLISECONDS).create_asgi_app()
            uvicorn.run(
                UiGuard(app),
                host=LOOPBACK,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
            )


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description="Serve Dagster's UI on this machine.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", type=Path, required=True)
    arguments = parser.parse_args()
    log_to_stderr()
    serve(arguments.port, arguments.workspace)


if __name__ == "__main__":
    main()
