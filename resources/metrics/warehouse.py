"""Build the marts: one dbt run over one private folder and one private DuckDB file.

::

    {run}/inputs/daily_facts.parquet, daily_label_facts.parquet, current_reviews.parquet
    {run}/marts.duckdb      what dbt builds; never served from, only read out of
    {run}/target, {run}/logs   what dbt writes beside it

Everything that dbt writes lies in the run's folder, so that runs do not meet each other and the
project may be read-only. What the marts say is written in ``dbt_project``; what becomes of them is
the business of ``resources.storage.snapshots``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl
import pyarrow as pa

from resources.errors import ReviewGraphError
from resources.metrics import facts
from resources.settings import PROJECT_ROOT
from resources.storage import schemas

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

INPUTS: Mapping[str, pa.Schema] = {
    "daily_facts": schemas.DAILY_FACTS.schema,
    "daily_label_facts": schemas.DAILY_LABEL_FACTS.schema,
    "current_reviews": facts.CURRENT_REVIEWS_SCHEMA,
}
"""The Parquet files that dbt reads, and their columns."""

MARTS = (
    "reviews",
    "metric_summary",
    "daily_series",
    "weekly_series",
    "rating_distribution",
    "topic_summary",
    "topic_weekly",
    "keyword_summary",
    "entity_summary",
    "product_trends",
)
"""The tables that a tenant's snapshot is made of."""

_QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors")
_SHOWN_FAILURES = 5


class WarehouseError(ReviewGraphError):
    """The marts could not be built or read."""


class Warehouse:
    """One run's folder, from its inputs to its marts. Use it as a context manager.

    Attributes:
        folder: Everything of the run; deleted on ``close``.
        database: The DuckDB file that dbt builds.
        target: dbt's target folder (manifest, run results).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.database = self.folder / "marts.duckdb"
        self.target = self.folder / "target"

    @classmethod
    def prepare(
        cls,
        scratch: Path,
        *,
        name: str | None = None,
        daily_facts: pl.LazyFrame | pa.Table,
        daily_label_facts: pl.LazyFrame | pa.Table,
        current_reviews: pl.LazyFrame | pa.Table,
    ) -> Self:
        """Make a run's folder and write its inputs, streaming what is lazy.

        Args:
            scratch: Where the folder is made.
            name: The folder's name; what it held before is deleted. A new one when not given.
            daily_facts: ``schemas.DAILY_FACTS`` of the tenants to build.
            daily_label_facts: ``schemas.DAILY_LABEL_FACTS`` of the same tenants.
            current_reviews: ``facts.CURRENT_REVIEWS_SCHEMA`` of the same tenants.

        Returns:
            The warehouse, ready for dbt.

        Raises:
            WarehouseError: An input lacks a column or has one of another type.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        if name is None:
            warehouse = cls(Path(tempfile.mkdtemp(prefix="marts-", dir=scratch)))
        else:
            warehouse = cls(scratch / name)
            warehouse.close()
            warehouse.folder.mkdir()
        inputs = {
            "daily_facts": daily_facts,
            "daily_label_facts": daily_label_facts,
            "current_reviews": current_reviews,
        }
        try:
            warehouse.inputs.mkdir()
            for table, rows in inputs.items():
                _write_input(warehouse.inputs / f"{table}.parquet", table, rows)
        except BaseException:
            warehouse.close()
            raise
        return warehouse

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def inputs(self) -> Path:
        """Folder of the Parquet files that dbt reads."""
        return self.folder / "inputs"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point any dbt, in a shell or in Dagster, at this run."""
        return {
            "REVIEWGRAPH_DBT_INPUTS": str(self.inputs),
            "REVIEWGRAPH_DBT_DATABASE": str(self.database),
            "DBT_PROJECT_DIR": str(DBT_PROJECT),
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Set the run's environment variables for this process, and restore them afterwards.

        dbt reads its environment from the process: one run at a time in each.
        """
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def run_dbt(self, *arguments: str) -> dict[str, str]:
        """Run dbt in this process, quietly.

        Args:
            arguments: As on dbt's command line; ``build`` when there are none.

        Returns:
            The status of every model and test that ran, by its name.

        Raises:
            WarehouseError: Something failed; the message names it.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dbt's own deprecations are not ours to mend
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager
            from dbt.cli.main import dbtRunner

            with self.applied():
                outcome = dbtRunner().invoke([*_QUIET, *(arguments or ("build",))])
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        results = list(getattr(outcome.result, "results", None) or [])
        if not outcome.success:
            raise WarehouseError(_what_failed(outcome.exception, results))
        return {result.node.name: str(result.status) for result in results}

    def tenants(self) -> list[str]:
        """Tenants that have reviews in the finished marts, sorted."""
        with self._marts() as marts:
            found = marts.sql("select distinct tenant_id from metric_summary order by tenant_id")
            return [str(tenant_id) for (tenant_id,) in found.fetchall()]

    def mart_tables(self, tenant_id: str) -> dict[str, pa.Table]:
        """A tenant's part of every mart, rows in their published order.

        Args:
            tenant_id: The tenant's slug. One without reviews has empty tables.

        Returns:
            Name to rows, one for each of ``MARTS``; timestamps in UTC.

        Raises:
            WarehouseError: dbt has not built the marts.
        """
        with self._marts() as marts:
            return {
                mart: marts.sql(
                    f"select * from {mart} where tenant_id = $tenant_id",
                    params={"tenant_id": tenant_id},
                ).to_arrow_table()
                for mart in MARTS
            }

    def row_counts(self) -> dict[str, int]:
        """Rows of every table in the finished file, by name."""
        with self._marts() as marts:
            tables = marts.sql("select table_name from duckdb_tables()").fetchall()
            return {
                name: marts.sql(f'select count(*) from "{name}"').fetchall()[0][0]
                for (name,) in tables
            }

    def close(self) -> None:
        """Delete the run's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.database.exists():
            raise WarehouseError(f"{self.database} does not exist: run dbt build first.")
        try:
            with duckdb.connect(str(self.database), read_only=True) as connection:
                connection.execute("set TimeZone = 'UTC'")
                yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"The marts in {self.database} cannot be read: {error}") from error


