"""Figures by hand, labels in every spelling, and reports over a few lines of text."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest

from resources.evaluation import baselines
from resources.evaluation.baselines import BaselineError
from resources.evaluation.labels import (
    LabelError,
    LabelMap,
    language_code,
    read_label_lists,
    read_languages,
    read_sentiments,
)
from resources.evaluation.measures import (
    calibration_error,
    confusion,
    figures_by_class,
    figures_by_label,
    macro_f1,
    pooled,
    reviews_per_second,
)
from resources.evaluation.report import plain
from resources.evaluation.run import EvaluationError, Options, evaluate
from resources.evaluation.sentiment_task import chance_of_sign
from resources.nlp.context import default_context

TEXTS = ["I love it, wonderful!", "Terrible, broken and useless.", "Great quality.", "Awful."]
SIDES = ["positive", "negative", "positive", "negative"]


def options(**values):
    return Options(default_context(), **values)


# Figures


def test_precision_recall_and_f1_are_those_of_a_calculation_by_hand():
    truth = ["a", "a", "a", "b", "b"]
    answers = ["a", "a", "b", "b", "c"]
    figures = figures_by_class(truth, answers, ["a", "b"])
    assert figures["a"].precision == 1.0
    assert figures["a"].recall == pytest.approx(2 / 3)
    assert figures["a"].f1 == pytest.approx(0.8)
    assert (figures["b"].precision, figures["b"].recall, figures["b"].support) == (0.5, 0.5, 2)
    assert macro_f1(figures) == pytest.approx((0.8 + 0.5) / 2)
    assert confusion(truth, answers) == {
        "a": {"a": 2, "b": 1, "c": 0},
        "b": {"a": 0, "b": 1, "c": 1},
    }


def test_a_class_that_is_never_answered_has_f1_zero_and_not_nan():
    figures = figures_by_class(["a", "b"], ["a", "a"], ["a", "b"])
    assert (figures["b"].precision, figures["b"].recall, figures["b"].f1) == (0.0, 0.0, 0.0)


def test_figures_of_label_lists_pool_all_labels_and_average_over_classes():
    truth, answers = [["x", "y"], ["y"], []], [["x"], ["x", "y"], []]
    together = pooled(truth, answers)
    assert together.precision == pytest.approx(2 / 3)
    assert together.recall == pytest.approx(2 / 3)
    by_label = figures_by_label(truth, answers, ["x", "y"])
    assert by_label["x"].f1 == pytest.approx(2 / 3)
    assert by_label["y"].recall == 0.5


def test_calibration_error_is_zero_for_honest_confidence_and_large_for_boasting():
    right = np.array([True] * 80 + [False] * 20)
    assert calibration_error(np.full(100, 0.8), right) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 1.0), right) == pytest.approx(0.2)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) is None


def test_calibration_bins_begin_at_the_least_possible_confidence():
    confidences = np.array([0.54, 0.59])
    right = np.array([True, False])
    # One bin of [0, 1] holds both and hides that they err in opposite directions.
    assert calibration_error(confidences, right) == pytest.approx(0.065)
    assert calibration_error(confidences, right, lowest=0.5) == pytest.approx(0.525)


def test_speed_counts_every_item_of_a_round_after_a_warm_up():
    seen = []
    assert reviews_per_second(list(range(600)), seen.append) > 0
    assert len(seen[0]) == 256
    assert sum(map(len, seen[1:4])) == 600
    assert reviews_per_second([], seen.append) == 0.0


def test_numbers_that_json_cannot_hold_become_null():
    assert plain({"a": [math.nan, math.inf, 0.1234567]}) == {"a": [None, None, 0.123457]}


@pytest.mark.parametrize(
    ("label", "score", "confidence", "expected"),
    [
        ("positive", 0.6, 0.7, 0.7 / 0.8),  # p = 0.1, 0.2, 0.7
        ("negative", -0.6, 0.7, 0.7 / 0.8),
        ("neutral", 0.1, 0.5, 0.3 / 0.5),  # p = 0.2, 0.5, 0.3
        ("mixed", 0.2, 0.9, 0.6),
        ("positive", 1.0, 1.0, 1.0),
    ],
)
def test_the_chance_of_a_sign_is_that_of_the_side_among_both_sides(
    label, score, confidence, expected
):
    assert chance_of_sign(label, score, confidence) == pytest.approx(expected)


def test_without_text_there_is_no_chance_of_a_sign():
    assert chance_of_sign(None, None, 0.0) is None


# Labels


@pytest.mark.parametrize("spelling", ["1", "1.0", " 1 ", "01"])
def test_numbers_in_a_label_map_match_however_they_are_written(spelling):
    labelled = read_sentiments([spelling], LabelMap.parse('{"1": "negative"}'))
    assert labelled.labels == [["negative"]]


def test_a_label_mapped_to_null_leaves_its_rows_out():
    label_map = LabelMap.parse('{"1": "negative", "3": null, "5": "positive"}')
    labelled = read_sentiments(["5", "3", None, "1", "nan", " "], label_map)
    assert (labelled.rows, labelled.left_out) == ([0, 3], 4)
    assert labelled.labels == [["positive"], ["negative"]]


def test_a_star_in_a_label_map_stands_for_all_values_that_are_no_labels():
    label_map = LabelMap.parse('{"1": "negative", "*": null}')
    labelled = read_sentiments(["1", "3.75", "positive", "n/a"], label_map)
    assert labelled.labels == [["negative"], ["positive"]]
    assert labelled.left_out == 2


def test_a_label_map_may_lie_in_a_file(tmp_path):
    path = tmp_path / "map.json"
    path.write_text('{"good": "positive"}')
    assert read_sentiments(["Good"], LabelMap.parse(str(path))).labels == [["positive"]]


@pytest.mark.parametrize("text", ["{", "[1]", '{"1": 2}', "nowhere.json", "x" * 5_000, "\x00"])
def test_a_label_map_that_is_none_is_refused(text):
    with pytest.raises(LabelError, match="map"):
        LabelMap.parse(text)


def test_unknown_labels_are_listed_with_their_counts():
    with pytest.raises(LabelError, match=r"'4' \(2 rows\).*'2' \(1 row\).*--label-map"):
        read_sentiments(["4", "2", "4", "positive"])


def test_a_map_to_something_that_is_no_sentiment_is_refused():
    with pytest.raises(LabelError, match=r"'great' \(1 row\)"):
        read_sentiments(["5"], LabelMap.parse('{"5": "great"}'))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("de", "de"),
        ("deu", "de"),
        ("de-AT", "de"),
        ("German", "de"),
        ("Deutsch", "de"),
        ("zh_CN", "zh"),
        ("cmn", "zh"),
        ("tgl", "tl"),
        ("nob", "nb"),
        ("iw", "he"),
        ("martian", None),
    ],
)
def test_languages_are_known_by_codes_and_names(value, code):
    assert language_code(value) == code


def test_an_unknown_language_is_refused_with_its_count():
    with pytest.raises(LabelError, match=r"'martian' \(1 row\)"):
        read_languages(["de", "martian"])


def test_lists_of_labels_may_be_json_or_separated():
    names = {"delivery": "delivery", "size and fit": "size and fit"}
    cells = ['["delivery"]', "Delivery | size and fit", "delivery;", None, "other"]
    label_map = LabelMap.parse('{"other": null}')
    assert read_label_lists(cells, names, label_map).labels == [
        ["delivery"],
        ["delivery", "size and fit"],
        ["delivery"],
        [],
        [],
    ]
    with pytest.raises(LabelError, match="'other'"):
        read_label_lists(cells, names)


def test_a_limit_takes_rows_from_the_whole_file():
    labelled = read_sentiments(["negative"] * 50 + ["positive"] * 50).spread(10)
    assert len(labelled.rows) == 10
    assert {label for (label,) in labelled.labels} == {"negative", "positive"}


# Reports


def test_a_file_of_two_sides_is_judged_by_the_sign_and_no_text_is_wrong():
    report = evaluate("sentiment", [*TEXTS, "..."], [*SIDES, "negative"], options())
    figures = report.figures
    assert report.rows == 5
    assert figures.extra["undecided"] == 1
    assert figures.accuracy == pytest.approx(0.8)
    assert figures.per_class["negative"].recall == pytest.approx(2 / 3)
    assert figures.confusion["negative"] == {"negative": 2, "none": 1, "positive": 0}
    assert [mistake.row for mistake in report.mistakes] == [5]


def test_a_row_without_a_text_tells_nothing_of_a_model():
    report = evaluate("sentiment", [*TEXTS, None, " "], [*SIDES, "negative", "positive"], options())
    assert (report.rows, report.left_out) == (4, 2)
    assert report.figures.extra["undecided"] == 0


def test_the_report_holds_what_its_readers_rely_on_and_no_nan():
    report = evaluate("sentiment", TEXTS, SIDES, options(against=("vader", "textblob")))
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    promised = {"task", "rows", "accuracy", "macro_f1", "ece", "reviews_per_second", "per_class"}
    assert promised <= document.keys()
    assert {"confusion", "tier", "models", "language", "mistakes", "against"} <= document.keys()
    assert document["tier"] == "fast"
    assert document["language"] is None
    assert document["judged_by"] == {"fast": 4}
    assert set(document["per_class"]["negative"]) == {"precision", "recall", "f1", "support"}
    assert set(document["against"]) == {"vader", "textblob"}
    for baseline in document["against"].values():
        assert promised - {"task", "rows"} <= baseline.keys()
        assert baseline["accuracy"] >= 0.75


def test_mixed_answers_count_as_neutral_in_a_file_without_mixed():
    text = "The room was wonderful and lovely. But the staff was rude, horrible and awful."
    mixed = evaluate("sentiment", [text], ["mixed"], options())
    assert mixed.figures.accuracy == 1.0
    neutral = evaluate("sentiment", [text, "I love it"], ["neutral", "positive"], options())
    assert neutral.figures.accuracy == 1.0
    assert any("apart" in note for note in neutral.notes)


def test_neutral_answers_count_as_mixed_in_a_file_that_knows_only_mixed():
    report = evaluate("sentiment", [None, "I love it"], ["mixed", "positive"], options())
    assert report.figures.accuracy == 1.0


def test_a_given_language_is_used_for_every_row():
    found = evaluate("sentiment", ["gift"], ["positive"], options(language="de"))
    assert found.language == "de"
    with pytest.raises(EvaluationError, match="'klingon' is no language"):
        evaluate("sentiment", TEXTS, SIDES, options(language="klingon"))


def test_undetermined_is_a_wrong_language():
    texts = ["Das Zimmer war sehr sauber und schön.", "The room was clean and quiet.", "ok"]
    report = evaluate("language", texts, ["German", "eng", "sv"], options())
    assert report.figures.accuracy == pytest.approx(2 / 3)
    assert report.figures.extra["undecided"] == 1
    assert report.figures.confusion["sv"]["und"] == 1


def test_norwegian_is_right_in_both_its_forms():
    text = "Rommet var rent og pent, og vi hadde det veldig hyggelig der hele uken."
    report = evaluate("language", [text], ["no"], options())
    assert report.figures.accuracy == 1.0


def test_a_language_baseline_runs_on_the_same_rows():
    texts = ["Das Zimmer war sehr sauber und schön.", "The room was clean and quiet."]
    report = evaluate("language", texts, ["de", "en"], options(against=("py3langid",)))
    assert report.against["py3langid"].accuracy == 1.0


def test_topics_are_compared_where_the_file_knows_them():
    texts = ["The delivery was late.", "Lovely colour, fits well.", "Nothing to say."]
    report = evaluate("topics", texts, ["delivery", "size and fit", None], options())
    assert report.figures.per_class["delivery"].f1 == 1.0
    assert report.figures.extra["micro_recall"] == 1.0
    assert report.figures.ece is None
    assert report.figures.confusion is None


def test_entities_are_looked_for_by_the_names_of_the_file_where_none_are_given():
    texts = ["The Aurora Mini broke.", "I prefer the Trail Jacket."]
    report = evaluate("entities", texts, ["Aurora Mini", "Trail Jacket|Aurora Mini"], options())
    assert report.figures.extra["micro_precision"] == 1.0
    assert report.figures.extra["micro_recall"] == pytest.approx(2 / 3)
    assert report.mistakes[0].answer == "Trail Jacket"
    assert any("own labels" in note for note in report.notes)


def test_lone_surrogates_and_control_characters_are_judged_like_any_text():
    report = evaluate("sentiment", ["I love it \ud800\x00", "x" * 50_000], SIDES[:2], options())
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.rows == 2


def test_an_unknown_task_or_a_file_without_labels_is_refused():
    with pytest.raises(EvaluationError, match="no task 'mood'"):
        evaluate("mood", TEXTS, SIDES)
    with pytest.raises(EvaluationError, match="No row has a text and a label"):
        evaluate("sentiment", TEXTS, [None] * 4)


def test_an_unknown_baseline_is_refused_with_those_there_are():
    with pytest.raises(BaselineError, match="There are: vader, textblob"):
        evaluate("sentiment", TEXTS, SIDES, options(against=("bert",)))
    with pytest.raises(BaselineError, match="none for this task"):
        evaluate("topics", TEXTS, SIDES, options(against=("vader",)))


def test_a_baseline_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(BaselineError, match=r"pip install vaderSentiment.*reviewgraph\[baselines"):
        baselines.require_baselines(["vader"], "sentiment")
