"""The keys that sign tokens: they take turns without ending a token, and nobody brings one in."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import uuid

import jwt
import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from resources.database.signing_keys import KeyNotAnnouncedError
from resources.keys import UnreadableSecretError
from resources.settings import PROJECT_ROOT
from serving_api.kit.errors import Problem
from serving_api.kit.keyring import KeyRing
from serving_api.kit.tokens import Tokens

USER, SESSION = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def ring(database):
    ring = KeyRing(database)
    ring.prepare()
    return ring


def states(database):
    with database.jobs() as work:
        return sorted(key.state for key in work.signing_keys.known())


def let_pass(database, seconds):
    """Let time pass for the keys: their moments lie that much earlier."""
    shift = f"- interval '{seconds} seconds'"
    with database.jobs() as work:
        work.session.execute(
            text(
                f"update reviewgraph.signing_keys set created_at = created_at {shift},"
                f" activated_at = activated_at {shift}, retired_at = retired_at {shift}"
            )
        )


def rotate(database):
    let_pass(database, 61)
    with database.jobs() as work:
        return work.signing_keys.rotate()


def accepts(ring, token):
    try:
        Tokens(ring).verify(token)
    except Problem:
        return False
    return True


def test_a_first_start_makes_a_key_that_signs_and_the_next_one_once(database, ring):
    assert states(database) == ["active", "next"]
    KeyRing(database).prepare()
    assert states(database) == ["active", "next"]
    assert accepts(ring, Tokens(ring).issue(USER, SESSION))


def test_a_rotation_ends_no_token_and_every_process_knows_the_new_key_before_it_signs(
    database, ring
):
    before = Tokens(ring).issue(USER, SESSION)
    announced = {key["kid"] for key in ring.published()}
    key = rotate(database)
    assert key.kid in announced
    other = KeyRing(database)
    other.look()
    after = Tokens(other).issue(USER, SESSION)
    assert jwt.get_unverified_header(after)["kid"] == key.kid
    # The first process has not looked again yet.
    assert [accepts(each, token) for each in (ring, other) for token in (before, after)] == [
        True
    ] * 4
    assert states(database) == ["active", "next", "retired"]


def test_a_retired_key_is_known_until_its_last_token_has_ended(database, ring):
    before = Tokens(ring).issue(USER, SESSION)
    rotate(database)
    for seconds, known in ((890, True), (20, False)):
        let_pass(database, seconds)
        ring.look()
        assert accepts(ring, before) == known
    rotate(database)
    with database.jobs() as work:
        rows = work.session.scalar(text("select count(*) from reviewgraph.signing_keys"))
    assert rows == 3  # the one that had ended is forgotten


def test_a_key_that_was_not_announced_long_enough_does_not_sign(database, ring):
    with pytest.raises(KeyNotAnnouncedError, match="Try again in"), database.jobs() as work:
        work.signing_keys.rotate()
    assert states(database) == ["active", "next"]
    assert ring.signing()


def test_when_a_key_is_in_wrong_hands_all_tokens_end(database, ring):
    before = Tokens(ring).issue(USER, SESSION)
    with database.jobs() as work:
        work.signing_keys.replace_all()
    ring.look()
    assert not accepts(ring, before)
    assert accepts(ring, Tokens(ring).issue(USER, SESSION))


def test_the_database_holds_no_key_that_opens_anything(database, ring):
    private = ring.signing().key.private_bytes_raw()
    with database.jobs() as work:
        sealed = work.session.scalars(text("select sealed from reviewgraph.signing_keys")).all()
    assert len(sealed) == 2
    assert not [one for one in sealed if private in one or private.hex() in one.hex()]


def test_a_row_that_was_not_sealed_for_its_place_is_no_key(database, ring):
    """Copied to another name, changed by a bit, or written by hand: none is taken."""
    with database.jobs() as work:
        (genuine,) = work.session.scalars(
            text("select sealed from reviewgraph.signing_keys where state = 'active'")
        )
        changed = genuine[:-1] + bytes([genuine[-1] ^ 1])
        for number, sealed in enumerate((genuine, changed, b"", os.urandom(60))):
            work.session.execute(
                text(
                    "insert into reviewgraph.signing_keys (kid, state, sealed, retired_at)"
                    " values (:kid, 'retired', :sealed, now())"
                ),
                {"kid": f"{number:016x}", "sealed": sealed},
            )
    ring.look()
    assert len(ring.published()) == 2
    assert not [number for number in range(4) if ring.verifying(f"{number:016x}")]


def ring_of(database):
    ring = KeyRing(database)
    ring.prepare()
    return ring


NEW_SECRET = "another secret key, which is long enough for this"


def test_another_secret_key_reads_the_keys_of_the_one_before_it_and_seals_them_anew(
    database, ring, under
):
    token = Tokens(ring).issue(USER, SESSION)
    old = database.settings.signing_key
    assert accepts(ring_of(under(NEW_SECRET, old)), token)
    assert accepts(ring_of(under(NEW_SECRET)), token)  # the first one has sealed them anew
    assert not accepts(ring_of(under(old)), token)  # and the old one can read nothing of it
    assert states(database) == ["active", "next"]


def test_second_factors_and_client_secrets_outlive_the_secret_key_they_were_sealed_with(
    database, under
):
    old = database.settings.signing_key
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
        user = work.users.create("ada@example.com", "Ada", "correct horse battery staple")
        secret = work.second_factors.begin(user.id)
        provider = work.identity_providers.add(
            "acme",
            issuer="https://id.example",
            client_id="reviewgraph",
            client_secret="told by the provider",
            default_role="viewer",
        )
    after, before = under(NEW_SECRET), under(old)
    ring_of(under(NEW_SECRET, old))
    with after.jobs() as work:
        kept = work.identity_providers.get("acme", provider.id)
        assert work.identity_providers.client_secret_of(kept) == "told by the provider"
        assert work.second_factors.take_code(user.id, pyotp.TOTP(secret).now())
    with before.jobs() as work, pytest.raises(UnreadableSecretError):
        work.second_factors.take_code(user.id, pyotp.TOTP(secret).now())


def test_the_application_cannot_read_keys_that_it_does_not_ask_for(database, ring):
    assert ring.signing()
    with database.work(None) as work:
        assert not work.session.execute(text("select 1 from reviewgraph.signing_keys")).all()
        assert work.signing_keys.known()
    with pytest.raises(ProgrammingError, match="permission denied"), database.work(None) as work:
        work.signing_keys.ensure()


def test_keys_are_looked_at_again_by_one_request_at_a_time(ring):
    assert not ring.is_due()
    ring._looked_at -= 6
    assert [ring.is_due(), ring.is_due()] == [True, False]


def test_once_the_keys_have_changed_nobody_goes_on_with_those_of_before(ring):
    ring.distrust()
    assert [ring.is_due(), ring.is_due()] == [True, True]
    ring.look()
    assert not ring.is_due()


def test_the_command_lists_and_rotates(database, ring):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "keys", *arguments],
            cwd=PROJECT_ROOT,
            env={
                **os.environ,
                **database.settings.environment(),
                "PYTHONPATH": str(PROJECT_ROOT),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    listed = run("list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert {key["kid"] for key in ring.published()} <= set(listed.stdout.split())
    refused = run("rotate")
    assert refused.returncode == 1
    assert "Try again in" in refused.stderr
    replaced = run("rotate", "--compromised")
    assert replaced.returncode == 0
    ring.look()
    assert ring.signing().kid in replaced.stdout


def test_whoever_verifies_elsewhere_finds_the_public_keys(world):
    with world.client() as client:
        answer = client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=30"
    token = world.token("ada")
    (found,) = [
        key
        for key in answer.json()["keys"]
        if key["kid"] == jwt.get_unverified_header(token)["kid"]
    ]
    assert {name: found[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
    }
    assert not {"d", "p", "q", "k"} & set(found)
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(found["x"] + "="))
    claims = jwt.decode(token, public, algorithms=["EdDSA"], audience="reviewgraph-api")
    assert claims["sub"] == str(world.users["ada"].id)


def test_a_running_server_takes_up_a_rotation(world):
    before = world.token("ada")
    key = rotate(world.database)
    world.app.state.services.keyring._looked_at -= 6
    with world.client("ada") as client:
        assert client.get("/v1/me").status_code == 200
    after = world.log_in("ada")["access_token"]
    assert jwt.get_unverified_header(after)["kid"] == key.kid != jwt.get_unverified_header(before)
    for token in (before, after):
        with world.client(Authorization=f"Bearer {token}") as client:
            assert client.get("/v1/me").status_code == 200
