"""Drawing an OpenAPI document as one page that needs no other: no script, no font, no request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from fastapi import FastAPI
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

PATH = "/docs"
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_FOLDER = files("serving_api.documentation")
_MAX_DEPTH = 4  # of schemas within schemas; what is deeper has a name of its own

# One style and nothing else may come in, not even from this server.
_POLICY = (
    "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation"
)


def install(app: FastAPI) -> None:
    """Serve the application's document at ``/docs``, drawn when it is first asked for."""
    drawn: list[str] = []

    async def show_documentation(_request: Request) -> HTMLResponse:
        if not drawn:
            drawn.append(render(app.openapi()))
        return HTMLResponse(drawn[0], headers={"Content-Security-Policy": policy()})

    app.add_route(PATH, show_documentation, methods=["GET"], include_in_schema=False)


def render(document: Mapping[str, Any]) -> str:
    """Draw an OpenAPI 3.1 document.

    Args:
        document: The document, references to ``#/components/schemas`` in it.

    Returns:
        A whole HTML page.
    """
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            document=document,
            sections=list(_sections(document)),
            schemas=sorted(document.get("components", {}).get("schemas", {}).items()),
            style=style(),
        )
    )


@cache
def environment() -> jinja2.Environment:
    """What the pages are drawn with."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"markdown": _markdown, "kind": kind_of, "fields": fields_of}
    return made


@cache
def policy() -> str:
    """The content security policy of the page."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return _POLICY.format(digest=digest)


def kind_of(schema: Mapping[str, Any], depth: int = 0) -> Markup:
    """Say in a few words what values a schema takes; a named schema is a link to it."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices and depth < _MAX_DEPTH:
        return Markup(" or ").join(dict.fromkeys(kind_of(one, depth + 1) for one in choices))
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(one) for one in schema["enum"])
    return _plain_kind(schema, depth)


def _plain_kind(schema: Mapping[str, Any], depth: int) -> Markup:
    kinds = schema.get("type", "any value")
    kind = Markup("{}").format(" or ".join(kinds) if isinstance(kinds, list) else kinds)
    if kind == "array" and depth < _MAX_DEPTH:
        kind = Markup("list of {}").format(kind_of(schema.get("items", {}), depth + 1))
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, Mapping) and depth < _MAX_DEPTH:
        kind = Markup("object of {}").format(kind_of(values, depth + 1))
    limits = ", ".join(
        f"{word} {schema[name]}" for name, word in _LIMITS.items() if schema.get(name) is not None
    )
    return Markup("{} <small>({})</small>").format(kind, limits) if limits else kind


_LIMITS = {
    "format": "as",
    "minimum": "from",
    "exclusiveMinimum": "over",
    "maximum": "to",
    "exclusiveMaximum": "under",
    "minLength": "at least letters:",
    "maxLength": "at most letters:",
    "minItems": "at least items:",
    "maxItems": "at most items:",
    "pattern": "like",
    "default": "by default",
}


def fields_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of an object, each with its name, schema and whether it must be there."""
    required = set(schema.get("required", ()))
    return [
        {"name": name, "schema": one, "is_required": name in required}
        for name, one in schema.get("properties", {}).items()
    ]


def _sections(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The tags in their order, each with its operations; what has none comes last."""
    named = [(tag["name"], tag.get("description", "")) for tag in document.get("tags", ())]
    left = list(_operations(document))
    for name, description in (*named, ("other", "")):
        is_last = name == "other"
        here = [one for one in left if is_last or name in one["tags"]]
        left = [one for one in left if one not in here]
        if here:
            yield {"name": name, "description": description, "operations": here}


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                yield {
                    "id": operation.get("operationId", f"{method}-{path}"),
                    "tags": operation.get("tags", ()),
                    "method": method.upper(),
                    "path": path,
                    "operation": operation,
                    "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())],
                }


def _markdown(text: str | None) -> Markup:
    """Descriptions are Markdown; HTML in them is shown as text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(reader.render(text or ""))  # noqa: S704 - the reader escapes what it is given


@cache
def style() -> Markup:
    """The style of all pages."""
    return Markup((_FOLDER / "page.css").read_text("utf-8"))  # noqa: S704 - our own file


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
