"""A client that is generated from the OpenAPI document reads all there is to read."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from tests.client_generator import generate
from tests.operation_matrix import made_for

NOT_READ_HERE = {
    "/v1/auth/sso/{tenant}/callback",  # a browser is sent there by an identity provider
    "/v1/tenants/{tenant}/exports/{export_id}/archive",  # there once a worker has written it
    "/v1/tenants/{tenant}/events/stream",  # it does not end
}
NEEDED = {"read_ratings": {"dimension": "source", "member": "shop"}}
"""Parameters without which an operation says nothing."""


@pytest.fixture(scope="module")
def generated(world, tmp_path_factory):
    """The module that was generated from the document as it is served."""
    with world.client() as client:
        document = client.get("/openapi.json").json()
    path = tmp_path_factory.mktemp("client") / "reviewgraph_client.py"
    path.write_text(generate(document), encoding="utf-8")
    spec = spec_from_file_location("reviewgraph_client", path)
    module = module_from_spec(spec)
    sys.modules["reviewgraph_client"] = module  # its shapes name each other
    spec.loader.exec_module(module)
    yield module, document
    del sys.modules["reviewgraph_client"]


def reading_operations(document):
    for path, methods in document["paths"].items():
        if "get" in methods and path not in NOT_READ_HERE:
            yield path, methods["get"]


def test_every_reading_operation_works_by_the_generated_client(world, generated):
    module, document = generated
    ids = world.ids["acme"]
    known = {
        "tenant": "acme",
        "review_key": ids["review"],
        "report_id": ids["report"],
        "request_id": ids["request"],
        "source_id": ids["source"],
        "import_id": ids["import"],
        "erasure_id": ids["erasure"],
        "file_format": "pdf",
    }
    client = module.Client(world.base, world.token("ada"))
    try:
        done = 0
        for path, operation in reading_operations(document):
            name = operation["operationId"]
            places = known | made_for(world, path, "acme")
            given = [str(places[place]) for place in re.findall(r"{(\w+)}", path)]
            answer = getattr(client, name)(*given, **NEEDED.get(name, {}))
            assert answer is not None, path
            assert isinstance(answer, bytes | module.Model), (path, type(answer))
            done += 1
    finally:
        client.close()
    assert done > 20


def test_its_answers_are_typed_through_and_through(world, generated):
    module, _ = generated
    client = module.Client(world.base, world.token("ada"))
    try:
        page = client.list_reviews("acme", limit=3, sort="best", sentiment=["positive", "mixed"])
        assert [type(item) for item in page.items] == [module.Review] * 3
        assert page.items[0].rating >= page.items[2].rating
        assert page.items[0].posted_day.year == 2026
        second = client.list_reviews(
            "acme", limit=3, sort="best", sentiment=["positive", "mixed"], cursor=page.next_cursor
        )
        assert second.items[0].review_key != page.items[0].review_key
        config = module.GoogleReviewsConfig(place_id="x", location_code=2840, language_code="en")
        wanted = module.NewSource(kind="google_reviews", name="by a client", config=config)
        made = client.create_source("acme", wanted)
        assert client.read_source("acme", str(made.id)) == made
        with pytest.raises(module.ProblemError) as refused:
            client.create_source("acme", wanted)
        assert (refused.value.status, refused.value.document["status"]) == (409, 409)
    finally:
        client.close()


def test_the_generated_client_notices_what_the_document_does_not_say(generated):
    """Its shapes forbid what is not described: an answer that says more would have failed above."""
    module, document = generated
    shape = {name for name in document["components"]["schemas"] if name == "Me"}
    assert shape
    with pytest.raises(ValueError, match="Extra inputs"):
        module.Me.model_validate({"id": "x", "email": "x", "name": "x", "tenants": [], "more": 1})
