"""Every route against every kind of stranger. A new route without a row here fails."""

from __future__ import annotations

import time
import uuid

import pytest
from sqlalchemy import text

from serving_api.kit.permissions import PERMISSIONS
from tests.api_world import running_world
from tests.operation_matrix import (
    MATRIX,
    operations,
    send,
    token_for,
)


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


def without_request_id(answer):
    return {name: value for name, value in answer.json().items() if name != "request_id"}


OF_MEMBERS = [name for name, row in MATRIX.items() if row.audience == "members"]
NOT_OF_EVERYONE = [name for name, row in MATRIX.items() if row.audience != "everyone"]
WITH_IDS = [name for name in OF_MEMBERS if "_" in name]


def test_every_route_has_a_row_and_every_row_a_route(world):
    assert sorted(operations(world.app.routes)) == sorted(MATRIX)


@pytest.mark.parametrize("operation", MATRIX)
def test_those_who_may_are_served(world, operation):
    audience = MATRIX[operation].audience
    token = None if audience == "everyone" else token_for(world, operation, "ada")
    assert send(world, operation, token).status_code == MATRIX[operation].status


@pytest.mark.parametrize("operation", OF_MEMBERS)
@pytest.mark.parametrize("stranger", ["bob", "eve"])
def test_another_tenant_answers_as_one_that_does_not_exist(world, operation, stranger):
    token = world.token(stranger)
    answer = send(world, operation, token)
    nowhere = send(world, operation, token, tenant="no-such-tenant")
    assert answer.status_code == nowhere.status_code == 404
    assert without_request_id(answer) == without_request_id(nowhere)
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"date", "ratelimit", "x-request-id"}  # one's own count goes down
    }
    assert kept == {name: nowhere.headers[name] for name in kept}
    assert "acme" not in answer.text


@pytest.mark.parametrize("operation", WITH_IDS)
def test_what_another_tenant_has_does_not_exist_at_the_own_address(world, operation):
    token = world.token("bob")
    answer = send(world, operation, token, tenant="brava", ids_of="acme")
    assert answer.status_code == 404
    own = send(world, operation, token, tenant="brava", ids_of="brava")
    assert own.status_code == MATRIX[operation].status


@pytest.mark.parametrize("operation", NOT_OF_EVERYONE)
def test_nothing_of_another_tenant_stands_in_an_own_answer(world, operation):
    token = token_for(world, operation, "bob")
    answer = send(world, operation, token, tenant="brava", ids_of="brava")
    assert answer.status_code == MATRIX[operation].status
    assert "acme" not in answer.text
    for identifier in world.ids["acme"].values():
        assert identifier not in answer.text


@pytest.mark.parametrize("operation", NOT_OF_EVERYONE)
def test_without_a_token_there_is_a_challenge(world, operation):
    answer = send(world, operation)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="reviewgraph"'
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("operation", NOT_OF_EVERYONE)
def test_garbage_and_expired_tokens_are_refused_alike(world, operation):
    tokens = world.app.state.services.tokens
    ada, off = world.users["ada"].id, world.users["off"].id
    with world.database.jobs() as work:
        lasting, of_off = work.sessions.start(ada).id, work.sessions.start(off).id
    expired = tokens.issue(ada, lasting, now=int(time.time()) - 901)
    of_nobody = tokens.issue(uuid.uuid4(), uuid.uuid4())
    without_session = tokens.issue(ada, uuid.uuid4())
    of_another_s_session = tokens.issue(world.users["bob"].id, lasting)
    of_someone_switched_off = tokens.issue(off, of_off)
    key, shown = world.key("acme", "ada", *PERMISSIONS)
    with world.database.jobs() as work:
        work.api_keys.revoke("acme", key.id, by=ada)
    answers = [
        send(world, operation, token)
        for token in (
            "garbage",
            expired,
            of_nobody,
            without_session,
            of_another_s_session,
            of_someone_switched_off,
            shown,
        )
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].endswith('error="invalid_token"')
        assert without_request_id(answer) == without_request_id(answers[0])


