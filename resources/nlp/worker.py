"""One worker process of ``pool``: Arrow batches in on standard input, annotations out.

The first line of input is the context; then an Arrow IPC stream of reviews follows. Each batch is
answered before the next one is read. The end of the input, also by the parent's death, ends it.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Answer batches until the input ends."""
    # One process per core does the work; threads inside each would only get in each other's way.
    os.environ["POLARS_MAX_THREADS"] = "1"
    import pyarrow as pa

    from resources.nlp.annotating import annotate
    from resources.nlp.annotation_schema import ANNOTATION_SCHEMA
    from resources.nlp.context import AnnotationContext

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    context = AnnotationContext.from_json(source.readline().decode())
    reader = pa.ipc.open_stream(source)
    with pa.ipc.new_stream(sink, ANNOTATION_SCHEMA) as writer:
        for batch in reader:
            writer.write_batch(annotate(batch, context))
            sink.flush()


if __name__ == "__main__":
    main()
