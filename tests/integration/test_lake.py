"""The lake on real Delta tables in a folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake_world import MONDAY, TUESDAY, both, counts, raw_rows

from resources.storage.lake import (
    NO_VERSION,
    BatchesPartlyLandedError,
    Lake,
    LakeError,
    LakeSchemaError,
    LakeScopeError,
)
from resources.storage.schemas import DAILY_FACTS, RAW_REVIEWS, TABLES, TIMESTAMP, TableSpec
from resources.vocabulary import DayRange, DayRangeError


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "a lake for Zoë"))  # a user may call a folder anything


@pytest.mark.parametrize("spec", TABLES.values(), ids=lambda spec: spec.name)
def test_a_table_that_does_not_exist_reads_as_empty_with_its_columns(lake, spec):
    found = lake.read(spec)

    assert found.version == NO_VERSION == lake.version(spec)
    assert found.frame.collect().to_arrow().schema.names == spec.schema.names
    assert lake.files(spec) == []


@pytest.mark.parametrize("spec", TABLES.values(), ids=lambda spec: spec.name)
def test_a_new_table_reads_as_empty_with_the_same_types(lake, spec):
    missing = lake.read(spec).frame.collect()
    lake.create(spec)
    lake.create(spec)

    assert lake.version(spec) == 0
    assert lake.read(spec).frame.collect().schema == missing.schema


def test_rows_come_back_as_they_were_written(lake):
    rows = both(raw_rows(3, "acme"), raw_rows(2, "beta", TUESDAY))

    commit = lake.append(RAW_REVIEWS, rows)

    found = lake.read(RAW_REVIEWS)
    back = found.frame.sort("tenant_id", "record_number").collect().to_arrow()
    assert back.cast(RAW_REVIEWS.schema).equals(rows)
    assert (commit.version, commit.rows, commit.skipped) == (1, 5, False)
    assert found.version == commit.version


def test_a_batch_lands_once(lake):
    first = lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one"])
    again = lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one"])

    assert (first.skipped, again.skipped) == (False, True)
    assert again.rows == 0
    assert again.version == first.version
    assert counts(lake) == {("acme", MONDAY, "good"): 3}
    assert lake.landed(RAW_REVIEWS, "one")
    assert not lake.landed(RAW_REVIEWS, "two")


def test_a_stream_of_a_landed_batch_is_not_even_read(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one"])

    def unreadable():
        raise AssertionError("the rows were asked for")
        yield

    stream = pa.RecordBatchReader.from_batches(RAW_REVIEWS.schema, unreadable())
    assert lake.append(RAW_REVIEWS, stream, batches=["one"]).skipped


def test_landed_batches_may_not_be_mixed_with_new_ones(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one"])

    with pytest.raises(BatchesPartlyLandedError, match="1 of 2 batches"):
        lake.append(RAW_REVIEWS, raw_rows(3, "acme"), batches=["one", "two"])


def test_writers_of_the_same_batch_race_and_one_lands(lake):
    for number in range(5):
        with ThreadPoolExecutor(4) as pool:
            attempts = [
                pool.submit(lake.append, RAW_REVIEWS, raw_rows(7, "acme"), batches=[f"b{number}"])
                for _ in range(4)
            ]
        assert sorted(attempt.result().skipped for attempt in attempts) == [False, True, True, True]

    assert counts(lake) == {("acme", MONDAY, "good"): 35}


def test_replacing_a_tenants_day_touches_nothing_else(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(4, "beta")))
    lake.append(RAW_REVIEWS, raw_rows(5, "acme", TUESDAY))

    commit = lake.replace(
        RAW_REVIEWS, raw_rows(2, "acme", text="new"), day=MONDAY, tenants=["acme"]
    )

    assert commit.rows == 2
    assert counts(lake) == {
        ("acme", MONDAY, "new"): 2,
        ("beta", MONDAY, "good"): 4,
        ("acme", TUESDAY, "good"): 5,
    }


def test_replacing_a_day_or_a_tenant_replaces_all_of_it(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(4, "beta")))
    lake.append(RAW_REVIEWS, raw_rows(5, "acme", TUESDAY))

    lake.replace(RAW_REVIEWS, raw_rows(1, "beta", text="new"), day=MONDAY)
    assert counts(lake) == {("beta", MONDAY, "new"): 1, ("acme", TUESDAY, "good"): 5}

    lake.replace(RAW_REVIEWS, raw_rows(1, "acme", text="new"), tenants=["acme"])
    assert counts(lake) == {("beta", MONDAY, "new"): 1, ("acme", MONDAY, "new"): 1}


def test_replacing_with_nothing_deletes(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(4, "beta")))

    commit = lake.replace(
        RAW_REVIEWS, RAW_REVIEWS.schema.empty_table(), day=MONDAY, tenants=["acme"]
    )

    assert commit.rows == 0
    assert counts(lake) == {("beta", MONDAY, "good"): 4}


def test_replacing_no_tenants_changes_nothing(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))

    commit = lake.replace(RAW_REVIEWS, RAW_REVIEWS.schema.empty_table(), day=MONDAY, tenants=[])

    assert commit.version == lake.version(RAW_REVIEWS) == 1
    assert counts(lake) == {("acme", MONDAY, "good"): 3}


def test_replacing_in_a_table_that_does_not_exist_creates_it(lake):
    lake.replace(RAW_REVIEWS, raw_rows(3, "acme"), day=MONDAY)

    assert counts(lake) == {("acme", MONDAY, "good"): 3}


def test_replacing_twice_is_replacing_once(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(4, "beta")))
    lake.replace(RAW_REVIEWS, raw_rows(2, "acme", text="new"), day=MONDAY, tenants=["acme"])
    once = counts(lake)

    lake.replace(RAW_REVIEWS, raw_rows(2, "acme", text="new"), day=MONDAY, tenants=["acme"])

    assert counts(lake) == once


@pytest.mark.parametrize(
    ("rows", "scope"),
    [
        (raw_rows(1, "beta"), {"day": MONDAY, "tenants": ["acme"]}),
        (raw_rows(1, "acme", TUESDAY), {"day": MONDAY, "tenants": ["acme"]}),
        (raw_rows(1, None), {"tenants": ["acme"]}),
        (raw_rows(1, "acme"), {"day": MONDAY, "tenants": []}),
        (raw_rows(1, "acme"), {}),
    ],
    ids=["other tenant", "other day", "no tenant", "empty scope", "no scope"],
)
@pytest.mark.parametrize("as_stream", [False, True], ids=["table", "stream"])
def test_rows_outside_of_the_scope_are_refused_and_nothing_is_written(lake, rows, scope, as_stream):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))

    with pytest.raises(LakeScopeError):
        lake.replace(RAW_REVIEWS, rows.to_reader() if as_stream else rows, **scope)

    assert counts(lake) == {("acme", MONDAY, "good"): 3}
    assert lake.version(RAW_REVIEWS) == 1


def test_a_tenants_name_cannot_widen_the_scope(lake):
    sly = "x') OR tenant_id IN ('acme"
    lake.append(RAW_REVIEWS, both(raw_rows(3, "acme"), raw_rows(2, sly), raw_rows(1, "o'neil")))

    lake.replace(RAW_REVIEWS, raw_rows(1, sly, text="new"), day=MONDAY, tenants=[sly])
    lake.replace(RAW_REVIEWS, raw_rows(2, "o'neil", text="new"), tenants=["o'neil"])

    assert counts(lake) == {
        ("acme", MONDAY, "good"): 3,
        (sly, MONDAY, "new"): 1,
        ("o'neil", MONDAY, "new"): 2,
    }


def test_a_table_without_days_is_replaced_by_tenant_alone(lake):
    columns = {
        "tenant_id": ["acme", "beta"],
        "source": ["shop"] * 2,
        "posted_day": [MONDAY] * 2,
        "review_count": [1, 2],
    }
    facts = pa.table(
        {name: columns.get(name, [None] * 2) for name in DAILY_FACTS.schema.names},
        schema=DAILY_FACTS.schema,
    )
    lake.replace(DAILY_FACTS, facts, tenants=["acme", "beta"])
    lake.replace(DAILY_FACTS, facts.slice(0, 0), tenants=["acme"])

    assert lake.read(DAILY_FACTS).frame.collect()["tenant_id"].to_list() == ["beta"]
    with pytest.raises(LakeScopeError, match="no ingestion day"):
        lake.replace(DAILY_FACTS, facts, day=MONDAY)
    with pytest.raises(LakeError, match="no ingestion day"):
        lake.read(DAILY_FACTS, days=DayRange.single(MONDAY))


def test_columns_are_matched_by_name_and_brought_to_their_types(lake):
    rows = pl.DataFrame(raw_rows(2, "acme")).with_columns(pl.col("record_number").cast(pl.UInt8))
    backwards = rows.select(reversed(rows.columns)).to_arrow()

    lake.append(RAW_REVIEWS, backwards)

    assert pl.DataFrame(raw_rows(2, "acme")).equals(lake.read(RAW_REVIEWS).frame.collect())


def test_wrong_columns_are_named(lake):
    rows = raw_rows(1, "acme")

    with pytest.raises(LakeSchemaError, match=r"missing: text; unknown: review_text"):
        lake.append(
            RAW_REVIEWS,
            rows.rename_columns(["review_text" if n == "text" else n for n in rows.schema.names]),
        )
    with pytest.raises(LakeSchemaError, match="column types"):
        lake.append(
            RAW_REVIEWS, rows.set_column(4, "record_number", pa.array(["first"], pa.string()))
        )
    assert lake.version(RAW_REVIEWS) == NO_VERSION


def test_an_older_version_can_still_be_read(lake):
    first = lake.append(RAW_REVIEWS, raw_rows(3, "acme"))
    lake.replace(RAW_REVIEWS, raw_rows(1, "acme", text="new"), day=MONDAY)

    assert counts(lake, version=first.version) == {("acme", MONDAY, "good"): 3}
    with pytest.raises(LakeError, match="no version 99; its current version is 2"):
        lake.read(RAW_REVIEWS, version=99)


def test_a_read_keeps_its_version_while_the_table_changes(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))
    found = lake.read(RAW_REVIEWS)

    lake.replace(RAW_REVIEWS, raw_rows(9, "acme", text="new"), day=MONDAY)

    assert found.frame.collect()["text"].to_list() == ["good"] * 3


def test_a_read_opens_only_the_files_of_its_days_and_tenants(lake, tmp_path):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))
    wanted = set(tmp_path.rglob("day=*/*.parquet"))
    lake.append(RAW_REVIEWS, raw_rows(4, "beta"))
    lake.append(RAW_REVIEWS, raw_rows(5, "acme", TUESDAY))
    for file in set(tmp_path.rglob("day=*/*.parquet")) - wanted:
        file.unlink()

    scope = {"days": DayRange.single(MONDAY), "tenants": ["acme"]}
    assert counts(lake, **scope) == {("acme", MONDAY, "good"): 3}


def test_a_read_takes_only_the_columns_that_are_asked_for(lake):
    lake.append(RAW_REVIEWS, raw_rows(3, "acme"))

    assert "PROJECT 1/21 COLUMNS" in lake.read(RAW_REVIEWS).frame.select("text").explain()


def test_tenants_and_files_are_listed_by_day(lake):
    lake.append(RAW_REVIEWS, both(raw_rows(3, "beta"), raw_rows(3, "acme")))
    lake.append(RAW_REVIEWS, raw_rows(3, "gamma", TUESDAY))

    assert lake.tenants(RAW_REVIEWS, DayRange.single(MONDAY)) == ["acme", "beta"]
    assert lake.tenants(RAW_REVIEWS, DayRange(MONDAY, TUESDAY)) == ["acme", "beta", "gamma"]
    (file,) = lake.files(RAW_REVIEWS, days=DayRange.single(TUESDAY))
    assert "/day=2026-03-03/" in file
    assert pq.read_metadata(file).row_group(0).column(0).compression == "ZSTD"
    assert len(lake.files(RAW_REVIEWS, version=1)) == 1


@pytest.mark.parametrize("name", ["a[1]", "a^b", "a|b", "a\\b", "day=1"])
def test_a_folder_whose_name_cannot_be_an_address_is_refused(tmp_path, name):
    with pytest.raises(LakeError, match="Choose another with REVIEWGRAPH_LAKE_URL"):
        Lake(str(tmp_path / name))


def test_a_range_of_days_includes_both_ends_and_cannot_run_backwards():
    assert list(DayRange(MONDAY, TUESDAY).days()) == [MONDAY, TUESDAY]
    with pytest.raises(DayRangeError, match="must not end"):
        DayRange(TUESDAY, MONDAY)


def test_a_table_of_an_older_release_reads_with_nulls_and_grows_when_written(lake):
    position = RAW_REVIEWS.schema.get_field_index("payload")
    older = TableSpec("raw_reviews", RAW_REVIEWS.schema.remove(position), ("day",))
    old_rows = both(raw_rows(3, "acme"), raw_rows(4, "beta")).select(older.schema.names)
    lake.append(older, old_rows)
    assert lake.read(RAW_REVIEWS).frame.collect()["payload"].null_count() == 7

    payload = pa.array(["{}"] * 2)
    new_rows = raw_rows(2, "acme", text="new").set_column(position, "payload", payload)
    lake.replace(RAW_REVIEWS, new_rows, day=MONDAY, tenants=["acme"])

    found = lake.read(RAW_REVIEWS).frame.collect()
    assert sorted(found["payload"].to_list(), key=str) == [None] * 4 + ["{}"] * 2
    assert found.columns == RAW_REVIEWS.schema.names
    lake.append(older, old_rows)
    assert lake.read(older).frame.collect().height == 13


def test_timestamps_keep_their_microseconds(lake):
    lake.append(RAW_REVIEWS, raw_rows(1, "acme"))

    received = lake.read(RAW_REVIEWS).frame.collect().to_arrow()["received_at"]
    assert received.type == TIMESTAMP
    assert received[0].as_py() == datetime(2026, 3, 2, 12, 30, 15, 123456, UTC)
