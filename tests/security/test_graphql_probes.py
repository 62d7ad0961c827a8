"""GraphQL probed for what is told too freely.

The probes are those that graphql-cop makes of any server, written anew: all thirteen, each as a
test whose name begins with ``test_probe`` and goes on, mostly, as there: ``alias_overloading``,
``batch_query`` (batches), ``circular_query_introspection``, ``detect_graphiql`` (graphiql),
``directive_overloading``, ``field_duplication``, ``field_suggestions``, ``get_based_mutation``
(mutations by get), ``get_method_support`` (get queries), ``introspection``, ``post_based_csrf``
(posts that a foreign page can make), ``trace_mode`` (tracing), ``unhandled_error_detection``
(unhandled errors).
"""

from __future__ import annotations

import pytest

from serving_api.graphql.execution import GraphQL
from tests.graphql_bombs import EXPENSIVE, INVALID

ADDRESS = "/v1/graphql"


def test_probe_alias_overloading(ada):
    document = "query { " + " ".join(f"alias{n}:__typename" for n in range(101)) + " }"
    assert ada.post(ADDRESS, json={"query": document}).json()["data"] is None


def test_probe_batches(ada):
    answer = ada.post(ADDRESS, json=[{"query": "query { __typename }"}] * 10)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_probe_directive_overloading(ada):
    document = "query { __typename " + "@aa" * 10 + " }"
    body = ada.post(ADDRESS, json={"query": document}).json()
    assert body["data"] is None
    assert len(body["errors"]) < 10 or body["errors"][0]["extensions"]["slug"] == INVALID
    assert (
        ada.post(ADDRESS, json={"query": document.replace("@aa", "@aa" * 30)}).json()["errors"][0][
            "extensions"
        ]["slug"]
        == EXPENSIVE
    )


def test_probe_circular_query_by_introspection(ada):
    document = (
        "query { __schema { types { fields { type { fields { type { fields { type { fields "
        "{ type { name } } } } } } } } } } }"
    )
    assert ada.post(ADDRESS, json={"query": document}).json()["data"] is None


def test_probe_field_duplication(ada):
    document = "query { " + "__typename \n" * 500 + "} "
    assert ada.post(ADDRESS, json={"query": document}).json()["data"] is None


@pytest.mark.parametrize(
    "document",
    [
        "{ mee { name } }",
        "{ me { nam } }",
        "{ tenant(idd: 1) { name } }",
        '{ tenant(id: "acme") { reviews(filter: {topik: "x"}) { snapshot } } }',
        "{ me { name } } fragment f on Tenan { name }",
        "query cop { __schema { directive } }",
    ],
)
def test_probe_field_suggestions(ada, document):
    answer = ada.post(ADDRESS, json={"query": document})
    assert answer.json()["errors"]
    assert "did you mean" not in answer.text.lower()
    for known in ("email", "reviews", 'topic"', "Tenant'"):
        assert known not in answer.text.replace(document, "")


@pytest.mark.parametrize("document", ["query cop { __schema { directive } }", "{ tenantz { id } }"])
def test_probe_field_suggestions_where_the_schema_is_told(document):
    """As on a machine for development; the library is told not to suggest anything itself."""
    result = GraphQL(introspection=True).schema.execute_sync(document)
    assert result.errors
    assert not any("did you mean" in error.message.lower() for error in result.errors)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("query", ["query cop {__typename}", "{__typename}"])
def test_probe_get_queries(ada, method, query):
    answer = ada.request(method, ADDRESS, params={"query": query})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_probe_queries_in_the_address_of_a_post(ada):
    """What stands in the address could be sent by a form of a foreign page."""
    query = {"query": "query cop {__typename}"}
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = ada.post(ADDRESS, params=query, headers={"content-type": content_type})
        assert answer.status_code in {415, 422}
        assert "data" not in answer.json()


@pytest.mark.parametrize("kind", ["mutation", "subscription"])
def test_probe_mutations_by_get_and_at_all(ada, kind):
    assert ada.get(ADDRESS, params={"query": f"{kind} {{ __typename }}"}).status_code == 405
    body = ada.post(ADDRESS, json={"query": f"{kind} {{ __typename }}"}).json()
    assert body["data"] is None
    assert body["errors"]


@pytest.mark.parametrize(
    "path", ["/graphql", "/graphiql", "/playground", "/console", "/v1/graphiql", ADDRESS]
)
def test_probe_graphiql(world, path):
    with world.client("ada", accept="text/html") as client:
        answer = client.get(path)
    assert answer.status_code in {404, 405}
    assert "<html" not in answer.text.lower()


@pytest.mark.parametrize(
    "document",
    [
        "query { __schema { types { name } } }",
        '{ __type(name: "Query") { name } }',
        "{ ...f } fragment f on Query { __schema { queryType { name } } }",
        "{ ... on Query { s: __schema { types { name } } } }",
        "{ __schema @include(if: false) { types { name } } }",
    ],
)
def test_probe_introspection(ada, document):
    body = ada.post(ADDRESS, json={"query": document}).json()
    assert body["data"] is None
    assert body["errors"][0]["message"] == "This installation does not tell its schema."


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/x-www-form-urlencoded", "query=query%20%7B__typename%7D"),
        ("text/plain", '{"query": "{ __typename }"}'),
        ("multipart/form-data; boundary=x", '--x\r\n\r\n{"query": "{ __typename }"}\r\n--x--'),
        ("application/graphql", "{ __typename }"),
        ("application/json-patch+json", '{"query": "{ __typename }"}'),
        ("text/plain; application/json", '{"query": "{ __typename }"}'),
        ("", '{"query": "{ __typename }"}'),
        (None, '{"query": "{ __typename }"}'),
    ],
)
def test_probe_posts_that_a_foreign_page_can_make(ada, content_type, content):
    headers = {} if content_type is None else {"content-type": content_type}
    answer = ada.post(ADDRESS, content=content, headers=headers)
    assert answer.status_code in {415, 422}
    assert "data" not in answer.json()


def test_probe_tracing(ada):
    body = ada.post(
        ADDRESS,
        json={"query": "query { __typename }", "extensions": {"tracing": True}},
        headers={"apollo-federation-include-trace": "ftv1"},
    ).json()
    assert body == {"data": {"__typename": "Query"}, "errors": None}


@pytest.mark.parametrize(
    "document",
    [
        "qwerty cop { abc }",
        "{",
        '{ me(name: "\\ud800") { name } }',
        "{ me { name } } \x00",
        "query ($x: Nothing!) { me { name } }",
    ],
)
def test_probe_unhandled_errors(ada, document):
    answer = ada.post(ADDRESS, json={"query": document})
    assert answer.status_code in {200, 422}
    for told in ("Traceback", "graphql-core", "site-packages", ".py", "strawberry"):
        assert told not in answer.text
