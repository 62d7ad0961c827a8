"""Problems lead to a page that explains them; operations that will go say so with every answer."""

from __future__ import annotations

from datetime import date

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from serving_api.documentation.page import policy
from serving_api.kit.deprecation import deprecated
from serving_api.kit.edge import Edge
from serving_api.kit.errors import Problem, install
from serving_api.kit.hosts import AllowedHosts
from serving_api.kit.problem_kinds import REGISTRY
from serving_api.kit.proxies import TrustedProxies
from serving_api.kit.routing import Route


def test_a_problem_names_a_page_that_explains_it(world):
    with world.client() as client:
        problem = client.get("/v1/me").json()
        page = client.get(problem["help"])
    assert problem["type"] == "urn:reviewgraph:problem:unauthenticated"
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == policy()
    assert problem["type"] in page.text
    assert "script" not in page.text


@pytest.mark.parametrize("slug", REGISTRY)
def test_every_kind_of_problem_has_its_page(world, slug):
    with world.client() as client:
        page = client.get(f"/problems/{slug}")
    assert page.status_code == 200
    assert REGISTRY[slug].title in page.text.replace("&#39;", "'")


@pytest.mark.parametrize("slug", ["nothing", "not-found/", "<script>", "..%2fetc"])
def test_a_page_that_there_is_not_is_a_problem(world, slug):
    with world.client() as client:
        answer = client.get(f"/problems/{slug}")
    assert answer.status_code == 404
    assert answer.json()["help"] == "/problems/not-found"


def application():
    router = APIRouter(route_class=Route)

    @router.get("/old")
    @deprecated(since=date(2026, 1, 1), sunset=date(2026, 6, 1), instead="/docs#new")
    def read_old(fail: bool = False) -> dict[str, str]:
        """An operation that will go."""
        if fail:
            raise Problem("not-found")
        return {}

    @router.get("/new")
    def read_new() -> dict[str, str]:
        """What to use instead."""
        return {}

    app = FastAPI()
    app.include_router(router)
    install(app)
    app.add_middleware(Edge, proxies=TrustedProxies(()), hosts=AllowedHosts(None))
    return app


def test_an_operation_that_will_go_says_so_with_every_answer():
    with TestClient(application()) as client:
        for answer in (client.get("/old"), client.get("/old?fail=true")):
            assert answer.headers["deprecation"] == "@1767225600"
            assert answer.headers["sunset"] == "Mon, 01 Jun 2026 00:00:00 GMT"
            assert answer.headers["link"] == '</docs#new>; rel="deprecation"'
        assert "deprecation" not in client.get("/new").headers
        operation = client.get("/openapi.json").json()["paths"]["/old"]["get"]
    assert operation["deprecated"] is True
    assert operation["x-sunset"] == "2026-06-01"


def test_the_end_of_an_operation_is_announced_in_time():
    with pytest.raises(ValueError, match="90 days"):
        deprecated(since=date(2026, 1, 1), sunset=date(2026, 2, 1), instead="/docs")
