"""Nothing that can hold personal data is forgotten: every place is in the registry of erasure."""

from __future__ import annotations

import pytest

from resources.database.schema import SCHEMA
from resources.database.tables import metadata
from resources.home import OWN_NAMES
from resources.privacy.registry import ASSETS, HOME, LAKE, TABLES, WRITTEN_AT, DatabaseTable
from resources.storage.schemas import TABLES as LAKE_TABLES

WHERE = "say in resources/privacy/registry.py what it holds of people who write reviews"


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_of_every_table_is_spoken_for(table):
    assert table.name in TABLES, WHERE
    assert {column.name for column in table.columns} == TABLES[table.name].columns, WHERE


def test_no_table_is_registered_that_is_gone():
    assert set(TABLES) == {table.name for table in metadata.sorted_tables}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_column_is_of_two_kinds(name):
    groups = [getattr(TABLES[name], kind) for kind in DatabaseTable.__dataclass_fields__]
    assert sum(map(len, groups)) == len(TABLES[name].columns)


@pytest.mark.parametrize("name", sorted(name for name, table in TABLES.items() if table.authored))
def test_what_people_of_the_tenant_wrote_has_a_time(name):
    """By it is told whether they quote a review or the review repeats them."""
    assert WRITTEN_AT in metadata.tables[f"{SCHEMA}.{name}"].columns
    assert WRITTEN_AT in TABLES[name].other


@pytest.mark.parametrize("name", sorted(LAKE_TABLES))
def test_every_column_of_the_lake_is_spoken_for(name):
    assert LAKE[name].personal | LAKE[name].other == set(LAKE_TABLES[name].schema.names), WHERE
    assert not LAKE[name].personal & LAKE[name].other
    assert LAKE[name].erased


def test_every_asset_says_how_a_person_leaves_it(tmp_path):
    from pipelines.definitions import build_definitions
    from resources.settings import Settings

    definitions = build_definitions(Settings(home=tmp_path, _env_file=None))
    for spec in definitions.resolve_all_asset_specs():
        name = "/".join(spec.key.path)
        general = f"{spec.key.path[0]}/*" if len(spec.key.path) > 1 else name
        assert general in ASSETS, f"{name}: {WHERE}"


def test_every_name_of_a_home_is_registered():
    assert set(HOME) - {"*.lock"} == OWN_NAMES, WHERE


def test_every_place_says_what_it_holds_and_how_it_leaves():
    for place in (*ASSETS.values(), *HOME.values()):
        assert place.holds
        assert place.erased
