"""Annotating a table on several cores.

Workers are plain child processes that speak Arrow over pipes, not ``multiprocessing``: that forks
or re-imports the caller's main module, is forbidden inside daemonic processes, and leaves orphans
when the parent is killed. Here a worker ends when its input ends, whatever happened to the parent,
and it makes no difference whether the caller is a script, a Dagster run or a Spark worker.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import pyarrow as pa

from resources.errors import ReviewGraphError
from resources.nlp.annotating import annotate
from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
from resources.nlp.context import AnnotationContext

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_COLUMNS = ("review_key", "version", "title", "text", "rating", "language_given")
_ROWS_PER_MESSAGE = 2_048
# A worker needs about a second to start; below this many rows one process is done earlier.
_MIN_ROWS = 8_000


class WorkerError(ReviewGraphError):
    """A worker process ended before its work was done."""


def annotate_table(table: pa.Table, context: AnnotationContext, workers: int) -> pa.Table:
    """Understand a table of reviews.

    Args:
        table: Columns review_key, version, title, text, and optionally rating and language_given.
        context: What to read them with.
        workers: Processes to use; small tables and 1 are done in this process.

    Returns:
        ``ANNOTATION_SCHEMA``, row for row in the order of ``table``, the same for any ``workers``.

    Raises:
        WorkerError: A worker died, for example for want of memory.
    """
    read = [name for name in _COLUMNS if name in table.column_names]
    batches = table.select(read).combine_chunks().to_batches(max_chunksize=_ROWS_PER_MESSAGE)
    if workers <= 1 or table.num_rows < _MIN_ROWS:
        return pa.Table.from_batches(
            [annotate(batch, context) for batch in batches], ANNOTATION_SCHEMA
        )
    context.models.require()  # one clear error here instead of one from every worker
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(batches)):
        waiting.put(number)
    answers: dict[int, pa.RecordBatch] = {}
    count = min(workers, len(batches))
    with ThreadPoolExecutor(count, thread_name_prefix="nlp-worker") as threads:
        runs = [threads.submit(_serve, batches, waiting, answers, context) for _ in range(count)]
        for run in runs:
            run.result()
    return pa.Table.from_batches([answers[number] for number in range(len(batches))])


def _serve(
    batches: list[pa.RecordBatch],
    waiting: SimpleQueue[int],
    answers: dict[int, pa.RecordBatch],
    context: AnnotationContext,
) -> None:
    """Send waiting batches to one worker process until none is left."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(_PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])
    }
    with subprocess.Popen(
        [sys.executable, "-m", "resources.nlp.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            _exchange(process, batches, waiting, answers, context)
        except (OSError, pa.ArrowInvalid) as error:
            raise WorkerError(
                f"A process that reads reviews ended early (exit code {process.poll()}). Its own "
                "message is above; if there is none, the machine may be out of memory: set "
                "REVIEWGRAPH_WORKERS=1."
            ) from error
        finally:
            process.kill()  # no cleanup needed
            if process.stdin is not None:
                # What is still buffered for a dead process must not replace the error that matters.
                with suppress(OSError):
                    process.stdin.close()


def _exchange(
    process: subprocess.Popen[bytes],
    batches: list[pa.RecordBatch],
    waiting: SimpleQueue[int],
    answers: dict[int, pa.RecordBatch],
    context: AnnotationContext,
) -> None:
    source, sink = process.stdout, process.stdin
    if source is None or sink is None:  # cannot be: both were asked for as pipes
        raise WorkerError("A process that reads reviews has no pipes. Start again.")
    sink.write(context.to_json().encode() + b"\n")
    writer = pa.ipc.new_stream(sink, batches[0].schema)
    reader: pa.RecordBatchReader | None = None
    while True:
        try:
            number = waiting.get_nowait()
        except Empty:
            return
        writer.write_batch(batches[number])
        sink.flush()
        if reader is None:
            reader = pa.ipc.open_stream(source)
        answers[number] = reader.read_next_batch()
