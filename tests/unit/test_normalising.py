"""From raw records to reviews: versions, rejections, and sums that always balance."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.reviews.normalising import KNOWN_SCHEMA, known_from, normalise_day
from resources.reviews.normalising.cleaning import cleaned
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS

MONDAY = date(2026, 3, 2)
NOBODY = pl.DataFrame(schema=KNOWN_SCHEMA)
FIELDS = ("review_id", "title", "text", "rating", "posted_at", "author", "product", "location",
          "url", "language", "deleted")  # fmt: skip


def raw(*records, day=MONDAY, batch="b1", hints=None):
    """Raw rows of one batch; a record is a dictionary of what the source gave."""
    rows = [
        {
            "day": day,
            "tenant_id": record.get("tenant_id", "acme"),
            "source": "shop",
            "batch_id": batch,
            "record_number": number,
            "received_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
            "hints": record.get("hints", hints),
            "payload": record.get("payload", json.dumps({"number": number, **record})),
            **{name: record.get(name) for name in FIELDS},
        }
        for number, record in enumerate(records, start=1)
    ]
    schema = pl.DataFrame(RAW_REVIEWS.schema.empty_table()).schema
    return pl.DataFrame(rows, schema=schema)


def counts(result):
    """(collected, kept, unchanged, rejected) of the only tenant."""
    (row,) = result.counts.rows()
    return row[1:]


def current(*results):
    """The latest version of each review."""
    reviews = pl.concat([result.reviews for result in results])
    return reviews.sort("version").group_by("review_key").last().sort("review_key")


def reasons(result):
    """The reason codes, in the order of the records."""
    return result.rejected.sort("record_number")["reason_code"].to_list()


def test_the_tables_have_the_columns_of_the_lake():
    result = normalise_day(raw({"text": "good"}, {"rating": "bad"}), NOBODY)
    for frame, spec in ((result.reviews, REVIEWS), (result.rejected, REJECTED_REVIEWS)):
        expected = pl.DataFrame(spec.schema.empty_table()).schema
        assert frame.schema == expected


def test_a_day_without_records_gives_empty_tables():
    result = normalise_day(raw(), NOBODY)
    assert (result.reviews.height, result.rejected.height, result.counts.height) == (0, 0, 0)


def test_a_repeat_is_no_new_row_and_an_edit_is_a_new_version():
    first = {"review_id": "1", "text": "good", "rating": "4"}
    edited = first | {"text": "not so good"}
    result = normalise_day(raw(first, first, edited, first | {"text": " good\r\n"}), NOBODY)
    assert counts(result) == (4, 3, 1, 0)
    assert result.reviews["version"].to_list() == [1, 2, 3]
    assert result.reviews["text"].to_list() == ["good", "not so good", "good"]
    assert result.reviews["review_key"].n_unique() == 1


def test_without_an_id_a_review_is_known_by_what_identifies_it():
    first = {"text": "good", "author": "Ann", "posted_at": "2026-01-05", "rating": "4"}
    result = normalise_day(
        raw(first, first, first | {"author": "Bob"}, first | {"posted_at": "05.01.2026"}), NOBODY
    )
    assert counts(result) == (4, 2, 2, 0)


def test_the_same_file_under_another_name_changes_nothing_even_if_it_contradicts_itself():
    rows = [{"text": "good", "rating": "4"}, {"text": "good", "rating": "5"}]
    monday = normalise_day(raw(*rows), NOBODY)
    tuesday = normalise_day(
        raw(*rows, day=MONDAY + timedelta(days=1), batch="b2"), known_from(monday.reviews)
    )
    assert counts(monday) == (2, 1, 1, 0)
    assert monday.reviews["rating"].to_list() == [5.0]
    assert counts(tuesday) == (2, 0, 2, 0)


def test_ratings_without_words_are_not_taken_for_one():
    result = normalise_day(raw({"rating": "4"}, {"rating": "4"}), NOBODY)
    assert counts(result) == (2, 2, 0, 0)


def test_a_withdrawn_review_leaves_a_tombstone_without_its_words():
    review = {"review_id": "1", "text": "good", "author": "Ann", "posted_at": "2026-01-05"}
    result = normalise_day(raw(review, {"review_id": "1", "deleted": "true"}), NOBODY)
    tombstone = result.reviews.row(1, named=True)
    assert (tombstone["version"], tombstone["is_deleted"]) == (2, True)
    assert (tombstone["text"], tombstone["author"], tombstone["posted_at"]) == (None, None, None)
    assert tombstone["posted_day"] == date(2026, 1, 5)
    again = normalise_day(
        raw({"review_id": "1", "deleted": "1"}, batch="b2"), known_from(result.reviews)
    )
    assert counts(again) == (1, 0, 1, 0)


def test_what_was_never_collected_cannot_be_withdrawn():
    result = normalise_day(
        raw({"review_id": "1", "deleted": "yes"}, {"review_id": "1", "text": "good"}), NOBODY
    )
    assert counts(result) == (2, 1, 0, 1)
    assert reasons(result) == ["deletes_unknown"]


@pytest.mark.parametrize(
    ("record", "reason", "value"),
    [
        ({"text": " \x00 "}, "empty", None),
        ({"text": "nan", "rating": "NaN"}, "empty", None),
        ({"text": "good", "rating": "great"}, "unreadable_rating", "great"),
        ({"text": "good", "rating": "6/5"}, "rating_out_of_scale", "6/5"),
        ({"text": "good", "posted_at": "soon"}, "unreadable_date", "soon"),
        ({"text": "good", "posted_at": "2026-03-05"}, "date_in_future", "2026-03-05"),
        ({"text": "good", "posted_at": "1970-01-01"}, "date_too_old", "1970-01-01"),
        ({"text": "x" * 100_001}, "text_too_long", "x" * 200),
        ({"payload": "{broken"}, "unreadable_record", "{broken"),
        ({"payload": "1,2", "hints": '{"unreadable": "Two cells."}'}, "unreadable_record", "1,2"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_a_reason(record, reason, value):
    result = normalise_day(raw(record), NOBODY)
    assert counts(result) == (1, 0, 0, 1)
    row = result.rejected.row(0, named=True)
    assert (row["reason_code"], row["value"]) == (reason, value)
    assert row["reason"].endswith(".")


def test_text_is_cleaned_of_what_the_customer_did_not_write():
    written = "Tom &amp; Jerry<br/>say \x00\x1b&quot;cafe\u0301&quot;  "
    result = normalise_day(raw({"text": written}), NOBODY)
    assert result.reviews["text"].to_list() == ['Tom & Jerry\nsay "caf\u00e9"']


def test_the_scale_comes_from_the_rows_read_alike_and_from_the_hint():
    ten = [{"text": f"stay {mark}", "rating": str(mark)} for mark in (1, 4, 10)]
    assert normalise_day(raw(*ten), NOBODY).reviews["rating"].to_list() == [
        1.0, pytest.approx(1 + 4 * 3 / 9, abs=1e-6), 5.0,
    ]  # fmt: skip
    low = [{"text": "bad", "rating": "1"}, {"text": "meh", "rating": "5"}]
    hinted = normalise_day(raw(*low, hints='{"rating_scale": 10}'), NOBODY)
    assert hinted.reviews["rating"].to_list() == [1.0, pytest.approx(1 + 16 / 9, abs=1e-6)]


def test_a_review_without_a_date_belongs_to_the_day_it_first_came():
    monday = normalise_day(raw({"review_id": "1", "text": "good"}), NOBODY)
    later = normalise_day(
        raw({"review_id": "1", "text": "better"}, day=MONDAY + timedelta(days=3), batch="b2"),
        known_from(monday.reviews),
    )
    assert monday.reviews["posted_day"].to_list() == [MONDAY]
    assert later.reviews["posted_day"].to_list() == [MONDAY]
    assert later.reviews["has_posted_date"].to_list() == [False]
    assert later.reviews["version"].to_list() == [2]


def test_keys_and_hashes_never_change_with_a_release():
    result = normalise_day(raw({"review_id": "1", "text": "good", "rating": "4"}), NOBODY)
    row = result.reviews.row(0, named=True)
    assert row["review_key"] == "7ad58a7d03cb519ed62f50ca85f9fafb"
    assert row["content_hash"] == "74cd6e42a733d95d51466fcc150b6fbe"


anything = st.one_of(st.none(), st.text(max_size=8))
records = st.fixed_dictionaries(
    {
        "tenant_id": st.sampled_from(["acme", "globex"]),
        "review_id": st.sampled_from([None, "1", "2", "3"]),
        "text": st.one_of(anything, st.sampled_from(["good", "bad"])),
        "rating": st.one_of(anything, st.sampled_from(["1", "4", "4/5", "80%", "nope"])),
        "posted_at": st.one_of(anything, st.sampled_from(["2026-01-05", "03/04/2025", "soon"])),
        "author": st.sampled_from([None, "Ann"]),
        "deleted": st.sampled_from([None, None, None, "true", "0"]),
        "payload": st.one_of(st.none(), st.text(max_size=8), st.just('{"a": 1}')),
    }
)
relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@relaxed
@given(st.lists(records, max_size=8))
def test_collected_is_kept_plus_unchanged_plus_rejected_whatever_comes(rows):
    result = normalise_day(raw(*rows), NOBODY)
    assert result.counts["collected"].sum() == len(rows)
    assert all(kept >= 0 and unchanged >= 0 for _, _, kept, unchanged, _ in result.counts.rows())
    keys = result.reviews.select("review_key", "version")
    assert keys.is_unique().all()


@relaxed
@given(st.lists(records, max_size=8))
def test_normalising_twice_gives_the_same_rows(rows):
    once, twice = (normalise_day(raw(*rows), NOBODY) for _ in range(2))
    assert once.reviews.equals(twice.reviews)
    assert once.rejected.equals(twice.rejected)


# Scales and orders of dates are inferred per day, so only unambiguous values are cut into days.
certain = st.fixed_dictionaries(
    {
        "review_id": st.sampled_from([None, "1", "2"]),
        "text": st.sampled_from([None, "good", "bad"]),
        "rating": st.sampled_from([None, "1/5", "4/5"]),
        "posted_at": st.sampled_from([None, "2026-01-05", "2026-01-06"]),
        "deleted": st.sampled_from([None, None, None, "true"]),
    }
)


@relaxed
@given(st.lists(st.lists(certain, max_size=4), min_size=2, max_size=4))
def test_a_history_cut_into_days_ends_in_the_same_reviews(batches):
    whole, parts, seen = [], [], NOBODY
    for number, batch in enumerate(batches):
        day = MONDAY + timedelta(days=number)
        rows = raw(*[row | {"payload": f"{row}"} for row in batch], day=day, batch=f"b{number}")
        part = normalise_day(rows, seen)
        parts.append(part)
        seen = known_from(pl.concat([each.reviews for each in parts]))
        whole.append(rows)
    together = normalise_day(pl.concat(whole), NOBODY)
    assert current(*parts).drop("day").equals(current(together).drop("day"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("&#65;&#x41;&amp;", "AA&"),
        ("&#0000000000065; and &#x0000000041;", "A and A"),
        ("&#99999999;&#x110000;&#x1234567;", "\ufffd\ufffd\ufffd"),
        ("&#" + "9" * 10_000 + ";", "\ufffd"),
        ("&#" + "0" * 10_000 + "65;", "A"),
        ("&#x" + "f" * 10_000 + "; ok", "\ufffd ok"),
        ("&#; &#x; &", "&#; &#x; &"),
    ],
)
def test_a_character_reference_of_any_length_is_read(written, meant):
    assert cleaned(pl.Series([written, None])).to_list() == [meant, None]
