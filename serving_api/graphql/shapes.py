"""GraphQL types made from the shapes of the REST slices, so that each is described once.

Strawberry has an integration of its own for pydantic models; it knows no literals and no numbers
that may be whole or not, and would copy every answer. Here a type only names the fields: the
answers themselves are what the services return, read attribute by attribute.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import strawberry
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from strawberry.scalars import JSON

from serving_api.kit.paging import Page

_made: dict[type[BaseModel], type] = {}


def output_of(
    model: type[BaseModel], *, name: str | None = None, more: Mapping[str, Any] | None = None
) -> type:
    """The GraphQL type of an answer's shape; the same one for the same shape.

    Args:
        model: The shape. Addresses of REST's pages are left out: GraphQL has none.
        name: What it is called; as the shape when not given.
        more: Further fields, each with its resolver; they go before those of the shape.
    """
    if model in _made:
        return _made[model]
    left_out = {"next"} if issubclass(model, Page) else set[str]()
    left_out |= set(more or {})
    fields = {key: field for key, field in model.model_fields.items() if key not in left_out}
    made = _made[model] = _dressed(
        strawberry.type,
        name or model.__name__.partition("[")[0],
        model.__doc__,
        {
            # GraphQL's whole numbers end at two thousand million: files may be larger.
            key: (float if "byte" in key else _output_type(field.annotation), field.description)
            for key, field in fields.items()
        },
        more or {},
    )
    return made


def input_of(model: type[BaseModel], *, name: str, only: Collection[str] | None = None) -> type:
    """The GraphQL input of a shape of parameters; whatever is given is checked by the shape.

    Args:
        model: The shape.
        name: What it is called.
        only: Only these fields; all but those that have another name by now when not given.
    """
    fields = {
        key: field
        for key, field in model.model_fields.items()
        if (key in only if only is not None else not field.deprecated)
    }
    return _dressed(
        strawberry.input,
        name,
        model.__doc__,
        {key: (_input_type(field), field.description) for key, field in fields.items()},
        dict.fromkeys(fields, strawberry.UNSET),
    )


def given_of(value: Any) -> dict[str, Any]:
    """What a client has given of an input, by the names of its shape."""
    if value is None or value is strawberry.UNSET:
        return {}
    return {key: given for key, given in vars(value).items() if given is not strawberry.UNSET}


def _dressed(
    kind: Any,
    name: str,
    description: str | None,
    fields: Mapping[str, tuple[Any, str | None]],
    values: Mapping[str, Any],
) -> type:
    body: dict[str, Any] = {
        "__annotations__": {key: annotation for key, (annotation, _) in fields.items()},
        "__module__": __name__,
    }
    for key, (_, told) in fields.items():
        default = {"default": values[key]} if key in values else {}
        body[key] = strawberry.field(description=told, **default)
    body |= {key: value for key, value in values.items() if key not in fields}
    made: type = kind(type(name, (), body), name=name, description=description)
    return made


def _output_type(annotation: Any) -> Any:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        known = [part for part in parts if part is not types.NoneType]
        inner = float if set(known) == {int, float} else _output_type(known[0])
        return inner | None if len(known) < len(parts) else inner
    if origin is list:
        return list[_output_type(parts[0])]  # type: ignore[misc]
    if origin is Literal:
        return str
    if origin is dict or annotation is Any:
        return JSON
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return output_of(annotation)
    return annotation


def _input_type(field: FieldInfo) -> Any:
    annotation = _output_type(field.annotation)
    return annotation if type(None) in get_args(annotation) else annotation | None
