"""What an import costs that has next to nothing to import: the fixed cost of a run.

Run by hand on a quiet machine::

    .venv/bin/python tests/performance/bench_fixed_cost.py [ANOTHER_CHECKOUT]

A file of 17 reviews is imported as a user would, the first time into a new home and then for new
tenants into the same. With another checkout (of an older version, say) both take turns, so that
their figures come from one quiet or busy machine. Nothing here is asserted.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[2]
REVIEWS = 17
ROUNDS = 3


def main() -> None:
    """Measure every checkout in turn and print a table."""
    checkouts = [HERE, *(Path(argument).resolve() for argument in sys.argv[1:])]
    print(f"{'import':<10}{'wall s':>8}{'processor s':>13}{'steps s':>9}   checkout")
    with tempfile.TemporaryDirectory() as folder:
        reviews = write_reviews(Path(folder) / "reviews.csv")
        for number in range(ROUNDS):
            for place, checkout in enumerate(checkouts):
                home = Path(folder) / f"home-{place}"
                wall, processor, steps = measure(checkout, home, reviews, f"tenant-{number}")
                name = "first" if number == 0 else f"no. {number + 1}"
                print(f"{name:<10}{wall:>8.1f}{processor:>13.1f}{steps:>9.1f}   {checkout}")


def write_reviews(path: Path) -> Path:
    """Write a small file of different reviews."""
    lines = ["review_id,date,rating,title,text,product"]
    lines += [
        f"R{n},2025-05-{n + 1:02},{n % 5 + 1},Delivery {n},"
        f"The parcel came after {n + 2} days and the lamp works well.,Lamp"
        for n in range(REVIEWS)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def measure(checkout: Path, home: Path, reviews: Path, tenant: str) -> tuple[float, float, float]:
    """Import once; return its wall time, its processor time, and the time its steps printed."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "REVIEWGRAPH_HOME": str(home)}
    command = [sys.executable, "-m", "pipelines.cli", "import", str(reviews), "--tenant", tenant]
    before, started = processor_seconds(), time.perf_counter()
    said = subprocess.run(
        command, cwd=reviews.parent, env=environment, capture_output=True, text=True, check=True
    ).stdout
    wall, processor = time.perf_counter() - started, processor_seconds() - before
    steps = [line.split() for line in said.splitlines() if line.endswith(" s")]
    return wall, processor, sum(float(words[-2]) for words in steps)


def processor_seconds() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
