"""How the embedded PostgreSQL is set up: on a socket, for many processes with short queries."""

from __future__ import annotations

import shlex
from pathlib import Path

PORT = 5432
"""Only a part of the socket's name; nothing listens on the network."""


def options_of(socket_folder: Path, label: str, *, durable: bool) -> str:
    """The server's options, as its command line takes them.

    Args:
        socket_folder: Where its socket is.
        label: Marks its processes in the process list.
        durable: Whether commits outlive a crash of the machine.
    """
    settings = {
        "listen_addresses": "",
        # A list, therefore quoted: a folder's name may hold commas.
        "unix_socket_directories": f'"{socket_folder}"',
        "port": str(PORT),
        "cluster_name": label,
        "max_connections": "200",
        "jit": "off",  # short queries; compiling them takes longer than running them
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
