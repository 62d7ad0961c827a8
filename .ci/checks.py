#!/usr/bin/env python3
"""Every check of the project, as many at a time as there are processors; the tests come last.

Each check prints one line with its time; a failing one prints what it said and the rest still runs,
so that one run shows all there is to mend. The tests print the least covered files, the slowest
tests and pytest's closing line. Usage: ``checks.py [name ...]`` to run only some.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
# A worker can grow to two gigabytes, and the longest scenario sets the time that is left to save.
MAX_WORKERS = 4

CHECKS: dict[str, list[str]] = {  # those that fail fastest come first
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
    "sql": ["sqlfluff", "lint", "dbt_project/models"],
    "marts": ["python", ".ci/build_marts.py"],
    "graph": ["dagster", "definitions", "validate", "-w", "workspace.yaml"],
}
TESTS = [
    "pytest",
    f"--numprocesses={min(PROCESSORS or 1, MAX_WORKERS)}",
    "--dist=loadgroup",
    "--no-loadscope-reorder",  # tests/conftest.py orders them by length
    "--durations=20",
    "--cov",
]


def main() -> int:
    """Run the checks that were named, or all of them and the tests; return 1 if any failed."""
    names = sys.argv[1:]
    chosen = [name for name in CHECKS if not names or name in names]
    with ThreadPoolExecutor(PROCESSORS) as pool:
        verdicts = dict(zip(chosen, pool.map(passes, chosen), strict=True))
    failed = [name for name, passed in verdicts.items() if not passed]
    if not names or "tests" in names:
        print("  tests", flush=True)
        tests = subprocess.run([BIN / TESTS[0], *TESTS[1:]], cwd=ROOT, check=False)
        if tests.returncode != 0:
            failed.append("tests")
    print(f"Failed: {', '.join(failed)}" if failed else "Every check passed.")
    return 1 if failed else 0


def passes(name: str) -> bool:
    """Run one check; print its line, and its output when it fails."""
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
    said = f"  {name:<10}{verdict} in {time.monotonic() - started:.0f} s\n"
    if finished.returncode != 0:
        said += f"{finished.stdout[-8000:]}\n{finished.stderr[-4000:]}\n"
    print(said, end="", flush=True)  # in one piece, for others print beside it
    return finished.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
