"""Accounts that people make and change themselves, over real HTTP."""

from __future__ import annotations

import pytest
from sqlalchemy import text

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


@pytest.fixture(autouse=True)
def _limits_of_its_own(world):
    forget_limits(world)


def register(world, email, password=GOOD, name="Nora Quill"):
    with world.client() as client:
        body = {"email": email, "name": name, "password": password}
        return client.post("/v1/auth/register", json=body)


def post(world, address, **body):
    with world.client() as client:
        return client.post(address, json=body)


def test_somebody_registers_confirms_the_address_and_logs_in(world):
    assert register(world, " Nora@Example.com ").status_code == 202
    assert mails_to(world, "nora@example.com") == ["verify_email"]
    refused = log_in(world, "nora@example.com")
    assert (refused.status_code, slug(refused)) == (403, "email-not-verified")
    assert slug(log_in(world, "nora@example.com", "wrong")) == "invalid-credentials"
    token = token_for(world, "nora@example.com", "verify_email")
    assert post(world, "/v1/auth/verify-email", token=token, password=GOOD).status_code == 204
    with client_of(world, "NORA@example.com") as nora:
        me = nora.get("/v1/me").json()
    assert (me["email"], me["name"], me["tenants"]) == ("nora@example.com", "Nora Quill", [])
    assert events_of(world, "nora@example.com") == ["user.registered", "user.verified"]


def test_registering_a_taken_address_is_answered_alike_and_changes_nothing(world):
    new, taken = register(world, "new@example.com"), register(world, "ada@example.com")
    assert (new.status_code, new.json()) == (taken.status_code, taken.json())
    assert set(new.headers) == set(taken.headers)
    assert mails_to(world, "ada@example.com") == ["already_registered"]
    assert log_in(world, "ada@example.com", GOOD).status_code == 401


def test_an_address_that_nobody_confirmed_belongs_to_whoever_registers_last(world):
    register(world, "late@example.com", "an attacker came first 7")
    earlier = token_for(world, "late@example.com", "verify_email")
    register(world, "late@example.com", GOOD, "The Owner")
    token = token_for(world, "late@example.com", "verify_email")
    first = post(world, "/v1/auth/verify-email", token=earlier, password=GOOD)
    assert slug(first) == "one-time-token-not-valid"
    assert post(world, "/v1/auth/verify-email", token=token, password=GOOD).status_code == 204
    assert log_in(world, "late@example.com", "an attacker came first 7").status_code == 401
    assert log_in(world, "late@example.com").status_code == 200


def test_no_link_confirms_an_account_that_somebody_else_has_given_a_password(world):
    register(world, "victim@example.com", GOOD, "The Owner")
    register(world, "victim@example.com", "an attacker came second 8")
    token = token_for(world, "victim@example.com", "verify_email")
    refused = post(world, "/v1/auth/verify-email", token=token, password=GOOD)
    assert (refused.status_code, slug(refused)) == (401, "invalid-credentials")
    with world.client() as browser:
        link = {"purpose": "verify_email", "token": token, "password": GOOD}
        shown = browser.post("/confirm", data=link)
    assert (shown.status_code, "forgot-password" in shown.text) == (401, True)
    attacker = log_in(world, "victim@example.com", "an attacker came second 8")
    assert slug(attacker) == "email-not-verified"
    post(world, "/v1/auth/forgot-password", email="victim@example.com")
    token = token_for(world, "victim@example.com", "reset_password")
    answer = post(world, "/v1/auth/reset-password", token=token, password=GOOD)
    assert answer.status_code == 204
    assert log_in(world, "victim@example.com", "an attacker came second 8").status_code == 401
    assert log_in(world, "victim@example.com").status_code == 200


def test_the_password_of_a_registration_is_not_guessed_by_whoever_has_the_link(world):
    register(world, "guessed@example.com")
    token = token_for(world, "guessed@example.com", "verify_email")
    codes = [
        post(world, "/v1/auth/verify-email", token=token, password=f"guess {n}").status_code
        for n in range(6)
    ]
    assert codes == [401] * 5 + [429]


