"""The OpenAPI document is a contract: it changes on purpose or not at all.

Renew the kept document with ``python -m tests.contract.test_openapi`` and read the difference: a
client may rely on whatever disappears.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from resources.settings import Settings
from serving_api.kit.errors import REGISTRY, documented
from serving_api.main import create_app

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
    pytest.fail(
        "The OpenAPI document has changed. If that is wanted, renew the kept one with\n"
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
        "post /v1/auth/token",
        "post /v1/auth/refresh",
        "post /v1/auth/second-factor",
        "post /v1/auth/register",
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


if __name__ == "__main__":
    KEPT.write_text(spelled(current_document()), encoding="utf-8")
