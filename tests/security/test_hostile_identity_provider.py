"""A provider that tries to log somebody in who has not proven who one is: nobody gets in.

And whatever it does, the answer is a refusal in words, never a failure of ours.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import text

from tests.account_world import forget_limits, slug
from tests.api_world import running_world
from tests.hostile_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    elliptic_key,
    other_key,
    public_key_as_secret,
    running_provider,
    signed_with,
    unsigned,
)


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    module_settings.loopback_identity_providers = True
    with running_world(module_settings, module_database) as world:
        with world.database.jobs() as work:
            work.identity_providers.add_domain("acme", "acme.example")
            work.users.create("owner@acme.example", "The Owner", None)
        yield world


@pytest.fixture(scope="module")
def running(world):
    with running_provider() as provider:
        answer = set_up(world, provider.issuer)
        assert answer.status_code == 201, answer.text
        assert CLIENT_SECRET not in answer.text
        yield provider


@pytest.fixture
def provider(world, running):
    running.reset()
    forget_limits(world)
    return running


def set_up(world, issuer, who="ada", tenant="acme"):
    body = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with world.client(who) as client:
        return client.post(f"/v1/tenants/{tenant}/identity-providers", json=body)


def depart(client, tenant="acme", **body):
    return client.post(f"/v1/auth/sso/{tenant}", json=body)


def start(client, provider):
    """Be sent to the provider, and let it know what it was told."""
    answer = depart(client)
    assert answer.status_code == 200, answer.text
    query = parse_qs(urlsplit(answer.json()["authorization_url"]).query)
    provider.nonce = query["nonce"][0]
    return {name: values[0] for name, values in query.items()}


def come_back(client, tenant="acme", **query):
    return client.get(f"/v1/auth/sso/{tenant}/callback", params=query)


def log_in(world, provider, **more):
    with world.client() as client:
        told = start(client, provider)
        return come_back(client, code="code", state=told["state"], **more)


def sessions(world):
    with world.database.jobs() as work:
        return work.session.scalar(text("select count(*) from reviewgraph.sessions"))


def subject(name, email):
    return {"sub": name, "email": email}


def test_an_honest_provider_logs_its_users_in(world, provider):
    first, second = log_in(world, provider), log_in(world, provider)
    assert (first.status_code, second.status_code) == (200, 200), first.text
    with world.client(Authorization=f"Bearer {first.json()['access_token']}") as sue:
        me = sue.get("/v1/me").json()
    assert (me["email"], me["name"]) == ("sue@acme.example", "Sue")
    assert [(one["id"], one["role"]) for one in me["tenants"]] == [("acme", "viewer")]
    form = provider.asked[0]
    assert form["grant_type"] == "authorization_code"
    assert len(form["code_verifier"]) >= 43


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(world, provider):
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert log_in(world, provider).status_code == 200
    assert provider.asked[-1]["client_secret"] == CLIENT_SECRET
    provider.metadata = {}
    assert log_in(world, provider).status_code == 200
    assert "client_secret" not in provider.asked[-1]


def claims(**changed: Any) -> Callable[[Provider], None]:
    return lambda provider: provider.claims.update(changed)


def metadata(**changed: Any) -> Callable[[Provider], None]:
    return lambda provider: provider.metadata.update(changed)


def header(**changed: Any) -> Callable[[Provider], None]:
    return lambda provider: setattr(
        provider,
        "sign",
        lambda head, said: signed_with(provider.key, "RS256")({**head, **changed}, said),
    )


def signing(make: Callable[[Provider], Any]) -> Callable[[Provider], None]:
    return lambda provider: setattr(provider, "sign", make(provider))


def key_set(make: Callable[[dict[str, Any]], Any]) -> Callable[[Provider], None]:
    return lambda provider: setattr(provider, "keys", make)


def answers(path: str, status: int, body: bytes, **headers: str) -> Callable[[Provider], None]:
    return lambda provider: provider.answer.update({path: (status, body, headers)})


def cut(part: int) -> Callable[[Provider], Any]:
    def make(provider: Provider) -> Any:
        def sign(head: dict[str, Any], said: dict[str, Any]) -> str:
            parts = jwt.encode(head, said, provider.key, algorithms=["RS256"]).split(".")
            parts[part] = parts[part][:-6] + "AAAAAA"
            return ".".join(parts)

        return sign

    return make


WELL_KNOWN = "/.well-known/openid-configuration"
NOW = int(time.time())
NEW = subject("never-seen", "new@acme.example")
TRICKS: dict[str, Callable[[Provider], None]] = {
    "a token that needs no signature": signing(lambda _: unsigned),
    "a public key taken for a secret": signing(public_key_as_secret),
    "an empty secret": signing(lambda _: signed_with(OctKey.import_key("x" * 32), "HS256")),
    "another's key": signing(lambda _: signed_with(other_key(), "RS256")),
    "another kind of key": signing(lambda _: signed_with(elliptic_key(), "ES256")),
    "a signature that was changed": signing(cut(2)),
    "claims that were changed": signing(cut(1)),
    "a key by address": header(jku="http://127.0.0.1:1/jwks"),
    "a key in the token": header(jwk=other_key().as_dict(private=False)),
    "a key by certificate": header(x5u="http://127.0.0.1:1/cert"),
    "an extension that must be understood": header(crit=["exp"]),
    "a key that is not shown": header(kid="unknown"),
    "a kid that is a path": header(kid="../../../../dev/null"),
    "a secret key among the public ones": key_set(
        lambda _: {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}
    ),
    "no keys": key_set(lambda _: {"keys": []}),
    "keys that are a list": key_set(lambda shown: shown["keys"]),
    "keys that are broken": key_set(lambda _: {"keys": [{"kty": "RSA", "n": 5}, None, "x"]}),
    "a key for encryption": key_set(
        lambda shown: {"keys": [{**key, "use": "enc"} for key in shown["keys"]]}
    ),
    "another issuer in the token": claims(iss="https://accounts.example"),
    "an issuer with a slash more": claims(iss="http://127.0.0.1/"),
    "no issuer": claims(iss=None),
    "another audience": claims(aud="another-client"),
    "several audiences": claims(aud=[CLIENT_ID, "another-client"]),
    "no audience": claims(aud=None),
    "an audience that is a number": claims(aud=7),
    "another authorized party": claims(azp="another-client"),
    "no nonce": claims(nonce=None),
    "another nonce": claims(nonce="of another log-in"),
    "a nonce that is a list": claims(nonce=["x"]),
    "an expired token": claims(exp=NOW - 3600),
    "no expiry": claims(exp=None),
    "an expiry in words": claims(exp="tomorrow"),
    "an expiry that is true": claims(exp=True),
    "a token of long ago": claims(iat=NOW - 86_400),
    "a token of the future": claims(iat=NOW + 86_400),
    "a token not valid yet": claims(nbf=NOW + 86_400),
    "no subject": claims(sub=None),
    "an empty subject": claims(sub=""),
    "a subject that is a number": claims(sub=7),
    "a subject with a NUL": claims(sub="a\x00b"),
    "a subject of half a character": claims(sub="a\ud800b"),
    "a subject without end": claims(sub="x" * 5000),
    "an address that is not verified": claims(**NEW, email_verified=False),
    "an address without a word about it": claims(**NEW, email_verified=None),
    "an address verified in words": claims(**NEW, email_verified="true"),
    "an address verified by a number": claims(**NEW, email_verified=1),
    "no address": claims(sub="never-seen", email=None),
    "an address of another domain": claims(**subject("never-seen", "ada@example.com")),
    "an address of a domain that ends alike": claims(**subject("n", "x@evil-acme.example")),
    "an address of a domain below": claims(**subject("never-seen", "x@sub.acme.example")),
    "an address with two domains": claims(**subject("n", "x@acme.example@evil.example")),
    "an address in a comment": claims(**subject("n", "x@evil.example(@acme.example)")),
    "two addresses": claims(**subject("n", "x@evil.example, owner@acme.example")),
    "an address that is a list": claims(sub="never-seen", email=["owner@acme.example"]),
    "metadata of another issuer": metadata(issuer="https://accounts.example"),
    "metadata with a slash more": metadata(issuer="http://127.0.0.1/"),
    "metadata without an issuer": metadata(issuer=None),
    "a token endpoint inside": metadata(token_endpoint="http://169.254.169.254/latest"),
    "a token endpoint that is a file": metadata(token_endpoint="file:///etc/passwd"),
    "keys in an inner network": metadata(jwks_uri="https://10.0.0.1/jwks"),
    "keys behind a mapped address": metadata(jwks_uri="https://[::ffff:10.0.0.1]/jwks"),
    "an endpoint that is no text": metadata(token_endpoint=["http://127.0.0.1"]),
    "no keys' address": metadata(jwks_uri=None),
    "it says that it names itself, and does not": metadata(
        authorization_response_iss_parameter_supported=True
    ),
    "metadata that are no JSON": answers(WELL_KNOWN, 200, b"<html>"),
    "metadata that are a list": answers(WELL_KNOWN, 200, b"[]"),
    "metadata nested without end": answers(WELL_KNOWN, 200, b'{"a":' * 100_000),
    "metadata without end": answers(WELL_KNOWN, 200, b" " * 2_000_000),
    "metadata that are packed": answers(
        WELL_KNOWN, 200, b"\x1f\x8b\x08\x00", **{"Content-Encoding": "gzip"}
    ),
    "metadata elsewhere": answers(WELL_KNOWN, 302, b"", Location="http://169.254.169.254/"),
    "metadata that fail": answers(WELL_KNOWN, 500, b"{}"),
    "keys that fail": answers("/jwks", 503, b"{}"),
    "keys elsewhere": answers("/jwks", 302, b"", Location="http://127.0.0.1:1/"),
    "a token endpoint that refuses": answers("/token", 400, b'{"error": "invalid_grant"}'),
    "a token endpoint that gives no token": answers("/token", 200, b"{}"),
    "a token that is a number": answers("/token", 200, b'{"id_token": 7}'),
    "a token that is none": answers("/token", 200, b'{"id_token": "a.b.c"}'),
    "a token that is two points": answers("/token", 200, b'{"id_token": ".."}'),
    "a token without end": answers("/token", 200, json.dumps({"id_token": "a" * 300_000}).encode()),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_a_provider_logs_anybody_in(world, provider, trick):
    before = sessions(world)
    with world.client() as client:
        # The metadata were honest when somebody departed: the worse moment for a trick.
        told = start(client, provider)
        TRICKS[trick](provider)
        answer = come_back(client, code="code", state=told["state"])
    assert answer.status_code in {401, 502}, answer.text
    assert slug(answer) in {"provider-refused", "provider-unavailable"}
    assert sessions(world) == before
    with world.database.jobs() as work:
        assert work.users.by_email("new@acme.example") is None


@pytest.mark.parametrize("trick", [name for name in TRICKS if "metadata" in name])
def test_nobody_is_sent_to_a_provider_that_lies_about_itself(world, provider, trick):
    TRICKS[trick](provider)
    with world.client() as client:
        answer = depart(client)
    assert answer.status_code in {401, 502}, answer.text


def test_there_are_more_tricks_than_fifteen():
    assert len(TRICKS) > 60


def test_a_state_works_once_in_its_browser_and_at_its_tenant(world, provider):
    with world.client() as browser, world.client() as other:
        told = start(browser, provider)
        state = told["state"]
        start(other, provider)
        provider.nonce = told["nonce"]
        assert come_back(other, code="code", state=state).status_code == 401
        assert come_back(browser, code="code", state=state + "x").status_code == 401
        assert come_back(browser, code="code").status_code == 401
        assert come_back(browser, tenant="brava", code="code", state=state).status_code == 401
        cookie = dict(browser.cookies)
        assert come_back(browser, code="code", state=state).status_code == 200
        browser.cookies.update(cookie)
        assert come_back(browser, code="code", state=state).status_code == 401


def test_a_late_return_is_not_expected(world, provider):
    with world.client() as client:
        told = start(client, provider)
        with world.database.jobs() as work:
            work.session.execute(
                text("update reviewgraph.provider_attempts set expires_at = now()")
            )
        assert come_back(client, code="code", state=told["state"]).status_code == 401


def test_another_provider_that_sends_somebody_back_is_refused(world, provider):
    assert log_in(world, provider, iss="https://evil.example").status_code == 401
    assert log_in(world, provider, iss=provider.issuer).status_code == 200


def test_who_turned_away_at_the_provider_is_not_logged_in(world, provider):
    with world.client() as client:
        told = start(client, provider)
        answer = come_back(client, error="access_denied", state=told["state"])
    assert slug(answer) == "provider-refused"


def test_a_known_user_stays_the_same_whatever_becomes_of_the_address(world, provider):
    provider.claims = subject("renamed", "before@acme.example")
    first = log_in(world, provider)
    provider.claims = subject("renamed", "owner@acme.example")
    second = log_in(world, provider)
    with world.client(Authorization=f"Bearer {second.json()['access_token']}") as client:
        assert client.get("/v1/me").json()["email"] == "before@acme.example"
    assert first.json()["access_token"] != second.json()["access_token"]


def test_an_existing_user_is_linked_by_a_verified_address_of_the_domain(world, provider):
    provider.claims = subject("the-owner", "OWNER@acme.example")
    answer = log_in(world, provider)
    assert answer.status_code == 200
    with world.database.jobs() as work:
        owner = work.users.by_email("owner@acme.example")
        known = work.identity_providers.user_known_as(provider.issuer, "the-owner")
    assert known.user_id == owner.id


def test_who_registered_an_address_without_proving_it_loses_it_to_its_owner(world, provider):
    with world.client() as squatter:
        body = {
            "email": "squatted@acme.example",
            "name": "Squatter",
            "password": "a squatter waits here",
        }
        assert squatter.post("/v1/auth/register", json=body).status_code == 202
    provider.claims = subject("rightful", "squatted@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.client() as squatter:
        body = {"email": "squatted@acme.example", "password": "a squatter waits here"}
        assert squatter.post("/v1/auth/token", json=body).status_code == 401


def test_who_is_not_active_or_was_removed_gets_nothing_back_by_a_provider(world, provider):
    provider.claims = subject("leaver", "leaver@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        user = work.users.by_email("leaver@acme.example")
        work.session.execute(
            text("delete from reviewgraph.memberships where user_id = :id"), {"id": user.id}
        )
    again = log_in(world, provider)
    with world.client(Authorization=f"Bearer {again.json()['access_token']}") as client:
        assert client.get("/v1/me").json()["tenants"] == []
        assert client.get("/v1/tenants/acme").status_code == 404
    with world.database.jobs() as work:
        work.session.execute(
            text("update reviewgraph.users set is_active = false where id = :id"), {"id": user.id}
        )
    assert slug(log_in(world, provider)) == "provider-refused"


def test_a_second_factor_is_asked_for_behind_a_provider_too(world, provider):
    provider.claims = subject("careful", "careful@acme.example")
    assert log_in(world, provider).status_code == 200
    with world.database.jobs() as work:
        user = work.users.by_email("careful@acme.example")
        work.second_factors.begin(user.id)
        work.session.execute(text("update reviewgraph.second_factors set confirmed_at = now()"))
    answer = log_in(world, provider)
    assert (answer.status_code, set(answer.json())) == (202, {"challenge", "expires_in"})


def test_a_provider_that_rotates_its_keys_is_followed(world, provider):
    former, provider.key = provider.key, other_key()
    try:
        assert log_in(world, provider).status_code == 200
    finally:
        provider.key = former


@pytest.mark.parametrize("who", ["vic", "bob", "eve"])
def test_only_an_owner_of_the_tenant_sets_up_a_provider(world, provider, who):
    assert set_up(world, provider.issuer, who).status_code in {403, 404}


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "ftp://id.example",
        "https://",
        "https://user:password@id.example",
        "https://id.example/#part",
        "https://id.example/?query=1",
        "https://id .example",
        "javascript:alert(1)",
        "//id.example",
        "id.example.com",
    ],
)
def test_an_issuer_that_is_no_plain_address_is_refused_when_it_is_set_up(world, issuer):
    answer = set_up(world, issuer)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "body.issuer"


def test_a_provider_is_set_up_once_and_removed_by_its_tenant_alone(world, provider):
    assert slug(set_up(world, provider.issuer)) == "provider-exists"
    with world.client("ada") as ada, world.client("bob") as bob:
        listed = ada.get("/v1/tenants/acme/identity-providers").json()
        assert listed["domains"] == ["acme.example"]
        address = f"identity-providers/{listed['items'][0]['id']}"
        assert bob.delete(f"/v1/tenants/acme/{address}").status_code == 404
        assert bob.delete(f"/v1/tenants/brava/{address}").status_code == 404
        assert depart(bob, "brava").status_code == 404
        assert depart(bob, "nowhere").status_code == 404
        assert len(ada.get("/v1/tenants/acme/identity-providers").json()["items"]) == 1


def test_no_row_holds_the_secret_of_the_client(world, provider):
    log_in(world, provider)
    with world.database.jobs() as work:
        for table in ("identity_providers", "provider_attempts", "events"):
            rows = str(work.session.execute(text(f"select * from reviewgraph.{table}")).all())
            assert CLIENT_SECRET not in rows
            assert provider.nonce not in rows
            assert provider.asked[-1]["code_verifier"] not in rows


def test_a_provider_that_hangs_is_given_up_and_keeps_nobody_else_waiting(world, provider):
    with socket.create_server(("127.0.0.1", 0)) as silent, world.client() as client:
        told = start(client, provider)
        port = silent.getsockname()[1]
        provider.metadata = {"token_endpoint": f"http://127.0.0.1:{port}/token"}
        answer = come_back(client, code="code", state=told["state"])
    assert (answer.status_code, slug(answer)) == (502, "provider-unavailable")
