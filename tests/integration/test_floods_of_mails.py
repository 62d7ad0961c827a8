"""Mails that strangers have sent to others: a few, and nobody is kept out by them."""

from __future__ import annotations

import pytest

from serving_api.identity.limits import MAX_MAILS_OF_CLIENT
from tests.account_world import BETTER, GOOD, forget_limits, mails_to, slug, token_for


@pytest.fixture(autouse=True)
def _limits_of_its_own(world):
    forget_limits(world)


def post(world, address, **body):
    with world.client() as client:
        return client.post(address, json=body)


def register(world, email):
    return post(world, "/v1/auth/register", email=email, name="Nora Quill", password=GOOD)


@pytest.mark.parametrize("email", ["flood@example.com", "bob@example.com"])
def test_an_address_is_mailed_a_few_times_and_nobody_is_told_when_no_more(world, email):
    before = len(mails_to(world, email))
    answers = [register(world, email) for _ in range(5)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert len(mails_to(world, email)) - before == 3


def test_who_floods_an_address_keeps_its_owner_from_nothing(world):
    register(world, "flooded@example.com")
    registered = token_for(world, "flooded@example.com", "verify_email")
    answers = [
        post(world, "/v1/auth/forgot-password", email="flooded@example.com") for _ in "12345"
    ]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert mails_to(world, "flooded@example.com").count("reset_password") == 3
    assert register(world, "flooded@example.com").status_code == 202
    assert mails_to(world, "flooded@example.com").count("verify_email") == 2
    link = token_for(world, "flooded@example.com", "reset_password")
    assert post(world, "/v1/auth/reset-password", token=link, password=BETTER).status_code == 204
    again = post(world, "/v1/auth/verify-email", token=registered, password=GOOD)
    assert slug(again) == "one-time-token-not-valid", again.text
    post(world, "/v1/auth/forgot-password", email="flooded@example.com")
    assert mails_to(world, "flooded@example.com").count("reset_password") == 4


def test_a_client_that_has_mails_sent_to_many_is_refused(world):
    answers = [
        post(world, "/v1/auth/forgot-password", email=f"many{n}@example.com").status_code
        for n in range(MAX_MAILS_OF_CLIENT + 1)
    ]
    assert answers == [202] * MAX_MAILS_OF_CLIENT + [429]
