"""Corrections, topics, aspects and models over real HTTP: who may write what, and what is kept."""

from __future__ import annotations

import pytest

from tests.api_world import read
from tests.published_reviews import review_key

ACME = "/v1/tenants/acme"
BRAVA = "/v1/tenants/brava"
PLUGIN = {"task": "sentiment", "engine": "transformers", "model": "some/model"}


def corrections_of(tenant, n):
    return f"/v1/tenants/{tenant}/reviews/{review_key(tenant, n)}/corrections"


def refused(answer, status, where):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    locations = [error["location"] for error in answer.json().get("errors", [])]
    assert not where or any(location.startswith(where) for location in locations), answer.text


# Corrections ----------------------------------------------------------------------------------


def test_a_correction_is_kept_with_what_was_published_and_who_said_so(world, ada):
    address = corrections_of("acme", 3)
    made = ada.post(address, json={"field": "sentiment", "value": "mixed", "note": "ironic"})
    assert made.status_code == 201, made.text
    said = made.json()
    assert (said["previous"], said["value"], said["revision"]) == ("negative", "mixed", 1)
    assert said["author"] == str(world.users["ada"].id)
    assert said["day"] == "2026-03-20"
    ada.post(address, json={"field": "sentiment", "value": None})
    history = read(ada, address)["items"]
    assert [(one["revision"], one["value"], one["note"]) for one in history] == [
        (2, None, None),
        (1, "mixed", "ironic"),
    ]


def test_every_field_takes_its_own_kind_of_value(world, ada):
    address = corrections_of("acme", 4 + 5)  # n % 5 == 4 has no text, n % 5 == 0 has
    text = "acme review 10: it's 100% Straße_2"
    place = text.index("Straße") + len("Title 10\n")
    for said in (
        {"field": "language", "value": "de"},
        {"field": "entities", "value": [{"name": "Kettle", "kind": "product"}]},
        {"field": "topics", "value": []},
    ):
        assert ada.post(address, json=said).status_code == 201
    aspect = {"term": "Straße", "category": "location", "sentiment": "negative"}
    aspect |= {"start": place, "end": place + 6}
    made = ada.post(corrections_of("acme", 10), json={"field": "aspects", "value": [aspect]})
    assert made.status_code == 201, made.text
    with world.database.jobs() as work:
        kept = {one.field: one.value for one in work.corrections.of_tenant("acme")}
    assert kept == {
        "language": "de",
        "entities": ({"name": "Kettle", "kind": "product"},),
        "topics": (),
        "aspects": (aspect,),
    }


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body"),
        ({"field": "rating", "value": 5}, "body"),
        ({"field": "sentiment"}, "body.sentiment.value"),
        ({"field": "sentiment", "value": "great"}, "body.sentiment.value"),
        ({"field": "sentiment", "value": "mixed", "score": 1}, "body.sentiment.score"),
        ({"field": "language", "value": "German"}, "body.language.value"),
        ({"field": "topics", "value": ["no such topic"]}, "body.value.0"),
        ({"field": "topics", "value": ["a", "a"]}, "body.topics.value"),
        ({"field": "topics", "value": ["\0"]}, "body.topics.value"),
        ({"field": "entities", "value": [{"name": "x"}]}, "body.entities.value.0.kind"),
        (
            {
                "field": "aspects",
                "value": [
                    {"term": "tea", "category": "c", "sentiment": "mixed", "start": 5, "end": 2}
                ],
            },
            "body.aspects.value.0",
        ),
        (
            {
                "field": "aspects",
                "value": [
                    {
                        "term": "tea",
                        "category": "c",
                        "sentiment": "mixed",
                        "start": 9000,
                        "end": 9003,
                    }
                ],
            },
            "body.value.0",
        ),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_with_its_place(ada, body, where):
    refused(ada.post(corrections_of("acme", 2), json=body), 422, where)
    assert read(ada, corrections_of("acme", 2)) == {"items": []}


def test_a_review_that_is_not_there_cannot_be_corrected(ada, bob):
    body = {"field": "sentiment", "value": "mixed"}
    for key in ("0" * 32, "nonsense", review_key("brava", 1)):
        answer = ada.post(f"{ACME}/reviews/{key}/corrections", json=body)
        assert answer.status_code == 404
        assert ada.get(f"{ACME}/reviews/{key}/corrections").status_code == 404
    assert bob.post(corrections_of("acme", 1), json=body).status_code == 404


