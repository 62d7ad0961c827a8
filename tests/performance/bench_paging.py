"""How much longer the thousandth page of a list takes than its first one, in one run.

    python -m tests.performance.bench_paging

Lists of reviews, imports and sources of 20,000 rows are read from end to end in pages of 20. The
first and the last ten pages are then read in turn, so that both meet the machine in the same mood.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from resources.database import Database, ImportBatch
from tests.api_world import World, read, running_world
from tests.conftest import settings_in
from tests.published_reviews import review_key, reviews_of, tables_of

ROWS, PAGE, ROUNDS = 20_000, 20, 30
MAX_RATIO = 1.5


def fill(world: World) -> None:
    """Give one tenant long lists."""
    pattern = reviews_of("acme")[7]
    reviews = [
        pattern
        | {
            "review_key": review_key("many", n),
            "posted_day": date(2020, 1, 1) + timedelta(days=n % 2000),
        }
        for n in range(ROWS)
    ]
    made = world.snapshots.publish("acme", tables_of(reviews), {})
    with world.database.jobs() as work:
        work.snapshots.point_to("acme", made.version, path=str(made.path), row_count=ROWS)
        for n in range(ROWS):
            work.imports.record(
                ImportBatch(
                    id=f"file {n}",
                    tenant_id="acme",
                    source="shop",
                    file_name=f"{n}.csv",
                    byte_count=1,
                    record_count=1,
                    day=date(2026, 1, 1),
                    mapping={},
                    landed_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
                )
            )
            work.sources.create("acme", "google_reviews", f"source {n:06}")


def pages_of(client: Any, address: str) -> list[str]:
    """The addresses of all pages of a list."""
    found: list[str] = []
    following: str | None = address
    while following:
        found.append(following)
        following = read(client, following)["next"]
    return found


def seconds(client: Any, address: str) -> float:
    """How long one page takes."""
    began = time.perf_counter()
    read(client, address)
    return time.perf_counter() - began


def p95(values: list[float]) -> float:
    """The time that 95 of 100 pages do not pass."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Print the times of the first and the thousandth page of each list."""
    with tempfile.TemporaryDirectory() as home:
        settings = settings_in(Path(home) / "home")
        with Database(settings) as database:
            database.migrate()
            with running_world(settings, database) as world, world.client("ada") as client:
                fill(world)
                for name in ("reviews", "imports", "sources"):
                    pages = pages_of(client, f"/v1/tenants/acme/{name}?limit={PAGE}")
                    first, last = [], []
                    for _ in range(ROUNDS):
                        # Answers of snapshots are kept: another limit each time is computed anew.
                        world.app.state.services.answers._answers.clear()
                        for here, there in zip(pages[:10], pages[990:1000], strict=True):
                            first.append(seconds(client, here))
                            last.append(seconds(client, there))
                    ratio = p95(last) / p95(first)
                    print(
                        f"{name}: {len(pages)} pages; p95 of the first {p95(first) * 1e3:.1f} ms, "
                        f"of the thousandth {p95(last) * 1e3:.1f} ms, ratio {ratio:.2f}"
                    )
                    assert ratio <= MAX_RATIO, name


if __name__ == "__main__":
    main()
