"""Spark: a cluster, or the cores of this machine in local mode.

Importing this module imports no pyspark; starting the engine does.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import polars as pl
import pyarrow as pa

from resources.engine.base import BatchFunction, EngineError, portable, unified
from resources.engine.java import find_java_home
from resources.engine.kept import write_whole
from resources.storage.lake import Lake
from resources.storage.schemas import TableSpec
from resources.vocabulary import DayRange

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LOOPBACK = "127.0.0.1"
_ROWS_PER_BATCH = 10_000
_BUCKET = "_reviewgraph_bucket"
_COMMON = {
    "spark.app.name": "reviewgraph",
    "spark.sql.session.timeZone": "UTC",  # days must not depend on where a machine stands
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(_ROWS_PER_BATCH),
}
_DRIVER = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
_LOCAL = {
    # Nothing of a local session can be reached from other machines.
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.driver.host": _LOOPBACK,
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "4",  # the default of 200 is made for clusters
}


class SparkEngine:
    """An engine on a Spark session of its own, or on the one this process already has.

    Args:
        master: ``local[N]``, a cluster's address, or ``sc://host[:port]`` for Spark Connect.
        scratch: Folder for what a local session spills to disk.

    Raises:
        EngineError: There is no Java 17 or newer, or Spark did not start.
    """

    name = "spark"

    def __init__(self, master: str, *, scratch: Path) -> None:
        self._kept: list[DataFrame] = []
        if master.startswith("sc://"):
            self._session, self._is_owner = _connected(master), True
        else:
            self._session, self._is_owner = _started(master, scratch)

    def read(
        self,
        lake: Lake,
        spec: TableSpec,
        *,
        days: DayRange | None = None,
        tenants: Collection[str] | None = None,
        batches: Collection[str] | None = None,
        version: int | None = None,
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.read``.

        A lake in a folder, which the workers must share, is read by the workers. Rows of a lake
        on ``s3://`` pass through the driver: Spark's own S3 reader is no part of the package.
        """
        if lake.is_remote:
            rows = lake.read(
                spec, days=days, tenants=tenants, batches=batches, version=version
            ).frame
            return self.from_arrow(rows.collect(engine="streaming").to_arrow())
        files = lake.files(spec, days=days, tenants=tenants, version=version)
        frame = self._read_files(spec, f"{lake.location}/{spec.name}", files)
        for column, values in (("tenant_id", tenants), ("batch_id", batches)):
            if values is not None:
                frame = frame.filter(frame[column].isin(sorted(values)))
        return nw.from_native(frame)

    def from_arrow(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """See ``Engine.from_arrow``."""
        schema = portable(table.schema)
        frame = self._session.createDataFrame(table.cast(schema), schema=_spark_schema(schema))
        return nw.from_native(frame)

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See ``Engine.collect``."""
        table: pa.Table = frame.to_native().toArrow()
        return table.cast(unified(table.schema))

    def stream(self, frame: nw.LazyFrame[Any]) -> pa.RecordBatchReader:
        """See ``Engine.stream``. The rows pass through this process, whole."""
        table: pa.Table = frame.to_native().toArrow()
        return table.cast(portable(table.schema)).to_reader(_ROWS_PER_BATCH)

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See ``Engine.keep``; the rows are computed when they are first asked for."""
        kept: DataFrame = frame.to_native().persist()
        self._kept.append(kept)
        rows: nw.LazyFrame[Any] = nw.from_native(kept)
        return rows

    def keep_in_file(
        self, frame: nw.LazyFrame[Any], path: Path, schema: pa.Schema
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.keep_in_file``. The rows stay on the cluster; the file is of the driver."""
        kept = self.keep(frame)
        table: pa.Table = kept.to_native().toArrow()
        write_whole(pl.DataFrame(table).lazy(), path, schema)
        return kept

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        is_slow: bool = False,  # noqa: ARG002, every function has processes of its own here
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.map_batches``."""

        def apply(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield function(batch.cast(portable(batch.schema))).cast(portable(schema))

        native: DataFrame = frame.to_native()
        with _without_pandas_warning():
            mapped = native.mapInArrow(apply, _spark_schema(schema))
        return self.keep(nw.from_native(mapped))

    def map_groups(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        *,
        by: Sequence[str],
    ) -> nw.LazyFrame[Any]:
        """See ``Engine.map_groups``: keys are dealt out by their hash, as for a shuffle."""
        from pyspark.sql import functions

        def apply(rows: pa.Table) -> pa.Table:
            rows = rows.drop_columns([_BUCKET])
            batches = rows.cast(portable(rows.schema)).combine_chunks().to_batches()
            return pa.Table.from_batches(
                [function(batch).cast(portable(schema)) for batch in batches], portable(schema)
            )

        native: DataFrame = frame.to_native()
        count = int(self._session.conf.get("spark.sql.shuffle.partitions") or 1)
        bucket = functions.pmod(functions.hash(*by), functions.lit(count))
        with _without_pandas_warning():
            grouped = native.withColumn(_BUCKET, bucket).groupBy(_BUCKET)
            mapped = grouped.applyInArrow(apply, _spark_schema(schema))
        return self.keep(nw.from_native(mapped))

    def close(self) -> None:
        """Stop the session, unless another part of this process had started it."""
        kept, self._kept = self._kept, []
        if self._is_owner:
            self._session.stop()  # and what is kept goes with it
            return
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]

        with suppress(Py4JError):  # whoever started the session may have stopped it
            for frame in kept:
                frame.unpersist()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read_files(self, spec: TableSpec, root: str, files: list[str]) -> DataFrame:
        schema = _spark_schema(spec.schema)
        if not files:
            return self._session.createDataFrame([], schema)
        # With the schema given, columns that older files lack are null, and the partition columns,
        # whose values stand in the paths below the root, get the types of the table.
        reader = self._session.read.schema(schema).option("basePath", root)
        return reader.parquet(*files).select(*spec.schema.names)


@contextmanager
def _without_pandas_warning() -> Iterator[None]:
    """Arrow batches are handed over, not pandas frames; pyspark warns of pandas 3 all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        yield


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def _connected(address: str) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        session: SparkSession = SparkSession.builder.remote(address).getOrCreate()
        for name, value in _COMMON.items():
            if name.startswith("spark.sql."):
                session.conf.set(name, value)
    except (ImportError, PySparkException) as error:
        raise EngineError(
            f"Spark Connect at {address} cannot be used: {error}. Check the address, and that "
            "pyspark[connect] is installed."
        ) from error
    return session


def _started(master: str, scratch: Path) -> tuple[SparkSession, bool]:
    """A session on this master, and whether it is new."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # A process has one Spark context. pyspark's public look-up sees only sessions of this thread.
    existing = SparkContext._active_spark_context  # noqa: SLF001
    if existing is not None:
        return SparkSession(existing), False
    java_home = find_java_home()
    scratch.mkdir(parents=True, exist_ok=True)
    is_local = master.startswith("local")
    options = {
        "spark.master": master,
        **_COMMON,
        **_DRIVER,
        **(_LOCAL if is_local else {}),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }
    environment = {"JAVA_HOME": str(java_home), "PYSPARK_PYTHON": sys.executable}
    if is_local:
        environment["SPARK_LOCAL_IP"] = _LOOPBACK
    with _environment(environment):
        return _launched(options), True


def _launched(options: Mapping[str, str]) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    configuration = SparkConf(loadDefaults=False).setAll(list(options.items()))
    # Java warns on its error stream before any setting of ours is read, so the stream goes to a
    # file, which is shown only if Java does not come up.
    with tempfile.TemporaryFile("w+", prefix="reviewgraph-spark-") as console:
        try:
            if SparkContext._gateway is None:  # noqa: SLF001, the only way to pass a stream
                streams = {"stdout": console, "stderr": console}
                gateway = launch_gateway(configuration, streams)  # type: ignore[no-untyped-call]
                SparkContext._ensure_initialized(gateway=gateway, conf=configuration)  # noqa: SLF001
            return SparkSession(SparkContext.getOrCreate(configuration))
        except PySparkRuntimeError as error:
            console.seek(0)
            raise EngineError(
                f"Spark did not start: {error}\n{console.read()[-2000:].strip()}"
            ) from error


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that pyspark reads only from the environment, while it starts Java."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