def test_a_viewer_reads_and_does_not_write(world):
    with world.client("vic") as vic:
        assert vic.get(corrections_of("acme", 1)).status_code == 200
        assert vic.get(f"{ACME}/taxonomy").status_code == 200
        for method, address, body in (
            ("POST", corrections_of("acme", 1), {"field": "sentiment", "value": "mixed"}),
            ("PUT", f"{ACME}/taxonomy", {"topics": [{"name": "x", "examples": ["y"]}]}),
            ("PUT", f"{ACME}/aspect-lexicon", {"categories": {"x": ""}, "terms": []}),
            ("PUT", f"{ACME}/nlp-settings", {"tier": "fast"}),
        ):
            answer = vic.request(method, address, json=body)
            assert answer.status_code == 403, (method, address)


# Topics ---------------------------------------------------------------------------------------


def test_a_tenant_edits_its_topics_and_another_keeps_its_own(ada, bob):
    shipped = read(ada, f"{BRAVA.replace('brava', 'acme')}/taxonomy")
    assert shipped["is_default"]
    assert len(shipped["topics"]) >= 8
    topics = [
        {
            "name": "Böden & Teppiche",
            "description": "What lies on the floor",
            "keywords": {"de": ["teppich*"], "en": ["carpet"]},
            "examples": ["The carpet was dirty."],
        },
        {"name": "price", "description": "", "keywords": {"en": ["price"]}, "examples": []},
    ]
    written = ada.put(f"{ACME}/taxonomy", json={"topics": topics})
    assert written.status_code == 200, written.text
    assert read(ada, f"{ACME}/taxonomy") == written.json()
    assert not written.json()["is_default"]
    assert [topic["name"] for topic in written.json()["topics"]] == ["Böden & Teppiche", "price"]
    assert written.json()["topics"][0]["keywords"] == topics[0]["keywords"]
    assert read(bob, f"{BRAVA}/taxonomy") == shipped
    said = {"field": "topics", "value": ["Böden & Teppiche"]}
    assert ada.post(corrections_of("acme", 8), json=said).status_code == 201
    assert bob.post(corrections_of("brava", 8), json=said).status_code == 422


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"topics": []}, "body.topics"),
        ({"topics": [{"name": ""}]}, "body.topics.0.name"),
        ({"topics": [{"name": "Price"}, {"name": "price "}]}, "body.topics"),
        ({"topics": [{"name": "nothing would ever have it"}]}, "body.topics"),
        ({"topics": [{"name": f"t {n}", "examples": ["x"]} for n in range(101)]}, "body.topics"),
        ({"topics": [{"name": "a", "keywords": {"english": ["x"]}}]}, "body.topics.0.keywords"),
        ({"topics": [{"name": "a", "keywords": {"en": ["x" * 101]}}]}, "body.topics.0.keywords"),
        ({"topics": [{"name": "a", "keywords": {"en": ["x"] * 501}}]}, "body.topics.0.keywords"),
        ({"topics": [{"name": "a", "weights": [1]}]}, "body.topics.0.weights"),
    ],
)
def test_a_taxonomy_that_cannot_work_is_refused_with_its_place(ada, document, where):
    before = read(ada, f"{ACME}/taxonomy")
    refused(ada.put(f"{ACME}/taxonomy", json=document), 422, where)
    assert read(ada, f"{ACME}/taxonomy") == before


