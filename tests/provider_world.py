"""A world whose tenant ``acme`` may log in at an identity provider on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resources.database import Database
from resources.settings import Settings
from tests.api_world import World, running_world


@contextmanager
def running_world_with_providers(settings: Settings, database: Database) -> Iterator[World]:
    """As :func:`running_world`; addresses at ``acme.example`` are the tenant's."""
    settings.loopback_identity_providers = True
    with running_world(settings, database) as world:
        with database.jobs() as work:
            work.identity_providers.add_domain("acme", "acme.example")
        yield world
