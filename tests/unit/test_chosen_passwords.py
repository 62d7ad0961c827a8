"""Which passwords may be chosen, and which are known to everybody."""

from __future__ import annotations

import pytest

from resources.passwords import MAX_LENGTH, WeakPasswordError, check_choice
from resources.passwords.common import ENDINGS, common_words, is_common

TRIED_FIRST = """
    123456789 12345678 password password1 1234567890 qwerty123 1q2w3e4r iloveyou 00000000 abcd1234
    987654321 qwertyuiop 1qaz2wsx sunshine princess football baseball superman trustno1 whatever
    starwars 11111111 88888888 87654321 michelle jennifer corvette mercedes 1q2w3e4r5t zaq12wsx
    asdfghjkl password123 Password1 P@ssw0rd P@ssw0rd1 Passw0rd! Welcome1 Welcome123 Welcome2024!
    Summer2025 Winter2024! Spring2023 letmein1 letmein123 changeme changeme1 qwerty12345 qazwsxedc
    1qazxsw2 !QAZ2wsx iloveyou1 liverpool chelsea1 arsenal1 jordan23 michael1 jessica1 charlie1
    asdf1234 qwer1234 abc12345 1234qwer 12341234 12344321 qweasdzxc monkey123 dragon123 master123
    admin123 admin1234 administrator passwort1 azerty123 motdepasse woaini1314 5201314! aaaaaaaa
    1111111111 abcabcabc drowssap ytrewq321 p4ssw0rd2024 5unsh1ne! m0nkey99
""".split()  # noqa: SIM905 - a list that people can read

GOOD = (
    "correct horse battery staple",
    "tulips argue with thunder",
    "Xk7-vbQ2mZ",
    "ein Fahrrad frisst Schnee",
    "хорошая погода вчера",
    "我昨天在河边看见三只鸭子",
    "🦆🦆🐢🌧️🎻🪁🧭🧦",
    "        a space before it counts",
    "x" * 7 + "yz" * 8,
)


@pytest.mark.parametrize("password", TRIED_FIRST)
def test_what_is_tried_first_is_refused(password):
    with pytest.raises(WeakPasswordError):
        check_choice(password, email="ada@example.com")


@pytest.mark.parametrize("password", GOOD)
def test_what_nobody_guesses_passes_whatever_it_is_composed_of(password):
    check_choice(password, email="ada@example.com", name="Ada Lovelace")


def test_far_more_than_the_three_thousand_most_common_are_refused():
    made = {word + ending for word in common_words() for ending in ENDINGS[::5]}
    long_enough = [password for password in made if len(password) >= 8]
    assert len(long_enough) > 50_000
    sample = long_enough[:: len(long_enough) // 3000]
    assert all(is_common(password) for password in sample)
    assert all(is_common(password.upper()) for password in sample)


def test_length_is_counted_in_characters():
    check_choice("é水🦆zwölf", email="a@b.example")
    for wrong in ("é水🦆zwöl", "", "x7-vbQ2"):
        with pytest.raises(WeakPasswordError, match="at least 8"):
            check_choice(wrong, email="a@b.example")
    check_choice("tulip rain " * 23, email="a@b.example")
    with pytest.raises(WeakPasswordError, match="at most 256"):
        check_choice("水" * (MAX_LENGTH + 1), email="a@b.example")


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@example.com",
        "ada.lovelace",
        "Lovelace1815",
        "lovelace lovelace",
        "AdaLovelace!",
        "ReviewGraph2026",
    ],
)
def test_one_s_own_name_or_address_is_refused(password):
    with pytest.raises(WeakPasswordError, match="name or address"):
        check_choice(password, email="Ada.Lovelace@example.com", name="Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        " " * 8,
        " " * 256,
        "\t " * 20,
        "a" + " " * 20,
        " a  \u200b\u2800 b ",
        "\u200b\u200c\u2060\ufeff" * 9,
    ],
)
def test_what_is_padded_with_blanks_is_no_longer_than_what_it_pads(password):
    with pytest.raises(WeakPasswordError, match="at least 8"):
        check_choice(password, email="a@b.example")


def test_a_part_of_one_s_name_may_stand_in_something_longer():
    check_choice("lovelace feeds purple geese", email="x@example.com", name="Ada Lovelace")


@pytest.mark.parametrize("password", ["1" * 256, "ab" * 128, "aaab" * 64, "abc" * 3])
def test_a_short_piece_again_and_again_is_refused_however_long(password):
    with pytest.raises(WeakPasswordError):
        check_choice(password, email="a@b.example")
