"""``reviewgraph generate``: a sample world of any size, with truths planted in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Seed


def generate(
    out: Annotated[Path, typer.Option(help="The folder to write to; made when it is missing.")],
    reviews: Annotated[int, typer.Option(min=1, help="Reviews of all tenants together.")] = 20_000,
    tenants: Annotated[int, typer.Option(min=1, help="How many tenants.")] = 3,
    seed: Seed = 7,
) -> None:
    """Write plausible reviews in many languages, and a manifest of what was planted in them."""
    from resources.sandbox.world import generate_world

    with console.step(f"wrote {reviews:,} reviews of {tenants} tenants"):
        manifest = generate_world(out, reviews=reviews, tenants=tenants, seed=seed)
    for tenant in manifest.tenants:
        console.say(f"  {out / tenant.id / 'reviews.csv'}")
    console.say(f"  {out / 'manifest.json'} says what was planted.")
    first = manifest.tenants[0].id
    console.say(f"Next: reviewgraph import {out / first / 'reviews.csv'} --tenant {first}")
