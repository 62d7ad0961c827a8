"""``reviewgraph openapi`` prints the API's document, without a home, a database or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_the_document_is_printed_and_nothing_is_left_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "openapi"],
        env={**os.environ, "REVIEWGRAPH_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    document = json.loads(done.stdout)
    assert document["openapi"].startswith("3.1")
    assert document["paths"]
    assert list(tmp_path.iterdir()) == []
    kept = json.loads((Path(__file__).parents[1] / "contract" / "openapi.json").read_text())
    document["info"]["version"] = kept["info"]["version"]
    assert document == kept
