"""Carrying a document out, and telling what went wrong without telling more."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from fastapi import Request
from graphql import GraphQLError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resources.errors import ReviewGraphError
from resources.storage.snapshot_files import SnapshotDamagedError, SnapshotMissingError
from serving_api.graphql import limits, schema
from serving_api.graphql.context import Context
from serving_api.graphql.schemas import (
    GraphQLAnswer,
    GraphQLErrorAnswer,
    GraphQLExtensions,
    GraphQLRequest,
)
from serving_api.kit.errors import TYPE_PREFIX, Problem, request_id_of
from serving_api.kit.problem_kinds import REGISTRY
from serving_api.kit.services import Services
from serving_api.kit.tokens import Principal
from serving_api.kit.turns import Turns

MAX_ERRORS = 20

# How many documents are carried out at the same time; each holds one database connection at most.
MAX_CONCURRENT_DOCUMENTS = 3

# Whoever guesses names would be told the right ones.
_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)

logger = logging.getLogger(__name__)


class GraphQL:
    """The schema, ready to answer.

    Args:
        introspection: Whether the schema itself may be asked about.

    Attributes:
        schema: The schema.
        turns: Which tenants' documents may be carried out now.
    """

    def __init__(self, *, introspection: bool) -> None:
        self.schema = schema.build()
        self.turns = Turns(MAX_CONCURRENT_DOCUMENTS)
        self._introspection = introspection

    def answer(
        self, request: Request, services: Services, principal: Principal, asked: GraphQLRequest
    ) -> GraphQLAnswer:
        """Carry a document out, unless it asks for too much.

        Raises:
            Problem: ``unauthenticated`` if the user is gone or no longer active.
        """
        request_id = request_id_of(request)
        variables = asked.variables or {}
        with Context(services, principal) as context:
            try:
                document = limits.parsed(asked.query)
                limits.check(
                    document, variables, asked.operation_name, introspection=self._introspection
                )
            except Problem as problem:
                return GraphQLAnswer(data=None, errors=[_told(problem, None, request_id)])
            result = self.schema.execute_sync(
                asked.query,
                variable_values=variables,
                context_value=context,
                operation_name=asked.operation_name,
            )
        try:
            limits.check_size(result.data)
        except Problem as problem:
            return GraphQLAnswer(data=None, errors=[_told(problem, None, request_id)])
        errors = [_error(error, request_id) for error in _first(result.errors)]
        return GraphQLAnswer(data=result.data, errors=errors or None)


def _first(errors: Iterable[GraphQLError] | None) -> list[GraphQLError]:
    return list(errors or ())[:MAX_ERRORS]


def _error(error: GraphQLError, request_id: str) -> GraphQLErrorAnswer:
    return _told(_problem_of(error), error, request_id)


def _told(problem: Problem, error: GraphQLError | None, request_id: str) -> GraphQLErrorAnswer:
    return GraphQLErrorAnswer(
        message=problem.detail,
        path=list(error.path) if error is not None and error.path else None,
        extensions=GraphQLExtensions(
            slug=problem.slug,
            type=TYPE_PREFIX + problem.slug,
            status=int(REGISTRY[problem.slug].status),
            request_id=request_id,
            errors=list(problem.errors) or None,
        ),
    )


def _problem_of(error: GraphQLError) -> Problem:
    """The problem behind an error; what nobody foresaw is logged and told as that, no more."""
    cause = error.original_error
    if isinstance(cause, Problem):
        return cause
    if cause is None or isinstance(cause, GraphQLError):
        # Of the document itself: GraphQL's own words say what is wrong with it, and no more than
        # names and values that the client has sent.
        return Problem("graphql-invalid", _SUGGESTION.sub("", error.message))
    if isinstance(cause, SnapshotMissingError | SnapshotDamagedError):
        logger.error("numbers-unreadable", exc_info=cause)
        return Problem("numbers-unreadable")
    if isinstance(cause, OperationalError | PoolTimeoutError | ReviewGraphError):
        logger.error("unavailable", exc_info=cause)
        return Problem("unavailable")
    logger.error("failed", exc_info=cause)
    return Problem("unexpected")
