"""What contract tests share: for each file the API over a world."""

from __future__ import annotations

import pytest

from tests.api_world import running_world


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    """The API over tenants whose numbers are published."""
    with running_world(module_settings, module_database) as world:
        yield world
