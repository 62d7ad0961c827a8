"""Every request that changes something is told. A new route without a row here fails."""

from __future__ import annotations

import ast
import re

import pytest
from sqlalchemy import text

from resources.database.event_types import EVENT_TYPES
from resources.settings import PROJECT_ROOT
from tests.api_world import running_world
from tests.operation_matrix import MATRIX, TENANT, operations, send

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}

TOLD = {
    f"POST {TENANT}/reviews/{{review_key}}/corrections": "correction.recorded",
    f"PUT {TENANT}/taxonomy": "taxonomy.changed",
    f"PUT {TENANT}/aspect-lexicon": "lexicon.changed",
    f"PUT {TENANT}/nlp-settings": "understanding.changed",
    f"POST {TENANT}/reports": "report.requested",
    f"POST {TENANT}/api-keys": "key.created",
    f"DELETE {TENANT}/invitations/{{invitation_id}}": "invitation.revoked",
    f"POST {TENANT}/invitations": "invitation.created",
    f"POST {TENANT}/invitations/{{invitation_id}}/resend": "invitation.resent",
    f"DELETE {TENANT}/members/{{user_id}}": "membership.removed",
    f"POST {TENANT}/sources": "source.created",
    f"DELETE {TENANT}/sources/{{source_id}}": "source.removed",
    f"POST {TENANT}/workspaces": "workspace.created",
    f"PATCH {TENANT}/workspaces/{{workspace_id}}": "workspace.changed",
    f"PUT {TENANT}/workspaces/{{workspace_id}}/contents": "workspace.changed",
    f"DELETE {TENANT}/workspaces/{{workspace_id}}": "workspace.archived",
    f"PATCH {TENANT}/settings": "settings.changed",
    f"POST {TENANT}/erasures": "privacy.erasure_requested",
    f"POST {TENANT}/exports": "export.requested",
    f"DELETE {TENANT}/api-keys/{{key_id}}": "key.revoked",
    f"POST {TENANT}/identity-providers": "identity_provider.added",
    f"DELETE {TENANT}/identity-providers/{{provider_id}}": "identity_provider.removed",
}
"""What each route writes into the tenant's chain."""

OF_ACCOUNTS = {
    "POST /confirm",
    "POST /v1/auth/confirm-email",
    "POST /v1/auth/forgot-password",
    "POST /v1/auth/logout",
    "POST /v1/auth/refresh",
    "POST /v1/auth/register",
    "POST /v1/auth/reset-password",
    "POST /v1/auth/second-factor",
    "POST /v1/auth/sso/{tenant}",
    "POST /v1/auth/token",
    "POST /v1/auth/verify-email",
    "POST /v1/me/email",
    "POST /v1/me/password",
    "POST /v1/me/second-factor",
    "POST /v1/me/second-factor/confirm",
    "POST /v1/me/second-factor/recovery-codes",
    "POST /v1/me/second-factor/remove",
    "DELETE /v1/sessions/{session_id}",
    "POST /v1/sessions/end-others",
}
"""They concern an account and no tenant: what they tell is in the installation's chain, and the
tests of accounts and sessions look at it."""

TOLD_WHERE_IT_CHANGES = {
    f"PATCH {TENANT}": "tenant.changed",
    f"PATCH {TENANT}/members/{{user_id}}": "membership.changed",
    f"PATCH {TENANT}/sources/{{source_id}}": "source.changed",
    f"POST {TENANT}/close": "tenant.closing",
    f"POST {TENANT}/reopen": "tenant.reopened",
    f"POST {TENANT}/ownership": "ownership.transferred",
    "POST /v1/tenants": "tenant.created",
    "POST /v1/invitations/accept": "invitation.accepted",
    "POST /v1/invitations/register": "invitation.accepted",
}
"""The request of the matrix changes nothing here, or another tenant; the tests of tenants, members
and sources send one that does."""

TELLS_NOTHING = {
    "POST /v1/graphql": "it reads; there are no mutations",
    "POST /v1/analyze": "it reads texts and keeps nothing",
}
"""Routes that change nothing although their method may, and why."""


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


def test_every_route_that_changes_something_has_a_row(world):
    found = {each for each in operations(world.app.routes) if each.split()[0] in CHANGES}
    assert found == {*TOLD, *TOLD_WHERE_IT_CHANGES, *OF_ACCOUNTS, *TELLS_NOTHING}
    assert set(TOLD) <= set(MATRIX)
    assert {*TOLD.values(), *TOLD_WHERE_IT_CHANGES.values()} <= set(EVENT_TYPES)


@pytest.mark.parametrize("operation", TOLD)
def test_what_was_changed_is_told_with_who_did_it(world, operation):
    with world.database.jobs() as work:
        # A report that is asked for already is not asked for again.
        work.session.execute(text("update reviewgraph.report_requests set status = 'done'"))
        before = work.events.last_sequence("acme")
    assert send(world, operation, world.token("ada")).is_success
    with world.database.jobs() as work:
        (event,) = work.events.read("acme", after=before)
    assert event.type == TOLD[operation]
    assert event.actor == f"user:{world.users['ada'].id}"
    schema = EVENT_TYPES[event.type].schema["properties"]
    assert set(event.data) <= set(schema)
    kinds = {str: "string", int: "integer", bool: "boolean", list: "array", dict: "object"}
    for name, value in event.data.items():
        assert kinds.get(type(value), "null") in schema[name]["type"], name


@pytest.mark.parametrize("operation", TOLD)
def test_what_was_refused_is_not_told(world, operation):
    with world.database.jobs() as work:
        before = work.events.last_sequence("acme")
    assert send(world, operation, world.token("vic")).status_code == 403
    with world.database.jobs() as work:
        assert work.events.last_sequence("acme") == before


def types_written():
    """The type of every event that the program writes, with the place."""
    for folder in ("assets", "pipelines", "resources", "serving_api"):
        for module in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _is_telling(node.func) and node.args:
                    for given in ast.walk(node.args[0]):
                        if isinstance(given, ast.Constant) and _is_type(given.value):
                            yield given.value, f"{module.relative_to(PROJECT_ROOT)}:{node.lineno}"


def _is_telling(function):
    called = ast.unparse(function)
    return called.endswith(("events.add", "_tell")) or called == (
        "EventRepository(self.session).add"
    )


def _is_type(value):
    return isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value) is not None


def test_every_type_that_is_written_is_registered():
    written = dict(types_written())
    assert len(written) >= 8
    assert {kind: place for kind, place in written.items() if kind not in EVENT_TYPES} == {}
