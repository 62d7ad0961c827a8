"""What integration tests share: one Spark session, because starting one takes many seconds."""

from __future__ import annotations

import pytest

from resources.engine import open_engine
from resources.settings import Settings


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory):
    """A local Spark engine that lives as long as the tests."""
    home = tmp_path_factory.mktemp("spark")
    settings = Settings(_env_file=None, home=home, engine="spark", spark_master="local[2]")
    with open_engine(settings) as engine:
        yield engine
