"""The page that shows the API's document: all of it, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from serving_api.documentation.page import kind_of, policy, render

DOCUMENT = json.loads((Path(__file__).parents[1] / "contract" / "openapi.json").read_text())
OUTSIDE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids.add(given.get("id"))
        self.links += [given[name] for name in ("href", "src", "action") if given.get(name)]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page():
    return Page(render(DOCUMENT))


def test_every_operation_parameter_and_shape_is_on_the_page(page):
    text = " ".join(page.text)
    for path, item in DOCUMENT["paths"].items():
        assert path in text
        for operation in item.values():
            assert operation["summary"] in text
            assert operation["operationId"] in page.ids
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in text
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert f"schema-{name}" in page.ids
        for field in schema.get("properties", {}):
            assert field in text


def test_nothing_is_asked_of_elsewhere_and_nothing_can_run(page):
    assert not [link for link in page.links if OUTSIDE.match(link)]
    assert not {"script", "iframe", "object", "form", "img", "link"} & set(page.tags)


def test_every_link_on_the_page_leads_somewhere(page):
    for link in page.links:
        assert link == "/openapi.json" or link.removeprefix("#") in page.ids, link


def test_the_policy_lets_in_the_style_of_the_page_and_nothing_else():
    (style,) = re.findall(r"<style>(.*?)</style>", render(DOCUMENT), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy()
    assert "default-src 'none'" in policy()
    assert "script" not in policy()


def test_a_hostile_document_is_text():
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))"
    shown = render(
        {
            "info": {"title": hostile, "version": hostile, "description": hostile},
            "paths": {
                f"/{hostile}": {
                    "get": {
                        "summary": hostile,
                        "description": hostile,
                        "parameters": [{"name": hostile, "in": "query", "schema": {}}],
                        "responses": {"200": {"description": hostile}},
                    }
                }
            },
            "components": {"schemas": {hostile: {"enum": [hostile], "description": hostile}}},
        }
    )
    page = Page(shown)
    assert not {"script", "img"} & set(page.tags)
    assert not [link for link in page.links if link.startswith("javascript")]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "integer (from 1, to 5)"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Mention"}}, "list of Mention"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({"enum": ["asc", "desc"]}, "asc, desc"),
        ({"const": "aspects"}, "aspects"),
        ({}, "any value"),
    ],
)
def test_a_schema_is_said_in_a_few_words(schema, said):
    assert "".join(Page(str(kind_of(schema))).text) == said


def test_a_schema_that_holds_itself_ends():
    endless = {"type": "array"}
    endless["items"] = endless
    assert "list of" in kind_of(endless)
