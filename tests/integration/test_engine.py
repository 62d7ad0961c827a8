"""The same transform on Polars and on Spark, over the same lake, gives equal Arrow tables."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from resources.engine import EngineError, PolarsEngine, open_engine
from resources.engine.java import find_java_home
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.schemas import DAILY_FACTS, REVIEW_ENRICHMENTS, REVIEWS, TABLES, TableSpec
from resources.vocabulary import DayRange

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BOTH = [
    pytest.param("polars_engine", id="polars"),
    pytest.param("spark_engine", id="spark", marks=pytest.mark.spark),
]


@pytest.fixture(scope="module")
def polars_engine():
    with PolarsEngine() as engine:
        yield engine


@pytest.fixture
def engine(request):
    return request.getfixturevalue(request.param)


on_both_engines = pytest.mark.parametrize("engine", BOTH, indirect=True)


def table_of(spec, columns):
    count = len(columns["tenant_id"])
    return pa.table(
        {name: columns.get(name, [None] * count) for name in spec.schema.names}, schema=spec.schema
    )


def reviews_of(tenant, day, count):
    return table_of(
        REVIEWS,
        {
            "day": [day] * count,
            "tenant_id": [tenant] * count,
            "review_key": [f"{n:032x}" for n in range(count)],
            "version": [1 + n % 3 for n in range(count)],
            "text": [None if n % 7 == 0 else f"größer und schöner {n} 很好" for n in range(count)],
            "rating": [None if n % 5 == 0 else 1 + n % 5 for n in range(count)],
            # One microsecond before midnight: another day wherever a time zone slips in.
            "posted_at": [
                datetime(2026, 1, 1 + n % 28, 23, 59, 59, 999999, UTC) for n in range(count)
            ],
            "posted_day": [date(2026, 1, 1 + n % 28) for n in range(count)],
            "is_deleted": [n % 11 == 0 for n in range(count)],
        },
    )


def labels_of(tenant, day, count):
    return table_of(
        REVIEW_ENRICHMENTS,
        {
            "day": [day] * count,
            "tenant_id": [tenant] * count,
            "topics": [None if n % 3 == 0 else ["price", "staff"][: n % 3] for n in range(count)],
        },
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("engine") / "a lake"))
    lake.replace(REVIEWS, reviews_of("acme", MONDAY, 300), day=MONDAY, tenants=["acme"])
    lake.replace(REVIEWS, reviews_of("beta", MONDAY, 200), day=MONDAY, tenants=["beta"])
    lake.replace(REVIEWS, reviews_of("acme", TUESDAY, 100), day=TUESDAY, tenants=["acme"])
    lake.replace(REVIEW_ENRICHMENTS, labels_of("acme", MONDAY, 90), day=MONDAY)
    facts = {"tenant_id": ["acme", "beta"], "review_count": [1, 2], "posted_day": [MONDAY] * 2}
    lake.replace(DAILY_FACTS, table_of(DAILY_FACTS, facts), tenants=["acme", "beta"])
    return lake


def in_order(table):
    return table.sort_by([(name, "ascending") for name in ("tenant_id", "day", "review_key")])


@on_both_engines
def test_an_engine_reads_what_the_lake_holds(engine, lake):
    for scope in (
        {},
        {"days": DayRange.single(MONDAY)},
        {"tenants": ["beta"]},
        {"days": DayRange.single(TUESDAY), "tenants": ["beta"]},
        {"version": 1},
    ):
        expected = lake.read(REVIEWS, **scope).frame.collect().to_arrow().cast(REVIEWS.schema)
        found = engine.collect(engine.read(lake, REVIEWS, **scope)).cast(REVIEWS.schema)
        assert in_order(found).equals(in_order(expected)), scope


@on_both_engines
@pytest.mark.parametrize("spec", TABLES.values(), ids=lambda spec: spec.name)
def test_a_table_that_does_not_exist_reads_as_empty_with_its_types(engine, spec, tmp_path):
    found = engine.collect(engine.read(Lake(str(tmp_path)), spec))

    assert found.num_rows == 0
    assert found.cast(spec.schema).schema.equals(spec.schema)


@on_both_engines
def test_partition_columns_have_the_types_of_the_table(engine, lake):
    reviews = engine.collect(engine.read(lake, REVIEWS).select("day", "tenant_id"))
    facts = engine.collect(engine.read(lake, DAILY_FACTS).select("tenant_id", "posted_day"))

    assert reviews.schema.field("day").type == pa.date32()
    assert facts.schema.field("tenant_id").type == pa.string()
    assert sorted(facts["tenant_id"].to_pylist()) == ["acme", "beta"]


@on_both_engines
def test_columns_that_older_files_lack_are_null(engine, tmp_path):
    lake = Lake(str(tmp_path))
    older = TableSpec(
        "reviews", REVIEWS.schema.remove(REVIEWS.schema.get_field_index("url")), ("day",)
    )
    rows = reviews_of("acme", MONDAY, 10)
    lake.append(older, rows.drop_columns(["url"]))

    assert engine.collect(engine.read(lake, REVIEWS))["url"].null_count == 10


def transform(reviews):
    """Counts and sums of which each engine has its own idea how wide they are."""
    kept = reviews.filter(~nw.col("is_deleted")).with_columns(
        posted_on=nw.col("posted_at").dt.date(), stars=nw.col("rating").fill_null(0).cast(nw.Int32)
    )
    return kept.group_by("tenant_id", "posted_on").agg(
        nw.len().alias("review_count"),
        nw.col("stars").sum().alias("stars"),
        nw.col("version").max().alias("version"),
        nw.col("posted_at").max().alias("latest"),
    )


def measured(batch):
    """Length of each text in characters; null where there is none."""
    lengths = pc.utf8_length(batch["text"])
    return pa.record_batch({"review_key": batch["review_key"], "characters": lengths})


MEASURED = pa.schema([("review_key", pa.string()), ("characters", pa.int32())])


@on_both_engines
def test_rows_kept_in_a_file_are_in_the_file_and_can_be_counted(engine, lake, tmp_path):
    path = tmp_path / "new" / "reviews.parquet"
    rows = engine.read(lake, REVIEWS).select("tenant_id", "review_key", "posted_at")
    schema = pa.schema([REVIEWS.schema.field(name) for name in ("posted_at", "tenant_id")])
    kept = engine.keep_in_file(rows, path, schema)
    written = pq.read_table(path)
    assert written.column_names == schema.names
    assert written.num_rows == engine.collect(rows).num_rows > 0
    counted = engine.collect(kept.group_by("tenant_id").agg(nw.len())).to_pylist()
    assert {row["tenant_id"]: row["len"] for row in counted} == {
        row["values"]: row["counts"] for row in pc.value_counts(written["tenant_id"]).to_pylist()
    }
    assert list(path.parent.iterdir()) == [path]


@on_both_engines
def test_a_function_runs_over_batches(engine, lake):
    # Pickled by value: a test module cannot be imported by Spark's workers.
    def function(batch):
        lengths = pc.utf8_length(batch["text"])
        return pa.record_batch({"review_key": batch["review_key"], "characters": lengths})

    reviews = engine.read(lake, REVIEWS, tenants=["beta"])
    found = engine.collect(engine.map_batches(reviews, function, MEASURED))

    batch = reviews_of("beta", MONDAY, 200).combine_chunks().to_batches()[0]
    expected = pa.Table.from_batches([measured(batch)])
    order = [("review_key", "ascending")]
    assert found.cast(MEASURED).sort_by(order).equals(expected.sort_by(order))


@on_both_engines
def test_a_function_sees_plain_types_and_may_return_fewer_rows(engine):
    table = labels_of("acme", MONDAY, 30).select(["tenant_id", "day", "topics"])

    def function(batch):
        assert batch.schema.field("tenant_id").type == pa.string()
        assert batch.schema.field("topics").type == pa.list_(pa.string())
        assert batch.schema.field("day").type == pa.date32()
        return batch.filter(pc.is_valid(batch["topics"]))

    frame = engine.map_batches(engine.from_arrow(table), function, table.schema)
    labels = engine.collect(frame.explode("topics").group_by("topics").agg(nw.len().alias("n")))

    assert {row["topics"]: row["n"] for row in labels.to_pylist()} == {"price": 20, "staff": 10}


@on_both_engines
def test_rows_in_memory_go_in_and_come_out_unchanged(engine):
    rows = reviews_of("acme", MONDAY, 25)

    found = engine.collect(engine.from_arrow(rows))

    assert in_order(found.cast(REVIEWS.schema)).equals(in_order(rows))


@pytest.mark.spark
def test_both_engines_give_equal_tables(polars_engine, spark_engine, lake):
    tables = [
        engine.collect(transform(engine.read(lake, REVIEWS)))
        for engine in (polars_engine, spark_engine)
    ]

    order = [("tenant_id", "ascending"), ("posted_on", "ascending")]
    from_polars, from_spark = (table.sort_by(order) for table in tables)
    assert from_polars.num_rows == 56
    assert from_polars.schema.equals(from_spark.schema)
    assert from_polars.equals(from_spark)
    assert from_polars["latest"][0].as_py().date() == from_polars["posted_on"][0].as_py()


@pytest.mark.spark
def test_an_engine_leaves_a_session_running_that_it_did_not_start(spark_engine, tmp_path):
    with open_engine(Settings(_env_file=None, home=tmp_path, engine="spark")) as guest:
        assert guest.name == "spark"

    assert spark_engine.collect(spark_engine.from_arrow(pa.table({"n": [1]}))).num_rows == 1


QUIET = """
import pathlib, sys
import pyarrow as pa
from resources.engine import open_engine
from resources.settings import Settings

