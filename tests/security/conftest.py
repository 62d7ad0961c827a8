"""What security tests share: the API over two tenants, unless a file has a world of its own."""

from __future__ import annotations

import pytest

from tests.api_world import running_world


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
