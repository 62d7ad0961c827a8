"""What is asked of a workspace, against its reviews counted in plain Python."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from datetime import date, timedelta

import pytest

from tests.api_world import all_pages, figures_in, read
from tests.integration.test_changes import wait_until
from tests.published_reviews import ODD_PRODUCT, reviews_of

ACME = "/v1/tenants/acme"
_NUMBERS = itertools.count(1)
CONTENTS = {
    "odd": {"sources": [], "products": [ODD_PRODUCT]},
    "albany": {"sources": [], "products": [], "locations": ["Albany"]},
    "google": {"sources": ["google"], "products": []},
    "several": {"sources": ["google"], "products": ["kettle"], "locations": [""]},
    "empty": {"sources": [], "products": []},
}
"""What a workspace may hold; each is tried beside a workspace that holds the shop's kettles."""


def make(client, contents):
    made = client.post(f"{ACME}/workspaces", json={"name": f"Workspace {next(_NUMBERS)}"})
    assert made.status_code == 201, made.text
    fill(client, made.json()["id"], contents)
    return made.json()["id"]


def fill(client, workspace, contents):
    answer = client.put(f"{ACME}/workspaces/{workspace}/contents", json=contents)
    assert answer.status_code == 200, answer.text


def belonging(contents, elsewhere):
    """The reviews of a workspace, as its rule says it."""
    kinds = (("product", "products"), ("location", "locations"), ("source", "sources"))
    for review in reviews_of("acme"):
        for kind, names in kinds:
            if review[kind] in contents.get(names, []):
                yield review
                break
            if review[kind] in elsewhere.get(names, []):
                break


@pytest.fixture(autouse=True)
def _only_the_chosen_stay(ada):
    """What a test makes belongs to no other test's workspaces."""
    before = {one["id"] for one in ada.get(f"{ACME}/workspaces").json()["items"]}
    yield
    for one in ada.get(f"{ACME}/workspaces").json()["items"]:
        if one["id"] not in before:
            assert ada.delete(f"{ACME}/workspaces/{one['id']}").status_code == 204


@pytest.fixture(scope="module", params=CONTENTS)
def chosen(request, ada):
    """A workspace beside another one, and the reviews that belong to it."""
    contents = CONTENTS[request.param]
    elsewhere = {"locations": [] if "locations" in contents else ["Albany"], "sources": ["shop"]}
    other = make(ada, {"products": [], **elsewhere})
    workspace = make(ada, contents)
    yield workspace, list(belonging(contents, elsewhere))
    for one in (workspace, other):
        assert ada.delete(f"{ACME}/workspaces/{one}").status_code == 204


def figures_lead_to_their_reviews(client, body):
    for figure in figures_in(body):
        found = read(client, f"{figure['reviews']}&count=true")
        assert found["review_count"] == figure["review_count"], figure


def mean(values):
    values = list(values)
    return pytest.approx(sum(values) / len(values), abs=1e-9) if values else None


def test_the_reviews_of_a_workspace_are_those_that_belong_to_it(ada, chosen):
    workspace, own = chosen
    found = all_pages(ada, f"{ACME}/reviews?workspace={workspace}&limit=7")
    assert sorted(one["review_key"] for one in found) == sorted(one["review_key"] for one in own)
    page = read(ada, f"{ACME}/reviews", workspace=workspace, count=True, sentiment="negative")
    assert page["review_count"] == sum(one["sentiment"] == "negative" for one in own)


@pytest.mark.parametrize("dimension", ["all", "source", "product", "location", "language"])
def test_summaries_of_a_workspace_are_those_of_its_reviews(ada, chosen, dimension):
    workspace, own = chosen
    members = {}
    for review in own:
        member = "all" if dimension == "all" else review[dimension]
        if member:
            members.setdefault(member, []).append(review)
    items = all_pages(ada, f"{ACME}/metrics?dimension={dimension}&workspace={workspace}&limit=1")
    assert {item["member"]: item["review_count"]["value"] for item in items} == {
        member: len(reviews) for member, reviews in members.items()
    }
    for item in items:
        reviews = members[item["member"]]
        ratings = [one["rating"] for one in reviews if one["rating"] is not None]
        moods = [one["sentiment"] for one in reviews if one["sentiment"] is not None]
        days = [one["posted_day"] for one in reviews if one["has_posted_date"]]
        assert item["rated_count"]["value"] == len(ratings)
        assert item["average_rating"]["value"] == mean(ratings)
        assert item["average_score"]["value"] == mean(
            one["sentiment_score"] for one in reviews if one["sentiment"] is not None
        )
        for mood in ("positive", "neutral", "mixed", "negative"):
            assert item[f"{mood}_count"]["value"] == moods.count(mood)
        assert item["negative_share"]["value"] == mean(one == "negative" for one in moods)
        assert item["first_day"] == (min(days).isoformat() if days else None)
        assert item["last_day"] == (max(days).isoformat() if days else None)
    figures_lead_to_their_reviews(ada, items)


