"""Running a slow batch function on several cores of one machine.

Workers are plain child processes that speak Arrow over pipes, not ``multiprocessing``: that forks
or re-imports the caller's main module, is forbidden inside daemonic processes, and leaves orphans
when the parent is killed. Here a worker ends when its input ends, whatever happened to the parent,
and it makes no difference whether the caller is a script, a Dagster run or a server.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from resources.engine.base import BatchFunction, EngineError

_PROJECT_ROOT = str(Path(__file__).resolve().parents[2])
# A worker needs about a second to start; below this many rows one process is done earlier.
_MIN_ROWS = 8_000
# So that no worker waits for the one that has the slowest batch, and memory stays bounded.
_WAITING_PER_WORKER = 4


class WorkerError(EngineError):
    """A worker process ended before its work was done."""


def mapped(
    batches: Iterable[pa.RecordBatch], function: BatchFunction, workers: int
) -> Iterator[pa.RecordBatch]:
    """Run a function over batches, in worker processes when there is enough to do.

    Args:
        batches: What it is given, one after the other.
        function: The function; it must be picklable.
        workers: Processes to use; few rows and 1 are done in this process.

    Yields:
        The results in the order of the batches.

    Raises:
        WorkerError: A worker died, for example for want of memory.
    """
    batches = iter(batches)
    first: list[pa.RecordBatch] = []
    while workers > 1 and sum(batch.num_rows for batch in first) < _MIN_ROWS:
        batch = next(batches, None)
        if batch is None:
            break
        first.append(batch)
    if sum(batch.num_rows for batch in first) < _MIN_ROWS:
        yield from map(function, chain(first, batches))
        return
    with WorkerProcesses(function, workers) as processes:
        yield from processes.map(chain(first, batches))


class WorkerProcesses:
    """Processes that run one function. Use it as a context manager.

    Args:
        function: What they run.
        count: How many there are.
    """

    def __init__(self, function: BatchFunction, count: int) -> None:
        self._function = pickle.dumps(function)
        self._count = count
        self._own = threading.local()
        self._started: list[_Worker] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="batch-worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A worker that is in the middle of a batch is not waited for.
        for worker in self._started:
            worker.stop()
        self._threads.shutdown(cancel_futures=True)

    def map(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Results in the order of the batches; a few batches are on their way at any time."""
        waiting: deque[Future[pa.RecordBatch]] = deque()
        for batch in batches:
            waiting.append(self._threads.submit(self._answer, batch))
            if len(waiting) >= self._count * _WAITING_PER_WORKER:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = _Worker(self._function, batch.schema)
            self._started.append(worker)
        return worker.answer(batch)


class _Worker:
    """One process: each batch is answered before the next one is sent."""

    def __init__(self, function: bytes, schema: pa.Schema) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resources.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the command, which ends its workers itself
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(
                    [str(_PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
                )
            },
        )
        self._reader: pa.RecordBatchReader | None = None
        sink, source = self._process.stdin, self._process.stdout
        if sink is None or source is None:  # cannot be: both were asked for as pipes
            raise self._ended()
        self._sink, self._source = sink, source
        try:
            self._sink.write(len(function).to_bytes(8, "little") + function)
            self._writer = pa.ipc.new_stream(self._sink, schema)
        except OSError as error:
            ended = self._ended()
            self.stop()
            raise ended from error

    def answer(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            self._writer.write_batch(batch)
            self._sink.flush()
            if self._reader is None:
                self._reader = pa.ipc.open_stream(self._source)
            return self._reader.read_next_batch()
        except (OSError, ValueError, StopIteration, pa.ArrowInvalid) as error:
            raise self._ended() from error

    def stop(self) -> None:
        self._process.kill()  # no cleanup needed
        self._process.wait()
        for pipe in (self._sink, self._source):
            # What is still buffered for a dead process must not replace the error that matters.
            with suppress(OSError, ValueError):
                pipe.close()

    def _ended(self) -> WorkerError:
        return WorkerError(
            f"A process that reads reviews ended early (exit code {self._process.poll()}). Its own "
            "message is above; if there is none, the machine may be out of memory: set "
            "REVIEWGRAPH_WORKERS=1."
        )
