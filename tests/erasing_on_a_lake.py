"""Erasures on a lake and a database alone: nothing runs there, and nothing was published."""

from __future__ import annotations

from datetime import date

import polars as pl

from resources.collection.importing import land, plan_import
from resources.privacy.asking import ask
from resources.privacy.erasing import Eraser
from resources.privacy.searching import Installation
from resources.privacy.subjects import Marker, Sealer
from resources.privacy.suppression import screening
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore

DAY = date(2026, 3, 2)


class StillGraph:
    """A graph in which nothing runs; nothing was published, so nothing is counted again."""

    def wait_for_runs(self, tenant_id):
        pass

    def count_again(self, tenant_id):
        raise AssertionError(f"nothing was published for {tenant_id}")

    def write_reports(self, tenant_id):
        pass

    def clear_scratch(self):
        return []


def eraser_on(settings, database, on_step=lambda _: None):
    installation = Installation(
        settings,
        database,
        Lake.from_settings(settings),
        SnapshotStore.from_settings(settings),
        ObjectStore.from_settings(settings),
    )
    return Eraser(installation, StillGraph(), on_step)


def deliver(settings, database, rows, source="shop", *, screened=True):
    """Land rows as a file of their own, past the screen of what was erased."""
    folder = settings.home.parent
    path = folder / f"{len(list(folder.glob('*.csv')))}.csv"
    pl.DataFrame(rows).write_csv(path)
    plan, lake = plan_import(path, tenant_id="acme", source=source), Lake.from_settings(settings)
    if not screened:
        return land(plan, day=DAY, lake=lake)
    with screening(database, "acme") as screen:
        return land(plan, day=DAY, lake=lake, screen=screen)


def rows_of(*authors, text="What a lovely kettle this is", **columns):
    return {
        "author": list(authors),
        "text": [f"{text} {number}" for number, _ in enumerate(authors)],
        "rating": ["5"] * len(authors),
        **{name: list(values) for name, values in columns.items()},
    }


def ask_for(_settings, database, wanted, **options):
    marker, sealer = Marker(database.keys, "acme"), Sealer(database.keys, "acme")
    with database.jobs() as work:
        return ask(work, "acme", wanted, marker, sealer, requested_by="test", **options)
