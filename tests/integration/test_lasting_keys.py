"""Keys that outlive the secret: what they signed holds, however often the secret is replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from resources.keys import API_KEY, ERASED_PERSON, LASTING, RECOVERY_CODE, UnreadableSecretError
from resources.privacy.subjects import ANY_SOURCE, Marker, Sealer

BEFORE, SECOND, THIRD = (f"the {name} secret key of it all" for name in ("zeroth", "second", "3rd"))


@pytest.fixture
def user(database):
    with database.jobs() as work:
        work.tenants.create("acme", "Acme")
        return work.users.create("ada@example.com", "Ada", "correct horse battery staple")


def started(database):
    """What the first command does after the secret was replaced, but for the roles' passwords."""
    with database.jobs() as work:
        work.lasting_keys.ensure()
    return database


def signed_by(database, user):
    """One of each that is kept for longer than a secret."""
    with database.jobs() as work:
        _, key = work.api_keys.create(
            "acme", user.id, name="unused", scopes=[], lifetime=timedelta(days=9)
        )
        return {
            "key": key,
            "code": work.second_factors.replace_recovery_codes(user.id)[0],
            "mark": Marker(database.keys, "acme").author(ANY_SOURCE, "Jane Doe"),
            "erasure": Sealer(database.keys, "acme").seal({"wanted": "Jane Doe"}),
        }


def held_by(database, user, signed):
    """Which of them still hold."""
    known = Marker(database.keys, "acme").known("author", "x", "Jane Doe")
    with database.jobs() as work:
        holds = {
            "key": work.api_keys.find(signed["key"]) is not None,
            "code": work.second_factors.take_recovery_code(user.id, signed["code"]),
            "mark": signed["mark"] in known,
        }
    try:
        Sealer(database.keys, "acme").open(signed["erasure"])
    except UnreadableSecretError:
        holds["erasure"] = False
    else:
        holds["erasure"] = True
    return {name for name, does in holds.items() if does}


EVERYTHING = {"key", "code", "mark", "erasure"}


def test_a_secret_that_is_replaced_twice_ends_nothing(database, user, under):
    first = database.settings.signing_key
    signed = signed_by(database, user)
    started(under(SECOND, first))
    started(under(THIRD, SECOND))
    assert held_by(under(THIRD), user, signed) == EVERYTHING


def test_what_was_signed_after_the_first_replacement_outlives_the_next(database, user, under):
    signed = signed_by(started(under(SECOND, database.settings.signing_key)), user)
    assert held_by(started(under(THIRD, SECOND)), user, signed) == EVERYTHING


def test_what_a_release_without_kept_keys_signed_holds_from_then_on(database, user, under):
    """It signed with keys that follow from its secret, and from the one before that."""
    with database.jobs() as work:
        work.session.execute(text("delete from reviewgraph.lasting_keys"))
    first = database.settings.signing_key
    of_today = signed_by(under(first), user)
    of_before = signed_by(under(BEFORE), user) | {"code": of_today["code"]}
    with under(first).jobs() as work:  # whose codes these are: the second time took the first away
        code = work.second_factors.replace_recovery_codes(user.id)[0]
    started(under(first, BEFORE))
    started(under(SECOND, first))
    assert held_by(under(SECOND), user, of_today | {"code": code}) == EVERYTHING
    assert held_by(under(SECOND), user, of_before) == EVERYTHING - {"code"}


def test_a_secret_that_is_not_named_ends_everything_until_it_is(database, user, under, caplog):
    first = database.settings.signing_key
    signed = signed_by(database, user)
    assert held_by(started(under(SECOND)), user, signed) == set()
    assert "REVIEWGRAPH_SECRET_KEY_PREVIOUS" in caplog.text
    meanwhile = signed_by(under(SECOND), user) | {"code": signed["code"]}
    assert held_by(started(under(SECOND, first)), user, signed) == EVERYTHING - {"code"}
    assert held_by(under(SECOND), user, signed) == EVERYTHING - {"code"}
    assert held_by(under(SECOND), user, meanwhile) == EVERYTHING - {"code"}


def test_starting_again_makes_no_further_key(database, under):
    first = database.settings.signing_key
    for each in (under(first), under(SECOND, first), under(SECOND, first), under(SECOND)):
        started(each)
    with database.jobs() as work:
        purposes = work.session.scalars(text("select purpose from reviewgraph.lasting_keys")).all()
    assert sorted(purposes) == sorted(LASTING)


@pytest.mark.parametrize(
    "change",
    [
        "purpose = 'recovery code'",
        "id = 'another'",
        "sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))",
        "sealed = ''",
    ],
    ids=["moved", "renamed", "changed", "empty"],
)
def test_a_row_that_was_not_sealed_for_its_place_is_no_key(database, change):
    with database.jobs() as work:
        before = work.lasting_keys.known()
        work.session.execute(
            text(f"update reviewgraph.lasting_keys set {change} where purpose = 'api key'")
        )
        after = work.lasting_keys.known()
    assert len(before[API_KEY]) == 1
    assert API_KEY not in after
    assert after[RECOVERY_CODE] == before[RECOVERY_CODE]


def test_the_application_reads_the_keys_that_it_asks_for_and_no_others(database):
    with database.work(None) as work:
        rows = work.session.execute(text("select 1 from reviewgraph.lasting_keys")).all()
        assert rows == []
        assert set(work.lasting_keys.known()) == set(LASTING)


def test_each_purpose_has_a_key_of_its_own(database):
    with database.jobs() as work:
        known = work.lasting_keys.known()
    assert len(set(known.values())) == len(LASTING)
    assert database.keys.sign(ERASED_PERSON, b"x") != database.keys.sign(API_KEY, b"x")
