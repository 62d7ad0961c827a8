"""What one may do in a tenant: every permission, once, and the roles that hold it.

Routes ask for a permission and never for a role, so that this table is the whole answer to who may
do what. An API key carries some of these words as its scopes; it may do what they say, as long as
its creator's role holds them too.
"""

from __future__ import annotations

from typing import Literal, get_args

from resources.database.users import ROLES, Role

Permission = Literal[
    "analysis:run",
    "corrections:write",
    "enrichment:read",
    "enrichment:write",
    "events:read",
    "identity:write",
    "keys:read",
    "keys:write",
    "members:read",
    "members:write",
    "metrics:read",
    "privacy:erase",
    "reports:read",
    "reports:write",
    "reviews:read",
    "settings:read",
    "settings:write",
    "sources:read",
    "sources:write",
    "tenant:close",
    "tenant:export",
    "tenant:read",
    "tenant:transfer",
]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

_FROM_ROLE: dict[Role, tuple[Permission, ...]] = {
    "viewer": (
        "analysis:run",
        "enrichment:read",
        "members:read",
        "metrics:read",
        "reports:read",
        "reviews:read",
        "settings:read",
        "sources:read",
        "tenant:read",
    ),
    "analyst": ("corrections:write", "enrichment:write", "reports:write"),
    "admin": (
        "events:read",
        "keys:read",
        "keys:write",
        "members:write",
        "settings:write",
        "sources:write",
    ),
    "owner": (
        "identity:write",
        "privacy:erase",
        "tenant:close",
        "tenant:export",
        "tenant:transfer",
    ),
}
"""The lowest role that holds each permission; every role holds what those below it hold."""

_RISING: tuple[Role, ...] = tuple(reversed(ROLES))


def permissions_of(role: Role) -> frozenset[Permission]:
    """What a role may do."""
    below = _RISING[: _RISING.index(role) + 1]
    return frozenset(permission for each in below for permission in _FROM_ROLE[each])


ROLES_BY_PERMISSION: dict[Permission, tuple[Role, ...]] = {
    permission: tuple(role for role in ROLES if permission in permissions_of(role))
    for permission in PERMISSIONS
}
"""The roles that hold each permission, highest first."""
