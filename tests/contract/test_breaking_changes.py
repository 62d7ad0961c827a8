"""The gate before the API's document tells what breaks a client from what does not."""

from __future__ import annotations

import copy
from datetime import date

import pytest

from tests.contract.breaking import breaking_changes

DOCUMENT = {
    "paths": {
        "/reports": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}},
                    {"in": "query", "name": "sort", "schema": {"enum": ["new", "old"]}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Page"}}
                        }
                    }
                },
            },
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/New"}}
                    }
                },
                "responses": {"202": {}},
            },
        }
    },
    "components": {
        "schemas": {
            "Page": {
                "type": "object",
                "required": ["items"],
                "properties": {
                    "items": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["id", "count"],
                            "properties": {
                                "id": {"type": "string"},
                                "count": {"type": "integer"},
                                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                            },
                        },
                    }
                },
            },
            "New": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "title": {"type": "string", "maxLength": 100},
                    "kind": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
        }
    },
}


def changed(change):
    new = copy.deepcopy(DOCUMENT)
    change(new)
    return breaking_changes(DOCUMENT, new, date(2026, 11, 27))


def listing(document):
    return document["paths"]["/reports"]["get"]


def row(document):
    return document["components"]["schemas"]["Page"]["properties"]["items"]["items"]


def new_report(document):
    return document["components"]["schemas"]["New"]


BREAKING = {
    "the operation is gone": lambda d: d["paths"]["/reports"].pop("post"),
    "the path is gone": lambda d: d["paths"].pop("/reports"),
    "the status is gone": lambda d: listing(d)["responses"].pop("200"),
    "the form is gone": lambda d: listing(d)["responses"]["200"]["content"].clear(),
    "a field of the answer is gone": lambda d: row(d)["properties"].pop("note"),
    "a field may be missing": lambda d: row(d)["required"].remove("count"),
    "a field can be null": lambda d: row(d)["properties"].update(
        count={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "a field is of another type": lambda d: row(d)["properties"].update(count={"type": "string"}),
    "a parameter is gone": lambda d: listing(d)["parameters"].pop(),
    "a parameter has to be given": lambda d: listing(d)["parameters"][0].update(required=True),
    "a new parameter has to be given": lambda d: listing(d)["parameters"].append(
        {"in": "query", "name": "tenant", "required": True, "schema": {"type": "string"}}
    ),
    "a limit is lower": lambda d: listing(d)["parameters"][0]["schema"].update(maximum=100),
    "a word is gone": lambda d: listing(d)["parameters"][1]["schema"].update(enum=["new"]),
    "a field has to be sent": lambda d: new_report(d).update(required=["title"]),
    "a field is taken no more": lambda d: new_report(d)["properties"].pop("kind"),
    "null is taken no more": lambda d: new_report(d)["properties"].update(kind={"type": "string"}),
    "a text may be less long": lambda d: new_report(d)["properties"]["title"].update(maxLength=9),
    "a body is taken in another form": lambda d: d["paths"]["/reports"]["post"].update(
        requestBody={"content": {"text/csv": {}}}
    ),
}
HARMLESS = {
    "nothing": lambda _: None,
    "a new operation": lambda d: d["paths"].update({"/new": {"get": {"responses": {}}}}),
    "a new field in the answer": lambda d: row(d)["properties"].update(more={"type": "string"}),
    "a new form of the answer": lambda d: listing(d)["responses"]["200"]["content"].update(
        {"text/csv": {}}
    ),
    "a new parameter": lambda d: listing(d)["parameters"].append(
        {"in": "query", "name": "fields", "schema": {"type": "string"}}
    ),
    "a new word": lambda d: listing(d)["parameters"][1]["schema"].update(
        enum=["new", "old", "best"]
    ),
    "a higher limit": lambda d: listing(d)["parameters"][0]["schema"].update(maximum=500),
    "a field is always there": lambda d: row(d)["required"].append("note"),
    "a field is never null": lambda d: row(d)["properties"].update(note={"type": "string"}),
    "a new field that may be sent": lambda d: new_report(d)["properties"].update(
        more={"type": "string"}
    ),
    "a new refusal": lambda d: listing(d)["responses"].update({"429": {}}),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_what_breaks_a_client_is_told(change):
    assert changed(change)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_no_client_is_not_told(change):
    assert changed(change) == []


def test_what_was_announced_may_go_when_its_time_has_come():
    old = copy.deepcopy(DOCUMENT)
    old["paths"]["/reports"]["post"].update({"deprecated": True, "x-sunset": "2026-11-01"})
    new = copy.deepcopy(old)
    del new["paths"]["/reports"]["post"]
    assert breaking_changes(old, new, date(2026, 11, 1)) == []
    assert breaking_changes(old, new, date(2026, 10, 31))
    old["paths"]["/reports"]["post"].pop("x-sunset")
    assert breaking_changes(old, new, date(2026, 11, 1))