def test_a_taxonomy_may_be_longer_than_other_bodies_and_has_an_end_too(ada):
    topic = {"name": "long", "keywords": {"en": [f"{'word' * 19}{n:04}" for n in range(300)]}}
    many = [topic | {"name": f"topic {n}"} for n in range(20)]
    assert ada.put(f"{ACME}/taxonomy", json={"topics": many}).status_code == 200
    answer = ada.put(f"{ACME}/taxonomy", content=b" " * (4 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert "4096 KiB" in answer.json()["detail"]


# Aspects --------------------------------------------------------------------------------------


def test_a_tenant_edits_its_aspects_and_what_was_mined_of_a_term_stays(world, ada, bob):
    shipped = read(bob, f"{BRAVA}/aspect-lexicon")
    assert shipped["is_default"]
    assert 8 <= len(shipped["categories"]) <= 15
    mined = {
        "categories": {"food": ""},
        "terms": [{"text": "tea", "category": "food", "language": "en", "count": 7, "score": 0.5}],
        "aliases": {},
    }
    with world.database.jobs() as work:
        work.lexicons.save("acme", mined, version="mined", author="train")
    terms = [
        {"text": "Tea", "category": "drinks", "language": "en"},
        {"text": "room  service", "category": "other"},
    ]
    wanted = {
        "categories": {"drinks": "What is drunk"},
        "terms": terms,
        "aliases": {"cuppa": "tea"},
    }
    written = ada.put(f"{ACME}/aspect-lexicon", json=wanted)
    assert written.status_code == 200, written.text
    assert read(ada, f"{ACME}/aspect-lexicon") == written.json()
    assert [
        (term["language"], term["text"], term["category"], term["count"])
        for term in written.json()["terms"]
    ] == [("*", "room service", "other", 0), ("en", "tea", "drinks", 7)]
    assert written.json()["aliases"] == {"cuppa": "tea"}
    assert read(bob, f"{BRAVA}/aspect-lexicon") == shipped


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"categories": {}, "terms": []}, "body.categories"),
        ({"categories": {"a": ""}}, "body.terms"),
        ({"categories": {"a": "\u0000"}, "terms": []}, "body.categories.a"),
        ({"categories": {"a": ""}, "terms": [{"text": " "}]}, "body.terms.0.text"),
        ({"categories": {"a": ""}, "terms": [{"text": "a b c d e f"}]}, "body.terms.0.text"),
        (
            {"categories": {"a": ""}, "terms": [{"text": "x", "category": "b"}]},
            "body.terms.0.category",
        ),
        ({"categories": {"a": ""}, "terms": [{"text": "x"}, {"text": " X"}]}, "body.terms"),
        ({"categories": {"a": ""}, "terms": [], "aliases": {"x": "y"}}, "body.aliases"),
        (
            {"categories": {"a": ""}, "terms": [{"text": f"t{n}"} for n in range(20_001)]},
            "body.terms",
        ),
    ],
)
def test_a_lexicon_that_cannot_work_is_refused_with_its_place(ada, document, where):
    before = read(ada, f"{ACME}/aspect-lexicon")
    refused(ada.put(f"{ACME}/aspect-lexicon", json=document), 422, where)
    assert read(ada, f"{ACME}/aspect-lexicon") == before


# Models ---------------------------------------------------------------------------------------


@pytest.fixture
def _some_model(tmp_path, monkeypatch):
    """A model of the plug-in's name in the cache of this machine."""
    pytest.importorskip("transformers")
    folder, revision = tmp_path / "models--some--model", "1" * 40
    (folder / "snapshots" / revision).mkdir(parents=True)
    (folder / "snapshots" / revision / "config.json").write_text("{}")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("_some_model")
def test_the_tier_is_the_tenants_to_choose_within_its_plan(world, ada, bob):
    address = f"{BRAVA}/nlp-settings"
    default = read(bob, address)
    assert (default["tier"], default["updated_at"]) == ("fast", None)
    refused(bob.put(address, json={"tier": "plugin", "plugins": [PLUGIN]}), 422, "body.tier")
    with world.database.jobs() as work:
        work.nlp_settings.allow("brava", ["plugin"])
    written = bob.put(address, json={"tier": "plugin", "plugins": [PLUGIN]})
    assert written.status_code == 200, written.text
    assert written.json()["plugins"] == [PLUGIN | {"options": {}}]
    assert read(bob, address) == written.json()
    assert read(ada, f"{ACME}/nlp-settings")["tier"] == "fast"
    assert bob.put(address, json={"tier": "fast"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"tier": "best"}, "body.tier"),
        ({"tier": "plugin"}, "body.plugins"),
        ({"tier": "plugin", "plugins": [PLUGIN, PLUGIN]}, "body.plugins"),
        ({"tier": "fast", "plugins": [PLUGIN]}, "body.plugins"),
        ({"tier": "fast", "models_folder": "/etc"}, "body.models_folder"),
        ({"tier": "fast", "allowed_tiers": ["plugin"]}, "body.allowed_tiers"),
        ({"tier": "plugin", "plugins": [PLUGIN | {"task": "chat"}]}, "body.plugins.0.task"),
        ({"tier": "plugin", "plugins": [PLUGIN | {"options": {"x": 1}}]}, "body.plugins.0"),
        ({"tier": "plugin", "plugins": [PLUGIN | {"model": "not/here"}]}, "body.plugins.0"),
        ({"tier": "plugin", "plugins": [PLUGIN | {"model": "/etc"}]}, "body.plugins.0.model"),
        ({"tier": "plugin", "plugins": [PLUGIN | {"model": "../x"}]}, "body.plugins.0.model"),
        (
            {"tier": "plugin", "plugins": [PLUGIN | {"options": {"allow_download": True}}]},
            "body.plugins.0",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_with_their_place(bob, body, where):
    refused(bob.put(f"{BRAVA}/nlp-settings", json=body), 422, where)
