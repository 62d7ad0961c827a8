"""Writes a typed client from an OpenAPI document: the test of a document is what it is good for.

It knows what our document uses of OpenAPI 3.1 and refuses the rest, so that a shape that no
generator could make sense of is noticed. Generators on PyPI bring a formatter and a template
language each; the tests need none of that.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

HEAD = '''"""Generated from the OpenAPI document. Do not edit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import httpx2
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Model(BaseModel):
    """An answer that says no more and no less than the document."""

    model_config = ConfigDict(extra="forbid")


class ProblemError(Exception):
    """The API said no."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(f"{status} {document}")
        self.status, self.document = status, document


def _spelled(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return [_spelled(one) for one in value] if isinstance(value, list) else str(value)
'''
CLIENT = '''

class Client:
    """One method for each operation."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=base_url, headers=headers, trust_env=False, timeout=30)

    def close(self) -> None:
        self._http.close()

    def _send(self, method: str, path: str, query: dict[str, Any], body: Any, answer: Any) -> Any:
        given = {name: _spelled(value) for name, value in query.items() if value is not None}
        content = body.model_dump(mode="json", exclude_unset=True) if body is not None else None
        response = self._http.request(method, path, params=given, json=content)
        if response.status_code >= 400:
            raise ProblemError(response.status_code, response.json())
        if answer is bytes:
            return response.content
        return None if answer is None else TypeAdapter(answer).validate_json(response.content)
'''
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"date": "date", "date-time": "datetime", "uuid": "UUID", "binary": "bytes"}


def generate(document: Mapping[str, Any]) -> str:
    """The source of a module with the document's shapes and a ``Client`` of its operations."""
    parts = [HEAD]
    for name, shape in document["components"]["schemas"].items():
        parts.append(_model(name, shape))
    parts.append(CLIENT)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(method.upper(), path, operation))
    return "\n".join(parts)


def _model(name: str, shape: Mapping[str, Any]) -> str:
    if "properties" not in shape and shape.get("type") != "object":
        return f"\n\n{_class(name)} = {_type(shape)}\n"
    lines = [f"\n\nclass {_class(name)}(Model):"]
    required = set(shape.get("required", ()))
    for field, described in shape.get("properties", {}).items():
        default = "" if field in required else f" = Field(default=None, alias={field!r})"
        if field in required:
            default = f" = Field(alias={field!r})"
        kind = _type(described)
        optional = "" if field in required or "None" in kind else " | None"
        lines.append(f"    {_name(field)}: {kind}{optional}{default}")
    return "\n".join(lines if len(lines) > 1 else [*lines, "    pass"]) + "\n"


def _type(shape: Mapping[str, Any]) -> str:
    if "$ref" in shape:
        return _class(shape["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf"):
        if several in shape:
            return " | ".join(dict.fromkeys(_type(one) for one in shape[several]))
    if "const" in shape:
        return f"Literal[{shape['const']!r}]"
    if "enum" in shape:
        return f"Literal[{', '.join(map(repr, shape['enum']))}]"
    return _plain_type(shape)


def _plain_type(shape: Mapping[str, Any]) -> str:
    kind = shape.get("type")
    if kind == "string":
        return _FORMATS.get(shape.get("format", ""), "str")
    if kind == "array":
        return f"list[{_type(shape.get('items', {}))}]"
    if kind == "object":
        values = shape.get("additionalProperties", True)
        return f"dict[str, {_type(values) if isinstance(values, dict) else 'Any'}]"
    return "Any" if kind is None else _PLAIN[kind]


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    in_path = re.findall(r"{(\w+)}", path)
    in_query = [one for one in parameters if one["in"] == "query"]
    arguments = [f"{_name(name)}: str" for name in in_path]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        arguments.append(f"body: {_type(body['schema']) if '$ref' in body['schema'] else 'Any'}")
    if in_query:
        arguments.append("*")
    for one in in_query:
        kind = _type(one["schema"])
        nullable = kind if "None" in kind else f"{kind} | None"
        optional = kind if one.get("required") else f"{nullable} = None"
        arguments.append(f"{_name(one['name'])}: {optional}")
    address = path
    for name in in_path:
        address = address.replace(f"{{{name}}}", f"{{{_name(name)}}}")
    query = ", ".join(f"{one['name']!r}: {_name(one['name'])}" for one in in_query)
    answer = next(_answers(operation))
    sent = "body" if body is not None else "None"
    return (
        f"\n    def {operation['operationId']}({', '.join(['self', *arguments])}) -> {answer}:\n"
        f'        """{operation["summary"]}."""\n'
        f"        return self._send({method!r}, f{address!r}, {{{query}}}, {sent}, {answer})"
    )


def _answers(operation: Mapping[str, Any]) -> Iterator[str]:
    """What an operation answers when all is well."""
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = answer.get("content", {})
        if "application/json" in content:
            yield _type(content["application/json"]["schema"])
        elif content:
            yield "bytes"
        else:
            yield "None"


def _class(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _name(name: str) -> str:
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) or plain in {"self", "body"} else plain
