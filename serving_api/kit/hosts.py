"""Under which names the API answers: a name of somebody else's that leads here is not one of them.

A page that somebody visits may give its own name the address of this machine and ask as one of its
own pages then (DNS rebinding). The browser says in ``Host`` which name it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import Scope

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:[0-9]{1,5})?")


class AllowedHosts:
    """Tells whether a request is addressed to this installation.

    Args:
        names: The names, small and without ports; None lets every name pass.
    """

    def __init__(self, names: Collection[str] | None) -> None:
        self._names = None if names is None else frozenset(names)

    def allows(self, scope: Scope) -> bool:
        """Whether a request names one of them, and nothing else, on whatever port."""
        if self._names is None:
            return True
        given = Headers(scope=scope).getlist("host")
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        return found is not None and found[1].lower() in self._names
