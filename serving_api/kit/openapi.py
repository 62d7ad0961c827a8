"""What the OpenAPI document says beyond the routes: introduction, tags, problem documents."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serving_api.kit.errors import REGISTRY, TYPE_PREFIX, ProblemDocument

_PROBLEMS = "\n".join(
    f"| `{slug}` | {int(kind.status)} | {kind.title} |" for slug, kind in REGISTRY.items()
)

DESCRIPTION = f"""
Reads what ReviewGraph has collected, understood and counted for a tenant.

**Access.** `POST /v1/auth/token` gives an access token for the `Authorization: Bearer` header. What
one may see is decided anew with every request; what one may not see answers as if it did not exist.

**Numbers.** Every figure carries `review_count`, how many reviews it was computed from, and
`reviews`, the address of exactly those reviews.

**Freshness.** Answers with numbers carry an `ETag`. Send it back in `If-None-Match`; `304` means
that nothing has changed.

**Lists** are read page by page: follow `next` until it is null. New rows never make a page repeat
or skip another row.

**Problems** are answered as `application/problem+json` (RFC 9457) with a `type` of
`{TYPE_PREFIX}` and one of these slugs:

| Slug | Status | Meaning |
|---|---|---|
{_PROBLEMS}
"""

TAGS = [
    {"name": "identity", "description": "Logging in, and who one is."},
    {"name": "tenants", "description": "The tenants one belongs to."},
    {"name": "metrics", "description": "Numbers, each with the reviews behind it."},
    {"name": "reviews", "description": "The reviews themselves."},
    {"name": "corrections", "description": "What people say of reviews where the models err."},
    {
        "name": "understanding",
        "description": "What the reviews are read with.",
    },
    {"name": "analysis", "description": "Understanding texts while you wait."},
    {"name": "reports", "description": "Written reports: list, download, ask for another."},
    {"name": "health", "description": "For whoever runs the API."},
]


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
