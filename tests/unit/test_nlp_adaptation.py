"""Adapting a tiny model to a made-up business with words of its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import typer

from pipelines.cli.train_command import train
from pipelines.evaluation import Request, evaluate_file
from pipelines.labelled_files import LabelledFileError
from pipelines.training import TrainingError, train_file
from resources.nlp.context import BACKGROUND_FILE, ENGLISH_FILE, MULTILINGUAL_FILE, Models
from resources.nlp.hashing import FeatureSpec
from resources.nlp.linear import LinearModel
from resources.training import adaptation
from resources.training.adaptation import (
    OWN_REVIEWS_SCHEMA,
    adapt,
    as_stored,
    held_back,
    label_of_stars,
)
from resources.training.difference import Example, fit_difference
from resources.training.generated import generate_opinions
from resources.training.optimiser import Schedule
from resources.training.own_models import (
    CardText,
    accepted_models,
    adapt_models,
    save_models,
    version_of,
)
from resources.training.sentiments import train_sentiment

TINY = FeatureSpec(bits=13, word_orders=(1, 2), character_orders=(3,))
CARD = CardText("a test", "Made-up reviews.", "Anybody's.")
# Words of one trade, which no general model knows.
PRAISE, COMPLAINT = ("zorpy", "snellish", "umbric"), ("glabby", "fnorked", "drelled")


@pytest.fixture(scope="module")
def general():
    opinions = generate_opinions(300, seed=1, languages=("de", "en"))
    model, _ = train_sentiment(
        opinions.with_columns(source=pl.lit("tiny")),
        spec=TINY,
        schedule=Schedule(passes=3, batch=32, rate=0.3),
    )
    return as_stored(model)


def own_reviews(rows, *, told=1.0, language="en", seed=3):
    """Reviews whose label shows in a word of the trade; ``told`` is the share of true labels."""
    dice = np.random.default_rng(seed)
    found = []
    for number in range(rows):
        label = str(dice.choice(["negative", "positive", "neutral"], p=[0.4, 0.5, 0.1]))
        words = {"negative": COMPLAINT, "positive": PRAISE}.get(label, ("plain",))
        text = f"The thing number {number} was {dice.choice(words)} on day {dice.integers(1000)}."
        if dice.random() > told:
            label = str(dice.choice(["negative", "positive"]))
        key = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:32]
        found.append((key, text, language, label, False))
    return pl.DataFrame(found, schema=OWN_REVIEWS_SCHEMA, orient="row")


def file_bytes(model, path):
    model.save(path)
    return path.read_bytes()


def test_a_model_learns_the_words_of_a_business(general):
    adapted = adapt(general, own_reviews(600))
    assert adapted.accepted
    assert adapted.after.macro_f1 > adapted.before.macro_f1 + 10
    assert adapted.after.log_loss < adapted.before.log_loss
    assert adapted.macro_f1_gain.low <= adapted.macro_f1_gain.value <= adapted.macro_f1_gain.high
    assert adapted.model.version not in {"unsaved", general.version}
    assert adapted.reason.startswith("Accepted")


def test_what_is_not_better_is_refused_with_figures_and_the_general_model_stays(general):
    adapted = adapt(general, own_reviews(600, told=0.0))
    assert not adapted.accepted
    assert adapted.model is general
    assert adapted.before is not None
    assert adapted.after is not None
    assert adapted.reason.startswith("Refused")


@pytest.fixture
def _one_fifth_held_back(monkeypatch):
    """As with many reviews, without needing many."""
    monkeypatch.setattr(adaptation, "_CROSS_FITTED_BELOW", 0)


@pytest.mark.usefixtures("_one_fifth_held_back")
def test_a_general_model_that_is_right_already_is_not_replaced_by_a_worse_one(general):
    opinions = generate_opinions(300, seed=9, languages=("en",)).filter(
        pl.col("label") != "neutral"
    )
    flipped = {"negative": "positive", "positive": "negative"}
    rows = [
        (hashlib.sha256(text.encode()).hexdigest()[:32], text, "en", label, False)
        for text, label in opinions.select("text", "label").iter_rows()
    ]
    own = pl.DataFrame(rows, schema=OWN_REVIEWS_SCHEMA, orient="row").unique("review_key")
    own = own.sort("review_key")
    (is_held,) = held_back(own)
    # What can be learnt is full of lies; only the held-back reviews tell the truth.
    labels = [
        flipped[label] if not held else label
        for label, held in zip(own["label"], is_held, strict=True)
    ]
    adapted = adapt(general, own.with_columns(label=pl.Series(labels)))
    assert adapted.after.macro_f1 < adapted.before.macro_f1
    assert not adapted.accepted


def test_too_few_reviews_are_not_learnt_from(general):
    adapted = adapt(general, own_reviews(30))
    assert not adapted.accepted
    assert adapted.before is None
    assert "Too few" in adapted.reason
    one_sided = own_reviews(300).filter(pl.col("label") != "negative")
    assert "Too few" in adapt(general, one_sided).reason


def test_the_same_reviews_in_any_order_give_the_same_bytes(general, tmp_path):
    own = own_reviews(300)
    first = adapt(general, own)
    second = adapt(general, own.sample(fraction=1.0, shuffle=True, seed=1))
    assert first.accepted
    assert first.to_dict() == second.to_dict()
    one, two = (file_bytes(run.model, tmp_path / "model.npz") for run in (first, second))
    assert one == two


def test_each_of_few_reviews_is_held_back_once_and_of_many_a_fifth():
    few, many = own_reviews(1_000), own_reviews(4_000)
    folds = held_back(few)
    assert pl.select(pl.sum_horizontal(folds)).to_series().to_list() == [1] * few.height
    (fifth,) = held_back(many)
    assert 0.15 < fifth.mean() < 0.25


@pytest.mark.usefixtures("_one_fifth_held_back")
def test_held_back_reviews_are_the_same_whatever_comes_beside_them():
    few, many = own_reviews(1_000), own_reviews(4_000)
    chosen = set(few.filter(*held_back(few))["review_key"])
    again = many.filter(*held_back(many))["review_key"]
    assert chosen == set(again) & set(few["review_key"])
    assert 0.15 < len(chosen) / few.height < 0.25


@pytest.mark.usefixtures("_one_fifth_held_back")
def test_held_back_labels_teach_nothing(general, tmp_path):
    own = own_reviews(600).sort("review_key")
    (is_held,) = held_back(own)
    lied = own.with_columns(
        label=pl.when(is_held & (pl.col("label") == "neutral"))
        .then(pl.lit("mixed"))
        .otherwise("label")
    )
    assert not lied.equals(own)
    first, second = adapt(general, own), adapt(general, lied)
    assert file_bytes(first.model, tmp_path / "a.npz") == file_bytes(
        second.model, tmp_path / "b.npz"
    )


@pytest.mark.usefixtures("_one_fifth_held_back")
def test_a_text_that_is_held_back_is_not_learnt_under_another_key(general):
    own = own_reviews(400)
    twice = pl.concat(
        [own, own.with_columns(review_key=pl.col("review_key").str.replace("^.", "z"))]
    ).unique("review_key")
    adapted = adapt(general, twice)
    texts = twice.sort("review_key")
    (is_held,) = held_back(texts)
    held_texts = set(texts.filter(is_held)["text"])
    assert adapted.learnt == texts.filter(~pl.col("text").is_in(list(held_texts))).height


def test_corrections_are_always_learnt_from_and_outweigh_stars(general):
    own = own_reviews(400)
    text = "We found it quite wobblish."
    said = [(f"{number:032x}", text, "en", "positive", False) for number in range(4)]
    corrected = [(f"{number:032x}", text, "en", "negative", True) for number in range(10, 14)]
    extra = pl.DataFrame(said + corrected, schema=OWN_REVIEWS_SCHEMA, orient="row")
    own = pl.concat([own, extra])
    assert not any(fold.filter(own["is_corrected"]).any() for fold in held_back(own))
    adapted = adapt(general, own)
    assert adapted.corrections == 4
    heard = adapt(general, own.with_columns(is_corrected=pl.lit(value=False)))
    assert score(adapted.model, text) < score(heard.model, text)


def test_a_mixed_label_draws_to_neither_side(general):
    rows = own_reviews(400)
    text = "It was blorptastic in its way."
    mixed = pl.DataFrame(
        [(f"{number:032x}", text, "en", "mixed", True) for number in range(20)],
        schema=OWN_REVIEWS_SCHEMA,
        orient="row",
    )
    before, after = adapt(general, rows), adapt(general, pl.concat([rows, mixed]))
    assert abs(score(after.model, text)) < max(0.15, abs(score(before.model, text)))


def score(model, text):
    from resources.nlp.sentiment import judge_sentiments

    return judge_sentiments(pl.Series([text]), ["en"], english=model, multilingual=model).scores[0]


def test_a_difference_without_anything_to_learn_is_nothing():
    from scipy.sparse import csr_array

    features = csr_array(np.ones((4, 3), np.float32))
    logits = np.zeros((4, 3), np.float32)
    agreed = Example(features, logits, np.full((4, 3), 1 / 3), np.ones(4))
    assert np.abs(fit_difference(agreed).weights).max() < 1e-6
    contrary = replace(agreed, targets=np.tile([1.0, 0.0, 0.0], (4, 1)))
    difference = fit_difference(contrary)
    assert (difference.weights[:, 0] > 0).all()
    assert difference.bias[0] > 0


@pytest.mark.parametrize(
    ("stars", "label"),
    [(1, "negative"), (2.4, "negative"), (3, "neutral"), (3.6, "positive"), (5, "positive")],
)
def test_stars_become_labels(stars, label):
    assert label_of_stars(stars) == label


def test_both_models_adapt_where_there_are_reviews_for_both(tmp_path):
    own = pl.concat([own_reviews(250), own_reviews(250, language="de", seed=4)])
    adapted = adapt_models(Models(), own)
    assert set(adapted) == {ENGLISH_FILE, MULTILINGUAL_FILE}
    changed = accepted_models(adapted)
    assert set(changed) == {ENGLISH_FILE, MULTILINGUAL_FILE}
    folder = tmp_path / "tenant" / version_of(changed)
    figures = {name: one.to_dict() for name, one in adapted.items()}
    save_models(folder, Models(), changed, CARD, figures)
    models = Models(folder)
    models.require()
    assert models.english.version == changed[ENGLISH_FILE].version
    assert models.multilingual.version == changed[MULTILINGUAL_FILE].version
    assert models.language.version == Models().language.version
    card = (folder / "README.md").read_text()
    for words in ("Data and licence", "held back", "Limits", ENGLISH_FILE, MULTILINGUAL_FILE):
        assert words in card
    assert json.loads((folder / "figures.json").read_text()) == figures
    # A second writing replaces the folder whole and leaves nothing beside it.
    save_models(folder, Models(), changed, CARD, figures)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_reviews_of_one_language_leave_the_other_model_alone():
    assert set(adapt_models(Models(), own_reviews(60))) == {ENGLISH_FILE}


def test_a_labelled_file_becomes_a_folder_of_models_that_evaluate_reads(tmp_path):
    path, out = tmp_path / "own.csv", tmp_path / "models"
    own_reviews(300).select("text", "label").write_csv(path)
    trained = train_file(path, text=["text"], label="label", label_map=None, out=out, language="en")
    assert trained.folder == out
    assert (out / BACKGROUND_FILE).exists()
    assert LinearModel.load(out / ENGLISH_FILE).version in {
        one.model.version for one in trained.adaptations.values()
    }
    request = Request(
        path, "sentiment", text=["text"], label="label", label_map='{"neutral": null}',
        language="en",
    )  # fmt: skip
    before = evaluate_file(request)
    after = evaluate_file(replace(request, models=out))
    assert after.figures.macro_f1 > before.figures.macro_f1
    assert after.models["sentiment"] != before.models["sentiment"]


def test_a_file_that_teaches_nothing_new_writes_nothing(tmp_path):
    path, out = tmp_path / "own.csv", tmp_path / "models"
    known = generate_opinions(150, seed=11, languages=("en",))
    known.select("text", "label").write_csv(path)
    trained = train_file(path, text=["text"], label="label", label_map=None, out=out, language="en")
    assert (trained.folder, trained.version) == (None, None)
    assert not out.exists()


def test_files_that_cannot_be_learnt_from_are_refused(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("text,label\n!!!,positive\nwell,\n")
    options = {"text": ["text"], "label": "label", "label_map": None, "out": tmp_path / "models"}
    with pytest.raises(TrainingError, match="no row with both"):
        train_file(path, **options)
    with pytest.raises(LabelledFileError, match="no column 'stars'"):
        train_file(path, **options | {"label": "stars"})
    path.write_text("text,label\nfine,positive\n")
    with pytest.raises(TrainingError, match="no language"):
        train_file(path, **options, language="klingon")


def run(*arguments):
    app = typer.Typer()
    app.command()(train)
    app.command("other")(lambda: None)  # a second command keeps the name of the first
    app(["train", *map(str, arguments)], standalone_mode=False)


def test_the_command_shows_what_was_learnt_and_where_it_lies(tmp_path, capsys):
    path, out = tmp_path / "own.csv", tmp_path / "models"
    own_reviews(250).select("text", "label").write_csv(path)
    run("--file", path, "--text", "text", "--label", "label", "--language", "en", "--out", out)
    shown = capsys.readouterr().out
    for words in ("macro-F1 before", ENGLISH_FILE, "Accepted", str(out)):
        assert words in shown


@pytest.mark.parametrize(
    "arguments", [[], ["--tenant", "acme", "--file", "x.csv"], ["--file", "x.csv"]]
)
def test_the_command_must_be_told_one_thing_to_learn_from(arguments):
    with pytest.raises(typer.BadParameter):
        run(*arguments)
