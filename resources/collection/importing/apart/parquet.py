"""Reading a Parquet file whose values may unpack to any amount.

Texts are taken as dictionaries where the file has them so. What they would take written out is
counted before it is: a dictionary of one long text and a million references to it is a small file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from resources.collection.importing.apart.batches import batch_bytes, cut
from resources.collection.importing.apart.refusals import RefusedError
from resources.collection.importing.limits import Limits
from resources.collection.importing.tables import sample_rows

_BATCH_CELLS = 100_000
_BATCH_ROWS = 5_000
_BATCH_ROWS_UNCOUNTED = 256  # where texts are written out before they can be counted
_COUNTED = frozenset({"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"})
_BUFFER = 1 << 20
_DEEPEST_STRUCT = 8


def read(stream: IO[bytes], output: IO[bytes], limits: Limits, *, whole: bool) -> None:
    """Write the rows of a Parquet file as an Arrow stream, structs flattened to names with dots.

    Raises:
        RefusedError: It is damaged, or holds too much.
    """
    try:
        packed = stream.seek(0, 2)
        stream.seek(0)
        _read(stream, output, limits, packed, whole=whole)
    except BrokenPipeError:
        raise
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise RefusedError(f"is a damaged Parquet file ({reason}). Export it again.") from error


def _read(
    stream: IO[bytes], output: IO[bytes], limits: Limits, packed: int, *, whole: bool
) -> None:
    metadata = pq.read_metadata(stream)
    _require_modest(metadata, limits, packed)
    stream.seek(0)
    counted, uncounted = _texts(metadata)
    file = pq.ParquetFile(stream, read_dictionary=counted, pre_buffer=False, buffer_size=_BUFFER)
    most = limits.unpacked_from(packed, limits.parquet_text_bytes)
    wanted = metadata.num_rows if whole else sample_rows(metadata.num_columns)
    size = written = 0
    writer: pa.RecordBatchStreamWriter | None = None
    most_rows = _BATCH_ROWS_UNCOUNTED if uncounted else _BATCH_ROWS
    rows = max(1, min(most_rows, _BATCH_CELLS // max(1, metadata.num_columns)))
    for batch in file.iter_batches(batch_size=rows, use_threads=False):
        size += batch_bytes(batch)
        if size > most:
            raise RefusedError(
                f"unpacks to more than {most:,} bytes from {packed:,} on disk, which no file of "
                "reviews does: it repeats a few long values very often. Look what is inside."
            )
        if written >= wanted:
            continue
        for part in _plain(batch.slice(0, wanted - written), limits):
            if writer is None:
                schema = part.schema.with_metadata({"rows": str(metadata.num_rows)})
                writer = pa.ipc.new_stream(output, schema)
            writer.write_batch(part)
            written += part.num_rows
    if writer is None:
        raise RefusedError("has no row: there is nothing to import.")
    writer.close()


def _require_modest(metadata: pq.FileMetaData, limits: Limits, packed: int) -> None:
    """Refuse by what the file says of itself, before anything of it is read."""
    if metadata.num_columns > limits.columns:
        raise RefusedError(
            f"has {metadata.num_columns:,} columns, more than the {limits.columns:,} that one "
            "table may have. Export only the columns of the reviews."
        )
    names = sum(len(metadata.schema.column(one).path) for one in range(metadata.num_columns))
    if names > limits.column_names_characters:
        raise RefusedError(
            f"has names of columns of {names:,} characters together, more than "
            f"{limits.column_names_characters:,}. Check how it was exported."
        )
    if metadata.num_rows > limits.records:
        raise RefusedError(
            f"has {metadata.num_rows:,} rows, more than the {limits.records:,} that one file may "
            "have. Split it, and import the parts one after the other."
        )
    unpacked = sum(
        metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)
    )
    most = limits.unpacked_from(packed)
    if unpacked > most:
        raise RefusedError(
            f"would unpack to {unpacked:,} bytes from {packed:,} on disk, more than the {most:,} "
            "that one file of its size may. Split it, and look what is inside."
        )


def _texts(metadata: pq.FileMetaData) -> tuple[list[str], list[str]]:
    """List the columns of text that can be taken as dictionaries, and those that cannot."""
    counted: list[str] = []
    uncounted: list[str] = []
    for number in range(metadata.num_columns):
        column = metadata.schema.column(number)
        if column.physical_type != "BYTE_ARRAY":
            continue
        encodings = {
            encoding
            for group in range(metadata.num_row_groups)
            for encoding in metadata.row_group(group).column(number).encodings
        }
        can_count = encodings <= _COUNTED and ".key_value." not in column.path
        (counted if can_count else uncounted).append(column.path)
    return counted, uncounted


def _plain(batch: pa.RecordBatch, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Cut a batch, and write its dictionaries, structs, bytes and times out."""
    for part in cut(batch):
        if batch_bytes(part) > limits.record_characters and part.num_rows == 1:
            raise RefusedError(
                f"has a row of more than {limits.record_characters:,} characters, which no review "
                "has. Check how it was exported."
            )
        table = pa.Table.from_batches([part])
        for _ in range(_DEEPEST_STRUCT):
            if not any(pa.types.is_struct(kind) for kind in table.schema.types):
                break
            table = table.flatten()
        table = pa.table(
            [_as_received(column.combine_chunks()) for column in table.columns],
            names=table.column_names,
        )
        yield from table.combine_chunks().to_batches()


def _as_received(array: pa.Array) -> pa.Array:
    """Write out dictionaries; turn bytes into text, and times into their ISO form."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return _as_text(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:  # bytes that are no UTF-8
            return _decoded(array.view(pa.binary() if kind == pa.string() else pa.large_binary()))
        return array.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _decoded(array)
    if pa.types.is_nested(kind):
        array = array.cast(_without_dictionaries(kind))
    array.validate(full=True)
    return array


def _without_dictionaries(kind: pa.DataType) -> pa.DataType:
    """Return the type of a list whose values are written out."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(_without_dictionaries(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return pa.struct([(one.name, _without_dictionaries(one.type)) for one in fields])
    return kind


def _as_text(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.string())
    except pa.ArrowNotImplementedError:  # a duration
        values = [None if value is None else str(value) for value in array.to_pylist()]
        return pa.array(values, pa.string())


def _decoded(array: pa.Array) -> pa.Array:
    values = [
        None if value is None else value.decode(errors="replace") for value in array.to_pylist()
    ]
    return pa.array(values, pa.string())
