"""What the OpenAPI document says beyond the routes: the shape of tags and of problem documents."""

from __future__ import annotations

import copy
from typing import Any, TypedDict

from fastapi import FastAPI
from pydantic import BaseModel

from serving_api.kit.errors import ProblemDocument, documented
from serving_api.kit.examples import add_examples
from serving_api.kit.problem_kinds import REGISTRY

PROBLEMS_TABLE = "\n".join(
    [
        "| Slug | Status | Meaning |",
        "|---|---|---|",
        *(f"| `{slug}` | {int(kind.status)} | {kind.title} |" for slug, kind in REGISTRY.items()),
    ]
)
"""The kinds of problem, as a Markdown table."""


class Tag(TypedDict):
    """What a slice is filed under; its routes declare it."""

    name: str
    description: str


def install(app: FastAPI) -> None:
    """Let the application's OpenAPI document hold the shape of its problem documents."""
    generate = app.openapi

    def document() -> dict[str, Any]:
        generated = generate()
        schemas = generated["components"]["schemas"]
        if "ProblemDocument" not in schemas:
            shape = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(shape.pop("$defs", {}))
            schemas["ProblemDocument"] = shape
            _drop_foreign_errors(generated)
            _tell_of_limits(generated)
            add_examples(generated)
            _tell_of_bodies(generated)
        return generated

    app.openapi = document  # type: ignore[method-assign]


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Take out FastAPI's own shape of validation errors, which no route answers with."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in content:
                del operation["responses"]["422"]


def _tell_of_limits(document: dict[str, Any]) -> None:
    """Whoever bears a token or key can be told to wait, and is told of the limits each time."""
    refusal = documented("too-many-requests")
    for methods in document["paths"].values():
        for operation in methods.values():
            if "security" not in operation:
                continue
            for status, told in refusal.items():
                operation["responses"].setdefault(str(status), copy.deepcopy(told))
            for answer in operation["responses"].values():
                answer.setdefault("headers", {}).update(copy.deepcopy(_LIMIT_HEADERS))


_LIMIT_HEADERS: dict[str, Any] = {
    "RateLimit-Policy": {
        "description": "How many requests one may send (q) in how many seconds (w).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many more one may send (r) before that is counted anew (t seconds).",
        "schema": {"type": "string"},
    },
}


def _tell_of_bodies(document: dict[str, Any]) -> None:
    """Whoever sends a body can be told that it cannot be read, or that it is too long."""
    refusals = documented("bad-request", "body-too-large")
    for methods in document["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                for status, told in refusals.items():
                    operation["responses"].setdefault(str(status), copy.deepcopy(told))


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a body that a route reads by itself, in one piece."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(parts[node["$ref"].rpartition("/")[2]])
        return {name: resolved(value) for name, value in node.items()}

    return dict(resolved(schema))