def test_a_link_that_is_only_looked_at_is_not_used_up(world):
    register(world, "scanned@example.com")
    token = token_for(world, "scanned@example.com", "verify_email")
    with world.client() as scanner:
        for address in ("verify-email", "reset-password", "confirm-email"):
            for _ in range(3):
                looked = scanner.get(f"/v1/auth/{address}", params={"token": token})
                assert looked.status_code == 405
                assert scanner.head(f"/v1/auth/{address}").status_code == 405
    assert post(world, "/v1/auth/verify-email", token=token, password=GOOD).status_code == 204
    assert post(world, "/v1/auth/verify-email", token=token, password=GOOD).status_code == 400


def test_the_page_of_a_link_does_nothing_until_its_button_is_pressed(world):
    register(world, "button@example.com")
    token = token_for(world, "button@example.com", "verify_email")
    link = {"purpose": "verify_email", "token": token, "password": GOOD}
    with world.client() as browser:
        for _ in range(3):
            shown = browser.get("/confirm", params=link)
            assert (shown.status_code, "<form" in shown.text) == (200, True)
            assert "script" not in shown.headers["content-security-policy"]
        assert log_in(world, "button@example.com").status_code == 403
        assert "Done" in browser.post("/confirm", data=link).text
        assert log_in(world, "button@example.com").status_code == 200
        again = browser.post("/confirm", data=link)
        assert (again.status_code, "<form" in again.text) == (400, False)


def test_the_page_chooses_a_password_and_asks_again_for_a_better_one(world):
    new_account(world, "page@example.com")
    post(world, "/v1/auth/forgot-password", email="page@example.com")
    link = {
        "purpose": "reset_password",
        "token": token_for(world, "page@example.com", "reset_password"),
    }
    with world.client() as browser:
        weak = browser.post("/confirm", data={**link, "password": "password1"})
        assert (weak.status_code, "<form" in weak.text) == (422, True)
        assert "password1" not in weak.text
        assert browser.post("/confirm", data={**link, "password": BETTER}).status_code == 200
    assert log_in(world, "page@example.com", BETTER).status_code == 200


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"purpose": "verify_email"},
        {"purpose": "invent", "token": "A" * 64},
        {"purpose": "verify_email", "token": '"><script>alert(1)</script>'},
        {"purpose": "reset_password", "token": "A" * 64 + "\n"},
    ],
)
def test_the_page_repeats_nothing_that_is_no_link(world, link):
    with world.client() as browser:
        for answer in (browser.get("/confirm", params=link), browser.post("/confirm", data=link)):
            assert answer.status_code == 404
            assert "<form" not in answer.text
            assert "alert" not in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "two@ats@example.com"),
        ("email", "a@b\nBcc: c@d.example"),
        ("email", "x" * 250 + "@example.com"),
        ("name", ""),
        ("name", "   "),
        ("name", "two\nlines"),
        ("name", "\x00"),
        ("password", "short"),
        ("password", " " * 8),
        ("password", "Password123!"),
        ("password", "nora.quill2026"),
        ("password", "x" * 257),
        ("password", "a\x00 b c d e f g"),
    ],
)
def test_what_cannot_be_registered_is_told_by_field(world, field, value):
    body = {"email": "nora.quill@example.com", "name": "Nora Quill", "password": GOOD}
    answer = post(world, "/v1/auth/register", **{**body, field: value})
    assert answer.status_code == 422
    assert [error["location"] for error in answer.json()["errors"]] == [f"body.{field}"]
    assert mails_to(world, "nora.quill@example.com") == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "x" * 257, "at most 256 characters"),
        ("email", "x" * 250 + "@example.com", "at most 254 characters"),
        ("email", "x", "at least 3 characters"),
        ("name", "", "at least 1 character"),
    ],
)
def test_a_text_of_a_wrong_length_is_counted_in_characters(world, field, value, said):
    body = {"email": "wordy@example.com", "name": "Wordy", "password": GOOD}
    answer = post(world, "/v1/auth/register", **{**body, field: value})
    (error,) = answer.json()["errors"]
    assert said in error["message"]
    assert "items" not in error["message"]


def test_a_password_of_sixty_four_characters_and_more_of_any_kind_is_taken(world):
    password = "水の上を歩く鳥 🦆 " * 8
    new_account(world, "long@example.com", password)
    assert log_in(world, "long@example.com", password).status_code == 200
    assert log_in(world, "long@example.com", password[:-1]).status_code == 401


