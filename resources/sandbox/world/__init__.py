"""A seeded generator of plausible reviews with planted truths.

Belongs here: phrase banks per language, the businesses, the composing of texts, the planting of
truths a test can ask for (an incident week, a product that improves, repeats, edits, deletions,
spam, broken rows), and the writing of the files. Does not belong here: reading those files, and any
judgement on what the product makes of them.

Use :func:`generate_world`; what was planted is in ``manifest.json`` and in the returned
:class:`WorldManifest`.
"""

from __future__ import annotations

from resources.sandbox.world.manifest import (
    BrokenRow,
    DeliveryCounts,
    ImprovingProduct,
    Incident,
    TenantManifest,
    WorldManifest,
)
from resources.sandbox.world.writing import WorldError, generate_world

__all__ = [
    "BrokenRow",
    "DeliveryCounts",
    "ImprovingProduct",
    "Incident",
    "TenantManifest",
    "WorldError",
    "WorldManifest",
    "generate_world",
]