@pytest.mark.parametrize(
    "choice", [{}, {"product": "kettle"}, {"source": "google", "topic": "price"}]
)
def test_series_of_a_workspace_follow_its_reviews(ada, chosen, choice):
    workspace, own = chosen
    dated = [
        one
        for one in own
        if one["has_posted_date"]
        and ("product" not in choice or one["product"] == choice["product"])
        and ("source" not in choice or one["source"] == choice["source"])
        and ("topic" not in choice or choice["topic"] in one["topics"])
    ]
    weeks = Counter(one["posted_day"] - timedelta(one["posted_day"].weekday()) for one in dated)
    series = read(ada, f"{ACME}/metrics/series", workspace=workspace, grain="week", **choice)
    points = {
        date.fromisoformat(point["start"]): point["value"]
        for point in series["points"]
        if point["value"]
    }
    assert {day - timedelta(day.weekday()): count for day, count in points.items()} == weeks
    figures_lead_to_their_reviews(ada, series)


def test_topics_of_a_workspace_are_those_its_reviews_mention(ada, chosen):
    workspace, own = chosen
    counts = Counter(topic for one in own for topic in one["topics"])
    for address, name in ((f"{ACME}/topics?weeks=10", "trend"), (f"{ACME}/metrics/topics?", None)):
        items = all_pages_or_items(ada, f"{address}&workspace={workspace}")
        assert {item["topic"]: item["mention_count"]["value"] for item in items} == counts
        for item in items:
            assert item["share_of_reviews"]["value"] == pytest.approx(
                counts[item["topic"]] / len(own)
            )
            if name is not None:
                assert sum(week["mention_count"] for week in item["trend"]["weeks"]) == sum(
                    item["topic"] in one["topics"] and one["has_posted_date"] for one in own
                )
        figures_lead_to_their_reviews(ada, items)


def all_pages_or_items(client, address):
    page = read(client, address)
    return page["items"] + (all_pages(client, page["next"]) if page.get("next") else [])


def test_ratings_of_a_workspace_are_those_of_its_reviews(ada, chosen):
    workspace, own = chosen
    stars = Counter(
        int(min(max(one["rating"] + 0.5, 1), 5)) for one in own if one["rating"] is not None
    )
    ratings = read(ada, f"{ACME}/metrics/ratings", workspace=workspace)
    assert {one["rating"]: one["count"]["value"] for one in ratings["items"]} == {
        star: stars[star] for star in range(1, 6)
    }
    figures_lead_to_their_reviews(ada, ratings)


def test_graphql_answers_of_a_workspace_what_rest_does(ada, chosen):
    workspace, own = chosen
    document = """query Page($id: String!) { tenant(id: "acme") {
        reviews(workspace: $id, count: true) { reviewCount }
        metrics(workspace: $id, dimension: "product") { items { member reviewCount { value } } }
        series(workspace: $id, grain: "month") { points { value } }
        topics(workspace: $id) { items { topic mentionCount { value } } }
        ratings(workspace: $id) { items { count { value } } }
    } }"""
    body = {"query": document, "variables": {"id": workspace}}
    answer = ada.post("/v1/graphql", json=body).json()
    assert answer["errors"] is None
    tenant = answer["data"]["tenant"]
    assert tenant["reviews"]["reviewCount"] == len(own)
    for name, path, parameters in (
        ("metrics", "metrics", {"dimension": "product"}),
        ("topics", "topics", {}),
        ("ratings", "metrics/ratings", {}),
    ):
        rest = read(ada, f"{ACME}/{path}", workspace=workspace, **parameters)["items"]
        told = tenant[name]["items"]
        assert len(told) == len(rest)
        count = {"metrics": "review_count", "topics": "mention_count", "ratings": "count"}[name]
        key = {"metrics": "reviewCount", "topics": "mentionCount", "ratings": "count"}[name]
        assert [one[key]["value"] for one in told] == [one[count]["value"] for one in rest]
    points = read(ada, f"{ACME}/metrics/series", workspace=workspace, grain="month")["points"]
    assert [one["value"] for one in tenant["series"]["points"]] == [one["value"] for one in points]


def test_a_table_of_a_workspace_has_its_rows_alone(ada, chosen):
    workspace, own = chosen
    answer = ada.get(
        f"{ACME}/reviews?workspace={workspace}&limit=200&fields=review_key",
        headers={"Accept": "text/csv"},
    )
    assert answer.status_code == 200
    assert len(answer.text.split()) == 1 + len(own)


def test_the_numbers_of_workspaces_can_be_added_up(ada):
    """Every review belongs to one of them at most, whatever names it bears."""
    parts = [CONTENTS["odd"], CONTENTS["albany"], {"sources": ["shop"], "products": ["kettle"]}]
    made = [make(ada, contents) for contents in (*parts, {"sources": ["google"], "products": []})]
    keys = [
        one["review_key"]
        for workspace in made
        for one in all_pages(ada, f"{ACME}/reviews?workspace={workspace}&limit=200")
    ]
    assert len(keys) == len(set(keys)) == 90
    assert sum(
        read(ada, f"{ACME}/metrics", workspace=workspace)["items"][0]["review_count"]["value"]
        for workspace in made
    ) == len(keys)


