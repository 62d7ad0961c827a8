"""Batches that come one after the other give the rows that the whole day would give."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.engine import PolarsEngine
from resources.reviews.normalising import (
    KNOWN_SCHEMA,
    SharedReadings,
    count_open_values,
    known_from,
    normalise,
    normalise_day,
    to_fingerprint,
)
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS

MONDAY = date(2026, 3, 2)
NOBODY = pl.DataFrame(schema=KNOWN_SCHEMA)
FIELDS = ("review_id", "text", "rating", "posted_at", "author", "deleted")

records = st.fixed_dictionaries(
    {
        "tenant_id": st.sampled_from(["acme", "brava"]),
        "review_id": st.sampled_from([None, None, "1", "2"]),
        "text": st.sampled_from([None, "good", "bad", " good "]),
        "rating": st.sampled_from([None, "1/5", "4", "5", "9", "70", "four stars", "8 stars", "x"]),
        "posted_at": st.sampled_from(
            [None, "2026-01-05", "05/06/2025", "13/06/2025", "06/13/2025", "01-02-03", "24-02-03",
             "5 days ago", "never"]
        ),
        "author": st.sampled_from([None, "Ann"]),
        "deleted": st.sampled_from([None, None, None, "true"]),
        "hints": st.sampled_from([None, '{"rating_scale": 10}', '{"day_first": false}']),
    }
)  # fmt: skip


def raw(batch, day, number):
    rows = [
        {
            "day": day,
            "tenant_id": record["tenant_id"],
            "source": "shop",
            "batch_id": f"b{number}",
            "record_number": position,
            "received_at": datetime(day.year, day.month, day.day, 9 + number, tzinfo=UTC),
            "hints": record["hints"],
            "payload": json.dumps(record, sort_keys=True),
            **{name: record[name] for name in FIELDS},
        }
        for position, record in enumerate(batch, start=1)
    ]
    return pl.DataFrame(rows, schema=pl.DataFrame(RAW_REVIEWS.schema.empty_table()).schema)


def batch_after_batch(batches, before):
    """Normalise each batch alone; None where the readings of those before do not hold."""
    reviews, rejected, fingerprints = [before], [], {"acme": [], "brava": []}
    with PolarsEngine() as engine:
        for batch in batches:
            rows = nw.from_native(batch.lazy())
            counts = count_open_values(engine, rows)
            readings = {}
            for tenant, recorded in fingerprints.items():
                own = [found for (name, _), found in counts.items() if name == tenant]
                shared = SharedReadings(recorded, own)
                if not shared.keep_the_old:
                    return None
                readings |= shared.by_group
                recorded.extend(to_fingerprint(found) for found in own)
            known = pl.concat([one.select(list(KNOWN_SCHEMA)) for one in reviews])
            done = normalise(engine, rows, nw.from_native(known.lazy()), readings)
            reviews.append(as_rows(engine, done.reviews, REVIEWS))
            rejected.append(as_rows(engine, done.rejected, REJECTED_REVIEWS))
    return pl.concat(reviews[1:]), pl.concat(rejected)


def as_rows(engine, frame, spec):
    return pl.DataFrame(engine.collect(frame).cast(spec.schema))


def in_order(rows):
    return rows.sort("tenant_id", "batch_id", "record_number")


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(records, max_size=5),
    st.lists(st.lists(records, min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_batches_one_by_one_give_the_rows_of_the_whole_day(earlier, batches):
    before = normalise_day(raw(earlier, MONDAY, 0), NOBODY).reviews
    day = MONDAY + timedelta(days=1)
    frames = [raw(batch, day, number) for number, batch in enumerate(batches)]
    one_by_one = batch_after_batch(frames, before)
    whole = normalise_day(pl.concat(frames), known_from(before))
    if one_by_one is not None:
        reviews, rejected = one_by_one
        assert in_order(reviews).equals(in_order(whole.reviews))
        assert in_order(rejected).equals(in_order(whole.rejected))


def of(values, field):
    nothing = dict.fromkeys(("review_id", "author", "deleted", "hints", "posted_at", "rating"))
    return [
        nothing | {"tenant_id": "acme", "text": f"{position}", field: value}
        for position, value in enumerate(values)
    ]


def test_a_batch_that_changes_how_others_are_read_does_not_come_alone():
    day = MONDAY
    for field, first, second in (
        ("rating", ["4", "5"], ["9", "8"]),
        ("rating", ["4 stars"], ["9 stars", "8 stars"]),
        ("posted_at", ["05/06/2025"], ["06/13/2025"]),
        ("posted_at", ["05-06-07"], ["24-02-30", "24-03-31"]),
    ):
        frames = [raw(of(first, field), day, 0), raw(of(second, field), day, 1)]
        assert batch_after_batch(frames, NOBODY) is None, (field, first, second)
        assert batch_after_batch([frames[0], raw(of(first, field), day, 1)], NOBODY) is not None


def test_many_rows_are_dealt_out_to_files_and_come_out_the_same(monkeypatch):
    rows = [
        {**of(["4"], "rating")[0], "review_id": f"{number % 700}", "text": f"text {number % 900}"}
        for number in range(3_000)
    ]
    frame = raw(rows, MONDAY, 0)
    few = normalise_day(frame, NOBODY)
    monkeypatch.setattr("resources.engine.kept.MAX_BYTES_IN_MEMORY", 10_000)
    many = normalise_day(frame, NOBODY)
    assert few.counts.equals(many.counts)
    assert few.reviews.height > 700
    assert in_order(many.reviews).equals(in_order(few.reviews))
