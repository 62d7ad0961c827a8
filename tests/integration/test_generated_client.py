"""A client that is made from the OpenAPI document alone works, and gets what the document says.

The generator is a small one: a function for each operation, its parameters by name, its answers
checked against their schemas. What it cannot find in the document no other generator could.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.published_reviews import review_key


class GeneratedClient:
    """Has a method for each operation of a document."""

    def __init__(self, document, client):
        self._document, self._client = document, client
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def __getattr__(self, name):
        if name not in self.operations:
            raise AttributeError(name)
        method, path, operation = self.operations[name]

        def ask(body=None, **given):
            parameters = {one["name"]: one["in"] for one in operation.get("parameters", ())}
            unknown = given.keys() - {name.replace("-", "_") for name in parameters}
            assert not unknown, f"{name} takes no {unknown}"
            address, query, headers = path, {}, {}
            for parameter, where in parameters.items():
                value = given.get(parameter.replace("-", "_"))
                if where == "path":
                    address = address.replace("{" + parameter + "}", quote(value, safe=""))
                elif value is not None:
                    (query if where == "query" else headers)[parameter] = value
            answer = self._client.request(
                method.upper(), address, params=query, headers=headers, json=body
            )
            return self._checked(operation, answer)

        return ask

    def _checked(self, operation, answer):
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None, f"{answer.status_code} is not documented"
        kind = answer.headers["content-type"].partition(";")[0]
        schema = told["content"][kind]["schema"]
        if kind.endswith("json"):
            rooted = {**schema, "components": self._document["components"]}
            Draft202012Validator(rooted, format_checker=FormatChecker()).validate(answer.json())
            return answer.json()
        return answer.content


@pytest.fixture(scope="module")
def generated(ada):
    return GeneratedClient(ada.get("/openapi.json").json(), ada)


def test_reads_through_the_client_fit_their_schemas(world, generated):
    assert generated.read_me()["email"] == "ada@example.com"
    assert [one["id"] for one in generated.list_tenants()["items"]] == ["acme", "empty"]
    tenant = {"tenant": "acme"}
    assert generated.read_metrics(**tenant, dimension="product")["items"]
    assert generated.read_metric_series(**tenant, grain="week")["points"]
    assert generated.read_ratings(**tenant)["items"]
    assert generated.read_report(**tenant, report_id=world.ids["acme"]["report"])
    assert generated.read_taxonomy(**tenant)
    assert generated.read_review(**tenant, review_key=review_key("acme", 1))


def test_a_list_is_read_to_its_end(generated):
    seen, cursor = [], None
    while True:
        page = generated.list_reviews(tenant="acme", limit=40, cursor=cursor)
        seen += [one["review_key"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 90


def test_what_changes_something_is_sent_twice_without_a_second_effect(generated):
    wanted = {"period_start": "2026-01-01", "period_end": "2026-01-31"}
    made = [
        generated.request_report(wanted, tenant="acme", Idempotency_Key="generated")
        for _ in range(2)
    ]
    assert made[0] == made[1]
    found = generated.read_report_request(tenant="acme", request_id=made[0]["id"])
    assert found["id"] == made[0]["id"]


def test_refusals_fit_their_schemas_too(generated):
    assert generated.read_tenant(tenant="brava")["status"] == 404
    assert generated.list_reviews(tenant="acme", limit=1000)["status"] == 422
    assert generated.read_metrics(tenant="empty")["type"].endswith("nothing-published")
