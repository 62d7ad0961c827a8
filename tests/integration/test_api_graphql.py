"""What a page needs, asked by GraphQL in one request, and equal to what REST answers."""

from __future__ import annotations

import re
import uuid

import pytest
from graphql import GraphQLList, GraphQLNonNull, get_introspection_query, get_named_type

from serving_api.graphql import limits, schema
from serving_api.main import create_app
from tests.api_world import read, serving
from tests.counting import statements_of
from tests.published_reviews import ODD_PRODUCT, review_key

PAGE = """
query Page($tenant: String!, $filter: ReviewFilter, $limit: Int) {
  me { email }
  tenant(id: $tenant) {
    id name role published { reviewCount }
    reviews(filter: $filter, limit: $limit, sort: "best", count: true) {
      reviewCount nextCursor snapshot
      items { reviewKey text rating topics corrections { field value } }
    }
    metrics(dimension: "product", limit: 5) {
      items { member reviewCount { value reviews } averageRating { value low high } }
    }
    series(grain: "month") { points { start value } }
    topics(weeks: 4) { items { topic mentionCount { value } trend { recentCount } } }
    ratings { items { rating count { value } } }
    reports { items { title reviewCount request { status } files { format bytes } } }
    sources { items { name config lastDay { fetched } } }
    imports { items { fileName byteCount outcome { kept } } }
    runs { items { day isComplete stages { stage status } } }
    freshness { state snapshot ageSeconds }
  }
}
"""


