"""Which batches of a day are normalised alone, and when the whole day is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from assets.enrichment.due_batches import DueBatches
from resources.database import BatchRecord
from resources.reviews.due_batches import LandedBatch, TenantDay, due_batches, in_parts
from resources.reviews.normalising import to_fingerprint

DAY = date(2026, 1, 5)
MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)


def landed(name, hour=0, *, rows=10, tenant="acme", source="shop"):
    moment = MORNING + timedelta(hours=hour)
    return LandedBatch(tenant, name, source, rows, moment, moment)


def record(name, *, rows=10, fingerprint=None, finished=MORNING, tenant="acme"):
    return BatchRecord(
        tenant_id=tenant,
        day=DAY,
        stage="normalised",
        batch_id=name,
        source="shop",
        rows_in=rows,
        rows_kept=rows,
        fingerprint=to_fingerprint({}) if fingerprint is None else fingerprint,
        finished_at=finished,
    )


def due(batches, records, *, is_trusted=True, base_changed_at=None):
    """Names of the batches to do, and whether they are the whole day."""
    found = due_batches(batches, records, is_trusted=is_trusted, base_changed_at=base_changed_at)
    return found and ("".join(one.batch_id for one in found.new), found.is_whole)


BOTH = [landed("a"), landed("b", 1)]


def test_a_day_of_which_nothing_is_recorded_is_done_as_a_whole():
    assert due(BOTH, []) == ("ab", True)


def test_only_what_came_later_is_done():
    assert due(BOTH, [record("a")]) == ("b", False)


def test_nothing_new_is_nothing_to_do():
    assert due(BOTH, [record("a"), record("b")]) is None


@pytest.mark.parametrize(
    ("batches", "records", "others"),
    [
        ([landed("a", 2), landed("b", 1)], [record("a")], {}),  # b was received before a
        (BOTH, [record("a", rows=9)], {}),  # a has other rows now
        (BOTH, [record("a"), record("c")], {}),  # c is no longer there
        (BOTH, [record("a", fingerprint='{"rules":0,"open":{}}')], {}),
        (BOTH, [record("a")], {"is_trusted": False}),
        (BOTH, [record("a"), record("b")], {"is_trusted": False}),
        (BOTH, [record("a")], {"base_changed_at": MORNING + timedelta(seconds=1)}),
    ],
)
def test_the_whole_day_is_done_where_a_part_of_it_might_come_out_otherwise(
    batches, records, others
):
    assert due(batches, records, **others) == ("ab", True)


def test_sources_do_not_wait_for_each_other():
    batches = [landed("a", 2), landed("b", 1, source="other")]
    assert due(batches, [record("a")]) == ("b", False)


def names(parts):
    return [part.names for part in parts]


def test_small_tenants_share_a_part_and_a_big_one_has_its_own():
    sizes = [("a", 5), ("b", 30), ("c", 4), ("d", 4)]
    days = [TenantDay(tenant, (landed(tenant, rows=rows),)) for tenant, rows in sizes]
    assert names(in_parts(DAY, days, max_rows=10)) == [["a"], ["b"], ["c", "d"]]
    assert in_parts(DAY, []) == []


def test_whole_days_and_later_batches_are_not_done_together():
    whole = TenantDay("a", (landed("x"),))
    later = TenantDay("b", (landed("z", tenant="b"),), (record("y", tenant="b"),))
    parts = in_parts(DAY, [later, whole])
    assert names(parts) == [["a"], ["b"]]
    assert [part.batches for part in parts] == [None, ["z"]]
    assert [part.done for part in parts] == [[], ["y"]]


def test_a_batch_never_takes_the_place_of_another_tenants_batch_of_the_same_name():
    first = TenantDay("a", (landed("x"),), (record("y"),))
    second = TenantDay("b", (landed("y", tenant="b"),), (record("z", tenant="b"),))
    assert names(in_parts(DAY, [first, second])) == [["a"], ["b"]]


def enriching(whole=(), **some):
    batches = {tenant: frozenset(names) for tenant, names in some.items()}
    due = DueBatches(tuple(whole), batches, (), {}, {})
    return [(part.tenants, part.batches and "".join(sorted(part.batches))) for part in due.parts()]


def test_tenants_are_annotated_in_few_commits():
    assert enriching(["acme", "bella"]) == [(("acme", "bella"), None)]
    assert enriching(["acme"], cora="ab", bella="cd") == [
        (("acme",), None),
        (("bella", "cora"), "abcd"),
    ]


def test_batches_that_two_tenants_call_the_same_are_not_annotated_together():
    assert enriching(acme="ab", bella="bc", cora="c", dora="d") == [
        (("acme", "cora", "dora"), "abcd"),
        (("bella",), "bc"),
    ]


def test_nothing_is_annotated_where_nothing_is_due():
    assert enriching() == []
