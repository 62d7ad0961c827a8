"""Writes the world: the manifest, and one folder per tenant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson

from resources.errors import WrongUsageError
from resources.sandbox.world.manifest import WorldManifest
from resources.sandbox.world.planting import DAYS, TenantPlan
from resources.sandbox.world.tenant import TenantWriter


class WorldError(WrongUsageError):
    """A world that cannot be generated as asked."""


def generate_world(
    out: Path, *, reviews: int, tenants: int, seed: int = 7, end_day: date | None = None
) -> WorldManifest:
    """Write a world of reviews with planted truths.

    The same arguments give the same bytes. Without ``end_day`` the world ends yesterday (UTC).

    Args:
        out: Folder to write to; made when missing, files of an older world are overwritten.
        reviews: Distinct reviews over all tenants and deliveries, spam included; exact repeats,
            edits, deletions and broken rows come on top.
        tenants: Number of tenants, at most as many as reviews.
        seed: Any whole number.
        end_day: The last day on which a review is posted.

    Returns:
        What was planted; the same as ``out/manifest.json``.

    Raises:
        WorldError: Fewer than one tenant, or more tenants than reviews.
    """
    if tenants < 1 or reviews < tenants:
        raise WorldError(
            f"A world of {reviews} reviews cannot have {tenants} tenants: ask for at least one "
            "tenant, and for at least one review each."
        )
    last_day = end_day or datetime.now(UTC).date() - timedelta(days=1)
    share, rest = divmod(reviews, tenants)
    out.mkdir(parents=True, exist_ok=True)
    manifests = []
    for index in range(tenants):
        plan = TenantPlan(index, share + (index < rest), seed=seed, last_day=last_day)
        with TenantWriter(out / plan.id, plan, has_language=index % 2 == 0) as writer:
            manifests.append(writer.write())
    manifest = WorldManifest(
        seed=seed,
        reviews=reviews,
        first_day=last_day - timedelta(days=DAYS - 1),
        last_day=last_day,
        tenants=manifests,
    )
    (out / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return manifest
