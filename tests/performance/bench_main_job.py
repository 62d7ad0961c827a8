"""How fast the main job is: landing, landing again, and the whole path at two sizes.

Run by hand on a quiet machine: ``.venv/bin/python tests/performance/bench_main_job.py [REVIEWS]``.
All figures come from one run, so that their ratios mean something; nothing here is asserted.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from pipelines.file_import import FileImport  # noqa: E402
from pipelines.session import open_session  # noqa: E402
from resources.sandbox.world import generate_world  # noqa: E402
from resources.settings import Settings  # noqa: E402


def main() -> None:
    """Measure and print a table."""
    reviews = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rows = [measure(size) for size in (reviews // 10, reviews)]
    print(f"{'reviews':>10}{'land/s':>12}{'again/s':>12}{'whole path s':>14}{'peak MiB':>10}")
    for row in rows:
        print(f"{row[0]:>10,}{row[1]:>12,.0f}{row[2]:>12,.0f}{row[3]:>14.1f}{row[4]:>10,.0f}")
    print(f"10 times the reviews took {rows[1][3] / rows[0][3]:.1f} times as long.")


def measure(reviews: int) -> tuple[int, float, float, float, float]:
    """Return records, records landed per second, landed again per second, seconds, peak MiB."""
    with tempfile.TemporaryDirectory() as folder:
        world = generate_world(Path(folder) / "world", reviews=reviews, tenants=1)
        path = Path(folder) / "world" / world.tenants[0].id / "reviews.csv"
        with open_session(Settings(home=Path(folder) / "home", _env_file=None)) as session:
            work = FileImport.of(session, "bench", path)
            work.create_tenant_if_new()
            started = time.perf_counter()
            landing = work.land()
            again = work.land()
            work.process(landing)
            seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    records = landing.records
    return records, records / landing.seconds, records / again.seconds, seconds, peak


if __name__ == "__main__":
    main()