def ask(client, query, **variables):
    answer = client.post("/v1/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


def data_of(answer):
    assert answer["errors"] is None, answer["errors"]
    return answer["data"]


def snake(name):
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def in_rest_words(body, whole):
    """The part of REST's answer that GraphQL was asked for."""
    if isinstance(body, dict) and isinstance(whole, dict) and body.keys() != whole.keys():
        return {name: in_rest_words(value, whole[snake(name)]) for name, value in body.items()}
    if isinstance(body, dict):
        return {name: in_rest_words(value, whole[name]) for name, value in body.items()}
    if isinstance(body, list):
        assert len(body) == len(whole)
        return [in_rest_words(one, other) for one, other in zip(body, whole, strict=True)]
    return whole


def test_one_request_answers_what_ten_of_rest_do(world, ada):
    acme = "/v1/tenants/acme"
    answered = data_of(
        ask(ada, PAGE, tenant="acme", filter={"product": ODD_PRODUCT, "dated": True}, limit=7)
    )
    assert answered["me"] == {"email": "ada@example.com"}
    tenant = answered["tenant"]
    assert (tenant["name"], tenant["role"]) == ("Acme", "owner")
    for items in (tenant["reviews"]["items"], tenant["reports"]["items"]):
        assert items
        for item in items:
            item.pop("corrections", None)
            item.pop("request", None)
    expected = {
        "reviews": read(
            ada,
            f"{acme}/reviews",
            product=ODD_PRODUCT,
            dated="true",
            sort="best",
            limit=7,
            count="true",
        ),
        "metrics": read(ada, f"{acme}/metrics", dimension="product", limit=5),
        "series": read(ada, f"{acme}/metrics/series", grain="month"),
        "topics": read(ada, f"{acme}/topics", weeks=4),
        "ratings": read(ada, f"{acme}/metrics/ratings"),
        "reports": read(ada, f"{acme}/reports"),
        "sources": read(ada, f"{acme}/sources"),
        "imports": read(ada, f"{acme}/imports"),
        "runs": read(ada, f"{acme}/runs"),
    }
    for name, whole in expected.items():
        tenant[name].pop("nextCursor", None)
        assert tenant[name] == in_rest_words(tenant[name], whole), name
    assert tenant["freshness"]["snapshot"] == world.ids["acme"]["snapshot"]


def test_pages_follow_each_other(ada):
    seen, cursor = [], None
    while True:
        page = data_of(
            ask(
                ada,
                'query($c: String) { tenant(id: "acme") { reviews(limit: 40, cursor: $c) '
                "{ items { reviewKey } nextCursor } } }",
                c=cursor,
            )
        )["tenant"]["reviews"]
        seen += [item["reviewKey"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 90


@pytest.fixture
def corrected(ada):
    """Some reviews of which people have said something."""
    keys = [review_key("acme", n) for n in (1, 2, 3)]
    for key in keys:
        for value in ("mixed", "negative"):
            answer = ada.post(
                f"/v1/tenants/acme/reviews/{key}/corrections",
                json={"field": "sentiment", "value": value},
            )
            assert answer.status_code == 201
    return keys


@pytest.mark.usefixtures("corrected")
def test_a_longer_list_asks_the_database_no_more(world, ada):
    query = """query($n: Int) { tenant(id: "acme") {
        reviews(limit: $n) { items { reviewKey corrections { value } } }
        reports(limit: $n) { items { id request { status } } }
        sources(limit: $n) { items { lastDay { day } } }
        imports(limit: $n) { items { outcome { kept } } }
    } }"""
    counts = []
    for wanted in (1, 90):
        asked = []
        for _ in range(2):  # now and then a request also looks for new signing keys
            with statements_of(world.database) as statements:
                answered = data_of(ask(ada, query, n=wanted))
            asked.append(len(statements))
        counts.append(min(asked))
    assert len(answered["tenant"]["reviews"]["items"]) == 90
    assert counts[0] == counts[1]


def test_what_people_said_stands_beside_each_review(corrected, ada):
    items = data_of(
        ask(
            ada,
            '{ tenant(id: "acme") { reviews(limit: 200) '
            "{ items { reviewKey corrections { field value } } } } }",
        )
    )["tenant"]["reviews"]["items"]
    said = {item["reviewKey"]: item["corrections"] for item in items}
    assert all(said[key][0]["value"] == "negative" for key in corrected)
    assert said[review_key("acme", 50)] == []


def test_a_field_that_fails_leaves_the_others(ada):
    answer = ask(
        ada,
        """{ tenant(id: "acme") { name
            review(key: "nothing") { text }
            reviews(filter: {rating: 9, minScore: 7.5}) { snapshot }
            series(firstDay: "2026-03-01", lastDay: "2026-01-01") { snapshot }
            metrics(limit: 1) { items { member } } } }""",
    )
    tenant = answer["data"]["tenant"]
    assert tenant["name"] == "Acme"
    assert tenant["metrics"]["items"] == [{"member": "all"}]
    assert tenant["review"] is tenant["reviews"] is tenant["series"] is None
    told = {error["path"][1]: error["extensions"] for error in answer["errors"]}
    assert told["review"]["slug"] == "not-found"
    assert told["review"]["status"] == 404
    assert told["reviews"]["slug"] == "invalid-parameters"
    assert {error["location"] for error in told["reviews"]["errors"]} == {
        "arguments.rating",
        "arguments.min_score",
    }
    assert told["series"]["type"] == "urn:reviewgraph:problem:invalid-parameters"


def test_tenants_are_told_apart_within_one_request(world, ada):
    answer = ask(
        ada,
        """{ tenants { id role }
             a: tenant(id: "acme") { id reviews(limit: 1) { items { text } } }
             e: tenant(id: "empty") { id role freshness { state } reviews { snapshot } }
             again: tenant(id: "acme") { id metrics { snapshot } }
             b: tenant(id: "brava") { id } n: tenant(id: "no-such-tenant") { id } }""",
    )
    data = answer["data"]
    assert [tenant["id"] for tenant in data["tenants"]] == ["acme", "empty"]
    assert data["e"] == {
        "id": "empty",
        "role": "viewer",
        "freshness": {"state": "empty"},
        "reviews": None,
    }
    assert data["again"]["metrics"]["snapshot"] == world.ids["acme"]["snapshot"]
    assert data["b"] is data["n"] is None
    slugs = {tuple(error["path"]): error["extensions"]["slug"] for error in answer["errors"]}
    assert slugs == {
        ("e", "reviews"): "nothing-published",
        ("b",): "not-found",
        ("n",): "not-found",
    }


def test_an_operation_is_chosen_by_its_name(ada):
    document = "query A { me { name } } query B { me { email } }"
    chosen = ada.post("/v1/graphql", json={"query": document, "operationName": "B"}).json()
    assert chosen["data"] == {"me": {"email": "ada@example.com"}}
    for name in (None, "C"):
        refused = ada.post("/v1/graphql", json={"query": document, "operationName": name}).json()
        assert refused["data"] is None
        assert refused["errors"][0]["extensions"]["slug"] == "graphql-invalid"


def test_every_list_has_a_size_that_its_cost_is_computed_with():
    """A new list whose size nobody tells would be free, however long it is."""
    told = set(limits.LIST_SIZES) | {"items"}
    counted_as_text = {
        # Labels of one review, and of one answer: they end in a few words each.
        "topics", "topicReasons", "keywords", "entities", "entityKinds", "spamReasons",
        "corrected", "aspects", "pii", "tenants",
    }  # fmt: skip
    paged = set()
    for kind in schema.build()._schema.type_map.values():
        if kind.name.startswith("__") or not hasattr(kind, "fields"):
            continue
        for name, one in kind.fields.items():
            inner = one.type.of_type if isinstance(one.type, GraphQLNonNull) else one.type
            if isinstance(inner, GraphQLList) and hasattr(one, "args"):
                assert name in told | counted_as_text, (kind.name, name)
            if get_named_type(one.type).name.endswith("Page") and hasattr(one, "args"):
                paged.add(name)
    assert paged == set(limits.PAGE_SIZES)


def test_the_schema_is_told_where_a_setting_says_so(world):
    settings = world.settings.model_copy(update={"graphql_introspection": True})
    app = create_app(settings, world.database, world.snapshots, world.objects)
    with serving(app) as base, world.client("ada") as client:
        answer = client.post(f"{base}/v1/graphql", json={"query": get_introspection_query()}).json()
        assert "Tenant" in {one["name"] for one in data_of(answer)["__schema"]["types"]}


def test_a_key_for_sending_twice_is_not_needed(ada):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for document in ("{ me { name } }", "{ me { email } }"):
        answer = ada.post("/v1/graphql", json={"query": document}, headers=headers)
        assert answer.json()["errors"] is None


def test_one_review_leads_to_its_versions_and_to_what_was_said_of_it(ada):
    key = review_key("acme", 3)
    document = f"""{{ tenant(id: "acme") {{
        review(key: "{key}") {{ reviewKey versions {{ version text }} corrections {{ field }} }}
    }} }}"""
    address = f"/v1/tenants/acme/reviews/{key}"
    said = {"field": "sentiment", "value": "mixed", "note": "of a test"}
    assert ada.post(f"{address}/corrections", json=said).status_code == 201
    review = data_of(ask(ada, document))["tenant"]["review"]
    assert review["reviewKey"] == key
    assert review["versions"] == read(ada, f"{address}/versions")["items"]
    told = read(ada, f"{address}/corrections")["items"]
    assert told
    assert [one["field"] for one in review["corrections"]] == [one["field"] for one in told]
