"""Naughty strings through every text that the API takes: refused or taken, never a failure.

The fields are found by walking the OpenAPI document: parameters of the path, of the query and of
the header, and every text within a body, however deep. Each operation is sent every tenth text;
``--examples 200`` sends it all of them.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from tests.api_world import PASSWORD, fresh_token, running_world
from tests.naughty_strings import NAUGHTY

DOCUMENT = json.loads((Path(__file__).parents[1] / "contract" / "openapi.json").read_text("utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
# What a body holds beside the field that is tried, where the schema alone does not say it.
BODIES = {
    "log_in": {"email": "ada@example.com", "password": PASSWORD},
    "correct_review": {"field": "sentiment", "value": "mixed", "note": "x"},
    "write_taxonomy": {"topics": [{"name": "price", "keywords": {"en": ["price"]}}]},
    "write_aspect_lexicon": {
        "categories": {"food": "What is eaten"},
        "terms": [{"term": "soup", "category": "food"}],
    },
    "analyze_texts": {"texts": ["Good."]},
    "request_erasure": {"author": "x", "sources": ["shop"]},
}
# What compares or makes passwords is slow, on purpose, and limited: one text in so many is enough.
STRIDE = 20
SLOW_TAGS = {"accounts", "identity", "second factor", "sessions", "single sign-on"}
MAX_BODY = 60_000
MAX_DEPTH = 6


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


def operations():
    for path, methods in sorted(DOCUMENT["paths"].items()):
        for method, operation in sorted(methods.items()):
            yield pytest.param(path, method, operation, id=operation["operationId"])


def resolved(schema):
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return schema


def takes_text(schema):
    schema = resolved(schema)
    kinds = schema.get("type", [])
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
    return "string" in ([kinds] if isinstance(kinds, str) else kinds) or any(
        takes_text(choice) for choice in choices
    )


def sample(schema, depth=0):
    """A small value that fits a schema, as far as that can be told without asking."""
    schema = resolved(schema)
    told = [schema[name] for name in ("const", "default") if name in schema]
    told += [schema[name][0] for name in ("examples", "enum") if schema.get(name)]
    choices = [schema[name][0] for name in ("anyOf", "oneOf", "allOf") if schema.get(name)]
    if told:
        return copy.deepcopy(told[-1])
    if choices:
        return sample(choices[0], depth + 1)
    if schema.get("type") == "object":
        wanted = schema.get("properties", {}) if depth < MAX_DEPTH else {}
        return {name: sample(one, depth + 1) for name, one in wanted.items()}
    if schema.get("type") == "array":
        return [sample(schema["items"], depth + 1)] if depth < MAX_DEPTH else []
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1)}
    return {**plain, "boolean": False}.get(schema.get("type"), "x")


def texts_within(value, place=()):
    """The places of all texts within a body."""
    if isinstance(value, str) or value is None:
        yield place
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from texts_within(one, (*place, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from texts_within(one, (*place, number))


def with_text(body, place, text):
    changed = copy.deepcopy(body)
    if not place:
        return text
    target = changed
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = text
    return changed


def body_of(operation):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    return BODIES.get(operation["operationId"]) or sample(content["schema"])


def requests_of(world, path, operation, texts):
    """Every request that holds one naughty text in one place, as arguments of the client."""
    ids = world.ids["acme"]
    values = {"tenant": "acme", "review_key": ids["review"], "report_id": ids["report"],
              "request_id": ids["request"], "erasure_id": ids["erasure"],
              "file_format": "pdf"}  # fmt: skip
    body = body_of(operation)
    values |= dict.fromkeys(_names(path) - set(values), "x")
    usual = path.format_map(values)
    for text in texts:
        spelled = _in_an_address(text)
        for parameter in operation.get("parameters", []):
            if not takes_text(parameter["schema"]) or spelled is None:
                continue
            if parameter["in"] == "path":
                yield path.format_map({**values, parameter["name"]: spelled or "%20"}), {}
            elif parameter["in"] == "query":
                yield f"{usual}?{parameter['name']}={spelled}", {"json": body}
            elif _in_a_header(text):
                headers = {parameter["name"]: text.strip()}
                yield usual, {"json": body, "headers": headers}
        for place in texts_within(body) if body is not None else ():
            content = json.dumps(with_text(body, place, text))[:MAX_BODY]
            headers = {"Content-Type": "application/json"}
            yield usual, {"content": content, "headers": headers}


def _is_slow(operation):
    return bool(SLOW_TAGS.intersection(operation["tags"]))


def _names(path):
    return {part.partition("}")[0] for part in path.split("{")[1:]}


def _in_an_address(text):
    try:
        return quote(text[:2000], safe="")
    except UnicodeEncodeError:
        return None  # no address can spell it


def _in_a_header(text):
    return text.strip() and text.isascii() and text.isprintable()


def test_the_list_is_long_and_holds_no_text_twice():
    assert len(NAUGHTY) >= 200
    assert len(set(NAUGHTY)) > len(NAUGHTY) - 10


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method", "operation"), list(operations()))
def test_no_text_makes_an_operation_fail(world, path, method, operation, pytestconfig):
    stride = 1 if pytestconfig.getoption("--examples") >= 200 else 10
    texts = NAUGHTY[len(path) % stride :: STRIDE if _is_slow(operation) else stride]
    documented = {int(status) for status in operation["responses"]}
    failed, asked = [], 0
    headers = {"Authorization": f"Bearer {fresh_token(world, 'ada')}"}
    with world.client(**headers) as client:
        for address, arguments in requests_of(world, path, operation, texts):
            asked += 1
            given = {name: value for name, value in arguments.items() if value is not None}
            try:
                answer = client.request(method.upper(), address, **given)
            except httpx2.InvalidURL:
                continue
            # An address may turn into another one, with answers of its own.
            is_odd = answer.status_code not in documented | {400, 404, 405, 413, 429}
            if answer.status_code >= 500 or is_odd:
                failed.append((answer.status_code, address[:200], repr(given)[:200]))
    assert not failed, failed[:5]
    if any(takes_text(one["schema"]) for one in operation.get("parameters", [])):
        assert asked >= len(texts) // 3, "a header can hold plain texts alone, an address most"
