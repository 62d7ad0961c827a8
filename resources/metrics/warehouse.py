"""Build the marts of one run in a private folder, with one private DuckDB file.

::

    {run}/inputs/daily_facts.parquet, daily_label_facts.parquet, current_reviews.parquet
    {run}/marts.duckdb      the marts; never served from, only read out of

Everything that is written lies in the run's folder, so that runs do not meet each other. What the
marts say is written in ``dbt_project``; what becomes of them is the business of
``resources.storage.snapshots``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl
import pyarrow as pa

from resources.engine.kept import write_parquet
from resources.errors import ReviewGraphError
from resources.metrics import building, compiling
from resources.metrics.building import FAILED, Outcome
from resources.metrics.inputs import INPUTS
from resources.metrics.plan import Plan
from resources.storage.snapshot_files import ROWS_PER_PART

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

_SHOWN_FAILURES = 5
_MEMORY = "1GB"  # for putting a million reviews in order; beyond that DuckDB uses the disk


class WarehouseError(ReviewGraphError):
    """The marts could not be built or read."""


class Warehouse:
    """One run's folder, from its inputs to its marts. Use it as a context manager.

    Attributes:
        folder: Everything of the run; deleted on ``close``.
        database: The DuckDB file of the marts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.database = self.folder / compiling.DATABASE_FILE

    @classmethod
    def prepare(cls, scratch: Path, **inputs: pl.LazyFrame | pa.Table | Path) -> Self:
        """As ``prepare_in``, in a new folder below ``scratch``."""
        scratch.mkdir(parents=True, exist_ok=True)
        return cls.prepare_in(Path(tempfile.mkdtemp(prefix="marts-", dir=scratch)), **inputs)

    @classmethod
    def prepare_in(
        cls,
        folder: Path,
        *,
        daily_facts: pl.LazyFrame | pa.Table | Path,
        daily_label_facts: pl.LazyFrame | pa.Table | Path,
        current_reviews: pl.LazyFrame | pa.Table | Path,
    ) -> Self:
        """Write a run's inputs, streaming what is lazy and moving what is a Parquet file already.

        Args:
            folder: The run's folder; inputs and marts that it held before are deleted.
            daily_facts: ``schemas.DAILY_FACTS`` of the tenants to build.
            daily_label_facts: ``schemas.DAILY_LABEL_FACTS`` of the same tenants.
            current_reviews: ``facts.CURRENT_REVIEWS_SCHEMA`` of the same tenants.

        Returns:
            The warehouse, ready to be built.

        Raises:
            WarehouseError: An input lacks a column or has one of another type.
        """
        warehouse = cls(folder)
        inputs = {
            "daily_facts": daily_facts,
            "daily_label_facts": daily_label_facts,
            "current_reviews": current_reviews,
        }
        try:
            shutil.rmtree(warehouse.inputs, ignore_errors=True)
            warehouse.database.unlink(missing_ok=True)
            warehouse.inputs.mkdir(parents=True)
            for table, rows in inputs.items():
                path = warehouse.inputs / f"{table}.parquet"
                if isinstance(rows, Path):
                    rows.replace(path)
                else:
                    _write_input(path, table, rows)
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
        """Folder of the Parquet files that the marts are built from."""
        return self.folder / "inputs"

    def build(self, plan: Plan | None = None) -> list[Outcome]:
        """Build and test the marts.

        Args:
            plan: What to build; the compiled project when not given.

        Returns:
            What became of each model and test, in the order of execution.

        Raises:
            PlanError: The project is not compiled.
            WarehouseError: Something failed; the message names it.
        """
        outcomes = building.build(plan or Plan.load(), self.database, self.inputs)
        failed = [outcome for outcome in outcomes if outcome.status in FAILED]
        if failed:
            raise WarehouseError(_what_failed(failed))
        return outcomes

    def empty_models(self, plan: Plan) -> set[str]:
        """The models that hold no row, views included: what is tested of them proves nothing.

        Raises:
            WarehouseError: The marts have not been built.
        """
        with self._marts() as marts:
            return {
                model.name
                for model in plan.models
                if not marts.sql(f"select 1 from {model.relation} limit 1").fetchall()
            }

    def run_dbt(self, *arguments: str) -> None:
        """Run a dbt command over this run's inputs, in a process of its own.

        Raises:
            DbtError: The command failed.
        """
        environment = compiling.dbt_environment(self.folder, inputs=self.inputs)
        compiling.run_dbt(*arguments, environment=environment)

    def tenants(self) -> list[str]:
        """Tenants that have reviews in the finished marts, sorted."""
        with self._marts() as marts:
            found = marts.sql("select distinct tenant_id from metric_summary order by tenant_id")
            return [str(tenant_id) for (tenant_id,) in found.fetchall()]

    @contextmanager
    def marts_of(self, tenant_id: str) -> Iterator[dict[str, pa.Table | pa.RecordBatchReader]]:
        """A tenant's part of every mart, rows in their published order.

        Args:
            tenant_id: The tenant's slug. One without reviews has empty tables.

        Yields:
            Name to rows, one for each of ``MARTS``; timestamps in UTC. The reviews come as a
            reader: they may be larger than memory.

        Raises:
            WarehouseError: The marts have not been built.
        """
        with self._marts() as marts:

            def rows(mart: str) -> duckdb.DuckDBPyRelation:
                chosen = f"select * from {mart} where tenant_id = $tenant_id"
                return marts.sql(chosen, params={"tenant_id": tenant_id})

            tables = {mart: rows(mart).to_arrow_table() for mart in MARTS if mart != "reviews"}
            # Last, for another question to the same connection would end it.
            tables["reviews"] = rows("reviews").to_arrow_reader(ROWS_PER_PART)
            yield {mart: tables[mart] for mart in MARTS}

    def mart_tables(self, tenant_id: str) -> dict[str, pa.Table]:
        """As ``marts_of``, all of it in memory."""
        with self.marts_of(tenant_id) as marts:
            return {
                mart: rows.read_all() if isinstance(rows, pa.RecordBatchReader) else rows
                for mart, rows in marts.items()
            }

    def close(self) -> None:
        """Delete the run's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.database.exists():
            raise WarehouseError(f"{self.database} does not exist: build the marts first.")
        try:
            with duckdb.connect(
                str(self.database), read_only=True, config={"memory_limit": _MEMORY}
            ) as connection:
                connection.execute("set TimeZone = 'UTC'")
                # Views are read from the inputs.
                connection.execute("set file_search_path = $folder", {"folder": str(self.inputs)})
                yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"The marts in {self.database} cannot be read: {error}") from error


def _write_input(path: Path, name: str, rows: pl.LazyFrame | pa.Table) -> None:
    frame = rows if isinstance(rows, pl.LazyFrame) else pl.LazyFrame(pl.from_arrow(rows))
    wanted = pl.Schema(pl.DataFrame(INPUTS[name].empty_table()).schema)
    given = frame.collect_schema()
    missing = [column for column in wanted if column not in given]
    if missing:
        raise WarehouseError(f"The input {name} has no column {', '.join(missing)}.")
    try:
        write_parquet(
            frame.select(pl.col(column).cast(dtype) for column, dtype in wanted.items()), path
        )
    except pl.exceptions.PolarsError as error:
        raise WarehouseError(f"The input {name} cannot be written: {error}") from error


def _what_failed(failed: list[Outcome]) -> str:
    told = [f"{outcome.name} ({outcome.message})" for outcome in failed[:_SHOWN_FAILURES]]
    more = f" and {len(failed) - len(told)} more" if len(failed) > len(told) else ""
    return f"The marts were not built; dbt's models or tests failed: {'; '.join(told)}{more}."