def test_a_forgotten_password_is_replaced_by_link_and_every_session_ends(world):
    new_account(world, "forgot@example.com")
    with client_of(world, "forgot@example.com") as thief:
        assert (
            post(world, "/v1/auth/forgot-password", email="forgot@example.com").status_code == 202
        )
        token = token_for(world, "forgot@example.com", "reset_password")
        weak = post(world, "/v1/auth/reset-password", token=token, password="password1")
        assert weak.status_code == 422
        answer = post(world, "/v1/auth/reset-password", token=token, password=BETTER)
        assert (answer.status_code, answer.content) == (204, b"")
        assert thief.get("/v1/me").status_code == 401
    again = post(world, "/v1/auth/reset-password", token=token, password=GOOD)
    assert slug(again) == "one-time-token-not-valid"
    assert log_in(world, "forgot@example.com", GOOD).status_code == 401
    assert log_in(world, "forgot@example.com", BETTER).status_code == 200
    assert mails_to(world, "forgot@example.com")[-2:] == ["reset_password", "password_changed"]


def test_forgetting_is_answered_alike_for_addresses_without_an_account(world):
    new_account(world, "known@example.com")
    answers = {
        email: post(world, "/v1/auth/forgot-password", email=email)
        for email in ("known@example.com", "unknown@example.com", "off@example.com")
    }
    assert len({(answer.status_code, answer.text) for answer in answers.values()}) == 1
    assert mails_to(world, "unknown@example.com") == mails_to(world, "off@example.com")
    assert mails_to(world, "unknown@example.com") == ["no_account"]


def test_a_link_does_only_what_it_was_sent_for(world):
    new_account(world, "purpose@example.com")
    post(world, "/v1/auth/forgot-password", email="purpose@example.com")
    reset = token_for(world, "purpose@example.com", "reset_password")
    assert post(world, "/v1/auth/verify-email", token=reset, password=GOOD).status_code == 400
    assert post(world, "/v1/auth/confirm-email", token=reset).status_code == 400
    answer = post(world, "/v1/auth/reset-password", token=reset, password=BETTER)
    assert answer.status_code == 204


def test_a_password_is_changed_by_whoever_knows_the_present_one(world):
    new_account(world, "change@example.com")
    with (
        client_of(world, "change@example.com") as here,
        client_of(world, "change@example.com") as elsewhere,
    ):
        wrong = here.post("/v1/me/password", json={"current_password": "wrong", "password": BETTER})
        assert slug(wrong) == "invalid-credentials"
        post(world, "/v1/auth/forgot-password", email="change@example.com")
        link = token_for(world, "change@example.com", "reset_password")
        right = here.post("/v1/me/password", json={"current_password": GOOD, "password": BETTER})
        assert right.status_code == 204
        assert here.get("/v1/me").status_code == 200
        assert elsewhere.get("/v1/me").status_code == 401
    assert post(world, "/v1/auth/reset-password", token=link, password=GOOD).status_code == 400
    assert log_in(world, "change@example.com", BETTER).status_code == 200
    assert events_of(world, "change@example.com")[-1] == "user.password_changed"


def test_guessing_the_present_password_of_an_open_session_is_limited(world):
    new_account(world, "open@example.com")
    with client_of(world, "open@example.com") as client:
        body = {"current_password": "wrong", "password": BETTER}
        answers = [client.post("/v1/me/password", json=body) for _ in range(7)]
        codes = [answer.status_code for answer in answers]
        assert codes == [401] * 5 + [429] * 2
        right = client.post("/v1/me/password", json={**body, "current_password": GOOD})
        assert right.status_code == 429


def test_an_address_changes_only_once_the_new_one_is_proven(world):
    new_account(world, "old@example.com")
    with client_of(world, "old@example.com") as client:
        body = {"email": "fresh@example.com", "current_password": "wrong"}
        assert client.post("/v1/me/email", json=body).status_code == 401
        answer = client.post("/v1/me/email", json={**body, "current_password": GOOD})
        assert answer.status_code == 202
        assert client.get("/v1/me").json()["email"] == "old@example.com"
        assert mails_to(world, "fresh@example.com") == ["confirm_new_email"]
        assert mails_to(world, "old@example.com")[-1] == "email_change_asked"
        token = token_for(world, "fresh@example.com", "confirm_new_email")
        assert post(world, "/v1/auth/confirm-email", token=token).status_code == 204
    assert log_in(world, "old@example.com").status_code == 401
    assert log_in(world, "fresh@example.com").status_code == 200
    assert mails_to(world, "old@example.com")[-1] == "email_changed"
    assert mails_to(world, "fresh@example.com")[-1] == "email_changed"