def parse_project(target: Path) -> None:
    """Write dbt's manifest of the project to a target folder, from which the graph is drawn.

    Raises:
        WarehouseError: The project does not parse.
    """
    command = [str(Path(sys.executable).with_name("dbt")), *_QUIET, "parse"]
    folders = {
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    parsed = subprocess.run(  # noqa: S603 - our own command
        command, env={**os.environ, **folders}, capture_output=True, text=True, check=False
    )
    if parsed.returncode != 0:
        raise WarehouseError(f"dbt cannot parse {DBT_PROJECT}: {parsed.stdout}{parsed.stderr}")


def _write_input(path: Path, name: str, rows: pl.LazyFrame | pa.Table) -> None:
    frame = rows if isinstance(rows, pl.LazyFrame) else pl.LazyFrame(pl.from_arrow(rows))
    wanted = pl.Schema(pl.DataFrame(INPUTS[name].empty_table()).schema)
    given = frame.collect_schema()
    missing = [column for column in wanted if column not in given]
    if missing:
        raise WarehouseError(f"The input {name} has no column {', '.join(missing)}.")
    try:
        frame.select(pl.col(column).cast(dtype) for column, dtype in wanted.items()).sink_parquet(
            path, compression="zstd", compression_level=1
        )
    except pl.exceptions.PolarsError as error:
        raise WarehouseError(f"The input {name} cannot be written: {error}") from error


def _what_failed(exception: BaseException | None, results: list[Any]) -> str:
    failed = [result for result in results if str(result.status) in {"error", "fail"}]
    if not failed:
        return f"dbt could not run: {exception}"
    told = [f"{result.node.name} ({result.message})" for result in failed[:_SHOWN_FAILURES]]
    more = f" and {len(failed) - len(told)} more" if len(failed) > len(told) else ""
    return f"The marts were not built; dbt failed at {'; '.join(told)}{more}."
