"""What tests of identity providers share: naming one, being sent there, and coming back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.hostile_provider import CLIENT_ID, CLIENT_SECRET


def set_up(world, issuer, who="ada", tenant="acme"):
    """Name a provider for a tenant."""
    body = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with world.client(who) as client:
        return client.post(f"/v1/tenants/{tenant}/identity-providers", json=body)


def depart(client, tenant="acme", **body):
    """Ask to be sent to the tenant's provider."""
    return client.post(f"/v1/auth/sso/{tenant}", json=body)


def start(client, provider, tenant="acme"):
    """Be sent to the provider, and let it know what it was told."""
    answer = depart(client, tenant)
    assert answer.status_code == 200, answer.text
    query = parse_qs(urlsplit(answer.json()["authorization_url"]).query)
    provider.nonce = query["nonce"][0]
    return {name: values[0] for name, values in query.items()}


def come_back(client, tenant="acme", **query):
    """Come back from the provider with what it gave."""
    return client.get(f"/v1/auth/sso/{tenant}/callback", params=query)


def log_in(world, provider, tenant="acme", **more):
    """Go to the provider as a browser does, and come back with a code."""
    with world.client() as client:
        told = start(client, provider, tenant)
        return come_back(client, tenant, code="code", state=told["state"], **more)
