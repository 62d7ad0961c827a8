"""The sample tenants of the demo: a generated world, walked from its files to its reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from pipelines.backfill import plan_backfill
from pipelines.file_import import FileImport
from pipelines.launch import StepEvent, run_days
from pipelines.session import Session
from resources.settings import Settings
from resources.vocabulary import DayRange

DEMO_PASSWORD = "try-reviewgraph"  # noqa: S105 - the demo's own, printed for the user to try
DELIVERIES = "reviews"
_TOLD = ("id", "name", "colour", "names", "sources")


@dataclass(frozen=True)
class DemoTenant:
    """A sample tenant, as the generator describes it."""

    id: str
    name: str
    colour: str
    names: list[Any]
    sources: list[Any]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> DemoTenant:
        """Read ``tenant.json`` of one tenant's folder."""
        told = json.loads((folder / "tenant.json").read_text())
        return cls(folder=folder, **{field: told[field] for field in _TOLD})

    @property
    def email(self) -> str:
        """The address of its sample user."""
        return f"owner@{self.id}.example"


def make_world(session: Session, *, reviews: int, tenants: int, seed: int) -> list[DemoTenant]:
    """Generate the sample world in the home folder, unless that very world is there."""
    from resources.sandbox.world import generate_world

    world = world_path(session.settings)
    wanted = {"reviews": reviews, "seed": seed}
    manifest = world / "manifest.json"
    if manifest.exists():
        told = json.loads(manifest.read_text())
        there = {key: told.get(key) for key in wanted}
        if there == wanted and len(told["tenants"]) == tenants:
            return [DemoTenant.read(world / one["id"]) for one in told["tenants"]]
    made = generate_world(world, reviews=reviews, tenants=tenants, seed=seed)
    return [DemoTenant.read(world / one.id) for one in made.tenants]


def world_path(settings: Settings) -> Path:
    """Return the folder of the demo's world."""
    return settings.home / "world"


def register(session: Session, tenants: list[DemoTenant]) -> None:
    """Create the tenants with an owner who can log in and a Google source, if they are new."""
    with session.database.jobs() as work:
        for tenant in tenants:
            if work.tenants.get(tenant.id) is None:
                work.tenants.create(
                    tenant.id, tenant.name, colour=tenant.colour, names=tenant.names
                )
            user = work.users.by_email(tenant.email)
            if user is None:
                user = work.users.create(tenant.email, f"{tenant.name} owner", DEMO_PASSWORD)
                work.users.add_membership(tenant.id, user.id, "owner")
            for source in tenant.sources:
                work.sources.create(tenant.id, source["kind"], source["name"], source["config"])


def deliver(session: Session, tenants: list[DemoTenant], today: date) -> tuple[DayRange, int]:
    """Land each tenant's first delivery on the day before, the later one today.

    Returns:
        The ingestion days, and how many records are in the lake from these files.
    """
    yesterday = today - timedelta(days=1)
    records = 0
    for tenant in tenants:
        for name, day in (("reviews.csv", yesterday), ("later.jsonl", today)):
            work = FileImport.of(
                session, tenant.id, tenant.folder / name, source=DELIVERIES, day=day
            )
            landing = work.land()
            records += work.balance(landing).collected
    return DayRange(yesterday, today), records


@contextmanager
def outside_world(settings: Settings) -> Iterator[Settings]:
    """Run the sandbox's DataForSEO over the demo's world; yield settings that point to it."""
    from resources.sandbox.dataforseo import DataForSEOSandbox

    with DataForSEOSandbox(world_path(settings)).running() as address:
        yield settings.model_copy(
            update={
                "dataforseo_url": address,
                "dataforseo_login": "sandbox",
                "dataforseo_password": SecretStr("sandbox"),
            }
        )


def run(
    session: Session,
    tenants: list[DemoTenant],
    days: DayRange,
    on_event: Callable[[StepEvent], None],
) -> str | None:
    """Carry the sample tenants' days through the graph, unless all of it is through already.

    Returns:
        The run's id, None when there was nothing to do.
    """
    names = [tenant.id for tenant in tenants]
    if plan_backfill(session, days, names).days is None:
        return None
    with outside_world(session.settings) as settings:
        outside = Session(settings, session.database)
        return run_days(outside, days, names, reason="demo", on_event=on_event)
