"""Whose turn it is: a document waits for those of the tenants that it asks about, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, VariableNode

from serving_api.graphql.limits import literal, parsed
from serving_api.graphql.schemas import GraphQLRequest
from serving_api.kit.auth import tenants_of_bearer
from serving_api.kit.errors import Problem
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal


def turns_needed(services: Services, principal: Principal, asked: GraphQLRequest) -> list[str]:
    """The tenants in whose turn a document is carried out, in one order for all documents.

    A tenant that is named by somebody who does not belong to it is not among them: its own
    documents must not wait for those of strangers. One that asks about no tenant waits for its
    user's other ones alone.
    """
    named = tenants_named(asked)
    own = named and named.intersection(tenants_of_bearer(services, principal))
    return sorted(own) if own else [f"user {principal.user_id}"]


def tenants_named(asked: GraphQLRequest) -> set[str]:
    """The tenants that a document may ask about; none for one that cannot be read."""
    try:
        document = parsed(asked.query)
    except Problem:  # it is told with the answer
        return set()
    found: set[str] = set()
    for node in _fields(document):
        if node.name.value == "tenant":
            for argument in node.arguments:
                if argument.name.value == "id":
                    found.update(_values(argument.value, document, asked.variables or {}))
    return found


def _fields(document: DocumentNode) -> Iterator[FieldNode]:
    pending: list[Any] = list(document.definitions)
    while pending:
        node = pending.pop()
        if isinstance(node, FieldNode):
            yield node
        selections = getattr(node, "selection_set", None)
        pending.extend(selections.selections if selections else ())


def _values(node: Any, document: DocumentNode, variables: dict[str, Any]) -> Iterator[str]:
    """The texts that an argument may be: more than one where operations differ in a default."""
    candidates = [literal(node)]
    if isinstance(node, VariableNode):
        name = node.name.value
        candidates = [variables[name]] if name in variables else _defaults(document, name)
    for value in candidates:
        if isinstance(value, str):
            yield value


def _defaults(document: DocumentNode, name: str) -> list[Any]:
    return [
        literal(one.default_value)
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for one in operation.variable_definitions
        if one.variable.name.value == name
    ]