@pytest.mark.parametrize("operation", OF_MEMBERS)
def test_those_with_a_lower_role_may_what_the_row_says(world, operation):
    answer = send(world, operation, world.token("vic"))
    if MATRIX[operation].viewers:
        assert answer.status_code == MATRIX[operation].status
    else:
        assert (answer.status_code, answer.json()["type"].split(":")[-1]) == (403, "forbidden")


@pytest.mark.parametrize("operation", NOT_OF_EVERYONE)
def test_a_key_may_nothing_without_scopes_and_no_more_than_its_row_says_with_all(world, operation):
    row = MATRIX[operation]
    bare, whole = (world.key("acme", "ada", *scopes)[1] for scopes in ((), PERMISSIONS))
    refused = send(world, operation, bare)
    assert (refused.status_code, refused.json()["type"].split(":")[-1]) == (
        403,
        "insufficient-scope",
    )
    served = (row.audience == "members" or row.takes_keys) and not row.of_people
    assert send(world, operation, whole).status_code == (row.status if served else 403)


@pytest.mark.parametrize("operation", OF_MEMBERS)
def test_a_key_of_another_tenant_is_a_stranger_also_where_its_maker_is_none(world, operation):
    """Ada is a member of acme as well; her key of another tenant does not know acme."""
    _, shown = world.key("empty", "ada", *PERMISSIONS)
    answer = send(world, operation, shown)
    nowhere = send(world, operation, shown, tenant="no-such-tenant")
    assert answer.status_code == nowhere.status_code == 404
    assert without_request_id(answer) == without_request_id(nowhere)


def test_a_report_that_names_a_file_of_another_tenant_does_not_give_it_away(world):
    with world.database.jobs() as work:
        report = work.reports.add_document(
            "brava",
            snapshot_version=world.ids["brava"]["snapshot"],
            title="Forged",
            review_count=0,
            files=[
                {
                    "format": "pdf",
                    "key": world.ids["acme"]["file"],
                    "sha256": "0" * 64,
                    "bytes": 1,
                    "media_type": "application/pdf",
                }
            ],
        )
    with world.client("bob") as bob:
        answer = bob.get(f"/v1/tenants/brava/reports/{report.id}/files/pdf")
    assert answer.status_code == 404


def test_a_snapshot_of_another_tenant_cannot_be_named(world):
    with world.client("bob") as bob:
        answer = bob.get(
            "/v1/tenants/brava/reviews", params={"snapshot": world.ids["acme"]["snapshot"]}
        )
    assert answer.status_code == 410
    assert "acme" not in answer.text


@pytest.mark.parametrize(
    "tenant",
    ["ACME", "acme%20", "%61cme%00", "acme%2F..%2Facme", "..%2facme", "acme.", "\uff41cme"],
)
def test_a_tenant_has_one_spelling(world, tenant):
    with world.client("ada") as ada:
        assert ada.get(f"/v1/tenants/{tenant}/metrics").status_code == 404


def test_kept_answers_are_kept_apart(world):
    """The same query of two tenants in turn, often enough to come from memory."""
    with world.client("ada") as ada, world.client("bob") as bob:
        for _ in range(3):
            for client, tenant, other in ((ada, "acme", "brava"), (bob, "brava", "acme")):
                answer = client.get(f"/v1/tenants/{tenant}/reviews?limit=200")
                assert answer.status_code == 200
                assert f"{tenant} review" in answer.text
                assert other not in answer.text
        for client, tenant in ((ada, "brava"), (bob, "acme")):
            assert client.get(f"/v1/tenants/{tenant}/reviews?limit=200").status_code == 404


def test_with_the_first_wall_down_unfiltered_sql_still_sees_one_tenant(world):
    tables = ("tenants", "memberships", "snapshots", "report_requests", "report_documents")
    with world.database.work("brava") as work:
        for table in tables:
            column = "id" if table == "tenants" else "tenant_id"
            rows = work.session.execute(text(f"select {column} from reviewgraph.{table}"))
            assert {row[0] for row in rows} == {"brava"}, table
    with world.database.work(None) as work:
        for table in tables:
            assert not work.session.execute(text(f"select 1 from reviewgraph.{table}")).all()
