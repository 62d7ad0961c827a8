"""Every operation and every field of GraphQL, asked by everybody who may not.

Two tables say what there is: ``MATRIX`` of ``tests.operation_matrix`` how each operation is called,
and ``PERMISSION_OF`` here what it asks for. Operations are found by walking the routes of the
application and fields by walking the schema: what has no row in its table fails.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from sqlalchemy import text

from resources.database.users import ROLES
from serving_api.graphql import schema
from serving_api.graphql.schema import PERMISSIONS
from serving_api.kit.permissions import PERMISSIONS as ALL_PERMISSIONS
from serving_api.kit.permissions import permissions_of
from tests.api_world import running_world
from tests.operation_matrix import MATRIX, TENANT, operations, send

REVIEWS, REPORTS, SOURCES = f"{TENANT}/reviews", f"{TENANT}/reports", f"{TENANT}/sources"
OF_ANY_MEMBER = None

PERMISSION_OF: dict[str, str | None] = {
    f"GET {TENANT}": "tenant:read",
    f"PATCH {TENANT}": "settings:write",
    f"POST {TENANT}/close": "tenant:close",
    f"POST {TENANT}/reopen": "tenant:close",
    f"GET {TENANT}/usage": "tenant:read",
    f"GET {TENANT}/features": "tenant:read",
    f"GET {TENANT}/members": "members:read",
    f"PATCH {TENANT}/members/{{user_id}}": "members:write",
    f"DELETE {TENANT}/members/{{user_id}}": "members:write",
    f"POST {TENANT}/ownership": "tenant:transfer",
    f"GET {TENANT}/invitations": "members:write",
    f"POST {TENANT}/invitations": "members:write",
    f"POST {TENANT}/invitations/{{invitation_id}}/resend": "members:write",
    f"DELETE {TENANT}/invitations/{{invitation_id}}": "members:write",
    f"GET {TENANT}/workspaces": "settings:read",
    f"POST {TENANT}/workspaces": "settings:write",
    f"GET {TENANT}/workspaces/{{workspace_id}}": "settings:read",
    f"PATCH {TENANT}/workspaces/{{workspace_id}}": "settings:write",
    f"PUT {TENANT}/workspaces/{{workspace_id}}/contents": "settings:write",
    f"DELETE {TENANT}/workspaces/{{workspace_id}}": "settings:write",
    f"GET {TENANT}/settings": "settings:read",
    f"PATCH {TENANT}/settings": "settings:write",
    f"GET {TENANT}/settings/history": "settings:read",
    f"GET {TENANT}/exports": "tenant:export",
    f"POST {TENANT}/exports": "tenant:export",
    f"GET {TENANT}/exports/{{export_id}}": "tenant:export",
    f"GET {TENANT}/exports/{{export_id}}/archive": "tenant:export",
    f"GET {TENANT}/metrics": "metrics:read",
    f"GET {TENANT}/metrics/series": "metrics:read",
    f"GET {TENANT}/metrics/topics": "metrics:read",
    f"GET {TENANT}/metrics/ratings": "metrics:read",
    f"GET {TENANT}/topics": "metrics:read",
    f"GET {TENANT}/events": "events:read",
    f"GET {TENANT}/event-types": "events:read",
    f"GET {TENANT}/events/stream": "events:read",
    f"GET {TENANT}/runs": "metrics:read",
    f"GET {TENANT}/freshness": "metrics:read",
    f"GET {REVIEWS}": "reviews:read",
    f"GET {REVIEWS}/{{review_key}}": "reviews:read",
    f"GET {REVIEWS}/{{review_key}}/versions": "reviews:read",
    f"GET {REVIEWS}/{{review_key}}/corrections": "reviews:read",
    f"POST {REVIEWS}/{{review_key}}/corrections": "corrections:write",
    f"GET {SOURCES}": "sources:read",
    f"POST {SOURCES}": "sources:write",
    f"GET {SOURCES}/{{source_id}}": "sources:read",
    f"PATCH {SOURCES}/{{source_id}}": "sources:write",
    f"DELETE {SOURCES}/{{source_id}}": "sources:write",
    f"GET {TENANT}/imports": "sources:read",
    f"GET {TENANT}/imports/{{import_id}}": "sources:read",
    f"GET {TENANT}/imports/{{import_id}}/rejected-rows": "reviews:read",
    f"GET {TENANT}/imports/{{import_id}}/rejected-rows.csv": "reviews:read",
    f"GET {TENANT}/erasures": "privacy:erase",
    f"POST {TENANT}/erasures": "privacy:erase",
    f"GET {TENANT}/erasures/{{erasure_id}}": "privacy:erase",
    f"GET {TENANT}/identity-providers": "settings:read",
    f"POST {TENANT}/identity-providers": "identity:write",
    f"DELETE {TENANT}/identity-providers/{{provider_id}}": "identity:write",
    f"GET {TENANT}/api-keys": "keys:read",
    f"POST {TENANT}/api-keys": "keys:write",
    f"DELETE {TENANT}/api-keys/{{key_id}}": "keys:write",
    f"GET {TENANT}/taxonomy": "enrichment:read",
    f"PUT {TENANT}/taxonomy": "enrichment:write",
    f"GET {TENANT}/aspect-lexicon": "enrichment:read",
    f"PUT {TENANT}/aspect-lexicon": "enrichment:write",
    f"GET {TENANT}/nlp-settings": "settings:read",
    f"PUT {TENANT}/nlp-settings": "settings:write",
    "POST /v1/analyze": "analysis:run",
    f"GET {REPORTS}": "reports:read",
    f"POST {REPORTS}": "reports:write",
    f"GET {REPORTS}/{{report_id}}": "reports:read",
    f"GET {REPORTS}/{{report_id}}/files/{{file_format}}": "reports:read",
    f"GET {TENANT}/report-requests/{{request_id}}": "reports:read",
}
"""What each operation of a tenant asks for; ``OF_ANY_MEMBER`` where it asks for nothing."""

ALSO_NEEDED = {f"PATCH {TENANT}/settings": {"settings:read"}}
"""Scopes without which an operation could not show what it has changed."""

OF_MEMBERS = [name for name, row in MATRIX.items() if row.audience == "members"]
GUARDED = [name for name in OF_MEMBERS if PERMISSION_OF.get(name) is not None]
FOR_KEYS = [name for name in GUARDED if not MATRIX[name].of_people]
NOT_OF_EVERYONE = [name for name, row in MATRIX.items() if row.audience != "everyone"]


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        with world.database.jobs() as work:
            for role in ROLES:
                email = f"{role}@example.com"
                user = work.users.create(email, role, "correct horse battery staple")
                work.users.add_membership("acme", user.id, role)
                world.users[role] = user
            # A plan that says from which day on it shows reviews, and shows them all.
            work.tenants.set_plan("acme", "enterprise", limits={"history_days": 10_000})
        yield world


def change(world, statement, **values):
    """Change something behind the application's back, as the graph or an operator would."""
    with world.database.jobs() as work:
        work.session.execute(text(statement), values)
    world.changed_behind_it()


