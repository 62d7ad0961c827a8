"""Schemathesis over GraphQL: no server error, no error without the code of a known problem.

An installation does not tell its schema, so it is read from the SDL that the package prints.
Nearly everything lies below one field that names a tenant; each field of a tenant is therefore
asked on its own, as if it were one of the root, and wrapped into a tenant that there is.
``--examples 200`` asks each two hundred times; the suite asks a few times.
"""

from __future__ import annotations

from collections import Counter

import graphql
import hypothesis
import pytest
import schemathesis
from graphql.language import ast
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from serving_api.graphql import schema as served
from serving_api.kit.problem_kinds import REGISTRY
from tests.contract import asking
from tests.published_reviews import ODD_PRODUCT

SDL = served.build().as_str()
FIELDS = {
    f"{kind}.{name}": field
    for kind in ("Query", "Tenant")
    for name, field in graphql.build_schema(SDL).type_map[kind].fields.items()
}
TAKING_ARGUMENTS = [name for name, field in FIELDS.items() if field.args]
FITTING, OTHER = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# Checks of Schemathesis that do not apply, each with its reason.
NOT_APPLIED = {
    "not_a_server_error": "it takes every error of a field for one, also that of a review that is "
    "not there; ours, below, reads the slug that tells them apart",
    "positive_data_acceptance": asking.FITS_AND_IS_REFUSED + "a metric that nobody knows, a page "
    "of a million",
}
FAULTS_OF_CLIENTS = {
    "graphql-invalid",
    "graphql-too-expensive",
    "invalid-cursor",
    "invalid-parameters",
    "not-found",
    "nothing-published",
}
"""What comes of what a client asks for; every other slug would be a fault of ours."""
SCALARS = {
    "Date": st.dates().map(str).map(nodes.String),
    "DateTime": st.datetimes().map(str).map(nodes.String),
    "JSON": st.text(max_size=5).map(nodes.String),
    "UUID": st.uuids().map(str).map(nodes.String),
}
NEEDED = {"id", "key", "importId"}


@pytest.fixture(scope="module", autouse=True)
def _scalars():
    for name, strategy in SCALARS.items():
        schemathesis.graphql.scalar(name, strategy)


@pytest.fixture(scope="module")
def schemas():
    """By the type whose fields are asked, the schema that has them at its root."""
    return {
        kind: schemathesis.graphql.from_file(f"{SDL}\nschema {{ query: {kind} }}")
        for kind in ("Query", "Tenant")
    }


def known(world, name):
    """Values of an argument that lead somewhere."""
    ids = world.ids["acme"]
    return {
        "id": asking.TENANTS,
        "key": [ids["review"]],
        "importId": [ids["import"]],
        "dimension": ["all", "source", "product", "location", "language"],
        "member": ["all", "shop", "kettle", ODD_PRODUCT],
        "metric": ["review_count", "average_rating", "negative_share"],
        "grain": ["day", "week", "month"],
        "sort": ["-day", "day", "rating", "-rating"],
        "product": ["kettle", ODD_PRODUCT],
        "topic": ["price", "delivery"],
        "firstDay": ["2026-02-01"],
        "lastDay": ["2026-03-01"],
        "limit": [1, 3, 200],
        "weeks": [2, 12],
    }.get(name, [])


class Aimed(graphql.Visitor):
    """Has most arguments lead somewhere or leaves them out, so that more than refusals is seen."""

    def __init__(self, world, data):
        super().__init__()
        self.world, self.draw = world, data.draw

    def enter_field(self, node, *_):
        kept = [self._aimed(each) for each in node.arguments]
        node.arguments = tuple(each for each in kept if each is not None)

    def _aimed(self, argument):
        name = argument.name.value
        values = known(self.world, name)
        fate = self.draw(st.integers(0, 9))
        if fate > 6:  # as Schemathesis made it
            return argument
        if values and (name in NEEDED or fate > 2):
            argument.value = graphql.ast_from_value(
                self.draw(st.sampled_from(values)),
                graphql.GraphQLInt if isinstance(values[0], int) else graphql.GraphQLString,
            )
            return argument
        return None


def below_a_tenant(document):
    """The document of a tenant's fields as one that asks them of a tenant that there is."""
    for operation in document.definitions:
        if isinstance(operation, ast.OperationDefinitionNode):
            wrapped = graphql.parse('{ tenant(id: "acme") { id } }').definitions[0]
            (tenant,) = wrapped.selection_set.selections
            tenant.selection_set = operation.selection_set
            operation.selection_set = wrapped.selection_set
    return document


def check_answer(answer):
    """Every error has a code, and it is that of something that the client did.

    Returns:
        The slugs, none where everything was answered.
    """
    assert answer.status_code < 500, answer.text
    body = answer.json()
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["type"].rpartition(":")[2] in REGISTRY
        return {body["type"].rpartition(":")[2]}
    assert set(body) == {"data", "errors"}
    for error in body["errors"] or ():
        told = error["extensions"]
        assert error["message"]
        assert told["slug"] in FAULTS_OF_CLIENTS
        assert told["status"] == REGISTRY[told["slug"]].status
        assert told["type"].endswith(f":{told['slug']}")
        assert [told["request_id"]] == answer.headers["x-request-id"]
    return {error["extensions"]["slug"] for error in body["errors"] or ()}


def asked(world, schemas, name, mode, examples):
    """How often a field was answered, and what it was refused for, by slug."""
    kind, field = name.split(".")
    headers, excluded = asking.headers(world), asking.excluded(NOT_APPLIED)
    outcomes = Counter()

    @asking.settings(examples)
    @hypothesis.given(
        case=schemas[kind][kind][field].as_strategy(generation_mode=mode), data=st.data()
    )
    def ask(case, data):
        document = graphql.parse(case.body)
        if kind == "Tenant":
            document = below_a_tenant(document)
        if case.meta.generation.mode == FITTING:  # what is wrong with the others stays so
            document = graphql.visit(document, Aimed(world, data))
        case.body = graphql.print_ast(document)
        answer = case.call(base_url=f"{world.base}/v1/graphql", headers=headers, timeout=60)
        case.validate_response(answer, excluded_checks=excluded)
        outcomes.update(check_answer(answer) or ["answered"])

    ask()
    return outcomes


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_answers_or_says_what_the_client_did(world, schemas, name, pytestconfig):
    outcomes = asked(world, schemas, name, FITTING, pytestconfig.getoption("--examples"))
    assert outcomes["answered"] > 0


@pytest.mark.parametrize("name", TAKING_ARGUMENTS)
def test_what_the_schema_forbids_is_refused(world, schemas, name, pytestconfig):
    outcomes = asked(world, schemas, name, OTHER, pytestconfig.getoption("--examples"))
    assert set(outcomes) <= {"graphql-invalid", "graphql-too-expensive"}
    assert outcomes["graphql-invalid"] > 0
