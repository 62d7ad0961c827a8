"""Answers that are tables: their rows as CSV, Arrow or Parquet, and fewer of their fields.

The columns follow from the model of a row and not from its values, so that a page without rows has
the same columns as any other. A model within a model becomes columns of its own:
``average_rating.value``, ``average_rating.low``.
"""

from __future__ import annotations

import io
import types
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, Field

from resources.values.spreadsheets import csv_of
from serving_api.kit.errors import invalid_parameter
from serving_api.kit.negotiation import Form

_ROWS = ("items", "points")
_TYPES: dict[Any, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    date: pa.date32(),
    datetime: pa.timestamp("us", tz="UTC"),
}

FieldsParameter = Annotated[
    str | None,
    Field(
        max_length=1000,
        description="Only these fields of each row, separated by commas; all if unset.",
        examples=["review_key,rating"],
    ),
]
"""The parameter with which a client chooses fields; see :func:`chosen_fields`."""


@dataclass(frozen=True)
class Rows:
    """Where the rows of an answer stand, and of which model they are."""

    name: str
    model: type[BaseModel]


@cache
def rows_of(answer: type[BaseModel] | None) -> Rows | None:
    """The rows of a kind of answer; None for one that is no table."""
    for name in _ROWS if answer is not None else ():
        field = answer.model_fields.get(name)  # type: ignore[union-attr] # see the line above
        inner = get_args(field.annotation) if field is not None else ()
        if inner and isinstance(inner[0], type) and issubclass(inner[0], BaseModel):
            return Rows(name, inner[0])
    return None


def chosen_fields(wanted: str | None, rows: Rows) -> tuple[str, ...] | None:
    """The fields that a client asks for, in the order of the model; None for all of them.

    Raises:
        Problem: ``invalid-parameters`` for a name that is none of a field.
    """
    if wanted is None:
        return None
    names = {name.strip() for name in wanted.split(",")}
    known = tuple(rows.model.model_fields)
    if not names <= set(known):
        raise invalid_parameter("query.fields", f"names no field; there are: {', '.join(known)}")
    return tuple(name for name in known if name in names)


def as_json(answer: BaseModel, rows: Rows | None, fields: tuple[str, ...] | None) -> bytes:
    """An answer as JSON, its rows with these fields."""
    if rows is None or fields is None:
        return answer.model_dump_json().encode()
    include: dict[str, Any] = dict.fromkeys(type(answer).model_fields, True)
    include[rows.name] = {"__all__": set(fields)}
    return answer.model_dump_json(include=include).encode()


def as_table(answer: BaseModel, rows: Rows, fields: tuple[str, ...] | None, form: Form) -> bytes:
    """The rows of an answer in a form that is no JSON."""
    table = _table(getattr(answer, rows.name), rows.model, fields)
    if form == "csv":
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is a frame
        lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
        return csv_of(frame.with_columns(pl.col(lists).list.join("; "))).encode()
    sink = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, sink, compression="zstd")
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


def _table(
    items: Sequence[BaseModel], model: type[BaseModel], fields: tuple[str, ...] | None
) -> pa.Table:
    columns = [column for column in _columns(model) if fields is None or column[0][0] in fields]
    return pa.Table.from_arrays(
        [pa.array([_at(item, path) for item in items], kind) for path, kind in columns],
        schema=pa.schema([(".".join(path), kind) for path, kind in columns]),
    )


@cache
def _columns(model: type[BaseModel]) -> tuple[tuple[tuple[str, ...], pa.DataType], ...]:
    """Path and type of each column."""
    columns: list[tuple[tuple[str, ...], pa.DataType]] = []
    for name, field in model.model_fields.items():
        kind = _without_none(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            columns += [((name, *path), inner) for path, inner in _columns(kind)]
        else:
            columns.append(((name,), _arrow_type(kind)))
    return tuple(columns)


def _arrow_type(kind: Any) -> pa.DataType:
    if get_origin(kind) is list:
        inner = _without_none(get_args(kind)[0])
        return pa.list_(_TYPES.get(inner, pa.string()))
    if get_origin(kind) in {Union, types.UnionType} and set(get_args(kind)) <= {int, float}:
        return pa.float64()
    if get_origin(kind) is Literal:
        return _TYPES.get(type(get_args(kind)[0]), pa.string())
    return _TYPES.get(kind, pa.string())


def _without_none(kind: Any) -> Any:
    """A type without the possibility that nothing stands there: every column may hold nulls."""
    if get_origin(kind) is Annotated:
        return _without_none(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return _without_none(kinds[0]) if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007
    return kind


def _at(item: BaseModel, path: tuple[str, ...]) -> Any:
    value: Any = item
    for name in path:
        value = None if value is None else getattr(value, name)
    if isinstance(value, list):
        return [
            one if isinstance(one, str | int | float | bool) else _spelled(one) for one in value
        ]
    known = str | bool | int | float | date | None
    return value if isinstance(value, known) else _spelled(value)


def _spelled(value: Any) -> str:
    """What has no column type of its own, as JSON."""
    return value.model_dump_json() if isinstance(value, BaseModel) else str(value)