def key_of(world, nickname, scopes, tenant="acme"):
    """What a program shows that has an API key of a tenant, made by somebody for some things."""
    return world.key(tenant, nickname, *scopes)[1]


def is_served(answer, operation):
    """Whether somebody was let do something, be it that the very same had been done before."""
    return answer.status_code in {MATRIX[operation].status, 409}


# REST ------------------------------------------------------------------------------------------


def test_every_operation_has_a_row_in_both_tables(world):
    found = sorted(operations(world.app.routes))
    assert found == sorted(MATRIX)
    assert sorted(PERMISSION_OF) == sorted(OF_MEMBERS)
    assert set(PERMISSION_OF.values()) <= {*ALL_PERMISSIONS, OF_ANY_MEMBER}


STRANGERS = {"bob": 404, "eve": 404, None: 401, "garbage": 401}
"""Who may not ask, by nickname or token, and the answer: of another tenant, of none, and nobody."""


def token_of_stranger(world, stranger):
    return world.token(stranger) if stranger in world.users else stranger


@pytest.mark.parametrize("operation", OF_MEMBERS)
def test_a_stranger_is_answered_as_if_nothing_was_there(world, operation):
    for stranger, status in STRANGERS.items():
        answer = send(world, operation, token_of_stranger(world, stranger))
        assert answer.status_code == status, stranger
        assert "acme" not in answer.text


