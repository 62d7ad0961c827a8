"""Topics that tenants edit: reading them, finding them by likeness, learning them from labels."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from resources.nlp.embeddings import shipped_embedder
from resources.nlp.matching import normalise
from resources.nlp.topics import (
    InvalidTaxonomyError,
    LearnedTopics,
    LearnedTopicsError,
    Taxonomy,
    Topic,
    default_taxonomy,
    label_topics,
)
from resources.training.topics import learn_topics

ZIPS = Topic("zips", "", {"en": ["fastener*"]}, ("the zipper broke after a week",))
SOUND = Topic("sound", "", {"en": ["speaker*"]})


@pytest.fixture(scope="module")
def embedder():
    return shipped_embedder()


def labels_of(texts, taxonomy, **more):
    series = pl.Series(texts, dtype=pl.String)
    return label_topics(normalise(series), ["en"] * len(texts), taxonomy, texts=series, **more)


def test_a_document_without_examples_reads_as_before_and_writes_as_before():
    document = {"topics": [{"name": "a", "description": "b", "keywords": {"en": ["c"]}}]}
    taxonomy = Taxonomy.from_dict(document)
    assert taxonomy.to_dict() == document
    assert taxonomy.topics[0].examples == ()
    assert not taxonomy.has_examples


def test_examples_survive_json_and_change_the_version():
    taxonomy = Taxonomy((ZIPS,))
    again = Taxonomy.from_dict(json.loads(json.dumps(taxonomy.to_dict())))
    assert again.topics[0].examples == ZIPS.examples
    assert again.version == taxonomy.version
    assert Taxonomy((Topic("zips", "", {"en": ["fastener*"]}),)).version != taxonomy.version


def test_the_default_taxonomy_passes_its_own_check():
    document = default_taxonomy().to_dict()
    assert Taxonomy.parse(document).version == default_taxonomy().version


def topic(**changes):
    return {"name": "a", "keywords": {"en": ["late"]}} | changes


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, "topics"),
        ([], "topics"),
        ({"topics": []}, "at least one"),
        ({"topics": ["a"]}, "Topic 1"),
        ({"topics": [topic(name="")]}, "no name"),
        ({"topics": [topic(name=3)]}, "not a text"),
        ({"topics": [topic(), topic(name="A")]}, "Two topics"),
        ({"topics": [topic(keywords={})]}, "neither keywords nor examples"),
        ({"topics": [topic(keywords=["late"])]}, "by language"),
        ({"topics": [topic(keywords={"en": "late"})]}, "not a list"),
        ({"topics": [topic(keywords={"en": ["!!"]})]}, "no letter"),
        ({"topics": [topic(keywords={"": ["late"]})]}, "no code"),
        ({"topics": [topic(name="x" * 81)]}, "81 characters"),
        ({"topics": [topic(examples=["x" * 1001])]}, "1001 characters"),
        ({"topics": [topic(examples=[f"{n}" for n in range(51)])]}, "at most 50"),
        ({"topics": [topic(name="\ud800")]}, "half a character"),
        ({"topics": [topic(name=f"{n}") for n in range(101)]}, "at most 100"),
    ],
)
def test_what_is_no_taxonomy_is_told_why(document, told):
    with pytest.raises(InvalidTaxonomyError, match=told):
        Taxonomy.parse(document)


def test_a_topic_needs_no_more_than_a_name_and_an_example():
    parsed = Taxonomy.parse({"topics": [{"name": " zips ", "examples": ["it broke", "it broke"]}]})
    assert parsed.topics == (Topic("zips", "", {}, ("it broke",)),)


def test_a_review_like_an_example_has_its_topic_and_says_so(embedder):
    labels = labels_of(
        ["Nice colour. The zipper was broken within weeks.", "Lovely soup", "The fastener is fine"],
        Taxonomy((ZIPS,)),
        embedder=embedder,
    )
    assert labels.topics == [["zips"], [], ["zips"]]
    assert labels.reasons[0] == ['like: "the zipper broke after a week"']
    assert labels.reasons[2] == ["fastener"]


def test_without_vectors_only_keywords_count():
    labels = labels_of(["The zipper was broken within weeks"], Taxonomy((ZIPS,)))
    assert labels.topics == [[]]


def test_labels_do_not_depend_on_the_texts_beside_them(embedder):
    texts = ["The zipper was broken within weeks.", "", "👍", "fastener", "x" * 5_000, "\x00"] * 60
    taxonomy = Taxonomy((ZIPS, *default_taxonomy().topics))
    together = labels_of(texts, taxonomy, embedder=embedder)
    for place in range(len(texts)):
        alone = labels_of([texts[place]], taxonomy, embedder=embedder)
        assert alone.topics[0] == together.topics[place]
        assert alone.reasons[0] == together.reasons[place]


def test_one_text_is_read_with_the_keywords_of_its_language_as_many_are():
    texts = ["Die Lieferung kam spät", "The parcel was late", "Le colis", "宅配", "荷物が遅い"]
    codes = ["de", "en", "fr", "ja", "und"]
    normalised = normalise(pl.Series(texts))
    many = label_topics(normalised, codes, default_taxonomy())
    for place, code in enumerate(codes):
        one = label_topics(normalised.slice(place, 1), [code], default_taxonomy())
        assert (one.topics[0], one.reasons[0]) == (many.topics[place], many.reasons[place])


WORDS = ["speaker", "volume", "bass", "headphones", "music", "treble"]
OTHERS = ["fabric", "collar", "sleeve", "waist", "hem", "cotton"]


def planted(count, seed):
    """Reviews of sound, in words of which the keyword is one, and of clothes."""
    dice = np.random.default_rng(seed)
    texts, labels = [], []
    for number in range(count):
        is_sound = number % 2 == 0
        words = dice.choice(WORDS if is_sound else OTHERS, 2, replace=False)
        texts.append(f"The {words[0]} and the {words[1]} are {dice.choice(['fine', 'bad', 'ok'])}")
        labels.append({"sound"} if is_sound else set())
    return texts, labels


def right(labels, wanted):
    return sum(set(own) == want for own, want in zip(labels.topics, wanted, strict=True))


def test_learning_finds_what_no_keyword_names_and_more_labels_do_not_hurt(embedder):
    taxonomy = Taxonomy((SOUND,))
    texts, wanted = planted(200, seed=1)
    scores = [right(labels_of(texts, taxonomy, embedder=embedder), wanted)]
    for count in (20, 200):
        learned = learn(taxonomy, *planted(count, seed=2), embedder)
        labels = labels_of(texts, taxonomy, embedder=embedder, learned=learned)
        scores.append(right(labels, wanted))
    assert scores[0] < 150
    assert scores[1] > 170
    assert scores[2] >= scores[1]


def learn(taxonomy, texts, labels, embedder):
    return learn_topics(taxonomy, texts, labels, ["en"] * len(texts), embedder)


def test_a_learned_topic_tells_from_how_many_labels(embedder):
    taxonomy = Taxonomy((SOUND,))
    learned = learn(taxonomy, *planted(60, seed=2), embedder)
    labels = labels_of(
        ["The bass and the treble are fine", "The speaker and the volume are fine"],
        taxonomy,
        embedder=embedder,
        learned=learned,
    )
    assert labels.reasons == [["learned from 30 labels"], ["speaker"]]


def test_what_people_take_away_is_taken_away(embedder):
    taxonomy = Taxonomy((SOUND,))
    texts, labels = planted(60, seed=3)
    texts += [f"The guest speaker talked about {word}" for word in OTHERS * 5]
    labels += [set()] * 30
    learned = learn(taxonomy, texts, labels, embedder)
    talk = ["The guest speaker talked about cotton"]
    assert labels_of(talk, taxonomy, embedder=embedder).topics == [["sound"]]
    assert labels_of(talk, taxonomy, embedder=embedder, learned=learned).topics == [[]]


def test_the_same_labels_give_the_same_bytes_and_a_label_more_another_version(embedder):
    taxonomy = Taxonomy((SOUND,))
    texts, labels = planted(60, seed=4)
    first = learn(taxonomy, texts, labels, embedder)
    assert first.to_bytes() == learn(taxonomy, texts, labels, embedder).to_bytes()
    changed = learn(taxonomy, [*texts, "The bass is fine"], [*labels, {"sound"}], embedder)
    assert changed.version != first.version


def test_learned_topics_survive_their_file(embedder, tmp_path):
    taxonomy = Taxonomy((SOUND,))
    learned = learn(taxonomy, *planted(60, seed=5), embedder)
    path = tmp_path / "topics.npz"
    learned.save(path)
    again = LearnedTopics.load(path)
    assert again.version == learned.version
    texts, _ = planted(50, seed=6)
    first, second = (
        labels_of(texts, taxonomy, embedder=embedder, learned=each) for each in (learned, again)
    )
    assert first == second
    assert again.to_dict()["topics"]["sound"]["labels"] == 30


def test_too_few_labels_teach_nothing(embedder):
    taxonomy = Taxonomy((SOUND,))
    assert learn(taxonomy, *planted(4, seed=7), embedder).names == ()
    assert learn(taxonomy, [], [], embedder).names == ()


def test_labels_that_mean_nothing_change_nothing(embedder):
    texts, _ = planted(80, seed=8)
    dice = np.random.default_rng(9)
    labels = [{"sound"} if dice.random() < 0.5 else set() for _ in texts]
    taxonomy = Taxonomy((SOUND,))
    learned = learn(taxonomy, texts, labels, embedder)
    summary = learned.summary.get("sound", {"before": 0.0, "after": 0.0})
    assert summary["after"] >= summary["before"]


def test_a_renamed_topic_keeps_its_answer_without_labels(embedder):
    learned = learn(Taxonomy((SOUND,)), *planted(60, seed=2), embedder)
    renamed = Taxonomy((Topic("audio", "", SOUND.keywords),))
    labels = labels_of(
        ["The bass is fine", "The speaker"], renamed, embedder=embedder, learned=learned
    )
    assert labels.topics == [[], ["audio"]]


def test_learned_topics_refuse_other_vectors_and_other_files(embedder, tmp_path):
    learned = learn(Taxonomy((SOUND,)), *planted(60, seed=2), embedder)
    data = learned.to_bytes()
    other = LearnedTopics.from_bytes(data.replace(b"PK", b"PK"))
    object.__setattr__(other, "embeddings", "other")
    with pytest.raises(LearnedTopicsError, match="other"):
        labels_of(["bass"], Taxonomy((SOUND,)), embedder=embedder, learned=other)
    with pytest.raises(LearnedTopicsError, match="no learned topics"):
        LearnedTopics.from_bytes(b"nothing")
    with pytest.raises(LearnedTopicsError, match=r"none\.npz"):
        LearnedTopics.load(tmp_path / "none.npz")
