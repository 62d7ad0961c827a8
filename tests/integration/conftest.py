"""What integration tests share: one Spark session, and for each file the API over a world."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import SecretStr

from resources.collection.importing import land, plan_import
from resources.database import Database
from resources.engine import open_engine
from resources.settings import Settings
from tests.api_world import running_world


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory):
    """A local Spark engine that lives as long as the tests."""
    home = tmp_path_factory.mktemp("spark")
    settings = Settings(_env_file=None, home=home, engine="spark", spark_master="local[2]")
    with open_engine(settings) as engine:
        yield engine


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    """The API over tenants whose numbers are published."""
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture(scope="module")
def ada(world):
    """The owner of the first tenant, logged in."""
    with world.client("ada") as client:
        yield client


@pytest.fixture(scope="module")
def bob(world):
    """The owner of the second tenant, logged in."""
    with world.client("bob") as client:
        yield client


@pytest.fixture
def under(database):
    """Opens the test's database with other secret keys."""
    with database.jobs() as work:  # the roles' passwords follow from the secret as well
        engine = work.session.get_bind()

    def open_with(secret, previous=None):
        settings = database.settings.model_copy(
            update={
                "secret_key": SecretStr(secret),
                "secret_key_previous": previous and SecretStr(previous),
            }
        )
        settings.__dict__.pop("signing_key", None)
        other = Database(settings)
        other.__dict__["_jobs_engine"] = engine
        other.__dict__["_app_engine"] = engine
        return other

    return open_with


@pytest.fixture
def land_as_file(lake, tmp_path):
    """Lands reviews, given as columns to values, as a file of their own in the test's lake."""

    def land_once(day, rows, tenant="acme"):
        file = tmp_path / f"{len(list(tmp_path.glob('*.csv')))}.csv"
        pl.DataFrame(rows).write_csv(file)
        land(plan_import(file, tenant_id=tenant, source="shop"), day=day, lake=lake)

    return land_once