@pytest.mark.parametrize("operation", NOT_OF_EVERYONE)
def test_who_was_switched_off_is_nobody_at_once(world, operation):
    token = world.token_of_new_session("owner")
    switch = "update reviewgraph.users set is_active = :on where id = :user"
    owner = world.users["owner"].id
    assert is_served(send(world, operation, token), operation)
    token = world.token_of_new_session("owner")
    change(world, switch, on=False, user=owner)
    try:
        assert send(world, operation, token).status_code == 401
    finally:
        change(world, switch, on=True, user=owner)


@pytest.mark.parametrize("operation", OF_MEMBERS)
def test_who_is_no_member_any_more_finds_nothing(world, operation):
    leaver = world.users["eve"].id
    with world.database.jobs() as work:
        work.users.add_membership("acme", leaver, "owner")
    assert is_served(send(world, operation, world.token("eve")), operation)
    change(world, "delete from reviewgraph.memberships where user_id = :user", user=leaver)
    assert send(world, operation, world.token("eve")).status_code == 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", GUARDED)
def test_a_role_may_do_what_the_table_of_permissions_says_and_nothing_else(world, operation, role):
    answer = send(world, operation, world.token_of_new_session(role))
    if PERMISSION_OF[operation] in permissions_of(role):
        assert is_served(answer, operation)
    else:
        assert answer.status_code == 403
        assert answer.json()["type"].endswith(":forbidden")


@pytest.mark.parametrize("operation", FOR_KEYS)
def test_a_key_needs_the_operation_s_own_scope_and_no_other(world, operation):
    needed = PERMISSION_OF[operation]
    scopes = {needed} | ALSO_NEEDED.get(operation, set())
    served = send(world, operation, key_of(world, "ada", scopes))
    assert is_served(served, operation)
    refused = send(world, operation, key_of(world, "ada", set(ALL_PERMISSIONS) - {needed}))
    assert refused.status_code == 403
    assert refused.json()["type"].endswith(":insufficient-scope")


@pytest.mark.parametrize("operation", FOR_KEYS)
def test_a_key_gives_no_more_than_its_creator_has(world, operation):
    answer = send(world, operation, key_of(world, "viewer", ALL_PERMISSIONS))
    may = PERMISSION_OF[operation] in permissions_of("viewer")
    assert is_served(answer, operation) if may else answer.status_code == 403


@pytest.mark.parametrize("operation", OF_MEMBERS)
def test_a_key_of_one_tenant_finds_nothing_in_another_of_its_creator(world, operation):
    answer = send(world, operation, key_of(world, "ada", ALL_PERMISSIONS, tenant="empty"))
    assert answer.status_code == 404


# GraphQL ---------------------------------------------------------------------------------------

ARGUMENTS = {"review": '(key: "{review}")', "rejectedRows": '(importId: "{import}")'}


@cache
def fields_of_tenant() -> dict[str, Any]:
    tenant = schema.build()._schema.type_map["Tenant"]
    return dict(tenant.fields)


FIELDS = sorted(fields_of_tenant())
GUARDED_FIELDS = sorted(PERMISSIONS)


