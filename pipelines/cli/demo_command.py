"""``reviewgraph demo``: the whole graph on sample tenants."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Seed


def demo(
    reviews: Annotated[int, typer.Option(min=100, help="Reviews of all tenants.")] = 21_000,
    tenants: Annotated[int, typer.Option(min=1, max=50, help="How many tenants.")] = 3,
    seed: Seed = 7,
) -> None:
    """Run everything on sample tenants: collect, understand, count, publish and report."""
    from pipelines import demo as sample
    from pipelines.cli.summaries import show_tenant
    from pipelines.session import open_session
    from resources.reviews import gate
    from resources.vocabulary import utc_today

    gate.start()
    started = time.monotonic()
    console.heading("ReviewGraph demo")
    with open_session() as session:
        with console.step(f"generated {reviews:,} reviews of {tenants} tenants"):
            people = sample.make_world(session, reviews=reviews, tenants=tenants, seed=seed)
            sample.register(session, people)
        with console.step("landed two deliveries for each tenant"):
            days, records = sample.deliver(session, people, utc_today())
        pipeline = time.monotonic()
        run_id = sample.run(session, people, days, console.RunProgress())
        console.say(
            "  everything is through the graph since the last demo"
            if run_id is None
            else f"  {records:,} records through the graph in "
            f"{time.monotonic() - pipeline:.0f} s, run {run_id[:8]}"
        )
        for tenant in people:
            show_tenant(session, tenant.id)
        console.heading(f"Done in {time.monotonic() - started:.0f} s. What to try next")
        first = people[0]
        for line in (
            "reviewgraph up                         the Dagster UI and the API on this machine",
            "reviewgraph status                     the ledger: what is complete, for whom",
            "reviewgraph import FILE --tenant NAME  your own reviews, from a file to a report",
            f"log in to the API as {first.email} with the password {sample.DEMO_PASSWORD}",
        ):
            console.say(f"  {line}")
