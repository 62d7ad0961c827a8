"""Plug-ins: settings, labels, and how their answers join the engine's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.nlp.entities import EntityLabels
from resources.nlp.plugins import (
    Engine,
    Entity,
    PluginError,
    PluginSpec,
    Task,
    add_entities,
    add_topics,
    apply_sentiment,
    load_entities,
    load_sentiment,
    version_of,
)
from resources.nlp.plugins.contract import readable, required
from resources.nlp.plugins.labels import kind_of, polarity_columns
from resources.nlp.topics import TopicLabels

SETTING = {
    "task": "sentiment",
    "engine": "transformers",
    "model": "/models/stars",
    "options": {"labels": {"LABEL_0": "negative", "LABEL_1": "positive"}, "max_tokens": 128},
}


def test_a_setting_survives_json():
    spec = PluginSpec.from_dict(json.loads(json.dumps(SETTING)))
    assert (spec.task, spec.engine) == (Task.SENTIMENT, Engine.TRANSFORMERS)
    assert spec.to_dict() == SETTING
    assert PluginSpec.from_dict(spec.to_dict()) == spec
    assert hash(PluginSpec.from_dict(spec.to_dict())) == hash(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "translation"}, "no task 'translation'. Choose one of: sentiment, ner"),
        ({"engine": "keras"}, "no engine 'keras'. Choose one of: transformers, spacy"),
        ({"model": " "}, "names no model"),
        ({"colour": "red"}, "no field 'colour'"),
        ({"options": {"template": "{}"}}, "no option 'template'. It knows: allow_download"),
        ({"options": {"max_tokens": True}}, "max_tokens of the sentiment plug-in must be a number"),
        ({"options": {"max_tokens": 2}}, "at least 8"),
        ({"options": {"labels": {}}}, "labels of the sentiment plug-in must be an object"),
        ({"options": {"allow_download": "yes"}}, "must be true or false"),
        ({"options": ["labels"]}, "options of the sentiment plug-in must be an object"),
        ({"task": "zero_shot", "engine": "spacy", "options": {}}, "spaCy has no zero-shot"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_be_right(change, message):
    with pytest.raises(PluginError, match=message):
        PluginSpec.from_dict(SETTING | change)


def test_a_setting_that_is_no_object_is_refused():
    with pytest.raises(PluginError, match="is an object"):
        PluginSpec.from_dict(["sentiment"])


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (["NEGATIVE", "POSITIVE"], [0, 2]),
        (["pos", "neu", "neg"], [2, 1, 0]),
        (["1 star", "2 stars", "3 stars", "4 stars", "5 stars"], [0, 0, 1, 2, 2]),
        (["5", "4", "3", "2", "1"], [2, 2, 1, 0, 0]),
        (["Very Negative", "negative", "neutral", "positive", "very_positive"], [0, 0, 1, 2, 2]),
    ],
)
def test_polarities_are_guessed_from_the_names_of_labels(labels, columns):
    assert polarity_columns(labels, None, "m").argmax(axis=1).tolist() == columns


@pytest.mark.parametrize(
    "labels", [["LABEL_0", "LABEL_1"], ["joy", "anger"], ["1 star", "2 stars"], ["positive"], []]
)
def test_labels_that_say_nothing_are_asked_for(labels):
    with pytest.raises(PluginError, match="Add the option labels"):
        polarity_columns(labels, None, "m")


def test_given_labels_must_cover_all_of_the_models():
    given_labels = {"LABEL_0": "negative", "LABEL_1": "positive"}
    assert polarity_columns(["LABEL_1", "LABEL_0"], given_labels, "m").tolist() == [
        [0, 0, 1],
        [1, 0, 0],
    ]
    with pytest.raises(PluginError, match="'LABEL_2' of m"):
        polarity_columns(["LABEL_0", "LABEL_1", "LABEL_2"], given_labels, "m")


def test_kinds_are_ours_where_ours_exist():
    assert [kind_of(label, None) for label in ("PER", "B-LOC", "ORG", "GPE", "EVENT")] == [
        "person",
        "place",
        "organisation",
        "place",
        "event",
    ]
    assert kind_of("DATE", None) is None
    assert kind_of("DATE", {"DATE": "day"}) == "day"
    assert kind_of("PER", {"PER": None}) is None


def test_a_missing_package_is_named_with_the_way_to_get_it():
    with pytest.raises(PluginError, match=r"pip install 'reviewgraph\[plugins\]'"):
        required("a_package_that_does_not_exist")


def test_a_model_that_is_not_here_is_not_fetched(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    spec = PluginSpec(Task.SENTIMENT, Engine.TRANSFORMERS, "some-owner/no-such-model")
    with pytest.raises(PluginError, match="no model of that name in the cache"):
        load_sentiment(spec)
    with pytest.raises(PluginError, match="allow_download"):
        version_of(spec)


def test_a_setting_for_another_task_is_refused():
    with pytest.raises(PluginError, match="set up for sentiment; ner needs one of its own"):
        load_entities(PluginSpec.from_dict(SETTING))


@given(st.text(st.characters(codec=None), max_size=50))
def test_any_text_becomes_readable_without_moving_a_character(text):
    assert len(readable(text)) == len(text)
    readable(text).encode()


def test_a_plugin_judges_all_but_what_has_no_words_or_is_mixed():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.4, 0.2, 0.4], [0.9, 0.1, 0.0]])
    judged = apply_sentiment(["positive", None, "mixed", "mixed"], probabilities)
    assert judged.labels == ["negative", None, "mixed", "negative"]
    np.testing.assert_allclose(judged.scores, [-0.6, np.nan, 0, -0.9])
    np.testing.assert_allclose(judged.confidences, [0.7, 0, 0.4, 0.9])
    np.testing.assert_allclose(judged.margins, [0.5, 0, 0, 0.8])


def test_the_tenants_own_names_win_over_found_ones():
    labels = EntityLabels([["Aurora Mini"], []], [["product"], []], [["mini lamp"], []])
    found = [
        [
            Entity("Mini", "organisation", 0, 4),
            Entity("New  York", "place", 9, 18),
            Entity("new york", "place", 30, 38),
            Entity("!!", "event", 40, 42),
        ],
        [],
    ]
    joined = add_entities(labels, found)
    assert joined.names == [["Aurora Mini", "New York"], []]
    assert joined.kinds == [["product", "place"], []]


def test_likely_topics_are_added_in_order_with_their_probability():
    labels = TopicLabels([["price"]], [["cheap"]])
    scores = np.array([[0.91, 0.99, 0.2]])
    joined = add_topics(labels, ["staff", "price", "food"], scores)
    assert joined.topics == [["staff", "price"]]
    assert joined.reasons == [["plug-in: 91% likely", "cheap"]]
