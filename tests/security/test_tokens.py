"""Tokens that the API did not issue, or issued too long ago: none is accepted."""

from __future__ import annotations

import time

import jwt
import pytest
from pydantic import SecretStr

from resources.settings import Settings
from serving_api.kit.errors import Problem
from serving_api.kit.tokens import Tokens
from serving_api.main import create_app
from tests.forged_tokens import (
    OWN,
    SESSION,
    USER,
    Ring,
    bad_tokens,
    claims,
    header,
    resigned,
    sign,
    spelled_otherwise,
)
from tests.odd_signatures import (
    odd_rules,
    odd_signatures,
    odd_spellings,
    signature_with,
    unused_bits_of,
)

NOT_APPLIED = {
    "padding of RSA signatures (PKCS #1, PSS)": "no key of ours is one of RSA: such a token is "
    "refused for its alg, whatever its padding",
    "special values in ECDSA signatures": "as RSA; those of Ed25519 are here",
    "keys for encryption (use, key_ops)": "keys come from our own table, which holds signing keys "
    "alone; none comes with a token",
    "keys of small order": "as above: nobody brings a key",
    "overflow while signing or verifying a good signature": "a fault of one library, which is not "
    "ours; good signatures are accepted below",
}
"""Kinds of bad tokens among Wycheproof's vectors that are not here, and why."""

CORPUS = {
    "forged": bad_tokens,
    "signature": odd_signatures,
    "spelling": odd_spellings,
    "rules": odd_rules,
}


def corpus():
    """Every bad token by its name."""
    return {
        f"{kind}: {name}": token for kind, made in CORPUS.items() for name, token in made().items()
    }


@pytest.fixture(scope="module")
def tokens():
    return corpus()


def test_the_corpus_is_large_enough_and_its_model_is_good(tokens):
    assert len(tokens) >= 250
    principal = Tokens(Ring()).verify(sign(header(), claims()))
    assert (principal.user_id, principal.session_id) == (USER, SESSION)
    assert Tokens(Ring()).verify(Tokens(Ring()).issue(USER, SESSION)) == principal


def test_what_the_odd_ones_are_made_with_makes_good_ones_too():
    """Else they would be refused for another reason than the one they are named after."""
    signed = sign(header(), claims()).rpartition(".")[0].encode()
    assert signature_with(signed) == OWN.sign(signed)
    good = sign(header(), claims())
    assert resigned(good, lambda raw: raw) == good
    same = spelled_otherwise(good, 1, lambda part: part, anew=True)
    assert same == good
    for place in (0, 1):
        assert Tokens(Ring()).verify(unused_bits_of(place)).user_id == USER


@pytest.mark.parametrize("name", corpus())
def test_a_bad_token_is_refused_and_not_told_why(tokens, name):
    with pytest.raises(Problem) as refused:
        Tokens(Ring()).verify(tokens[name])
    assert refused.value.slug == "unauthenticated"
    assert refused.value.headers == {
        "WWW-Authenticate": 'Bearer realm="reviewgraph", error="invalid_token"'
    }


def test_a_token_lives_for_fifteen_minutes():
    tokens, now = Tokens(Ring()), int(time.time())
    assert tokens.verify(tokens.issue(USER, SESSION, now=now - 890)).user_id == USER
    with pytest.raises(Problem):
        tokens.verify(tokens.issue(USER, SESSION, now=now - 901))


def test_a_token_says_who_and_nothing_about_rights():
    content = jwt.decode(Tokens(Ring()).issue(USER, SESSION), options={"verify_signature": False})
    assert set(content) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}


def test_two_tokens_are_never_the_same():
    tokens, now = Tokens(Ring()), int(time.time())
    assert tokens.issue(USER, SESSION, now=now) != tokens.issue(USER, SESSION, now=now)


def test_a_short_key_stops_the_start(tmp_path):
    settings = Settings(_env_file=None, home=tmp_path, secret_key=SecretStr("s" * 31))
    with pytest.raises(ValueError, match="32 bytes"):
        create_app(settings)
