"""The engines: Polars on one machine, Spark on many. A transform is written once, for both.

A transform takes and gives narwhals lazy frames, or Arrow record batches, and does not know which
engine runs it. What belongs here is how an engine reads the lake, runs a function over batches and
hands over its result; what is computed belongs to the callers.
"""

from __future__ import annotations

from resources.engine.base import BatchFunction, Engine, EngineError
from resources.engine.polars_engine import PolarsEngine
from resources.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Start the engine that the settings name; leave its ``with`` block to stop it.

    Raises:
        EngineError: Spark was chosen and this machine cannot run it.
    """
    if settings.engine == "polars":
        return PolarsEngine(workers=settings.worker_count, scratch=settings.scratch_path)
    from resources.engine.spark_engine import SparkEngine

    return SparkEngine(settings.spark_master, scratch=settings.scratch_path)


__all__ = ["BatchFunction", "Engine", "EngineError", "PolarsEngine", "open_engine"]
