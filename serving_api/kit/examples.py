"""An example for each body that the OpenAPI document describes, made from its schema.

What a field's author gives as an example is taken; the rest follows from types, formats and limits.
A document with examples can be tried out and read, and no example can be forgotten or grow old.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_JSON = "application/json"
_MAX_DEPTH = 8
_BY_FORMAT = {
    "date": "2026-03-31",
    "date-time": "2026-03-31T09:30:00Z",
    "email": "ada@example.com",
    "password": "correct horse battery staple",
    "uri": "https://example.com/",
    "uuid": "018f4e6a-7c1d-4b52-9d3e-5a0c1f2b3d4e",
}
# For strings that have to look a certain way: the first that does.
_SPELLINGS = ("acme", "example", "0123456789abcdef" * 2, "0123456789abcdef", "#2f5d8a", "en", "1.0")


class NoExampleError(ValueError):
    """A schema of which no example can be made; its author has to give one."""


def add_examples(document: dict[str, Any]) -> None:
    """Give each JSON body of a document an example, unless it has one."""
    schemas = document.get("components", {}).get("schemas", {})
    for content in _contents(document):
        body = content.get(_JSON, {})
        if "schema" in body and not {"example", "examples"} & body.keys():
            try:
                body["example"] = example_of(body["schema"], schemas)
            except NoExampleError:
                continue


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> Any:
    """An example of a schema.

    Args:
        schema: The schema.
        schemas: Those that it may refer to.
        depth: How deep it stands within the whole.

    Raises:
        NoExampleError: None can be made.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    given = _given(schema)
    if given is not None:
        return given
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            choices = [one for one in schema[word] if one.get("type") != "null"]
            return example_of(choices[0], schemas, depth) if choices else None
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        return _object(schema, schemas, depth)
    if kind == "array":
        return _array(schema, schemas, depth)
    return _plain(kind, schema)


def _given(schema: Mapping[str, Any]) -> Any:
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("example", "const", "default"):
        if schema.get(word) is not None:
            return schema[word]
    return None


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if depth >= _MAX_DEPTH:
        fields = {name: field for name, field in fields.items() if name in required}
    example = {}
    for name, field in fields.items():
        try:
            example[name] = example_of(field, schemas, depth + 1)
        except NoExampleError:
            if name in required:
                raise
    values = schema.get("additionalProperties")
    if not example and schema.get("minProperties") and isinstance(values, Mapping):
        example["example"] = example_of(values, schemas, depth + 1)
    return example


def _array(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> list[Any]:
    if depth >= _MAX_DEPTH and not schema.get("minItems"):
        return []
    if "prefixItems" in schema:
        return [example_of(one, schemas, depth + 1) for one in schema["prefixItems"]]
    item = example_of(schema.get("items", {"type": "string"}), schemas, depth + 1)
    return [item] * max(1, schema.get("minItems", 1))


def _plain(kind: str | None, schema: Mapping[str, Any]) -> Any:
    if kind == "string":
        return _string(schema)
    if kind in {"integer", "number"}:
        number = max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        return min(number, schema.get("maximum", number))
    return {"boolean": True, "null": None}.get(kind or "", "example")


def _string(schema: Mapping[str, Any]) -> str:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 1000)
    pattern = re.compile(schema.get("pattern", ""))
    for text in (*_SPELLINGS, "x" * shortest):
        if shortest <= len(text) <= longest and pattern.search(text):
            return text
    raise NoExampleError(f"a string like {schema.get('pattern')}")


def _contents(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every description of a body: of requests, and of answers that are no problems."""
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation.get("requestBody", {}).get("content", {})
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    yield answer.get("content", {})