def ask_to_move(client, email):
    body = {"email": email, "current_password": GOOD}
    assert client.post("/v1/me/email", json=body).status_code == 202


def test_the_link_to_a_mistyped_address_ends_when_another_is_asked_for(world):
    new_account(world, "typist@example.com")
    with client_of(world, "typist@example.com") as client:
        ask_to_move(client, "mistyped@example.com")
        wrong = token_for(world, "mistyped@example.com", "confirm_new_email")
        ask_to_move(client, "typed@example.com")
        right = token_for(world, "typed@example.com", "confirm_new_email")
    assert post(world, "/v1/auth/confirm-email", token=wrong).status_code == 400
    assert post(world, "/v1/auth/confirm-email", token=right).status_code == 204
    assert post(world, "/v1/auth/confirm-email", token=wrong).status_code == 400
    assert log_in(world, "typed@example.com").status_code == 200


def test_a_change_of_address_ends_the_link_for_another_password(world):
    new_account(world, "moving@example.com")
    with client_of(world, "moving@example.com") as client:
        ask_to_move(client, "moved@example.com")
    post(world, "/v1/auth/forgot-password", email="moving@example.com")
    reset = token_for(world, "moving@example.com", "reset_password")
    token = token_for(world, "moved@example.com", "confirm_new_email")
    assert post(world, "/v1/auth/confirm-email", token=token).status_code == 204
    answer = post(world, "/v1/auth/reset-password", token=reset, password=BETTER)
    assert slug(answer) == "one-time-token-not-valid"


def test_an_address_that_got_an_account_meanwhile_is_not_taken_over(world):
    new_account(world, "mover@example.com")
    with client_of(world, "mover@example.com") as client:
        body = {"email": "wanted@example.com", "current_password": GOOD}
        assert client.post("/v1/me/email", json=body).status_code == 202
        token = token_for(world, "wanted@example.com", "confirm_new_email")
        new_account(world, "wanted@example.com")
        answer = post(world, "/v1/auth/confirm-email", token=token)
        assert (answer.status_code, slug(answer)) == (409, "address-taken")
        assert client.get("/v1/me").json()["email"] == "mover@example.com"


def test_changing_the_password_makes_the_link_of_a_thief_useless(world):
    new_account(world, "robbed@example.com")
    with client_of(world, "robbed@example.com") as thief:
        body = {"email": "thief@example.com", "current_password": GOOD}
        assert thief.post("/v1/me/email", json=body).status_code == 202
    token = token_for(world, "thief@example.com", "confirm_new_email")
    with client_of(world, "robbed@example.com") as owner:
        body = {"current_password": GOOD, "password": BETTER}
        assert owner.post("/v1/me/password", json=body).status_code == 204
    assert post(world, "/v1/auth/confirm-email", token=token).status_code == 400


def test_no_job_and_no_row_holds_what_a_link_holds(world):
    register(world, "dump@example.com")
    token = token_for(world, "dump@example.com", "verify_email")
    tables = ("jobs.procrastinate_jobs", "reviewgraph.one_time_tokens", "reviewgraph.events")
    with world.database.jobs() as work:
        for table in tables:
            rows = str(work.session.execute(text(f"select * from {table}")).all())
            assert token not in rows
            assert token[22:] not in rows
            assert GOOD not in rows


@pytest.mark.parametrize(
    "address", ["/v1/auth/verify-email", "/v1/auth/confirm-email", "/v1/auth/reset-password"]
)
@pytest.mark.parametrize("token", ["", "x", "A" * 64, "é" * 64, "a" * 65, "\x00", "' or 1=1 --"])
def test_what_is_no_link_of_ours_is_refused_in_words(world, address, token):
    body = {"token": token}
    if "reset" in address:
        body["password"] = BETTER
    assert post(world, address, **body).status_code in {400, 422}
