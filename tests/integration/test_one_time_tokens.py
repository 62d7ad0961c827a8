"""Tokens that work once."""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from resources.database.one_time_tokens import MAX_LIFETIMES, PURPOSES, OneTimeTokenRepository
from resources.keys import Keys


def issue(database, purpose="verify_email", email="ann@example.com", **more):
    with database.work(None) as work:
        token = work.one_time_tokens.issue(purpose, email=email, **more)
        return token, work.one_time_tokens.text_of(token)


def redeem(database, purpose, given):
    with database.work(None) as work:
        return work.one_time_tokens.redeem(purpose, given)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_works_once_and_for_its_purpose_alone(database, purpose):
    token, given = issue(database, purpose)
    for other in PURPOSES:
        if other != purpose:
            assert redeem(database, other, given) is None
    assert redeem(database, purpose, given).id == token.id
    assert redeem(database, purpose, given) is None


def test_finding_a_token_does_not_use_it(database):
    _, given = issue(database)
    for _ in range(3):
        with database.work(None) as work:
            found = work.one_time_tokens.find("verify_email", given)
        assert found.state(datetime.now(UTC)) == "open"
    assert redeem(database, "verify_email", given) is not None


def test_of_many_who_come_at_once_one_gets_the_token(database):
    _, given = issue(database)
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda _: redeem(database, "verify_email", given), range(16)))
    assert sum(token is not None for token in got) == 1


def _fail_after(token):
    assert token is not None
    raise RuntimeError("on purpose")


def test_what_is_rolled_back_leaves_the_token_unused(database):
    _, given = issue(database)
    with pytest.raises(RuntimeError, match="on purpose"), database.work(None) as work:
        _fail_after(work.one_time_tokens.redeem("verify_email", given))
    assert redeem(database, "verify_email", given) is not None


def test_a_newer_token_replaces_the_older_one_of_its_purpose_and_address(database):
    _, old = issue(database)
    _, other_purpose = issue(database, "invite")
    _, other_address = issue(database, email="bob@example.com")
    _, new = issue(database, email="ANN@example.com ")
    assert redeem(database, "verify_email", old) is None
    assert redeem(database, "invite", other_purpose) is not None
    assert redeem(database, "verify_email", other_address) is not None
    assert redeem(database, "verify_email", new) is not None


def test_a_token_lives_no_longer_than_its_purpose_allows(database):
    token, _ = issue(database, "reset_password", lifetime=timedelta(days=300))
    assert token.expires_at - token.created_at == MAX_LIFETIMES["reset_password"]
    assert MAX_LIFETIMES["reset_password"] <= timedelta(minutes=30)
    assert MAX_LIFETIMES["invite"] <= timedelta(days=7)


def test_an_expired_or_revoked_token_does_not_work(database):
    expired, given = issue(database)
    with database.jobs() as work:
        work.session.execute(text("update reviewgraph.one_time_tokens set expires_at = now()"))
    assert redeem(database, "verify_email", given) is None
    revoked, given = issue(database)
    with database.work(None) as work:
        work.one_time_tokens.revoke(revoked.id)
    assert redeem(database, "verify_email", given) is None
    with database.jobs() as work:
        states = {
            token_id: work.one_time_tokens.get(token_id).state(datetime.now(UTC))
            for token_id in (expired.id, revoked.id)
        }
    assert states == {expired.id: "replaced", revoked.id: "revoked"}


def test_all_tokens_of_a_user_can_be_revoked(database):
    with database.jobs() as work:
        user = work.users.create("ann@example.com", "Ann", "a long enough password")
    _, reset = issue(database, "reset_password", user_id=user.id)
    _, change = issue(database, "change_email", email="new@example.com", user_id=user.id)
    _, of_nobody_yet = issue(database, "invite")
    with database.work(None, user_id=user.id) as work:
        work.one_time_tokens.revoke_all(user.id)
    assert redeem(database, "reset_password", reset) is None
    assert redeem(database, "change_email", change) is None
    assert redeem(database, "invite", of_nobody_yet) is not None


@pytest.mark.parametrize("purpose", ["verify_email", "reset_password", "change_email"])
def test_a_newer_token_of_a_user_replaces_the_older_one_whatever_address_it_went_to(
    database, purpose
):
    with database.jobs() as work:
        user = work.users.create("ann@example.com", "Ann", "a long enough password")

    def issue_to(address):
        with database.work(None, user_id=user.id) as work:
            token = work.one_time_tokens.issue(purpose, email=address, user_id=user.id)
            return work.one_time_tokens.text_of(token)

    wrong, right = issue_to("mistyped@example.com"), issue_to("right@example.com")
    assert redeem(database, purpose, wrong) is None
    assert redeem(database, purpose, right) is not None


def test_what_is_no_token_of_ours_is_refused(database):
    token, given = issue(database)
    content = base64.urlsafe_b64decode(given)
    unsigned = base64.urlsafe_b64encode(token.id.bytes + bytes(32)).decode()
    other = base64.urlsafe_b64encode(uuid.uuid4().bytes + content[16:]).decode()
    flipped = given[:-1] + ("A" if given[-1] != "A" else "B")
    for wrong in ("", "x", given[:-4], given + given, unsigned, other, flipped, "é" * 64, "=" * 64):
        assert redeem(database, "verify_email", wrong) is None, wrong
    assert redeem(database, "verify_email", given) is not None


def test_a_token_signed_with_another_secret_key_is_refused(database):
    _, given = issue(database)
    with database.work(None) as work:
        of_a_stranger = OneTimeTokenRepository(work.session, Keys("y" * 48))
        assert of_a_stranger.redeem("verify_email", given) is None


def test_no_table_holds_the_token(database):
    token, given = issue(database)
    with database.jobs() as work:
        row = str(work.session.execute(text("select * from reviewgraph.one_time_tokens")).all())
    assert str(token.id) in row
    assert given not in row
    assert base64.urlsafe_b64decode(given)[16:].hex() not in row
