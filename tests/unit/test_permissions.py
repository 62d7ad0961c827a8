"""Who may do what in a tenant stands in one table, and nothing asks for roles beside it."""

from __future__ import annotations

import re
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

import serving_api
from resources.database.users import ROLES
from serving_api.kit.auth import TenantSession
from serving_api.kit.errors import Problem
from serving_api.kit.permissions import PERMISSIONS, ROLES_BY_PERMISSION, permissions_of
from serving_api.kit.tokens import Principal

USER = uuid.UUID(int=1)


def session(role, scopes=None):
    return TenantSession(Principal(USER, scopes=scopes), tenant=None, role=role, work=None)


def refusal(role, permission, scopes=None):
    """The slug of the problem, or None where one may go on."""
    try:
        session(role, scopes).require(permission)
    except Problem as problem:
        return problem.slug
    return None


def test_every_permission_is_held_by_some_role_and_by_all_above_it():
    assert permissions_of("owner") == set(PERMISSIONS)
    for higher, lower in pairwise(ROLES):
        assert permissions_of(lower) < permissions_of(higher)
    for permission, roles in ROLES_BY_PERMISSION.items():
        assert roles == ROLES[: len(roles)], permission
        assert roles, permission


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_role_may_what_the_table_says_and_nothing_else(permission):
    refused = [role for role in ROLES if refusal(role, permission) is not None]
    assert refused == [role for role in ROLES if role not in ROLES_BY_PERMISSION[permission]]
    assert {refusal(role, permission) for role in refused} <= {"forbidden"}


def test_a_viewer_changes_nothing():
    assert not [name for name in permissions_of("viewer") if not name.endswith((":read", ":run"))]


def test_a_key_may_what_both_its_scopes_and_the_role_hold():
    scopes = frozenset({"reports:read", "reports:write"})
    assert refusal("analyst", "reports:write", scopes) is None
    assert refusal("viewer", "reports:write", scopes) == "forbidden"
    assert refusal("owner", "reviews:read", scopes) == "insufficient-scope"
    assert refusal("owner", "reports:read", frozenset()) == "insufficient-scope"


def test_no_route_asks_for_a_role():
    """Comparing roles beside the table would make it half of the answer."""
    folder = Path(serving_api.__file__).parent
    for module in folder.rglob("*.py"):
        if module.name != "permissions.py":
            code = module.read_text(encoding="utf-8")
            assert not re.search(r"require_role|\.role (?:not )?in |\.role [!=]=", code), module
