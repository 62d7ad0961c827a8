"""The OpenAPI document is a contract: it changes on purpose or not at all.

Renew the kept document with ``python -m tests.contract.test_openapi``. It refuses what breaks
clients and was not announced; ``--break-clients`` is for when that is meant.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from jsonschema import Draft202012Validator

from resources.settings import Settings
from serving_api.kit.errors import documented
from serving_api.kit.problem_kinds import REGISTRY
from serving_api.main import create_app
from tests.contract.breaking import breaking_changes

KEPT = Path(__file__).with_name("openapi.json")


def current_document():
    with TemporaryDirectory() as home:
        settings = Settings(_env_file=None, home=Path(home), secret_key="x" * 48)
        document = create_app(settings).openapi()
    document["info"]["version"] = "of the release"
    return document


def spelled(document):
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.fixture(scope="module")
def document():
    return current_document()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_api_is_as_it_was_promised(document):
    kept, now = KEPT.read_text(encoding="utf-8"), spelled(document)
    if now == kept:
        return
    difference = "\n".join(
        difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=2)
    )
    broken = breaking_changes(json.loads(kept), document)
    pytest.fail(
        "The OpenAPI document has changed"
        + (", and breaks clients:\n" + "\n".join(broken) if broken else ", and breaks no client.")
        + "\nIf that is wanted, renew the kept one with\n"
        "    python -m tests.contract.test_openapi\n"
        f"and name the change in CHANGELOG.md.\n\n{difference[:6000]}",
        pytrace=False,
    )


def test_it_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")


def test_every_operation_is_named_described_and_filed(document):
    names = []
    tags = {tag["name"] for tag in document["tags"]}
    for where, operation in operations(document):
        names.append(operation["operationId"])
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (where, parameter["name"])
    assert len(names) == len(set(names))


def test_every_error_is_a_problem_document(document):
    for where, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and "readyz" not in where:
                assert list(answer["content"]) == ["application/problem+json"], (where, status)


def test_every_route_that_needs_a_token_says_so(document):
    public = {
        "get /metrics",
        "post /v1/auth/token",
        "post /v1/auth/refresh",
        "post /v1/auth/second-factor",
        "post /v1/auth/register",
        "post /v1/invitations/register",
        "post /v1/auth/verify-email",
        "post /v1/auth/forgot-password",
        "post /v1/auth/reset-password",
        "post /v1/auth/confirm-email",
        "post /v1/auth/sso/{tenant}",
        "get /v1/auth/sso/{tenant}/callback",
        "get /.well-known/jwks.json",
        "get /healthz",
        "get /readyz",
    }
    for where, operation in operations(document):
        assert ("security" in operation) == (where not in public), where
        if "security" in operation:
            assert "401" in operation["responses"], where


def test_every_kind_of_problem_is_documented(document):
    for slug in REGISTRY:
        assert f"| `{slug}` |" in document["info"]["description"]
        assert documented(slug)


def test_each_body_has_an_example_that_is_one(document):
    """An example that is none misleads whoever copies it."""
    schemas = {"components": document["components"]}
    count = 0
    for where, operation in operations(document):
        bodies = [operation.get("requestBody", {})]
        bodies += [told for status, told in operation["responses"].items() if status < "300"]
        for body in bodies:
            content = body.get("content", {}).get("application/json")
            if content is None:
                continue
            assert "example" in content, where
            rooted = {**content["schema"], **schemas}
            Draft202012Validator(rooted).validate(content["example"])
            count += 1
    assert count > 20


def test_who_can_be_told_to_wait_is_told_of_it(document):
    for where, operation in operations(document):
        assert ("429" in operation["responses"]) >= ("security" in operation), where


def unbounded_numbers(schema, document, where="", inside=frozenset()):
    """Where a client may send a whole number of any size."""
    if isinstance(schema, list):
        for one in schema:
            yield from unbounded_numbers(one, document, where, inside)
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in inside:
            named = document["components"]["schemas"][name]
            yield from unbounded_numbers(named, document, f"{where} {name}", inside | {name})
        return
    is_bounded = {"minimum", "maximum"} <= schema.keys() or {"enum", "const"} & schema.keys()
    if schema.get("type") == "integer" and not is_bounded:
        yield where
    for name, one in schema.items():
        yield from unbounded_numbers(one, document, f"{where} {name}", inside)


def test_no_whole_number_that_a_client_sends_is_larger_than_the_database_holds(document):
    found = []
    for where, operation in operations(document):
        asked = [one["schema"] for one in operation.get("parameters", [])]
        bodies = operation.get("requestBody", {}).get("content", {}).values()
        for schema in [*asked, *(body["schema"] for body in bodies)]:
            found += unbounded_numbers(schema, document, where)
    assert found == []


def renew(*, break_clients: bool) -> None:
    """Write the kept document anew.

    Raises:
        SystemExit: If that would break clients, unless it is meant.
    """
    now = current_document()
    broken = breaking_changes(json.loads(KEPT.read_text(encoding="utf-8")), now)
    if broken and not break_clients:
        sys.exit("\n".join(["This breaks clients, and was not announced:", *broken]))
    KEPT.write_text(spelled(now), encoding="utf-8")


if __name__ == "__main__":
    renew(break_clients="--break-clients" in sys.argv)
