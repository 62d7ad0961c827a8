"""Every operation of the API: who may use it, and how a test sends it."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt
from fastapi.routing import APIRoute
from starlette.routing import Route

from tests.api_world import PASSWORD, World


@dataclass(frozen=True)
class Row:
    """Who may use a route.

    Attributes:
        audience: ``everyone``, ``users`` or ``members`` of the tenant in the address.
        body: A valid body, where the route takes one; ``{unique}`` in it is another each time.
        status: What those who may are answered with.
        query: Its parameters, with ``{tenant}`` where the tenant is named.
        ends_sessions: Whether it ends sessions of who asks, or changes the account.
        of_people: Whether no API key may use it.
        takes_keys: Whether an API key may use it although no tenant stands in its address.
        viewers: Whether every member may use it.
        fresh: Makes what the route uses up: from the world and the tenant whose it shall be to
            names and values of the address.
    """

    audience: str
    body: dict[str, Any] | Callable[[], dict[str, Any]] | None = None
    status: int = 200
    query: dict[str, str] = field(default_factory=dict)
    ends_sessions: bool = False
    of_people: bool = False
    takes_keys: bool = False
    viewers: bool = True
    fresh: Callable[[World, str], dict[str, str]] | None = None


def new_source() -> dict[str, Any]:
    """A source that can be made again and again."""
    config = {"place_id": "x", "location_code": 2840, "language_code": "en"}
    return {"kind": "google_reviews", "name": f"spare {uuid.uuid4()}", "config": config}


def spare_source(world: World, tenant: str) -> dict[str, str]:
    """A source that nothing depends on."""
    with world.database.jobs() as work:
        source = work.sources.create(tenant, "google_reviews", f"spare {uuid.uuid4()}")
    return {"source_id": str(source.id)}


TENANT = "/v1/tenants/{tenant}"
NEW_PASSWORD = "tulips argue with thunder"
OWNERS = {"acme": "ada", "brava": "bob"}
_NUMBERS = itertools.count(1)
MATRIX = {
    "GET /openapi.json": Row("everyone"),
    "GET /docs": Row("everyone"),
    "GET /problems/{slug}": Row("everyone"),
    "GET /confirm": Row("everyone", status=404),
    "POST /confirm": Row("everyone", status=404),
    "GET /healthz": Row("everyone"),
    "GET /readyz": Row("everyone"),
    "GET /metrics": Row("everyone"),
    "POST /v1/auth/token": Row("everyone", {"email": "x@example.com", "password": "x"}, 401),
    "POST /v1/auth/refresh": Row("everyone", {"refresh_token": "x"}, 401),
    "GET /.well-known/jwks.json": Row("everyone"),
    "POST /v1/auth/second-factor": Row("everyone", {"challenge": "x", "code": "000000"}, 401),
    "POST /v1/auth/register": Row(
        "everyone", {"email": "x@example.com", "name": "X", "password": NEW_PASSWORD}, 202
    ),
    "POST /v1/auth/verify-email": Row("everyone", {"token": "x", "password": "x"}, 400),
    "POST /v1/auth/forgot-password": Row("everyone", {"email": "x@example.com"}, 202),
    "POST /v1/auth/reset-password": Row("everyone", {"token": "x", "password": NEW_PASSWORD}, 400),
    "POST /v1/auth/confirm-email": Row("everyone", {"token": "x"}, 400),
    "POST /v1/auth/sso/{tenant}": Row("everyone", {}, 404),
    "GET /v1/auth/sso/{tenant}/callback": Row("everyone", status=401),
    "POST /v1/me/password": Row(
        "users", {"current_password": PASSWORD, "password": PASSWORD}, 204, ends_sessions=True
    ),
    "POST /v1/me/email": Row(
        "users",
        {"current_password": PASSWORD, "email": "y@example.com"},
        202,
        ends_sessions=True,
    ),
    "GET /v1/me/second-factor": Row("users"),
    "POST /v1/me/second-factor": Row("users", {"current_password": PASSWORD}, ends_sessions=True),
    "POST /v1/me/second-factor/confirm": Row("users", {"code": "000000"}, 401, ends_sessions=True),
    "POST /v1/me/second-factor/recovery-codes": Row(
        "users", {"current_password": PASSWORD}, 404, ends_sessions=True
    ),
    "POST /v1/me/second-factor/remove": Row(
        "users", {"current_password": PASSWORD}, 404, ends_sessions=True
    ),
    f"GET {TENANT}/identity-providers": Row("members"),
    f"POST {TENANT}/identity-providers": Row(
        "members",
        {"issuer": "https://id.example", "client_id": "x", "client_secret": "x"},
        201,
        of_people=True,
        viewers=False,
    ),
    f"DELETE {TENANT}/identity-providers/{{provider_id}}": Row(
        "members", status=204, of_people=True, viewers=False
    ),
    "POST /v1/auth/logout": Row("users", status=204, ends_sessions=True),
    "GET /v1/sessions": Row("users"),
    "DELETE /v1/sessions/{session_id}": Row("users", status=204, ends_sessions=True),
    "POST /v1/sessions/end-others": Row("users", ends_sessions=True),
    "GET /v1/me": Row("users"),
    "GET /v1/tenants": Row("users"),
    "POST /v1/tenants": Row("users", {"name": "New"}, 201),
    "POST /v1/graphql": Row("users", {"query": "{ me { name } tenants { id } }"}, takes_keys=True),
    f"GET {TENANT}": Row("members"),
    f"PATCH {TENANT}": Row("members", {"colour": "#123456"}, viewers=False),
    f"POST {TENANT}/close": Row("members", {"confirm": "nothing"}, 422, viewers=False),
    f"POST {TENANT}/reopen": Row("members", None, 409, viewers=False),
    f"GET {TENANT}/usage": Row("members"),
    f"GET {TENANT}/features": Row("members"),
    f"GET {TENANT}/members": Row("members"),
    f"PATCH {TENANT}/members/{{user_id}}": Row("members", {"role": "viewer"}, viewers=False),
    f"DELETE {TENANT}/members/{{user_id}}": Row("members", None, 204, viewers=False),
    f"POST {TENANT}/ownership": Row(
        "members", {"user_id": str(uuid.UUID(int=0))}, 404, viewers=False
    ),
    f"GET {TENANT}/invitations": Row("members", viewers=False),
    f"POST {TENANT}/invitations": Row(
        "members", {"email": "new{unique}@example.com"}, 201, viewers=False
    ),
    f"POST {TENANT}/invitations/{{invitation_id}}/resend": Row("members", viewers=False),
    f"DELETE {TENANT}/invitations/{{invitation_id}}": Row("members", None, 204, viewers=False),
    "POST /v1/invitations/register": Row(
        "everyone", {"token": "x", "name": "X", "password": NEW_PASSWORD}, 410
    ),
    "POST /v1/invitations/accept": Row("users", {"token": "x"}, 410),
    f"GET {TENANT}/workspaces": Row("members"),
    f"POST {TENANT}/workspaces": Row("members", {"name": "New {unique}"}, 201, viewers=False),
    f"GET {TENANT}/workspaces/{{workspace_id}}": Row("members"),
    f"PATCH {TENANT}/workspaces/{{workspace_id}}": Row(
        "members", {"name": "Renamed {unique}"}, viewers=False
    ),
    f"PUT {TENANT}/workspaces/{{workspace_id}}/contents": Row(
        "members", {"sources": [], "products": []}, viewers=False
    ),
    f"DELETE {TENANT}/workspaces/{{workspace_id}}": Row("members", None, 204, viewers=False),
    f"GET {TENANT}/settings": Row("members"),
    f"PATCH {TENANT}/settings": Row("members", {"language": "de"}, viewers=False),
    f"GET {TENANT}/settings/history": Row("members"),
    f"GET {TENANT}/exports": Row("members", viewers=False),
    f"POST {TENANT}/exports": Row("members", None, 202, viewers=False),
    f"GET {TENANT}/exports/{{export_id}}": Row("members", viewers=False),
    f"GET {TENANT}/exports/{{export_id}}/archive": Row("members", None, 404, viewers=False),
    f"GET {TENANT}/metrics": Row("members"),
    f"GET {TENANT}/metrics/series": Row("members"),
    f"GET {TENANT}/metrics/topics": Row("members"),
    f"GET {TENANT}/metrics/ratings": Row("members"),
    f"GET {TENANT}/topics": Row("members"),
    f"GET {TENANT}/sources": Row("members"),
    f"POST {TENANT}/sources": Row("members", new_source, 201, viewers=False),
    f"GET {TENANT}/sources/{{source_id}}": Row("members"),
    f"PATCH {TENANT}/sources/{{source_id}}": Row("members", {"is_active": True}, viewers=False),
    f"DELETE {TENANT}/sources/{{source_id}}": Row(
        "members", status=204, fresh=spare_source, viewers=False
    ),
    f"GET {TENANT}/imports": Row("members"),
    f"GET {TENANT}/imports/{{import_id}}": Row("members"),
    f"GET {TENANT}/imports/{{import_id}}/rejected-rows": Row("members"),
    f"GET {TENANT}/imports/{{import_id}}/rejected-rows.csv": Row("members"),
    f"GET {TENANT}/runs": Row("members"),
    f"GET {TENANT}/freshness": Row("members"),
    f"GET {TENANT}/reviews/{{review_key}}/versions": Row("members"),
    f"GET {TENANT}/reviews": Row("members"),
    f"GET {TENANT}/reviews/{{review_key}}": Row("members"),
    f"GET {TENANT}/reviews/{{review_key}}/corrections": Row("members"),
    f"POST {TENANT}/reviews/{{review_key}}/corrections": Row(
        "members", {"field": "sentiment", "value": "mixed"}, 201, viewers=False
    ),
    f"GET {TENANT}/taxonomy": Row("members"),
    f"PUT {TENANT}/taxonomy": Row(
        "members", {"topics": [{"name": "price", "keywords": {"en": ["price"]}}]}, viewers=False
    ),
    f"GET {TENANT}/aspect-lexicon": Row("members"),
    f"PUT {TENANT}/aspect-lexicon": Row(
        "members", {"categories": {"food": "What is eaten"}, "terms": []}, viewers=False
    ),
    f"GET {TENANT}/nlp-settings": Row("members"),
    f"PUT {TENANT}/nlp-settings": Row("members", {"tier": "fast"}, viewers=False),
    "POST /v1/analyze": Row("members", {"texts": ["Good."]}, query={"tenant": "{tenant}"}),
    f"GET {TENANT}/reports": Row("members"),
    f"POST {TENANT}/reports": Row("members", {}, 202, viewers=False),
    f"GET {TENANT}/reports/{{report_id}}": Row("members"),
    f"GET {TENANT}/reports/{{report_id}}/files/{{file_format}}": Row("members"),
    f"GET {TENANT}/report-requests/{{request_id}}": Row("members"),
    f"GET {TENANT}/events": Row("members", viewers=False),
    f"GET {TENANT}/event-types": Row("members", viewers=False),
    f"GET {TENANT}/events/stream": Row("members", viewers=False),
    f"GET {TENANT}/api-keys": Row("members", viewers=False),
    f"POST {TENANT}/api-keys": Row(
        "members", {"name": "x", "scopes": ["tenant:read"]}, 201, of_people=True, viewers=False
    ),
    f"DELETE {TENANT}/api-keys/{{key_id}}": Row(
        "members", status=204, of_people=True, viewers=False
    ),
    f"GET {TENANT}/erasures": Row("members", viewers=False),
    f"POST {TENANT}/erasures": Row("members", {"author": "Nobody At All"}, 202, viewers=False),
    f"GET {TENANT}/erasures/{{erasure_id}}": Row("members", viewers=False),
}


def operations(routes, prefix=""):
    """Method and path of every route, also of routers within routers."""
    for route in routes:
        if isinstance(route, APIRoute | Route):
            for method in route.methods - {"HEAD"}:
                yield f"{method} {prefix}{route.path}"
        else:
            # FastAPI keeps an included router whole; whatever else is mounted needs a look here.
            yield from operations(
                route.original_router.routes, prefix + route.include_context.prefix
            )


def made_for(world, path, tenant):
    """What an operation is about, made anew for it: some take it away."""
    name = f"made-{next(_NUMBERS)}@example.com"
    with world.database.jobs() as work:
        if "{user_id}" in path:
            user = work.users.create(name, "Made", None)
            work.users.add_membership(tenant, user.id, "viewer")
            return {"user_id": user.id}
        if "{invitation_id}" in path:
            token = work.one_time_tokens.issue("invite", email=name)
            made = work.invitations.create(tenant, name, "viewer", token_id=token.id)
            return {"invitation_id": made.id}
        if "{workspace_id}" in path:
            return {"workspace_id": work.workspaces.create(tenant, "brand", name).id}
        if "{export_id}" in path:
            return {"export_id": work.exports.ask(tenant, requested_by="operator").id}
    return {}


def send(world, operation, token=None, *, tenant="acme", ids_of="acme"):
    method, path = operation.split()
    ids, row = world.ids[ids_of], MATRIX[operation]
    parts = {
        "key_id": world.key(ids_of, OWNERS[ids_of])[0].id if "{key_id}" in path else None,
        "provider_id": provider_of(world, ids_of) if "{provider_id}" in path else None,
        "session_id": session_in(token),
        "tenant": tenant,
        "review_key": ids["review"],
        "report_id": ids["report"],
        "request_id": ids["request"],
        "source_id": ids["source"],
        "import_id": ids["import"],
        "erasure_id": ids["erasure"],
        "file_format": "pdf",
        "slug": "not-found",
    }
    if row.fresh is not None:
        parts |= row.fresh(world, ids_of)
    parts |= made_for(world, path, ids_of)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = row.body() if callable(row.body) else row.body
    body = json.loads(json.dumps(body).replace("{unique}", str(next(_NUMBERS))))
    with world.client(**headers) as client:
        query = {name: value.format(tenant=tenant) for name, value in row.query.items()}
        if operation.endswith("/stream"):  # what is given never ends
            with client.stream(method, path.format(**parts)) as answer:
                if not answer.is_success:
                    answer.read()
                    return answer
                return httpx2.Response(answer.status_code, text=next(answer.iter_text()))
        return client.request(method, path.format(**parts), json=body, params=query or None)


def provider_of(world, tenant):
    """An identity provider of a tenant, set up for this request."""
    with world.database.jobs() as work:
        provider = work.identity_providers.add(
            tenant,
            issuer=f"https://{uuid.uuid4()}.example",
            client_id="x",
            client_secret="x",
            default_role="viewer",
        )
    return provider.id


def session_in(token):
    """The id of the session of an access token."""
    try:
        return jwt.decode(token or "", options={"verify_signature": False})["sid"]
    except jwt.DecodeError:
        return uuid.UUID(int=0)


def token_for(world, operation, nickname):
    """A token of the user; where the request ends sessions, of a new one of somebody else."""
    if MATRIX[operation].ends_sessions:
        return world.log_in("zoe")["access_token"]
    return world.token(nickname)
