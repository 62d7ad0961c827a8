"""spaCy plug-ins, with pipelines that the tests make."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest

from resources.nlp.plugins import (
    Engine,
    PluginError,
    PluginSpec,
    Task,
    load_embeddings,
    load_entities,
    load_sentiment,
    version_of,
)

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")

AWKWARD = ["", " \n", "😀", "\x00", "a\ud800b", "אבג ไทย", "bad " * 4000]


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "ORG", "pattern": "Lumo Ltd"},
            {"label": "GPE", "pattern": "Berlin"},
            {"label": "DATE", "pattern": "Monday"},
        ]
    )
    folder = tmp_path_factory.mktemp("ruled")
    pipeline.to_disk(folder)
    return str(folder)


@pytest.fixture(scope="module")
def judging(tmp_path_factory):
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002 - spaCy draws from the global generator
    pipeline = spacy.blank("en")
    pipeline.add_pipe(
        "textcat",
        config={
            "model": {
                "@architectures": "spacy.TextCatBOW.v3",
                "exclusive_classes": True,
                "ngram_size": 1,
                "no_output_layer": False,
                "length": 1024,
            }
        },
    )
    rows = [("good lovely great", 1), ("bad awful broken", 0), ("it is a lamp", 2)] * 8
    names = ["NEGATIVE", "POSITIVE", "NEUTRAL"]
    examples = [
        spacy.training.Example.from_dict(
            pipeline.make_doc(text),
            {"cats": {name: float(number == label) for number, name in enumerate(names)}},
        )
        for text, label in rows
    ]
    optimiser = pipeline.initialize(lambda: examples)
    for _ in range(12):
        pipeline.update(examples, sgd=optimiser)
    folder = tmp_path_factory.mktemp("judging")
    pipeline.to_disk(folder)
    return str(folder)


def spec_of(task, model, **options):
    return PluginSpec(Task(task), Engine.SPACY, model, options)


def test_entities_of_a_pipeline_get_our_kinds(ruled):
    found = load_entities(spec_of("ner", ruled)).find(["On Monday Lumo Ltd came to Berlin"])[0]
    assert [(one.text, one.kind, one.start, one.end) for one in found] == [
        ("Lumo Ltd", "organisation", 10, 18),
        ("Berlin", "place", 27, 33),
    ]


def test_text_categories_become_polarities(judging):
    rows = load_sentiment(spec_of("sentiment", judging)).judge(["great and lovely", "broken", ""])
    assert rows.argmax(axis=1).tolist()[:2] == [2, 0]
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=3e-6)


def test_awkward_texts_have_answers_that_do_not_depend_on_each_other(ruled, judging):
    find = load_entities(spec_of("ner", ruled)).find
    judge = load_sentiment(spec_of("sentiment", judging)).judge
    texts = [*AWKWARD, "Berlin is good"]
    assert find(texts) == [find([text])[0] for text in texts]
    assert np.array_equal(judge(texts), np.vstack([judge([text]) for text in texts]))


def test_word_vectors_become_unit_rows(tmp_path):
    pipeline = spacy.blank("en")
    for number, word in enumerate(("lamp", "light", "staff")):
        pipeline.vocab.set_vector(word, np.eye(3, dtype=np.float32)[number] + 0.1)
    pipeline.to_disk(tmp_path)
    rows = load_embeddings(spec_of("embeddings", str(tmp_path))).embed(["lamp light", "staff", ""])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 0], atol=1e-5)
    assert rows[0] @ rows[1] < 0.5


def test_a_pipeline_without_what_a_task_needs_says_so(ruled, judging):
    with pytest.raises(PluginError, match="no text categoriser"):
        load_sentiment(spec_of("sentiment", ruled))
    with pytest.raises(PluginError, match="finds no entities"):
        load_entities(spec_of("ner", judging))
    with pytest.raises(PluginError, match="no word vectors"):
        load_embeddings(spec_of("embeddings", ruled))


def test_only_installed_pipelines_are_loaded_by_name():
    with pytest.raises(PluginError, match="no installed spaCy pipeline of that name"):
        load_entities(spec_of("ner", "antigravity"))


def test_an_installed_pipeline_is_loaded_by_its_name(ruled, tmp_path, monkeypatch):
    package = tmp_path / "xx_tiny_pipeline"
    shutil.copytree(ruled, package / "xx_tiny_pipeline-1.0.0")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(spacy.util, "get_installed_models", lambda: [package.name])
    find = load_entities(spec_of("ner", package.name)).find
    assert [entity.text for entity in find(["to Berlin"])[0]] == ["Berlin"]


def test_the_version_changes_with_the_pipeline(ruled, judging):
    versions = {version_of(spec_of("ner", folder)) for folder in (ruled, judging)}
    assert len(versions) == 2
    assert all(version.startswith(f"spacy-{spacy.__version__}-") for version in versions)
