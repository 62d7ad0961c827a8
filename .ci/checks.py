#!/usr/bin/env python3
"""Every check of the project, in the order that fails fastest; the tests come last.

Each check prints one line with its time; a failing one prints what it said and the rest still runs,
so that one run shows all there is to mend. Usage: ``checks.py [name ...]`` to run only some.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

CHECKS: dict[str, list[str]] = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "imports": ["lint-imports"],
    "types": ["mypy"],
    "sql": ["sqlfluff", "lint", "dbt_project/models"],
    "marts": ["python", ".ci/build_marts.py"],
    "graph": ["dagster", "definitions", "validate", "-w", "workspace.yaml"],
}
TESTS = ["pytest"]


def main() -> int:
    """Run the checks that were named, or all of them and the tests; return 1 if any failed."""
    names = sys.argv[1:]
    failed = [name for name in CHECKS if (not names or name in names) and not passes(name)]
    if not names or "tests" in names:
        print("  tests", flush=True)
        tests = subprocess.run([BIN / TESTS[0], *TESTS[1:]], cwd=ROOT, check=False)
        if tests.returncode != 0:
            failed.append("tests")
    print(f"Failed: {', '.join(failed)}" if failed else "Every check passed.")
    return 1 if failed else 0


def passes(name: str) -> bool:
    """Run one check, print its line, and its output when it fails."""
    tool, *arguments = CHECKS[name]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "DAGSTER_HOME": home, "REVIEWGRAPH_HOME": f"{home}/data"}
        finished = subprocess.run(
            [BIN / tool, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    verdict = "passed" if finished.returncode == 0 else "FAILED"
    print(f"  {name:<10}{verdict} in {time.monotonic() - started:.0f} s", flush=True)
    if finished.returncode != 0:
        print(finished.stdout[-8000:], finished.stderr[-4000:], sep="\n", flush=True)
    return finished.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
