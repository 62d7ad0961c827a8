"""Parts of a snapshot: their numbers are those that the marts give of these reviews alone."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from marts_world import MONDAY, inputs, rows_as, small_world
from polars.testing import assert_frame_equal

from resources.database.workspaces import Workspace, WorkspaceContents, WorkspaceItem
from resources.metrics import facts
from resources.metrics.narrowing import narrowed
from resources.metrics.part import Part
from resources.metrics.warehouse import MARTS, Warehouse
from resources.storage import schemas
from resources.storage.snapshot_reading import SnapshotQueryError
from resources.storage.snapshots import SnapshotStore

COUNTED = ("metric_summary", "daily_series", "rating_distribution", "topic_summary", "topic_weekly")
HALF_A_YEAR = MONDAY + timedelta(weeks=26)
HOUSE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def item(workspace, kind, name):
    return WorkspaceItem("stricken", workspace, kind, name)


def contents(own=(), elsewhere=()):
    """A workspace and what belongs to it and to others, as kinds and names."""
    house = Workspace(HOUSE, "stricken", "brand", "House", datetime(2026, 1, 1, tzinfo=UTC), None)
    return WorkspaceContents(
        house,
        own=tuple(item(HOUSE, *one) for one in own),
        elsewhere=tuple(item(OTHER, *one) for one in elsewhere),
    )


PARTS = {
    "of the last half year": Part(first_day=HALF_A_YEAR),
    "of a product": Part(contents([("product", "Lamp")])),
    "of a source but for a product of another": Part(
        contents([("source", "google")], [("product", "Lamp")])
    ),
    "of a source within the last half year": Part(contents([("source", "shop")]), HALF_A_YEAR),
    "of nothing": Part(contents()),
}


def belongs(review, part):
    """Whether a review is in a part, said in plain Python."""
    if part.first_day is not None and review["posted_day"] < part.first_day:
        return False
    if part.contents is None:
        return True
    for kind in ("product", "location", "source"):
        if review[kind] in part.contents.names(kind):
            return True
        if review[kind] in part.contents.names_elsewhere(kind):
            return False
    return False


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = SnapshotStore(tmp_path_factory.mktemp("snapshots"))
    yield store
    store.close()


def built(world, store, folder, tenant):
    """The snapshot of a tenant of a world."""
    with Warehouse.prepare(folder, **inputs(world)) as warehouse:
        warehouse.build()
        with warehouse.marts_of(tenant) as tables:
            made = store.publish(tenant, tables, {})
    return store.open(tenant, made.version)


@pytest.fixture(scope="module")
def snapshots(store, tmp_path_factory):
    folder, world = tmp_path_factory.mktemp("scratch"), small_world()
    return {name: built(world, store, folder, name) for name in ("small", "flat", "stricken")}


def alike(table, mart):
    """Both without the tenant, and in one order."""
    names = [name for name in mart.columns if name != "tenant_id"]
    return table.select(names).sort(names), mart.select(names).sort(names)


@pytest.mark.parametrize("tenant", ["small", "flat", "stricken"])
@pytest.mark.parametrize("mart", COUNTED)
def test_what_is_counted_while_it_is_read_is_what_dbt_counts(snapshots, tenant, mart):
    snapshot = snapshots[tenant]
    everything = contents([("source", "shop"), ("source", "google")])
    table, published = alike(Part(everything).of(snapshot).table(mart), snapshot.table(mart))
    assert table.height
    assert_frame_equal(table, published, check_exact=True, check_dtypes=False)


@pytest.mark.parametrize("name", PARTS)
def test_the_numbers_of_a_part_are_those_of_a_world_without_the_others(
    snapshots, store, tmp_path, name
):
    part, whole = PARTS[name], snapshots["stricken"]
    others = [
        (review, read)
        for review, read in small_world()
        if review["tenant_id"] == "stricken" and belongs(review, part)
    ]
    kept = {review["review_key"] for review, _ in others}
    with narrowed(whole, part, tmp_path / "scratch") as narrow:
        assert narrow.version == whole.version
        assert set(narrow.table("reviews")["review_key"]) == kept
        if not kept:
            assert {narrow.table(mart).height for mart in MARTS} == {0}
            return
        alone = built(others, store, tmp_path, "stricken")
        for mart in MARTS:
            assert_frame_equal(narrow.table(mart), alone.table(mart), check_exact=True)
        for mart in COUNTED:
            tables = alike(part.of(whole).table(mart), alone.table(mart))
            assert_frame_equal(*tables, check_exact=True, check_dtypes=False)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_part_that_leaves_out_nothing_is_the_snapshot_itself(snapshots, tmp_path):
    snapshot = snapshots["stricken"]
    for part in (Part(), Part(first_day=MONDAY)):
        assert part.of(snapshot) is snapshot
        with narrowed(snapshot, part, tmp_path) as narrow:
            assert narrow is snapshot


def test_a_day_within_the_reviews_is_told_with_the_part(snapshots):
    snapshot = snapshots["stricken"]
    part = Part(first_day=HALF_A_YEAR).of(snapshot)
    assert (part.first_day, snapshot.first_day) == (HALF_A_YEAR, None)
    assert part.whole is snapshot
    assert part.table("reviews")["posted_day"].min() == HALF_A_YEAR


def test_an_undated_review_is_as_old_as_the_day_on_which_it_came_in(snapshots):
    snapshot = snapshots["small"]
    part = Part(first_day=date(2026, 1, 1)).of(snapshot)
    (review,) = part.table("reviews").to_dicts()
    assert not review["has_posted_date"]


@pytest.mark.parametrize("mart", sorted(set(MARTS) - {*COUNTED, "reviews"}))
def test_a_mart_of_all_reviews_is_not_read_in_a_part(snapshots, mart):
    part = Part(first_day=HALF_A_YEAR).of(snapshots["stricken"])
    for ask in (lambda: part.table(mart), lambda: part.query(f"select * from {mart}")):
        with pytest.raises(SnapshotQueryError, match="A part has no table"):
            ask()


def test_a_part_answers_with_values_and_without_reading_any_table(snapshots):
    part = Part(first_day=HALF_A_YEAR).of(snapshots["stricken"])
    asked = "select count(*) as n from reviews where product = ?"
    reviews = snapshots["stricken"].table("reviews").filter(product="Lamp")
    expected = reviews.filter(pl.col("posted_day") >= HALF_A_YEAR).height
    assert part.query(asked, ["Lamp"]).to_pylist() == [{"n": expected}]
    assert part.query("select 1 as one").to_pylist() == [{"one": 1}]
    with pytest.raises(SnapshotQueryError, match="by name"):
        part.query("select * from reviews where product = $p", {"p": "Lamp"})


def test_equal_parts_have_one_fingerprint_and_others_another():
    first = Part(contents([("product", "Lamp")]), HALF_A_YEAR)
    assert first.fingerprint == Part(contents([("product", "Lamp")]), HALF_A_YEAR).fingerprint
    others = [
        Part(contents([("product", "Lamp")])),
        Part(contents([("product", "Chair")]), HALF_A_YEAR),
        Part(contents([("location", "Lamp")]), HALF_A_YEAR),
        Part(contents([("product", "Lamp")], [("location", "Vienna")]), HALF_A_YEAR),
        Part(contents([("product", "Lamp")]), HALF_A_YEAR + timedelta(days=1)),
        Part(),
    ]
    assert len({first.fingerprint, *(part.fingerprint for part in others)}) == 1 + len(others)
    assert Part().fingerprint == ""


def test_odd_names_select_what_bears_them(snapshots):
    snapshot = snapshots["stricken"]
    hostile = "Lamp') or true --"
    assert Part(contents([("product", hostile)])).of(snapshot).table("reviews").height == 0
    assert Part(contents([("product", '水 "Größe" 100%')])).of(snapshot).table("reviews").is_empty()


def test_the_scores_are_rounded_as_the_facts_round_them(store):
    """Halves of a millionth go upwards, below zero as well."""
    scores = [0.1234565, -0.1234565, 0.0000005, -0.0000005, 1.0]
    reviews, read = zip(*small_world()[: len(scores)], strict=True)
    keys = [f"small-{n}" for n in range(len(scores))]
    reviews = [one | {"review_key": key} for one, key in zip(reviews, keys, strict=True)]
    read = [
        one | {"review_key": key, "sentiment": "mixed", "sentiment_score": score}
        for one, key, score in zip(read, keys, scores, strict=True)
    ]
    current = facts.current_reviews(
        rows_as(schemas.REVIEWS, reviews), rows_as(schemas.REVIEW_ENRICHMENTS, read)
    )
    counted = facts.daily_facts(current).to_native().collect()
    made = store.publish("small", {"reviews": current.to_native().collect()}, {})
    snapshot = store.open("small", made.version)
    everything = Part(contents([("source", "shop"), ("source", "google")])).of(snapshot)
    (row,) = everything.query("select sum(score_sum_micro)::bigint as s from facts").to_pylist()
    assert row["s"] == counted["score_sum_micro"].sum()
