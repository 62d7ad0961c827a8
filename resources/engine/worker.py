"""One worker process of ``processes``: Arrow batches in on standard input, answers out.

The input begins with the length of a pickled function (8 bytes, little endian) and the function;
then an Arrow IPC stream follows. Each batch is answered before the next one is read. The end of the
input, also by the parent's death, ends the process.
"""

from __future__ import annotations

import os
import pickle
import sys


def main() -> None:
    """Answer batches until the input ends."""
    # One process per core does the work; threads inside each would only get in each other's way.
    os.environ["POLARS_MAX_THREADS"] = "1"
    import pyarrow as pa

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    length = int.from_bytes(source.read(8), "little")
    function = pickle.loads(source.read(length))  # noqa: S301, from the process that started us
    writer: pa.RecordBatchStreamWriter | None = None
    for batch in pa.ipc.open_stream(source):
        answer = function(batch)
        if writer is None:
            writer = pa.ipc.new_stream(sink, answer.schema)
        writer.write_batch(answer)
        sink.flush()


if __name__ == "__main__":
    main()
