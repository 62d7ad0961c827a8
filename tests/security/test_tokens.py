"""Tokens that the API did not issue, or issued too long ago: none is accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
import time
import uuid

import jwt
import pytest
from pydantic import SecretStr

from resources.settings import Settings
from serving_api.kit.errors import Problem
from serving_api.kit.tokens import Tokens
from serving_api.main import create_app

KEY = "k" * 48
USER, SESSION = uuid.UUID(int=1), uuid.UUID(int=2)


def segment(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, key=KEY, digest=hashlib.sha256):
    """A token with any header and claims, however odd, under a signature that is right for them."""
    signed = f"{segment(header)}.{segment(claims)}"
    signature = hmac.new(key.encode(), signed.encode(), digest).digest()
    return f"{signed}.{segment(signature)}"


def header(**changes):
    return {"alg": "HS256", "typ": "at+jwt"} | changes


def claims(*, issued=0, **changes):
    """Claims as the API makes them, ``issued`` seconds from now."""
    now = int(time.time()) + issued
    whole = {
        "iss": "reviewgraph",
        "aud": "reviewgraph-api",
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + 900,
        "jti": "x",
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def following_digit(digit):
    """The next digit of base64url, which differs in bits that a signature's end does not use."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return digits[digits.index(digit) + 1]


def bad_tokens():
    """The corpus: what is wrong with each, and the token."""
    now = int(time.time())
    good = sign(header(), claims())
    head, body, signature = good.split(".")
    return {
        # What is signed by somebody else, or not at all
        "alg none, unsigned": f"{segment(header(alg='none'))}.{body}.",
        "alg None, unsigned": f"{segment(header(alg='None'))}.{body}.",
        "alg none, signed": sign(header(alg="none"), claims()),
        "no signature": f"{head}.{body}.",
        "no signature part": f"{head}.{body}",
        "another key": sign(header(), claims(), key="x" * 48),
        "empty key": sign(header(), claims(), key=""),
        "other algorithm of the family": sign(header(alg="HS512"), claims(), digest=hashlib.sha512),
        "HS384": sign(header(alg="HS384"), claims(), digest=hashlib.sha384),
        "says RS256": sign(header(alg="RS256"), claims()),
        "says ES256": sign(header(alg="ES256"), claims()),
        "alg in small letters": sign(header(alg="hs256"), claims()),
        "no alg": sign({"typ": "at+jwt"}, claims()),
        "alg is a list": sign(header(alg=["HS256"]), claims()),
        "tampered claims": f"{head}.{segment(claims(sub=str(uuid.UUID(int=9))))}.{signature}",
        "tampered header": f"{segment(header(kid='1'))}.{body}.{signature}",
        "cut signature": good[:-8],
        "signature of another token": f"{head}.{body}."
        + sign(header(), claims(jti="y")).split(".")[2],
        # What names keys or rules of its own, even under our signature
        "kid": sign(header(kid="../../dev/null"), claims()),
        "jku": sign(header(jku="http://127.0.0.1/keys"), claims()),
        "jwk": sign(header(jwk={"kty": "oct", "k": segment(b"x" * 48)}), claims()),
        "x5u": sign(header(x5u="http://127.0.0.1/chain"), claims()),
        "crit": sign(header(crit=["exp"]), claims()),
        "b64 false": sign(header(b64=False, crit=["b64"]), claims()),
        # What is a token for something else
        "typ JWT": sign(header(typ="JWT"), claims()),
        "no typ": sign({"alg": "HS256"}, claims()),
        "typ of a refresh token": sign(header(typ="rt+jwt"), claims()),
        "other audience": sign(header(), claims(aud="another-api")),
        "list of audiences": sign(header(), claims(aud=["reviewgraph-api", "another-api"])),
        "no audience": sign(header(), claims(aud=None)),
        "other issuer": sign(header(), claims(iss="reviewgraph.example")),
        "no issuer": sign(header(), claims(iss=None)),
        # What is out of its time
        "expired": sign(header(), claims(issued=-901)),
        "no expiry": sign(header(), claims(exp=None)),
        "good for a year": sign(header(), claims(exp=now + 31_536_000)),
        "expiry is text": sign(header(), claims(exp="tomorrow")),
        "expiry is a list": sign(header(), claims(exp=[now + 900])),
        "expiry is infinite": sign(header(), claims(exp=float("inf"))),
        "issued in the future": sign(header(), claims(issued=5000)),
        "no time of issue": sign(header(), claims(iat=None)),
        "not before tomorrow": sign(header(), claims(nbf=now + 86_400)),
        # What names nobody
        "no subject": sign(header(), claims(sub=None)),
        "subject is no user id": sign(header(), claims(sub="admin")),
        "subject is a number": sign(header(), claims(sub=1)),
        "no session": sign(header(), claims(sid=None)),
        "session is no id": sign(header(), claims(sid="' or 1=1 --")),
        "no token id": sign(header(), claims(jti=None)),
        # What is no token
        "empty": "",
        "dots": "..",
        "one word": "garbage",
        "four parts": f"{good}.{signature}",
        "encrypted form": f"{head}.{body}.{signature}.{signature}.{signature}",
        "twice": f"{good} {good}",
        "with a line break": f"{head}.{body}\n.{signature}",
        "with a NUL": f"{good}\0",
        "not ASCII": good.replace("e", "е"),  # noqa: RUF001 - the Cyrillic letter is the point
        "claims are a list": sign(header(), [1, 2]),
        "claims are no JSON": sign(header(), b"\xff\xfe"),
        "header is a list": f"{segment([1])}.{body}.{signature}",
        "header is deep": f"{segment(b'[' * 1500)}.{body}.{signature}",
        "header is no JSON": f"{segment(b'{')}.{body}.{signature}",
        "endless": "a" * 100_000,
        "padded": good + "=",
        "other spelling of the signature": good[:-1] + following_digit(good[-1]),
        "standard alphabet": good.replace("-", "+").replace("_", "/") + "=",
    }


