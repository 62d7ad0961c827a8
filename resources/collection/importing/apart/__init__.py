"""Workbooks and Parquet files, read by a process of its own within fixed memory and time.

Both are unpacked by native code that takes what a file asks for, and a file of some kilobytes can
ask for terabytes: two cells far apart, one long text that a million cells share. Known ways are
refused by counting first (``workbooks``, ``parquet``); against unknown ones the process that reads
may take no more than a fixed amount of memory and processor time, and only it dies of more.

It gets the file as its input and writes Arrow batches of bounded size to its output. It ends with
the process that started it, so nothing is left running whatever happens to that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa

from resources.collection.importing.containers import DataFile, random_access
from resources.collection.importing.errors import ImportFileError, NotReviewsError
from resources.collection.importing.limits import Limits, in_words

REFUSED = 3
"""Exit status of a reader that has said in words what is wrong."""

Kind = Literal["workbook", "parquet"]
_PROJECT_ROOT = Path(__file__).resolve().parents[4]
_LONGEST_REFUSAL = 64 << 10
_WORDS = {
    "workbook": ("workbook", "Save its sheet as CSV"),
    "parquet": ("Parquet file", "Write it again with smaller row groups, or as CSV"),
}


@contextmanager
def reader_of(
    file: DataFile,
    kind: Kind,
    limits: Limits,
    *,
    whole: bool,
    on_read: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatchStreamReader]:
    """Read a file in a process of its own.

    Args:
        file: The file, or a member of an archive.
        kind: What it is.
        limits: How much it may hold, and how much its reader may take.
        whole: Whether all of it is wanted. Else only the first rows come, but the whole is looked
            at and refused where it holds too much: read the stream to its end to know.
        on_read: Told how many bytes were read from disk.

    Yields:
        Batches of bounded size; the metadata of their schema say what the reader found.

    Raises:
        ImportFileError: The file is damaged or holds too much.
        NotReviewsError: It has no row.
    """
    with (
        random_access(file, limits, on_read) as content,
        tempfile.TemporaryFile() as said,
        _started(kind, limits, content, said, whole=whole) as process,
    ):
        finished = False
        try:
            try:
                reader = pa.ipc.open_stream(process.stdout)
                yield reader
                finished = True
            except (pa.ArrowInvalid, OSError) as error:
                raise _refusal(file, kind, limits, process, said) from error
        finally:
            if not finished:
                process.kill()
        if process.wait():
            raise _refusal(file, kind, limits, process, said)


@contextmanager
def _started(
    kind: Kind, limits: Limits, content: IO[bytes], said: IO[bytes], *, whole: bool
) -> Iterator[subprocess.Popen[bytes]]:
    # Nothing is ever written to it: it ends with this process, however that ends, and the reader
    # with it. Its own output tells the reader only when it next writes, its input never.
    lifeline, held = os.pipe()
    environment = {
        **os.environ,
        # Neither may set memory aside beforehand: all of it counts.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OMP_NUM_THREADS": "1",
    }
    with os.fdopen(held, "wb"), os.fdopen(lifeline, "rb") as watched:
        task = json.dumps(
            {
                "kind": kind,
                "whole": whole,
                "limits": asdict(limits),
                "lifeline": watched.fileno(),
            }
        )
        with subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", __name__, task],
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=_PROJECT_ROOT,
            env=environment,
            pass_fds=[watched.fileno()],
        ) as process:
            yield process


def _refusal(
    file: DataFile,
    kind: Kind,
    limits: Limits,
    process: subprocess.Popen[bytes],
    said: IO[bytes],
) -> ImportFileError:
    """Say why the reader ended, in its own words where it had any."""
    if process.stdout is not None:
        process.stdout.close()
    status = process.wait()
    said.seek(0)
    words = said.read(_LONGEST_REFUSAL).decode(errors="replace").strip()
    noun, instead = _WORDS[kind]
    if status == REFUSED:
        refusal = json.loads(words.splitlines()[-1])
        error = NotReviewsError if refusal["passed_over"] else ImportFileError
        return error(f"{file.name} {refusal['reason']}")
    if status == 0:
        return ImportFileError(f"{file.name} is a damaged {noun}. Save it again, or as CSV.")
    return ImportFileError(
        f"{file.name} is a {noun} that cannot be read within "
        f"{in_words(limits.reader_memory_bytes)} of memory and {limits.reader_seconds:,} seconds, "
        f"which no file of reviews needs, or it is damaged. {instead}, and import that. To allow "
        "more memory, set REVIEWGRAPH_IMPORT_MEMORY."
    )
