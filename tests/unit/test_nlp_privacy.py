# ruff: noqa: RUF001 - it speaks of characters of many scripts
"""Personal data: found where it stands, left alone where something only looks like it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nlp_privacy_cases import held_back_half, read_cases, score, steering_half

from resources.nlp.privacy import KINDS, VERSION, Span, find_pii, redact
from resources.nlp.privacy import finding as finding_module
from resources.nlp.privacy.patterns import loosened

CASES = read_cases()
AWKWARD = [
    "",
    "\x00\x01\x1f",
    "😀" * 50,
    "\ud800 call \udfff 020 7946 0018",
    "ＣＡＬＬ ０３-１２３４-５６７８ まで",
    "1 " * 3_000,
    "a@" * 2_000,
    "Mr " * 1_000 + "Smith",
    "12 Main " * 800,
    "اتصل ٠١٢٣٤٥٦٧٨٩ الآن",
]


def found(text, language="en"):
    return [(span.kind, text[span.start : span.end]) for span in find_pii([text], [language])[0]]


def test_there_are_enough_cases_of_both_sorts_from_enough_countries():
    assert sum(bool(case.spans) for case in CASES) >= 300
    assert sum(not case.spans for case in CASES) >= 300
    assert len({case.country for case in CASES}) >= 8
    assert {span.kind for case in CASES for span in case.spans} == set(KINDS)


@pytest.mark.parametrize("half", [steering_half, held_back_half])
def test_personal_data_is_found_and_little_else(half):
    result = score(half(CASES))
    assert result.total.precision >= 0.97, result.mistakes
    assert result.total.recall >= 0.95, result.mistakes
    assert result.flagged_negatives <= 6, result.mistakes


def test_no_country_is_served_much_worse_than_the_others():
    for country, tally in score(CASES).countries.items():
        assert tally.precision >= 0.9, country
        assert tally.recall >= 0.85, country


def test_a_card_number_with_a_wrong_check_digit_is_no_card():
    assert found("my card 4111 1111 1111 1111 was charged") == [("card", "4111 1111 1111 1111")]
    assert ("card", "4111 1111 1111 1112") not in found("my card 4111 1111 1111 1112 was charged")


def test_an_account_with_a_wrong_check_digit_is_no_account():
    assert found("paid to GB82 WEST 1234 5698 7654 32") == [("iban", "GB82 WEST 1234 5698 7654 32")]
    assert "iban" not in dict(found("paid to GB83 WEST 1234 5698 7654 32"))


def test_the_words_before_a_number_decide_what_it_is():
    assert found("call 202 555 0143 today") == [("phone", "202 555 0143")]
    assert found("order 202 555 0143 today") == []


def test_a_round_number_is_no_telephone_number_whatever_stands_before_it():
    assert found("call me crazy 1000000000") == []
    assert found("call me crazy but 2025550143 is my number") == [("phone", "2025550143")]


def test_a_long_run_of_hyphens_hides_no_town():
    assert found("Anna-" * 400 + "Maria, GA 30301")[-1][0] == "address"
    assert found("in mid-Atlanta, GA 30301") == [("address", "Atlanta, GA 30301")]
    assert found("in Winston-Salem, NC 27101") == [("address", "Winston-Salem, NC 27101")]


def test_a_first_name_alone_is_no_personal_data_but_a_full_name_in_context_is():
    assert found("Anna was great") == []
    assert found("Our manager Anna Kowalska was great") == [("person", "Anna Kowalska")]
    assert found("MY NAME IS NOT ON THE LIST") == []


def test_titles_of_one_language_are_words_of_another():
    assert found("Zapytajcie pana Nowaka o klucz", "pl") == [("person", "Nowaka")]
    assert found("We loved the pan Asian menu", "en") == []


def test_spans_do_not_overlap_and_stand_in_order():
    text = "Mr Smith, 14 Larkspur Close, Reading RG2 7QX, mail j.smith@example.com or 020 7946 0018"
    spans = find_pii([text], ["en"])[0]
    assert [span.kind for span in spans] == ["person", "address", "email", "phone"]
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_offsets_count_code_points():
    text = "😀😀 écris à léa@example.com 😀"
    (span,) = find_pii([text], ["fr"])[0]
    assert text[span.start : span.end] == "léa@example.com"


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_get_an_answer(text):
    for spans in (find_pii([text], ["en"])[0], find_pii([text] * 20, ["xx"] * 20)[-1]):
        assert all(0 <= span.start < span.end <= len(text) for span in spans)


def test_a_huge_text_takes_seconds_at_most():
    text = "Call 020 7946 0018 or ask Mr Smith at 12 High Street. " * 2_000
    assert len(find_pii([text], ["en"])[0]) >= 4_000


PIECES = st.sampled_from(
    [
        *(case.text for case in CASES[::7]),
        *("Mr ", "Mrs Van ", "my name is ", "@", "+", "0", "12", "-", "\n", "regards,\n", "Street"),
        *("(at)", " dot com", "名前は", "☎", "GB82", "../", "€", "\u202f", "Straße 5"),
        *("  ", "\u00a0", "...", " arroba ", "example.com", " (dot) ", "insta: ", "abc1", "van "),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=6).map("".join))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(["en", "de", "fr", "es", "it", "nl", "pt", "pl", "ja", "und", ""]))
@example("Mr \ud800", "en")
def test_any_text_has_spans_inside_it_and_can_be_redacted(text, language):
    spans = find_pii([text], [language])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert {span.kind for span in spans} <= set(KINDS)
    masked = redact(text, spans, style="mask")
    assert len(masked) == len(text)
    assert redact(masked, spans, style="mask") == masked


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, max_size=12))
def test_what_is_found_does_not_depend_on_the_texts_beside_it(texts):
    texts = [*texts, *(case.text for case in CASES[:15])]
    together = find_pii(texts, ["en"] * len(texts))
    assert together == [find_pii([text], ["en"])[0] for text in texts]


def test_nothing_is_lost_when_polars_asks_first():
    texts = [case.text for case in CASES]
    languages = [case.language for case in CASES]
    asked = find_pii(texts, languages)
    few = finding_module._FEW_TEXTS
    for first in range(0, len(texts), few):
        part = slice(first, first + few)
        assert find_pii(texts[part], languages[part]) == asked[part]


def test_the_form_for_polars_has_no_constraints():
    assert loosened(r"(?<!\w)\bab(?P<name>c)(?![de])") == "ab(?:c)"


def test_redaction_names_the_kind():
    text = "Mail anna@example.com or call 020 7946 0018"
    spans = find_pii([text], ["en"])[0]
    assert redact(text, spans) == "Mail [email] or call [phone]"
    assert redact(text, spans, style="mask") == "Mail ****@*******.*** or call *** **** ****"


def test_overlapping_spans_are_hidden_as_one():
    spans = [Span("person", 3, 8), Span("email", 5, 12), Span("phone", 40, 50), Span("ip", 2, 2)]
    assert redact("ab cdefghijk lm", spans) == "ab [email] lm"


@pytest.mark.parametrize("style", ["label", "mask"])
def test_redacting_again_changes_nothing(style):
    texts = [case.text for case in CASES]
    languages = [case.language for case in CASES]
    once = [
        redact(text, spans, style=style)
        for text, spans in zip(texts, find_pii(texts, languages), strict=True)
    ]
    twice = [
        redact(text, spans, style=style)
        for text, spans in zip(once, find_pii(once, languages), strict=True)
    ]
    assert once == twice


def test_the_version_names_code_and_data():
    code, _, data = VERSION.partition(".")
    assert code.isdigit()
    assert len(data) == 12
