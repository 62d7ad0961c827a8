"""The ports of servers that people and programs have addresses of: the same after a restart."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.supervisor import free_port


def kept_port(home: Path, server: str, preferred: int = 0) -> int:
    """Return the port of a server: that of the last time if it is free, else another one.

    Args:
        home: The installation's folder, which keeps the ports in ``ports.json``.
        server: The server's name.
        preferred: The port that is asked for; any free one when 0. Asking for another one than
            the last time forgets what was kept.

    Raises:
        ReviewGraphError: No port is free on this machine.
    """
    path = home / "ports.json"
    kept = _read(path)
    last = kept.get(server, {})
    wanted = last.get("port", preferred) if last.get("preferred") == preferred else preferred
    port = free_port(wanted)
    if port != wanted and preferred not in {0, wanted}:
        port = free_port(preferred)
    kept[server] = {"preferred": preferred, "port": port}
    draft = path.with_name("ports.json.new")
    draft.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
    return port


def _read(path: Path) -> dict[str, dict[str, int]]:
    """The ports that were kept; none where the file is not there or was spoilt."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {"preferred": int(one["preferred"]), "port": int(one["port"])}
            for name, one in kept.items()
        }
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
