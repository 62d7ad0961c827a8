"""GraphQL under attack: bombs, and errors that tell too much; see also `test_graphql_probes`."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from serving_api.graphql import limits
from serving_api.graphql.limits import (
    MAX_COST,
    MAX_TOKENS,
)
from serving_api.reviews import service as reviews_service
from tests.counting import statements_of
from tests.graphql_bombs import BOMBS, EXPENSIVE, INVALID, acme

ADDRESS = "/v1/graphql"


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_anything_of_it_is_done(world, ada, name):
    document, slug = BOMBS[name]
    with statements_of(world.database) as statements:
        answer = ada.post(ADDRESS, json={"query": document})
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] is None
    (error,) = body["errors"]
    assert error["extensions"]["slug"] == slug
    # Whether the user may still ask is found out, and nothing else.
    assert not any("tenants" in statement or "snapshot" in statement for statement in statements)


def test_measuring_takes_no_time_worth_mentioning():
    """A bomb is measured in about the time of a harmless document of its length."""

    def seconds(document):
        began = time.perf_counter()
        with contextlib.suppress(limits.Problem):
            limits.check(limits.parsed(document), {}, None, introspection=False)
        return time.perf_counter() - began

    harmless = acme("name " * (MAX_TOKENS // 4))
    usual = min(seconds(harmless) for _ in range(5))
    for name, (document, _) in BOMBS.items():
        assert min(seconds(document) for _ in range(5)) < 40 * usual, name


@pytest.mark.parametrize("limit", [201, -1, 0, "many", True, None, 1.5, [200], 10**30])
def test_a_variable_hides_no_cost(ada, limit):
    document = (
        'query($n: Int) { tenant(id: "acme") { '
        + " ".join(
            f"p{n}: reviews(limit: $n) {{ items {{ text title author }} }}" for n in range(18)
        )
        + " } }"
    )
    body = ada.post(ADDRESS, json={"query": document, "variables": {"n": limit}}).json()
    assert body["errors"]
    slugs = {error["extensions"]["slug"] for error in body["errors"]}
    assert slugs <= {EXPENSIVE, INVALID, "invalid-parameters"}


@pytest.mark.parametrize("given", ["", "$n: Int = 200", '$n: Int = 200, $other: String = "x"'])
def test_the_default_of_a_variable_hides_no_cost(given):
    page = f"reviews(limit: {'$n' if given else 200}) {{ items {{ text title author }} }}"
    document = f"query {f'({given})' if given else ''} " + acme(
        " ".join(f"p{n}: {page}" for n in range(18))
    )
    with pytest.raises(limits.TooExpensiveError):
        limits.check(limits.parsed(document), {}, None, introspection=False)


@pytest.mark.parametrize(
    ("variables", "days"),
    [
        ("", 'firstDay: "2016-01-01", lastDay: "2026-11-01"'),
        ('($a: String, $b: String = "2026-11-01")', "firstDay: $a, lastDay: $b"),
        ("", 'grain: "week", firstDay: "1970-01-01", lastDay: "2026-11-01"'),
    ],
)
def test_a_series_costs_what_its_days_cost(variables, days):
    series = f"series({days}) {{ points {{ start value reviews }} }}"
    document = f"query {variables} " + acme(" ".join(f"s{n}: {series}" for n in range(4)))
    with pytest.raises(limits.TooExpensiveError):
        limits.check(limits.parsed(document), {"a": "2016-01-01"}, None, introspection=False)


def test_a_series_of_which_nobody_knows_the_end_is_counted_when_it_is_read(ada):
    """An answer ends with what may be read for it, whatever was expected."""
    series = 'series(firstDay: "2016-01-01") { points { reviews } }'
    document = acme(" ".join(f"s{n}: {series}" for n in range(10)))
    answer = ada.post(ADDRESS, json={"query": document})
    body = answer.json()
    points = sum(len(one["points"]) for one in body["data"]["tenant"].values() if one)
    assert points <= limits.MAX_ITEMS
    assert {error["extensions"]["slug"] for error in body["errors"]} == {EXPENSIVE}
    answered = [one for one in body["data"]["tenant"].values() if one is not None]
    assert 0 < len(answered) < 10


def test_one_text_under_many_names_is_refused_when_it_is_too_much(ada, monkeypatch):
    document = "{ me { " + " ".join(f"e{n}: email" for n in range(20)) + " } }"
    assert ada.post(ADDRESS, json={"query": document}).json()["errors"] is None
    monkeypatch.setattr(limits, "MAX_BYTES", 200)
    body = ada.post(ADDRESS, json={"query": document}).json()
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["slug"] == EXPENSIVE


def test_documents_of_one_tenant_leave_a_place_to_those_of_others(world, monkeypatch):
    """Nor does anybody who names a tenant without belonging to it keep its documents waiting."""
    may_end, begun = threading.Event(), []

    def slow(*_):
        begun.append(1)
        may_end.wait(20)

    monkeypatch.setattr(reviews_service, "get_review", slow)
    document = acme('review(key: "x") { text }')
    strange = '{ tenant(id: "acme") { id } own: tenant(id: "brava") { review(key: "x") { text } } }'
    others = ["{ me { id } }", '{ tenant(id: "brava") { name } }']

    def ask(nickname, query):
        with world.client(nickname) as client:
            return client.post(ADDRESS, json={"query": query}).json()

    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(ask, "ada", document) for _ in range(4)]
        try:
            while not begun:
                time.sleep(0.01)
            for other in others:
                assert threads.submit(ask, "bob", other).result(10)["errors"] is None
            assert len(begun) == 1
        finally:
            may_end.set()
        assert all(one.result(10)["data"]["tenant"] == {"review": None} for one in waiting)
        begun.clear()
        may_end.clear()
        stranger = threads.submit(ask, "bob", strange)
        try:
            while not begun:
                time.sleep(0.01)
            own = threads.submit(ask, "ada", acme("name")).result(10)
            assert own["data"] == {"tenant": {"name": "Acme"}}
        finally:
            may_end.set()
        assert stranger.result(10)["errors"][0]["extensions"]["slug"] == "not-found"


def test_what_a_page_needs_lies_well_below_every_limit():
    from tests.integration.test_api_graphql import PAGE

    limits.check(limits.parsed(PAGE), {"limit": 50}, None, introspection=False)


# What errors tell ------------------------------------------------------------------------------


def failing_with(error):
    def fail(*_):
        raise error

    return fail


def test_what_nobody_foresaw_is_told_without_its_words_and_logged_with_the_request(
    ada, monkeypatch, caplog
):
    secret = "password=hunter2 at /srv/private"
    monkeypatch.setattr(reviews_service, "get_review", failing_with(RuntimeError(secret)))
    document = acme('name review(key: "x") { text }')
    with caplog.at_level(logging.ERROR):
        answer = ada.post(ADDRESS, json={"query": document}, headers={"X-Request-ID": "bomb-7"})
    body = answer.json()
    assert body["data"]["tenant"] == {"name": "Acme", "review": None}
    (error,) = body["errors"]
    assert error["extensions"]["slug"] == "unexpected"
    assert error["extensions"]["request_id"] == "bomb-7"
    assert "hunter2" not in answer.text
    (record,) = [one for one in caplog.records if one.name == "serving_api.graphql.execution"]
    assert record.exc_info[1].args == (secret,)


def test_an_outage_is_told_as_one(ada, monkeypatch):
    error = OperationalError("select secret", {}, Exception("host db.internal"))
    monkeypatch.setattr(reviews_service, "get_review", failing_with(error))
    answer = ada.post(ADDRESS, json={"query": acme('review(key: "x") { text }')})
    assert answer.json()["errors"][0]["extensions"]["slug"] == "unavailable"
    assert "internal" not in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "'; --", "x" * 5000, ""])
@pytest.mark.parametrize(
    "selection",
    [
        "rejectedRows(importId: $x) { items { reason } }",
        "review(key: $x) { text }",
        'metrics(member: $x, dimension: "source") { snapshot }',
        "reviews(cursor: $x) { snapshot }",
        "sources(cursor: $x) { items { id } }",
        "topics(topic: $x) { snapshot }",
        "reviews(filter: {words: $x, q: $x, entity: $x}) { snapshot }",
        "series(metric: $x, grain: $x) { snapshot }",
    ],
)
def test_no_text_is_a_surprise(ada, selection, name):
    own, other = f'tenant(id: "acme") {{ {selection} }}', "t: tenant(id: $x) { id }"
    document = f"query($x: String!) {{ {own} {other} }}"
    body = ada.post(
        ADDRESS,
        content=json.dumps({"query": document, "variables": {"x": name}}),
        headers={"content-type": "application/json"},
    ).json()
    slugs = {error["extensions"]["slug"] for error in body["errors"]}
    assert slugs <= {"not-found", "invalid-parameters", "invalid-cursor", INVALID}


def test_errors_do_not_come_by_the_thousand(ada):
    document = "{ " + " ".join(f"x{n}" for n in range(290)) + " }"
    body = ada.post(ADDRESS, json={"query": document}).json()
    assert 0 < len(body["errors"]) <= 20


def test_a_document_is_kept_by_nobody_on_the_way(ada):
    answer = ada.post(ADDRESS, json={"query": "{ me { name } }"})
    assert answer.headers["cache-control"] == "no-store"


def test_costs_add_up_as_they_are_told():
    def is_let_pass(document, **variables):
        try:
            limits.check(limits.parsed(document), variables, None, introspection=False)
        except limits.TooExpensiveError:
            return False
        return True

    fields = "text title author source product"
    # 200 reviews of 6 fields, items included, are 1,200, and 50 for the asking: eight fit.
    page = f"reviews(limit: 200) {{ items {{ {fields} }} }}"
    assert MAX_COST == 10_000
    assert is_let_pass(acme(" ".join(f"a{n}: {page}" for n in range(7))))
    assert not is_let_pass(acme(" ".join(f"a{n}: {page}" for n in range(9))))
    by_variable = "query($n: Int) " + acme(
        " ".join(f"a{n}: {page.replace('200', '$n')}" for n in range(9))
    )
    assert is_let_pass(by_variable, n=10)
    assert not is_let_pass(by_variable, n=200)
    assert is_let_pass(by_variable)  # fifty each, as pages are


def test_no_request_keeps_a_connection(world):
    """Refused or served, with two tenants or none: the pool is as it was."""
    pool = world.database._app_engine.pool
    _, bare = world.key("acme", "ada")
    _, whole = world.key("acme", "ada", "tenant:read", "metrics:read")
    before = pool.checkedout()
    documents = [
        '{ a: tenant(id: "acme") { name } e: tenant(id: "empty") { name } me { name } }',
        '{ tenant(id: "acme") { freshness { state } } tenants { id } }',
        '{ tenant(id: "acme") { review(key: "x") { text } } }',
        "{ nothing }",
    ]
    for document in documents:
        for token in (world.token("ada"), world.token("eve"), bare, whole):
            with world.client(authorization=f"Bearer {token}") as client:
                assert client.post(ADDRESS, json={"query": document}).status_code in {200, 403}
    assert pool.checkedout() == before
