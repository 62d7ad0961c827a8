"""Lets dbt itself build the marts from empty inputs and run every test, the unit tests included.

What the marts say about real rows is asked in ``tests/integration/test_marts.py``; this shows that
the dbt project as it stands builds from nothing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from resources.metrics.inputs import INPUTS
from resources.metrics.warehouse import Warehouse


def main() -> None:
    """Build, test, and say how much ran."""
    empty = {name: schema.empty_table() for name, schema in INPUTS.items()}
    with (
        tempfile.TemporaryDirectory() as scratch,
        Warehouse.prepare(Path(scratch), **empty) as warehouse,
    ):
        warehouse.run_dbt("build")
        results = json.loads((warehouse.folder / "target" / "run_results.json").read_bytes())
    print(f"{len(results['results'])} models and tests passed")


if __name__ == "__main__":
    main()
