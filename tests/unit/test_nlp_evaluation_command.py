"""``reviewgraph evaluate`` over small files of every format, and over wrong ones."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile

import polars as pl
import pytest
import typer

from pipelines.cli.evaluate_command import evaluate
from pipelines.evaluation import Request, evaluate_file
from resources.errors import ReviewGraphError
from resources.nlp.context import ENGLISH_FILE, SHIPPED_MODELS, MissingModelError
from resources.nlp.hashing import FeatureSpec
from resources.training.generated import generate_opinions
from resources.training.optimiser import Schedule
from resources.training.sentiments import train_sentiment

REVIEWS = {
    "comment": [
        "I love it, a wonderful jacket!",
        "Terrible quality, it broke and they were rude.",
        "Great value, I am very happy with it.",
        "Awful. A waste of money.",
        "It is what it is.",
    ],
    "stars": [5, 1, 4, 2, 3],
}
STARS = '{"1": "negative", "2": "negative", "3": null, "4": "positive", "5": "positive"}'
PROMISED = {"task", "rows", "accuracy", "macro_f1", "ece", "reviews_per_second", "per_class"}

app = typer.Typer()
app.command()(evaluate)
app.command("other")(lambda: None)  # a second command keeps the name of the first


def run(*arguments):
    app(["evaluate", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "reviews.csv"
    pl.DataFrame(REVIEWS).write_csv(path)
    return path


def options(path, **values):
    return Request(path, "sentiment", **{"text": ["comment"], "label": "stars"} | values)


def test_json_is_one_object_on_standard_output_and_nothing_else(csv, capsys):
    run(
        csv, "--task", "sentiment", "--text", "comment", "--label", "stars",
        "--label-map", STARS, "--against", "vader,textblob", "--json",
    )  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    assert document.keys() >= PROMISED
    assert (document["task"], document["rows"], document["left_out"]) == ("sentiment", 4, 1)
    assert document["accuracy"] == 1.0
    assert document["per_class"]["negative"]["support"] == 2
    assert set(document["against"]) == {"vader", "textblob"}


def test_people_are_shown_both_systems_the_classes_and_the_mistakes(csv, capsys):
    run(
        csv, "--task", "sentiment", "--text", "comment", "--label", "stars",
        "--label-map", STARS.replace("null", '"negative"'), "--against", "vader",
    )  # fmt: skip
    shown = capsys.readouterr().out
    for words in ("5 rows judged", "vader", "macro-F1 %", "The worst mistakes", "It is what it is"):
        assert words in shown


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "json", "xlsx", "parquet", "csv.gz", "zip"])
def test_every_format_gives_the_same_figures(kind, tmp_path, csv):
    frame, path = pl.DataFrame(REVIEWS), tmp_path / f"other.{kind}"
    if kind == "tsv":
        frame.write_csv(path, separator="\t")
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "json":
        path.write_text(json.dumps(frame.to_dicts()))
    elif kind == "xlsx":
        frame.write_excel(path)
    elif kind == "parquet":
        frame.with_columns(pl.col("stars").cast(pl.Float64)).write_parquet(path)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(csv.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(csv, "reviews.csv")
    report = evaluate_file(options(path, label_map=STARS))
    assert (report.rows, report.left_out) == (4, 1)
    assert report.figures.accuracy == 1.0


def test_texts_of_several_columns_are_read_together(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("title,body,label\nAwful,It is a chair.,negative\nLovely,A chair.,positive\n")
    request = Request(path, "sentiment", text=["title", "body"], label="label")
    assert evaluate_file(request).figures.accuracy == 1.0


def test_a_header_is_found_by_the_columns_that_were_asked_for(tmp_path):
    path = tmp_path / "plain.tsv"
    path.write_text("sentence\tgold\nlovely\tpositive\nawful\tnegative\n")
    report = evaluate_file(Request(path, "sentiment", text=["sentence"], label="gold"))
    assert (report.rows, report.figures.accuracy) == (2, 1.0)


def test_column_names_may_differ_in_case(csv):
    assert evaluate_file(options(csv, text=["Comment"], label="STARS", label_map=STARS)).rows == 4


def test_a_limit_and_a_number_of_mistakes_are_kept(csv):
    wrong = STARS.replace("positive", "x").replace("negative", "positive").replace("x", "negative")
    report = evaluate_file(options(csv, label_map=wrong, limit=3, mistakes=2))
    assert report.rows == 3
    assert report.figures.accuracy == 0.0
    assert len(report.mistakes) == 2
    assert report.mistakes[0].confidence >= report.mistakes[1].confidence


def test_models_of_a_folder_judge_in_place_of_the_shipped_ones(csv, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(SHIPPED_MODELS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    opinions = generate_opinions(60, seed=1, languages=("en",)).with_columns(source=pl.lit("tiny"))
    model, _ = train_sentiment(
        opinions,
        spec=FeatureSpec(bits=12, word_orders=(1,), character_orders=()),
        schedule=Schedule(passes=2, batch=32, rate=0.3),
    )
    model.save(folder / ENGLISH_FILE)
    own = evaluate_file(options(csv, label_map=STARS, models=folder, language="en"))
    shipped = evaluate_file(options(csv, label_map=STARS, language="en"))
    assert own.models["sentiment"] != shipped.models["sentiment"]
    assert own.models["language"] == shipped.models["language"]


def test_own_topics_and_names_are_read_from_files(tmp_path):
    path = tmp_path / "labels.jsonl"
    rows = [{"t": "The yurt was warm", "topics": ["Yurts"], "names": ["Blue Yurt"]}]
    rows += [{"t": "We loved the azure yurt", "topics": ["Yurts"], "names": ["azure yurt"]}]
    path.write_text("\n".join(map(json.dumps, rows)))
    taxonomy, names = tmp_path / "taxonomy.json", tmp_path / "names.json"
    taxonomy.write_text(
        json.dumps({"topics": [{"name": "yurts", "description": "", "keywords": {"en": ["yurt"]}}]})
    )
    names.write_text(json.dumps([{"name": "Blue Yurt", "aliases": ["azure yurt"]}]))
    topics = evaluate_file(Request(path, "topics", text=["t"], label="topics", taxonomy=taxonomy))
    assert topics.figures.macro_f1 == 1.0
    entities = evaluate_file(Request(path, "entities", text=["t"], label="names", names=names))
    assert entities.figures.extra["micro_precision"] == 1.0
    assert entities.figures.extra["micro_recall"] == 0.5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": ["review"]}, r"no column 'review'. Its columns are: 'comment', 'stars'"),
        ({"label": "gold"}, "no column 'gold'"),
        ({}, r"unknown labels: '5' \(1 row\)"),
        ({"label_map": "{nonsense"}, "neither JSON nor a file"),
        ({"label_map": STARS, "against": ["bert"]}, "'bert' is no baseline"),
        ({"label_map": STARS, "tier": "magic"}, "no tier 'magic'. Choose one of: fast, cascade"),
        ({"label_map": STARS, "language": "klingon"}, "no language"),
        ({"task": "mood"}, "no task 'mood'"),
        ({"task": "topics"}, "unknown labels"),
    ],
)
def test_what_cannot_be_done_is_said_clearly(csv, changes, said):
    values = {"task": "sentiment", "text": ["comment"], "label": "stars"} | changes
    with pytest.raises(ReviewGraphError, match=said):
        evaluate_file(Request(csv, **values))


def test_a_missing_an_empty_and_a_headed_file_without_rows_are_told_apart(tmp_path):
    with pytest.raises(ReviewGraphError, match="no file or folder"):
        evaluate_file(options(tmp_path / "nowhere.csv"))
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(ReviewGraphError, match="empty"):
        evaluate_file(options(empty))
    empty.write_text("comment,stars\n")
    with pytest.raises(ReviewGraphError, match="has no rows"):
        evaluate_file(options(empty))


def test_a_folder_without_models_is_refused(csv, tmp_path):
    with pytest.raises(MissingModelError):
        evaluate_file(options(csv, label_map=STARS, models=tmp_path))


def test_files_of_topics_and_names_that_are_none_are_refused(csv, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text("[1, 2]")
    for name in ("taxonomy", "names"):
        with pytest.raises(ReviewGraphError, match="must look like"):
            evaluate_file(options(csv, label_map=STARS, **{name: path}))


def test_a_failure_leaves_nothing_on_standard_output(csv, capsys):
    with pytest.raises(ReviewGraphError):
        run(csv, "--task", "sentiment", "--text", "comment", "--label", "stars", "--json")
    assert capsys.readouterr().out == ""


def test_columns_must_be_named_for_everything_but_aspects(csv):
    with pytest.raises(typer.BadParameter, match="--text COLUMN"):
        run(csv, "--task", "sentiment", "--text", "comment")


ASQP = """The pizza was great , but the waiter was rude .####\
[['pizza', 'food quality', 'positive', 'great'], ['waiter', 'service general', 'negative', 'rude']]
Lovely terrace .####[['terrace', 'ambience general', 'positive', 'lovely']]
"""


def test_aspects_are_compared_span_by_span(tmp_path, capsys):
    path = tmp_path / "restaurants.txt"
    path.write_text(ASQP)
    run(path, "--task", "aspects", "--language", "en", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document.keys() >= PROMISED | {"term_f1", "term_polarity_f1"}
    assert (document["task"], document["rows"], document["ece"]) == ("aspects", 2, None)
    assert document["term_recall"] >= 2 / 3
    assert 0 < document["term_polarity_f1"] <= document["term_f1"] <= 1
    assert document["per_class"]["negative"]["support"] == 1
    run(path, "--task", "aspects", "--language", "en")
    assert "term polarity f1 %" in capsys.readouterr().out


def test_aspect_terms_can_be_mined_from_texts_without_labels(tmp_path):
    path, other = tmp_path / "restaurants.txt", tmp_path / "texts.csv"
    path.write_text(ASQP)
    texts = [f"The glorp was {word}. I liked the glorp." for word in ("great", "awful") * 100]
    pl.DataFrame({"review": texts}).write_csv(other)
    plain = evaluate_file(Request(path, "aspects", language="en"))
    mined = evaluate_file(Request(path, "aspects", language="en", text=["review"], mine_from=other))
    own = evaluate_file(Request(path, "aspects", language="en", mine=True))
    assert any("200 texts" in note for note in mined.notes)
    assert any("2 texts" in note for note in own.notes)
    assert mined.models["aspects"] != plain.models["aspects"]


def test_a_file_without_aspects_is_refused(csv):
    with pytest.raises(ReviewGraphError, match="no labelled aspects"):
        evaluate_file(Request(csv, "aspects"))