# Which workspace -------------------------------------------------------------------------------

ADDRESSES = ("reviews", "metrics", "metrics/series", "metrics/topics", "metrics/ratings", "topics")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_workspace_that_is_none_of_the_tenant_s_in_use_is_not_found(ada, bob, address):
    mine = make(ada, CONTENTS["google"])
    answer = bob.post("/v1/tenants/brava/workspaces", json={"name": f"B {next(_NUMBERS)}"})
    put_away = make(ada, CONTENTS["odd"])
    assert ada.delete(f"{ACME}/workspaces/{put_away}").status_code == 204
    unknown = (answer.json()["id"], put_away, str(uuid.uuid4()), mine.upper(), "x", "\0", "")
    for workspace in unknown:
        found = ada.get(f"{ACME}/{address}", params={"workspace": workspace})
        assert found.status_code == 404, workspace
        assert found.json()["type"].endswith(":not-found")
    assert bob.get(f"/v1/tenants/brava/{address}", params={"workspace": mine}).status_code == 404
    assert ada.get(f"{ACME}/{address}", params={"workspace": mine}).status_code == 200
    too_long = ada.get(f"{ACME}/{address}", params={"workspace": "x" * 101})
    assert too_long.status_code == 422


def test_a_field_of_an_unknown_workspace_is_null_and_leaves_the_others(ada):
    document = f"""{{ tenant(id: "acme") {{
        name metrics(workspace: "{uuid.uuid4()}") {{ snapshot }}
    }} }}"""
    answer = ada.post("/v1/graphql", json={"query": document}).json()
    assert answer["data"] == {"tenant": {"name": "Acme", "metrics": None}}
    assert answer["errors"][0]["extensions"]["slug"] == "not-found"


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_a_workspace_holds_changes_its_answers_at_once_and_their_names(ada, world, address):
    workspace = make(ada, CONTENTS["odd"])
    memory = world.app.state.services.memory
    wait_until(memory.is_current)
    asked = f"{ACME}/{address}?workspace={workspace}"
    for _ in range(3):  # until it is answered from memory
        before = ada.get(asked)
    held = {"If-None-Match": before.headers["etag"]}
    assert ada.get(asked, headers=held).status_code == 304
    fill(ada, workspace, {"sources": ["google"], "products": ["kettle"]})
    wait_until(memory.is_current)
    after = ada.get(asked, headers=held)
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json() != before.json()
    fill(ada, workspace, CONTENTS["odd"])
    again = ada.get(asked, headers=held)
    assert again.status_code == 304, "equal contents give the answer that the client holds"


def test_a_product_that_another_workspace_takes_is_gone_from_this_one_s_numbers(ada, world):
    workspace = make(ada, CONTENTS["google"])
    wait_until(world.app.state.services.memory.is_current)
    asked = f"{ACME}/reviews?workspace={workspace}&limit=200"
    for _ in range(3):
        before = ada.get(asked)
    make(ada, {"sources": [], "products": ["kettle"]})
    after = ada.get(asked)
    of_google = [one for one in reviews_of("acme") if one["source"] == "google"]
    assert len(before.json()["items"]) == len(of_google)
    assert len(after.json()["items"]) == sum(one["product"] != "kettle" for one in of_google)
    assert after.headers["etag"] != before.headers["etag"]


def test_a_cursor_of_a_workspace_is_good_in_no_other(ada):
    first, second = make(ada, CONTENTS["google"]), make(ada, CONTENTS["odd"])
    cursor = read(ada, f"{ACME}/reviews", workspace=first, limit=1)["next_cursor"]
    answer = ada.get(f"{ACME}/reviews", params={"workspace": second, "limit": 1, "cursor": cursor})
    assert answer.json()["type"].endswith(":invalid-cursor")


# Reports ---------------------------------------------------------------------------------------


def test_a_report_of_a_workspace_is_asked_for_and_told_apart(ada, world):
    workspace = make(ada, CONTENTS["odd"])
    asked = ada.post(f"{ACME}/reports", json={"workspace": workspace})
    assert asked.status_code == 202, asked.text
    assert asked.json()["workspace"] == workspace
    assert ada.post(f"{ACME}/reports", json={"workspace": workspace}).json() == asked.json()
    whole = ada.post(f"{ACME}/reports", json={}).json()
    assert (whole["workspace"], whole["id"] != asked.json()["id"]) == (None, True)
    with world.database.jobs() as work:
        told = [
            one for one in work.events.unpublished(limit=10_000) if one.type == "report.requested"
        ]
    assert {one.data.get("workspace") for one in told} >= {workspace, None}
    for unknown in (str(uuid.uuid4()), "x"):
        assert ada.post(f"{ACME}/reports", json={"workspace": unknown}).status_code == 404
