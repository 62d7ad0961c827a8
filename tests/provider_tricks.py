"""What a hostile identity provider does to log somebody in, or to make the API fail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from tests.hostile_provider import (
    CLIENT_ID,
    Provider,
    elliptic_key,
    other_key,
    public_key_as_secret,
    signed_with,
    unsigned,
)


def subject(name, email):
    return {"sub": name, "email": email}


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
