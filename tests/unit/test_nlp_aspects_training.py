"""The words and weights of the miner: made again, they are the same."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from resources.nlp.aspects import model_version
from resources.nlp.aspects.grammar import Kind, classify
from resources.nlp.aspects.tokens import tokenise
from resources.nlp.aspects.vocabulary import SHIPPED_MODEL, english_kinds, load_arrays
from resources.training import aspects as training
from resources.training.aspects import (
    MissingWordListError,
    english_word_kinds,
    fit,
    read_marked_sentences,
    train,
)

SHARED_DATA = Path(
    os.environ.get("REVIEWGRAPH_TEST_DATA", Path(__file__).parents[3] / "shared/data")
)
LEXICON = """;;; a comment
battery NN
the DT
quick JJ
loosely RB
arrive VB
arrived VBD
opened VBN
Nokia NNP
"""
MARKED = """[t] a title
battery[+2], screen[-1][p]##the battery is great .
##we went home by bus .
screen[-3]##an awful screen , a great battery .
battery life[+2]##i love the battery life .
"""


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    (tmp_path / "nltk").mkdir()
    with zipfile.ZipFile(tmp_path / "nltk" / "product_reviews_1.zip", "w") as archive:
        archive.writestr("product_reviews_1/Phone.txt", MARKED * 8)
        archive.writestr("product_reviews_1/README.txt", "battery[+1]##not a review")
    with zipfile.ZipFile(tmp_path / "nltk" / "opinion_lexicon.zip", "w") as archive:
        archive.writestr("opinion_lexicon/positive-words.txt", ";\n\ngreat\nlove\n")
        archive.writestr("opinion_lexicon/negative-words.txt", "awful\n")
    words = tmp_path / "textblob" / "en" / "en-lexicon.txt"
    words.parent.mkdir(parents=True)
    words.write_text(LEXICON, encoding="utf-8")
    (tmp_path / "textblob" / "__init__.py").write_text("")
    spec = importlib.util.spec_from_file_location("textblob", tmp_path / "textblob/__init__.py")
    monkeypatch.setattr(training, "find_spec", lambda _: spec)
    return tmp_path


def test_marked_terms_are_those_that_stand_in_the_sentence(data_folder):
    (sentences,) = read_marked_sentences(data_folder).values()
    assert [sorted(sentence.terms) for sentence in sentences[:4]] == [
        ["battery"],
        [],
        ["screen"],
        ["battery life"],
    ]
    assert sentences[0].text == "the battery is great ."


def test_word_kinds_come_from_the_tagger_and_opinions_win(data_folder):
    kinds = english_word_kinds(data_folder)
    assert kinds["battery"] == "NOUN"
    assert kinds["quick"] == "EVALUATIVE"
    assert kinds["loosely"] == "ADVERB"
    assert kinds["opened"] == "PARTICIPLE"
    assert kinds["awful"] == "OPINION"
    assert kinds["day"] == "GENERAL"
    assert "nokia" not in kinds


def test_a_second_training_gives_the_same_bytes(data_folder):
    one, other = data_folder / "one.npz", data_folder / "other.npz"
    made = train(data_folder, one)
    assert made == train(data_folder, other)
    assert one.read_bytes() == other.read_bytes()
    assert made["sentences"] == 32
    assert np.isfinite(load_arrays(one)["occurrence"]).all()
    assert np.isfinite(load_arrays(one)["term_weights"]).all()


def test_without_the_word_list_training_says_what_is_missing(data_folder, monkeypatch):
    monkeypatch.setattr(training, "find_spec", lambda _: None)
    with pytest.raises(MissingWordListError, match="textblob"):
        train(data_folder, data_folder / "x.npz")


def test_the_regression_finds_what_was_planted():
    chooser = np.random.default_rng(3)
    features = np.column_stack((np.ones(4_000), chooser.normal(size=(4_000, 2))))
    wanted = np.array([-0.5, 2.0, -1.0])
    truth = (chooser.random(4_000) < 1 / (1 + np.exp(-(features @ wanted)))).astype(float)
    assert fit(features, truth, np.ones(4_000), 0.1) == pytest.approx(wanted, abs=0.2)


def test_the_shipped_words_are_told_apart_in_context():
    text = "I use it but the use is great and they screen the screen , unbelievably zorbing"
    kinds = classify(tokenise([text]), ["en"]).tolist()
    words = text.split()
    told = [(word, kind) for word, kind in zip(words, kinds, strict=True) if word in "use screen"]
    assert told == [
        ("use", Kind.VERB),
        ("use", Kind.NOUN),
        ("screen", Kind.VERB),
        ("screen", Kind.NOUN),
    ]
    assert kinds[words.index("but")] == Kind.CONTRAST
    assert kinds[words.index(",")] == Kind.COMMA
    assert kinds[words.index("unbelievably")] in {Kind.ADVERB, Kind.OPINION}
    assert kinds[words.index("zorbing")] == Kind.GERUND


def test_the_shipped_file_is_small_and_has_a_version():
    assert SHIPPED_MODEL.stat().st_size < 500_000
    assert len(model_version()) == 10
    assert len(english_kinds()) > 30_000


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the public data sets are not on this machine")
def test_the_shipped_file_is_what_training_makes(tmp_path):
    if importlib.util.find_spec("textblob") is None:
        pytest.skip("textblob, which carries the word list, is not installed")
    train(SHARED_DATA, tmp_path / "again.npz")
    made, shipped = load_arrays(tmp_path / "again.npz"), load_arrays()
    assert made["words"].tobytes() == shipped["words"].tobytes()
    assert made["term_weights"] == pytest.approx(shipped["term_weights"], abs=1e-4)
