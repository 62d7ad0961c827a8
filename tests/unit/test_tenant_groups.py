"""Tenants are normalised in groups whose rows fit in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from assets.reviews.reviews import tenant_groups
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS

DAY = date(2026, 1, 5)


@pytest.fixture
def lake(tmp_path):
    lake = Lake(str(tmp_path))
    for tenant, rows in {"a": 3, "b": 4, "c": 12, "d": 1}.items():
        blank = dict.fromkeys(RAW_REVIEWS.schema.names)
        received = datetime(2026, 1, 5, tzinfo=UTC)
        row = {**blank, "day": DAY, "tenant_id": tenant, "received_at": received}
        lake.append(RAW_REVIEWS, pa.Table.from_pylist([row] * rows, RAW_REVIEWS.schema))
    return lake


def test_small_tenants_share_a_group_and_a_large_one_has_its_own(lake):
    groups = tenant_groups(lake, DAY, ["a", "b", "c", "d"], max_rows=10)
    assert groups == [["a", "b"], ["c"], ["d"]]


def test_a_tenant_without_rows_that_day_is_in_no_group(lake):
    assert tenant_groups(lake, DAY, ["a", "nobody"], max_rows=10) == [["a"]]
    assert tenant_groups(lake, date(2026, 1, 6), ["a"], max_rows=10) == []