@pytest.fixture(scope="module")
def corpus():
    return bad_tokens()


def test_the_corpus_is_large_enough_and_its_model_is_good():
    assert len(bad_tokens()) >= 30
    principal = Tokens(KEY).verify(sign(header(), claims()))
    assert (principal.user_id, principal.session_id) == (USER, SESSION)
    assert Tokens(KEY).verify(Tokens(KEY).issue(USER, SESSION)) == principal


@pytest.mark.parametrize("name", bad_tokens())
def test_a_bad_token_is_refused_and_not_told_why(corpus, name):
    with pytest.raises(Problem) as refused:
        Tokens(KEY).verify(corpus[name])
    assert refused.value.slug == "unauthenticated"
    assert refused.value.headers == {
        "WWW-Authenticate": 'Bearer realm="reviewgraph", error="invalid_token"'
    }


def test_a_token_lives_for_fifteen_minutes():
    tokens, now = Tokens(KEY), int(time.time())
    assert tokens.verify(tokens.issue(USER, SESSION, now=now - 890)).user_id == USER
    with pytest.raises(Problem):
        tokens.verify(tokens.issue(USER, SESSION, now=now - 901))


def test_a_token_says_who_and_nothing_about_rights():
    content = jwt.decode(Tokens(KEY).issue(USER, SESSION), options={"verify_signature": False})
    assert set(content) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}


def test_two_tokens_are_never_the_same():
    tokens, now = Tokens(KEY), int(time.time())
    assert tokens.issue(USER, SESSION, now=now) != tokens.issue(USER, SESSION, now=now)


def test_a_short_key_stops_the_start(tmp_path):
    settings = Settings(_env_file=None, home=tmp_path, secret_key=SecretStr("s" * 31))
    with pytest.raises(ValueError, match="32 bytes"):
        create_app(settings)
