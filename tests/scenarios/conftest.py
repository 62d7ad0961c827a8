"""A small world carried through the whole graph once, for all scenario tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pipelines import demo
from pipelines.launch import StepEvent
from pipelines.session import Session, open_session
from resources.settings import Settings
from resources.vocabulary import DayRange, utc_today

REVIEWS = 15_000  # some 200 a week: enough for an incident to stand out of chance
TENANTS = 3


@dataclass(frozen=True)
class World:
    """A world after its main job."""

    session: Session
    tenants: list[demo.DemoTenant]
    days: DayRange
    events: list[StepEvent]
    run_id: str
    manifest: dict[str, object]

    def truth(self, tenant_id: str) -> dict[str, object]:
        return next(one for one in self.manifest["tenants"] if one["id"] == tenant_id)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("scenario")
    with open_session(Settings(home=home, _env_file=None)) as session:
        tenants = demo.make_world(session, reviews=REVIEWS, tenants=TENANTS, seed=11)
        demo.register(session, tenants)
        days, _ = demo.deliver(session, tenants, utc_today())
        events: list[StepEvent] = []
        run_id = demo.run(session, tenants, days, events.append)
        manifest = json.loads((demo.world_path(session.settings) / "manifest.json").read_text())
        yield World(session, tenants, days, events, run_id, manifest)
