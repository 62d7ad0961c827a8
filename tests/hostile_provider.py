"""An identity provider on loopback that speaks OpenID Connect, honestly or with one trick.

Tokens are signed with joserfc; the tricks are what attackers and broken providers do. Libraries for
providers refuse to do most of them.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT_ID = "reviewgraph"
CLIENT_SECRET = "a secret of the client"


@dataclass
class Provider:
    """The provider: what it says next can be changed piece by piece.

    Attributes:
        issuer: Its address.
        metadata: Changes what it says of itself.
        claims: Changes what its tokens say.
        header: Changes the head of its tokens.
        sign: Makes a token of a head and claims, in place of signing.
        keys: Changes the keys that it shows.
        answer: Answers for an address in place of what is usual, by path.
        asked: The forms that came with codes.
        nonce: What the last log-in was started with; the user's browser would have brought it.
    """

    issuer: str
    key: RSAKey
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    keys: Callable[[dict[str, Any]], Any] | None = None
    answer: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    nonce: str = ""

    def reset(self) -> None:
        """Be honest again."""
        self.metadata, self.claims, self.header, self.answer = {}, {}, {}, {}
        self.sign = self.keys = None
        self.asked.clear()

    def said(self) -> dict[str, Any]:
        """What it says of itself."""
        return without_none(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.metadata,
            }
        )

    def shown_keys(self) -> Any:
        """Its public keys."""
        shown = KeySet([self.key]).as_dict(private=False)
        return self.keys(shown) if self.keys else shown

    def token(self) -> str:
        """An ID token."""
        now = int(time.time())
        claims = without_none(
            {
                "iss": self.issuer,
                "sub": "subject-of-sue",
                "aud": CLIENT_ID,
                "iat": now,
                "exp": now + 300,
                "nonce": self.nonce,
                "email": "sue@acme.example",
                "email_verified": True,
                "name": "Sue",
                **self.claims,
            }
        )
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        if self.sign:
            return self.sign(header, claims)
        return jwt.encode(header, claims, self.key, algorithms=["RS256"])


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what was set to nothing."""
    return {name: value for name, value in document.items() if value is not None}


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token that says of itself that it needs no signature."""
    return f"{_part({**header, 'alg': 'none'})}.{_part(claims)}."


def signed_with(key: Any, algorithm: str) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Signs with another key or in another way."""

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        head = {**header, "alg": algorithm}
        return jws.serialize_compact(head, json.dumps(claims), key, registry=registry)

    return sign


def other_key() -> RSAKey:
    """A key that is not the provider's."""
    return RSAKey.generate_key(2048, parameters={"kid": "other"})


def public_key_as_secret(
    provider: Provider,
) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Signs with HMAC, taking the provider's public key for the secret; no library would."""

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{_part({**header, 'alg': 'HS256'})}.{_part(claims)}"
        mac = hmac.digest(provider.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    return sign


def elliptic_key() -> ECKey:
    """A key of another kind."""
    return ECKey.generate_key("P-256", parameters={"kid": "other"})


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    """The provider, on a free port of loopback for a while."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.provider = Provider(  # type: ignore[attr-defined]
        f"http://127.0.0.1:{server.server_address[1]}",
        RSAKey.generate_key(2048, parameters={"kid": "first"}),
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.provider  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        path = urlsplit(self.path).path
        if path in provider.answer:
            self._send(*provider.answer[path])
        elif path == "/.well-known/openid-configuration":
            self._send_json(provider.said())
        elif path == "/jwks":
            self._send_json(provider.shown_keys())
        else:
            self._send(404, b"", {})

    def do_POST(self) -> None:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        provider.asked.append({name: values[0] for name, values in parse_qs(body).items()})
        if urlsplit(self.path).path in provider.answer:
            self._send(*provider.answer[urlsplit(self.path).path])
        else:
            self._send_json(
                {"access_token": "a", "token_type": "Bearer", "id_token": provider.token()}
            )

    def _send_json(self, document: Any) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
