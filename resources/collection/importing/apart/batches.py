"""Arrow batches cut so that none holds more than a fixed amount of text once it is written out."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

BATCH_BYTES = 16 << 20


def written_bytes(array: pa.Array) -> int:
    """Return how many bytes an array takes when every value is written out.

    A value that a dictionary holds once counts as often as it is referred to.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = _lengths(array.dictionary)
        return int(pc.sum(lengths.take(array.indices)).as_py() or 0) + len(array)
    if pa.types.is_struct(kind):
        return sum(map(written_bytes, array.flatten())) + len(array)
    if pa.types.is_map(kind):
        return int(array.nbytes)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return written_bytes(array.flatten()) + 2 * len(array)
    if isinstance(array, pa.ExtensionArray):
        return written_bytes(array.storage)
    return int(array.nbytes) + len(array)


def _lengths(dictionary: pa.Array) -> pa.Array:
    kind = dictionary.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        return pc.cast(pc.binary_length(dictionary), pa.int64())
    width = max(1, int(dictionary.nbytes) // max(1, len(dictionary)))
    return pa.array([width] * len(dictionary), pa.int64())


def batch_bytes(batch: pa.RecordBatch) -> int:
    """Return how many bytes a batch takes when every value is written out."""
    return sum(map(written_bytes, batch.columns))


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch into parts that are each small when written out, down to a single row."""
    if batch.num_rows <= 1 or batch_bytes(batch) <= BATCH_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from cut(batch.slice(0, half))
    yield from cut(batch.slice(half))