settings = Settings(_env_file=None, home=pathlib.Path(sys.argv[1]), engine="spark")
for _ in range(2):
    with open_engine(settings) as engine:
        print(engine.collect(engine.from_arrow(pa.table({"n": [1, 2]}))).num_rows)
"""


@pytest.mark.slow
@pytest.mark.spark
def test_spark_says_nothing_on_the_console_and_can_be_started_again(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}\n{QUIET}",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("2\n2\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


@pytest.fixture
def without_java(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("without_java")
def test_a_machine_without_java_is_told_what_to_install():
    with pytest.raises(EngineError, match=r"none was found. Install one .*openjdk-17"):
        find_java_home()


def test_a_java_that_is_too_old_is_named(without_java):
    java = without_java / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)

    with pytest.raises(EngineError, match=r"java is Java 8. Install a newer one"):
        find_java_home()


def test_a_java_that_does_not_answer_is_named(without_java):
    java = without_java / "java"
    java.write_text("#!/bin/sh\nexit 1\n")
    java.chmod(0o755)

    with pytest.raises(EngineError, match="does not say which Java it is"):
        find_java_home()


def test_importing_the_engines_imports_no_pyspark():
    code = (
        "import sys; import resources.engine, resources.engine.spark_engine;"
        "sys.exit('pyspark' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
