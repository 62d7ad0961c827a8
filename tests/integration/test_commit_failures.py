"""A commit that fails is never answered as a success, whatever route it belongs to.

The database itself refuses: a constraint that is checked at the commit, long after the endpoint has
returned its answer. It stands on the table of kept answers, into which every route that changes
something writes when its request bears an ``Idempotency-Key``.
"""

from __future__ import annotations

import uuid

import psycopg
import pytest
from sqlalchemy import make_url

from tests.integration.test_sent_twice import CHANGING
from tests.published_reviews import review_key

TABLE = "reviewgraph.idempotency_keys"
TAXONOMY = {"topics": [{"name": "price", "keywords": {"en": ["price"]}}]}
# Requests that succeed while commits do. A route that is not named here is sent the example of the
# API's document, which may be refused for what it says.
REQUESTS = {
    "request_report": ({}, {"period_start": "2026-01-01", "period_end": "2026-02-01"}),
    "correct_review": (
        {"review_key": review_key("acme", 9)},
        {"field": "sentiment", "value": "negative"},
    ),
    "write_nlp_settings": ({}, {"tier": "fast", "plugins": []}),
}


def send(client, document, route, key):
    """Send a request that fits a route."""
    (method,) = route.methods
    operation = document["paths"][route.path][method.lower()]
    named, body = REQUESTS.get(route.operation_id, ({}, None))
    names = {"tenant": "acme", **named}
    path = route.path
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            value = names.get(parameter["name"], str(uuid.uuid4()))
            path = path.replace("{" + parameter["name"] + "}", value)
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is None and content is not None:
        body = content.get("example", {})
    return client.request(method, path, json=body, headers={"Idempotency-Key": key})


@pytest.fixture(scope="module")
def document(world):
    with world.client() as client:
        return client.get("/openapi.json").json()


@pytest.fixture
def refusing_commits(world):
    """While it lasts, no transaction that keeps an answer can be committed."""
    url = make_url(world.database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as owner:
        owner.execute(
            "create function reviewgraph.refuse_commit() returns trigger language plpgsql"
            " as $$ begin raise exception 'the commit is refused'; end $$"
        )
        owner.execute(
            f"create constraint trigger refuse_commit after insert on {TABLE}"
            " deferrable initially deferred"
            " for each row execute function reviewgraph.refuse_commit()"
        )
        yield
        owner.execute(f"drop trigger refuse_commit on {TABLE}")
        owner.execute("drop function reviewgraph.refuse_commit()")


TAKING_KEYS = [route for route in CHANGING if route.takes_key]


@pytest.mark.parametrize("route", TAKING_KEYS, ids=lambda route: route.operation_id)
@pytest.mark.usefixtures("refusing_commits")
def test_a_commit_that_fails_is_never_answered_as_a_success(ada, document, route):
    answer = send(ada, document, route, "refused")
    assert answer.status_code >= 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "refused" not in answer.text
    if route.operation_id in REQUESTS:
        assert answer.status_code == 500, answer.text


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_request_succeeds_while_commits_do(ada, document, name):
    (route,) = [route for route in TAKING_KEYS if route.operation_id == name]
    assert send(ada, document, route, f"fine-{name}").is_success


@pytest.mark.usefixtures("refusing_commits")
def test_what_could_not_be_committed_did_not_happen(world, ada, document):
    def corrections():
        with world.database.jobs() as work:
            return work.corrections.history("acme", review_key("acme", 9))

    (route,) = [route for route in TAKING_KEYS if route.operation_id == "correct_review"]
    before = corrections()
    assert send(ada, document, route, "nothing").status_code == 500
    assert corrections() == before
