"""What integration tests share: one Spark session, and for each file the API over a world."""

from __future__ import annotations

import pytest

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