def query_of(world, field, tenant="acme", ids_of="acme"):
    """A document that asks for one field of a tenant."""
    kind = fields_of_tenant()[field].type
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    below = " { __typename }" if isinstance(inner, GraphQLObjectType) else ""
    arguments = ARGUMENTS.get(field, "").replace("{", "{{").replace("}", "}}")
    arguments = arguments.replace("{{", "{").replace("}}", "}")
    for name, value in world.ids[ids_of].items():
        arguments = arguments.replace(f"{{{name}}}", value)
    return f'{{ tenant(id: "{tenant}") {{ id {field}{arguments}{below} }} }}'


def ask(world, document, token=None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with world.client(**headers) as client:
        return client.post("/v1/graphql", json={"query": document})


def test_every_field_of_a_tenant_has_a_permission_or_is_for_every_member():
    assert set(FIELDS) - set(GUARDED_FIELDS) == {
        "id",
        "name",
        "role",
        "colour",
        "historyStarts",
    }
    assert set(GUARDED_FIELDS) <= set(FIELDS)
    query = schema.build()._schema.type_map["Query"]
    assert set(query.fields) == {"me", "tenant", "tenants"}


def test_every_way_to_a_shape_leads_through_a_field_of_a_tenant():
    """No shape of a tenant's data can be reached from the root but through ``tenant``."""
    kinds = schema.build()._schema.type_map
    for name in ("me", "tenants"):
        kind = kinds["Query"].fields[name].type
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        assert set(kind.fields) <= {"id", "email", "name", "role", "status"}


@pytest.mark.parametrize("field", FIELDS)
def test_those_who_may_are_given_the_field(world, field):
    body = ask(world, query_of(world, field), world.token("ada")).json()
    assert body["errors"] is None, body
    assert body["data"]["tenant"][field] is not None


@pytest.mark.parametrize("field", FIELDS)
def test_a_stranger_is_given_no_field(world, field):
    for stranger, status in STRANGERS.items():
        answer = ask(world, query_of(world, field), token_of_stranger(world, stranger))
        assert "acme" not in answer.text
        if status == 401:
            assert answer.status_code == 401
        else:
            body = answer.json()
            assert body["data"] == {"tenant": None}
            assert body["errors"][0]["extensions"]["slug"] == "not-found"


@pytest.mark.parametrize("field", GUARDED_FIELDS)
def test_a_field_needs_its_own_scope_and_no_other(world, field):
    needed, document = PERMISSIONS[field], query_of(world, field)
    served = ask(world, document, key_of(world, "ada", {needed, "tenant:read"}))
    assert served.json()["errors"] is None
    refused = ask(world, document, key_of(world, "ada", set(ALL_PERMISSIONS) - {needed}))
    if needed == "tenant:read":  # without it nothing of a tenant is answered at all
        assert refused.status_code == 403
    else:
        body = refused.json()
        assert body["errors"][0]["extensions"]["slug"] == "insufficient-scope"
        assert body["data"]["tenant"][field] is None


@pytest.mark.parametrize("field", FIELDS)
def test_a_key_of_one_tenant_is_given_no_field_of_another(world, field):
    key = key_of(world, "ada", ALL_PERMISSIONS, tenant="empty")
    assert ask(world, query_of(world, field), key).json()["data"] == {"tenant": None}


@pytest.mark.parametrize("field", sorted(ARGUMENTS))
def test_what_another_tenant_has_is_not_there_in_the_own_one(world, field):
    document = query_of(world, field, tenant="brava", ids_of="acme")
    body = ask(world, document, world.token("bob")).json()
    assert body["data"]["tenant"] == {"id": "brava", field: None}
    assert body["errors"][0]["extensions"]["slug"] == "not-found"


def test_a_key_is_nobody_and_has_no_list_of_tenants(world):
    key = key_of(world, "ada", ALL_PERMISSIONS)
    body = ask(world, '{ me { email } tenants { id } tenant(id: "acme") { id } }', key).json()
    assert body["data"] == {"me": None, "tenants": None, "tenant": {"id": "acme"}}
    assert {error["extensions"]["slug"] for error in body["errors"]} == {"insufficient-scope"}
