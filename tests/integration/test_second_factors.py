"""Second factors over real HTTP: setting up, logging in, losing, removing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import text

from resources.database.second_factors import RECOVERY_CODES, STEP_SECONDS
from resources.keys import UnreadableSecretError
from tests.account_world import (
    BETTER,
    GOOD,
    client_of,
    events_of,
    forget_limits,
    log_in,
    mails_to,
    new_account,
    slug,
    token_for,
)

FACTOR = "/v1/me/second-factor"


@pytest.fixture(autouse=True)
def _limits_of_its_own(world):
    forget_limits(world)


class Phone:
    """An authenticator app. It waits for nothing: the database forgets which step was last."""

    def __init__(self, world, email, secret):
        self.world, self.email, self.secret = world, email, secret

    def code(self, steps=0):
        """The code of now, or of some steps from now, as one that was never used."""
        with self.world.database.jobs() as work:
            user = work.users.by_email(self.email)
            work.session.execute(
                text("update reviewgraph.second_factors set last_step = 0 where user_id = :id"),
                {"id": user.id},
            )
        return self.shown(steps)

    def shown(self, steps=0):
        step = int(time.time()) // STEP_SECONDS + steps
        return pyotp.TOTP(self.secret).generate_otp(step)


def enrol(world, email):
    """An account with a second factor: the phone and the recovery codes."""
    new_account(world, email)
    with client_of(world, email) as client:
        begun = client.post(FACTOR, json={"current_password": GOOD})
        assert begun.status_code == 200, begun.text
        phone = Phone(world, email, begun.json()["secret"])
        confirmed = client.post(f"{FACTOR}/confirm", json={"code": phone.shown()})
        assert confirmed.status_code == 200, confirmed.text
    return phone, confirmed.json()["recovery_codes"]


def challenge_of(world, email, password=GOOD):
    answer = log_in(world, email, password)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"challenge", "expires_in"}
    return answer.json()["challenge"]


def give(world, challenge, code):
    with world.client() as client:
        return client.post("/v1/auth/second-factor", json={"challenge": challenge, "code": code})


def full_client(world, phone):
    answer = give(world, challenge_of(world, phone.email), phone.code())
    assert answer.status_code == 200, answer.text
    return world.client(Authorization=f"Bearer {answer.json()['access_token']}")


def test_a_factor_is_asked_for_only_once_it_was_confirmed(world):
    new_account(world, "begin@example.com")
    with client_of(world, "begin@example.com") as client:
        assert client.post(FACTOR, json={"current_password": "wrong"}).status_code == 401
        begun = client.post(FACTOR, json={"current_password": GOOD}).json()
        assert begun["uri"].startswith("otpauth://totp/ReviewGraph:begin%40example.com?secret=")
        assert client.get(FACTOR).json() == {"is_enabled": False, "recovery_codes_left": 0}
        assert log_in(world, "begin@example.com").status_code == 200
        wrong = client.post(f"{FACTOR}/confirm", json={"code": "000000"})
        assert slug(wrong) == "code-not-valid"
        code = pyotp.TOTP(begun["secret"]).now()
        codes = client.post(f"{FACTOR}/confirm", json={"code": code}).json()["recovery_codes"]
        assert len(set(codes)) == RECOVERY_CODES
        status = client.get(FACTOR).json()
        assert status == {"is_enabled": True, "recovery_codes_left": RECOVERY_CODES}
        again = client.post(FACTOR, json={"current_password": GOOD})
        assert slug(again) == "second-factor-exists"
    assert log_in(world, "begin@example.com").status_code == 202
    assert mails_to(world, "begin@example.com")[-1] == "second_factor_enabled"
    assert events_of(world, "begin@example.com")[-1] == "user.second_factor_enabled"


def test_the_password_alone_opens_nothing_any_more(world):
    phone, _ = enrol(world, "half@example.com")
    challenge = challenge_of(world, phone.email)
    with world.client(Authorization=f"Bearer {challenge}") as client:
        assert client.get("/v1/me").status_code == 401
        refresh = client.post("/v1/auth/refresh", json={"refresh_token": challenge})
        assert refresh.status_code in {401, 422}
    with full_client(world, phone) as client:
        assert client.get("/v1/me").status_code == 200


def test_a_code_works_once_however_many_use_it_at_the_same_moment(world):
    phone, _ = enrol(world, "once@example.com")
    challenge, code = challenge_of(world, phone.email), phone.code()
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: give(world, challenge, code), range(3)))
    assert [answer.status_code for answer in answers].count(200) == 1
    forget_limits(world)
    assert slug(give(world, challenge_of(world, phone.email), code)) == "code-not-valid"


def test_no_code_as_old_as_one_that_was_used_works(world):
    phone, _ = enrol(world, "order@example.com")
    challenge = challenge_of(world, phone.email)
    assert give(world, challenge, phone.code(+1)).status_code == 200
    assert give(world, challenge, phone.shown(0)).status_code == 401
    assert give(world, challenge, phone.shown(-1)).status_code == 401


def test_codes_of_other_times_do_not_work(world):
    phone, _ = enrol(world, "clock@example.com")
    challenge = challenge_of(world, phone.email)
    for steps in (-3, 3):
        assert give(world, challenge, phone.code(steps)).status_code == 401


def test_guessing_codes_ends_after_some_whatever_challenges_are_used(world):
    phone, codes = enrol(world, "guess@example.com")
    answers = [give(world, challenge_of(world, phone.email), "000000") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
    assert give(world, challenge_of(world, phone.email), phone.code()).status_code == 429
    assert give(world, challenge_of(world, phone.email), codes[0]).status_code == 429


def test_a_recovery_code_works_once_in_any_spelling(world):
    phone, codes = enrol(world, "lost@example.com")
    spelled = codes[0].upper().replace("-", " ")
    assert give(world, challenge_of(world, phone.email), spelled).status_code == 200
    assert give(world, challenge_of(world, phone.email), codes[0]).status_code == 401
    assert give(world, challenge_of(world, phone.email), codes[1]).status_code == 200
    assert "user.recovery_code_used" in events_of(world, phone.email)
    with full_client(world, phone) as client:
        assert client.get(FACTOR).json()["recovery_codes_left"] == RECOVERY_CODES - 2
        renewed = client.post(
            f"{FACTOR}/recovery-codes", json={"current_password": GOOD, "code": phone.code()}
        )
    assert renewed.status_code == 200
    assert give(world, challenge_of(world, phone.email), codes[2]).status_code == 401
    fresh = renewed.json()["recovery_codes"][0]
    assert give(world, challenge_of(world, phone.email), fresh).status_code == 200


def test_recovery_codes_of_one_user_are_not_those_of_another(world):
    _, codes = enrol(world, "hers@example.com")
    other, _ = enrol(world, "his@example.com")
    assert give(world, challenge_of(world, other.email), codes[0]).status_code == 401


def test_a_forgotten_password_is_no_way_round_the_factor(world):
    phone, _ = enrol(world, "reset@example.com")
    with world.client() as client:
        client.post("/v1/auth/forgot-password", json={"email": phone.email})
        token = token_for(world, phone.email, "reset_password")
        answer = client.post("/v1/auth/reset-password", json={"token": token, "password": BETTER})
    assert (answer.status_code, answer.content) == (204, b"")
    assert log_in(world, phone.email, BETTER).status_code == 202


def test_what_changes_how_one_logs_in_asks_for_the_code_too(world):
    phone, _ = enrol(world, "again@example.com")
    with full_client(world, phone) as client:
        requests = {
            "/v1/me/password": {"current_password": GOOD, "password": BETTER},
            "/v1/me/email": {"current_password": GOOD, "email": "elsewhere@example.com"},
            f"{FACTOR}/remove": {"current_password": GOOD},
            f"{FACTOR}/recovery-codes": {"current_password": GOOD},
        }
        for address, body in requests.items():
            forget_limits(world)
            assert slug(client.post(address, json=body)) == "code-needed", address
            wrong = client.post(address, json={**body, "code": "000000"})
            assert slug(wrong) == "code-not-valid", address
        forget_limits(world)
        body = {"current_password": GOOD, "code": phone.code()}
        assert client.post(f"{FACTOR}/remove", json=body).status_code == 204
        assert client.get(FACTOR).json() == {"is_enabled": False, "recovery_codes_left": 0}
    assert log_in(world, phone.email).status_code == 200
    assert mails_to(world, phone.email)[-1] == "second_factor_removed"
    assert events_of(world, phone.email)[-1] == "user.second_factor_disabled"


def test_setting_up_a_factor_ends_the_other_sessions(world):
    new_account(world, "others@example.com")
    with (
        client_of(world, "others@example.com") as here,
        client_of(world, "others@example.com") as elsewhere,
    ):
        secret = here.post(FACTOR, json={"current_password": GOOD}).json()["secret"]
        code = pyotp.TOTP(secret).now()
        assert here.post(f"{FACTOR}/confirm", json={"code": code}).status_code == 200
        assert here.get("/v1/me").status_code == 200
        assert elsewhere.get("/v1/me").status_code == 401


def test_what_is_no_challenge_of_ours_or_too_old_is_refused(world):
    phone, _ = enrol(world, "forged@example.com")
    good = challenge_of(world, phone.email)
    flipped = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    for challenge in ("x", flipped, good[:-8], "A" * len(good), "é" * 40):
        answer = give(world, challenge, phone.code())
        assert slug(answer) == "code-not-valid", challenge
    from resources.database import Database
    from serving_api.identity.challenges import LIFETIME_SECONDS, Challenges

    keys = Database(world.settings).keys
    with world.database.jobs() as work:
        user = work.users.by_email(phone.email)
    past = time.time() - LIFETIME_SECONDS - 2
    old = Challenges(keys).issue(user, now=past)
    assert give(world, old, phone.code()).status_code == 401


def test_a_challenge_ends_with_the_password_or_address_that_began_it(world):
    phone, (first, second, *_) = enrol(world, "thinking@example.com")
    before = challenge_of(world, phone.email)
    with world.client() as client:
        body = {"email": phone.email}
        assert client.post("/v1/auth/forgot-password", json=body).status_code == 202
        body = {"token": token_for(world, phone.email, "reset_password"), "password": BETTER}
        assert client.post("/v1/auth/reset-password", json=body).status_code == 204
    assert slug(give(world, before, first)) == "code-not-valid"
    fresh = log_in(world, phone.email, BETTER).json()["challenge"]
    with world.database.jobs() as work:
        user = work.users.by_email(phone.email)
        assert work.users.change_email(user.id, "thought@example.com")
    assert slug(give(world, fresh, second)) == "code-not-valid"
    again = log_in(world, "thought@example.com", BETTER).json()["challenge"]
    assert give(world, again, first).status_code == 200


def test_no_row_holds_the_secret_or_a_recovery_code(world):
    phone, codes = enrol(world, "dump@example.com")
    with world.database.jobs() as work:
        for table in ("second_factors", "recovery_codes", "events"):
            rows = str(work.session.execute(text(f"select * from reviewgraph.{table}")).all())
            assert phone.secret not in rows
            assert not any(code in rows or code.replace("-", "") in rows for code in codes)


def test_a_sealed_secret_opens_in_no_other_row(world):
    hers, _ = enrol(world, "mine@example.com")
    his, _ = enrol(world, "yours@example.com")
    with world.database.jobs() as work:
        ids = [work.users.by_email(phone.email).id for phone in (hers, his)]
        work.session.execute(
            text(
                "update reviewgraph.second_factors set sealed_secret = (select sealed_secret"
                " from reviewgraph.second_factors where user_id = :hers) where user_id = :his"
            ),
            {"hers": ids[0], "his": ids[1]},
        )
        with pytest.raises(UnreadableSecretError):
            work.second_factors.take_code(ids[1], "123456")
