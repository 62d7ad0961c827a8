"""The address of the GraphQL slice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from serving_api.graphql import schemas
from serving_api.graphql.asking import turns_needed
from serving_api.graphql.execution import MAX_CONCURRENT_DOCUMENTS, GraphQL
from serving_api.kit.auth import CurrentPrincipal
from serving_api.kit.errors import Problem, documented
from serving_api.kit.idempotency import without_key
from serving_api.kit.openapi import Tag
from serving_api.kit.routing import Route
from serving_api.kit.services import CurrentServices

TAG = Tag(name="graphql", description="What a page needs of a tenant, in one request.")

MAX_CONCURRENT_LOOKS = 1
"""How many requests may look at the same time which tenants their user belongs to."""

router = APIRouter(route_class=Route, tags=[TAG["name"]])


async def as_json(request: Request) -> None:
    """Requests that say what they are.

    A page of another site can make a browser send a form or plain text with whatever it holds;
    it cannot make it send JSON without asking first.

    Raises:
        Problem: ``unsupported-media-type``.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != "application/json":
        raise Problem("unsupported-media-type")


def turns_of(
    principal: CurrentPrincipal, services: CurrentServices, asked: schemas.GraphQLRequest
) -> list[str]:
    """Whose turns the document has to wait for."""
    return turns_needed(services, principal, asked)


async def in_turn(
    request: Request,
    turns: Annotated[
        list[str],
        Depends(turns_of, scope="function", max_concurrency=MAX_CONCURRENT_LOOKS),
    ],
) -> AsyncIterator[None]:
    """Wait until it is the turn of the tenants that are asked about."""
    graphql: GraphQL = request.app.state.graphql
    async with AsyncExitStack() as held:
        for name in turns:
            await held.enter_async_context(graphql.turns.of(name))
        yield


async def current_graphql(
    request: Request, _: Annotated[None, Depends(in_turn, scope="function")]
) -> AsyncIterator[GraphQL]:
    """The schema of the application that serves this request."""
    yield request.app.state.graphql  # the limit counts until the answer is there


CurrentGraphQL = Annotated[
    GraphQL,
    Depends(current_graphql, scope="function", max_concurrency=MAX_CONCURRENT_DOCUMENTS),
]


@router.post(
    "/v1/graphql",
    dependencies=[Depends(as_json)],
    operation_id="ask_graphql",
    summary="Ask by GraphQL",
    responses=documented(
        "unauthenticated",
        "insufficient-scope",
        "unsupported-media-type",
        "invalid-parameters",
        "unavailable",
    ),
)
@without_key("it reads, and changes nothing", changes_nothing=True)
def ask_graphql(
    request: Request,
    principal: CurrentPrincipal,
    graphql: CurrentGraphQL,
    services: CurrentServices,
    asked: schemas.GraphQLRequest,
) -> schemas.GraphQLAnswer:
    """One document that reads; nothing can be changed by it.

    Fields ask for the same permissions as the addresses that answer the same. What goes wrong
    stands in `errors`, each with the slug of a problem in its `extensions`; one field that fails
    leaves the others as they are. Documents that ask for too much are refused as a whole:
    1,000 tokens, 16 levels, 300 fields, 20 aliases, and a cost that grows with the pages and days
    asked for. An answer has at most 5,000 items and 4 MB; a tenant's documents take turns.
    """
    return graphql.answer(request, services, principal, asked)
