"""Talking to one identity provider: what it says of itself, and what its tokens say.

Tokens are joserfc's to read, the parts of the protocol authlib's where it has them by themselves.
Its client is not used: it would follow redirects and connect anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from resources.outgoing import OutgoingClient, OutgoingFailedError, OutgoingRefusedError

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA", "Ed25519")
"""How ID tokens may be signed: by nothing that a public key could be mistaken for the secret of."""

MAX_CLOCK_DIFFERENCE = 60
MAX_TOKEN_AGE = 10 * 60
MAX_TOKEN_LENGTH = 32 * 1024
MAX_SUBJECT_LENGTH = 255
_FOREIGN_KEYS = ("jku", "jwk", "x5u", "x5c", "crit", "b64")


class ProviderError(Exception):
    """A provider's answer that is not accepted; the message is for the log and quotes nothing."""


class ProviderUnavailableError(ProviderError):
    """A provider that gives no answer.

    Attributes:
        retry_after: Seconds after which asking may make sense again, where it is not asked because
            it has given no answer for a while.
    """

    def __init__(self, message: str, retry_after: int | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class ProviderMetadata:
    """What a provider says of itself.

    Attributes:
        issuer: Its name, exactly as it is set up here.
        authorization_endpoint: Where its users log in.
        token_endpoint: Where a code is exchanged.
        jwks_uri: Where its keys are.
        names_itself: Whether it says who it is when it sends somebody back (RFC 9207).
        wants_secret_in_form: Whether it takes a client's secret in the form alone; else in the
            header, as every provider should.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool
    wants_secret_in_form: bool


@dataclass(frozen=True)
class Identity:
    """Whom a provider vouches for.

    Attributes:
        issuer: The provider.
        subject: Its name for the user.
        email: The user's address, in small letters, if it has been verified there; else None.
        name: What the user is called.
    """

    issuer: str
    subject: str
    email: str | None
    name: str


async def discover(client: OutgoingClient, issuer: str) -> ProviderMetadata:
    """What the provider says of itself, at its one well-known address.

    Raises:
        ProviderError: If that is not what its issuer would say.
    """
    said = await _ask(client, issuer.rstrip("/") + "/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise ProviderError("the metadata name another issuer")
    found = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = said.get(name)
        if not isinstance(address, str):
            raise ProviderError(f"the metadata have no {name}")
        try:
            client.check(address)
        except OutgoingRefusedError:
            raise ProviderError(f"the {name} is no address that may be asked") from None
        found[name] = address
    names_itself = said.get("authorization_response_iss_parameter_supported") is True
    methods = said.get("token_endpoint_auth_methods_supported")
    in_header = not isinstance(methods, list) or "client_secret_basic" in methods
    return ProviderMetadata(
        issuer=issuer, names_itself=names_itself, wants_secret_in_form=not in_header, **found
    )


def address_to_log_in(
    metadata: ProviderMetadata,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
) -> str:
    """Where somebody is sent to log in."""
    address = prepare_grant_uri(
        metadata.authorization_endpoint,
        client_id,
        "code",
        redirect_uri,
        "openid email profile",
        state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return str(address)


async def exchange(
    client: OutgoingClient,
    metadata: ProviderMetadata,
    *,
    client_id: str,
    client_secret: str,
    code: str,
    redirect_uri: str,
    verifier: str,
) -> str:
    """The ID token for a code.

    Raises:
        ProviderError: If there is none.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "code_verifier": verifier,
    }
    # In the header both are spelled as in a form (RFC 6749, 2.3.1): either may hold a colon.
    credentials = (quote_plus(client_id), quote_plus(client_secret))
    if metadata.wants_secret_in_form:
        form["client_secret"] = client_secret
    with _asking():
        answer = await client.post_form(
            metadata.token_endpoint,
            form,
            credentials=None if metadata.wants_secret_in_form else credentials,
        )
    token = answer.get("id_token")
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
        raise ProviderError("no ID token was given")
    return token


async def identify(
    client: OutgoingClient, metadata: ProviderMetadata, token: str, *, client_id: str, nonce: str
) -> Identity:
    """Whom an ID token is of, after everything about it has been checked.

    Raises:
        ProviderError: If anything about it is not as it must be.
    """
    keys = await _ask(client, metadata.jwks_uri)
    claims = _verified_claims(token, keys)
    now = time.time()
    if claims.get("iss") != metadata.issuer:
        raise ProviderError("another issuer")
    if claims.get("aud") not in (client_id, [client_id]):
        raise ProviderError("for another audience")
    if claims.get("azp", client_id) != client_id:
        raise ProviderError("for another party")
    if claims.get("nonce") != nonce:
        raise ProviderError("another nonce")
    issued, ends = (_moment(claims, name) for name in ("iat", "exp"))
    if ends < now - MAX_CLOCK_DIFFERENCE:
        raise ProviderError("expired")
    if not now - MAX_TOKEN_AGE <= issued <= now + MAX_CLOCK_DIFFERENCE:
        raise ProviderError("not issued just now")
    if _moment(claims, "nbf", default=issued) > now + MAX_CLOCK_DIFFERENCE:
        raise ProviderError("not valid yet")
    subject = claims.get("sub")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_SUBJECT_LENGTH
        or not subject.isprintable()
    ):
        raise ProviderError("no subject")
    name = claims.get("name")
    return Identity(
        issuer=metadata.issuer,
        subject=subject,
        email=_verified_email(claims),
        name=name.strip()[:100] if isinstance(name, str) and name.isprintable() else "",
    )


def _verified_claims(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    try:
        header = jws.extract_compact(token.encode()).headers()
        if any(name in header for name in _FOREIGN_KEYS):
            raise ProviderError("the token brings keys of its own")
        key_set = KeySet.import_key_set(_signing_keys(keys))  # type: ignore[arg-type]
        registry = jws.JWSRegistry(algorithms=list(ALGORITHMS))
        claims = jwt.decode(token, key_set, algorithms=list(ALGORITHMS), registry=registry).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProviderError(f"the token cannot be verified ({type(error).__name__})") from None
    if not isinstance(claims, dict):
        raise ProviderError("the token says nothing")
    return claims


def _signing_keys(keys: dict[str, Any]) -> dict[str, Any]:
    """The public keys that sign; a set may hold others, and a secret key in it is refused."""
    found = keys.get("keys")
    if not isinstance(found, list):
        raise ProviderError("there are no keys")
    usable = [
        key
        for key in found
        if isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC", "OKP"}
        and key.get("use", "sig") == "sig"
    ]
    if not usable:
        raise ProviderError("there are no keys")
    return {"keys": usable}


def _moment(claims: dict[str, Any], name: str, *, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProviderError(f"no {name}")
    return float(value)


def _verified_email(claims: dict[str, Any]) -> str | None:
    """The address, if the provider says in so many words that it is verified."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    return email


async def _ask(client: OutgoingClient, address: str) -> dict[str, Any]:
    with _asking():
        return await client.get_json(address)


@contextmanager
def _asking() -> Iterator[None]:
    """Tell of a provider that may not be asked, or does not answer, as of any other."""
    try:
        yield
    except OutgoingRefusedError as error:
        raise ProviderError(str(error)) from None
    except OutgoingFailedError as error:
        raise ProviderUnavailableError(str(error), error.retry_after) from None
