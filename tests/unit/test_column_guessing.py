"""Which column means what."""

from __future__ import annotations

import csv

import pytest

from resources.importing import ImportFileError, guess_columns
from resources.importing.column_names import rank, words

TEXTS = [
    f"I stayed here for {number} nights and would gladly come back again." for number in range(30)
]


def write(path, header, rows):
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    "name", ["reviewText", "review_text", "Review Text", "review.text", "\ufeffREVIEW-TEXT"]
)
def test_a_name_is_known_by_its_words(name):
    assert words(name) == "review text"
    assert rank("text", name) == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["Bewertung", "Titel", "Kommentar", "Datum"],
         {"rating": "Bewertung", "title": "Titel", "text": "Kommentar", "date": "Datum"}),
        (["评分", "标题", "评论", "日期"],
         {"rating": "评分", "title": "标题", "text": "评论", "date": "日期"}),
        (["Note", "Titre", "Avis", "Date"],
         {"rating": "Note", "title": "Titre", "text": "Avis", "date": "Date"}),
        (["Puntuación", "Título", "Reseña", "Fecha"],
         {"rating": "Puntuación", "title": "Título", "text": "Reseña", "date": "Fecha"}),
        (["оценка", "заголовок", "отзыв", "дата"],
         {"rating": "оценка", "title": "заголовок", "text": "отзыв", "date": "дата"}),
        (["reviews.rating", "reviews.title", "reviews.text", "reviews.date"],
         {"rating": "reviews.rating", "title": "reviews.title", "text": "reviews.text",
          "date": "reviews.date"}),
        (["starRating", "headline", "zzz", "publishedAt"],
         {"rating": "starRating", "title": "headline", "text": "zzz", "date": "publishedAt"}),
    ],
)  # fmt: skip
def test_headers_of_many_languages_and_spellings_are_understood(tmp_path, header, expected):
    rows = [[1 + n % 5, f"Stay {n}", text, f"2026-01-{n + 1:02}"] for n, text in enumerate(TEXTS)]
    guess = guess_columns(write(tmp_path / "some.csv", header, rows))
    assert guess.mapping == expected
    assert all(guess.reasons[one] for one in expected)


def test_an_id_that_repeats_is_the_id_of_something_else(tmp_path):
    rows = [[n // 10, 100 + n, text] for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "some.csv", ["id", "review_id", "text"], rows)
    assert guess_columns(path).mapping["id"] == "review_id"
    path = write(tmp_path / "other.csv", ["id", "position", "text"], rows)
    guess = guess_columns(path)
    assert "id" not in guess.mapping
    assert "not unique" in guess.reasons["id"]


def test_a_column_without_a_name_is_never_the_id(tmp_path):
    rows = [[n, text] for n, text in enumerate(TEXTS)]
    for header in (["", "text"], ["Unnamed: 0", "text"], ["index", "text"]):
        assert guess_columns(write(tmp_path / "some.csv", header, rows)).mapping == {"text": "text"}


def test_labels_are_not_ratings(tmp_path):
    rows = [[["positive", "negative"][n % 2], text] for n, text in enumerate(TEXTS)]
    guess = guess_columns(write(tmp_path / "some.csv", ["rating", "text"], rows))
    assert guess.mapping == {"text": "text"}
    assert "labels" in guess.reasons["rating"]


def test_a_file_without_a_header_is_understood_by_its_values(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text("".join(f"{text}\t{n % 5 + 1}\n" for n, text in enumerate(TEXTS)))
    guess = guess_columns(path)
    assert guess.mapping == {"text": "column 1", "rating": "column 2"}
    assert len(guess.columns) == 2


def test_what_the_user_says_wins(tmp_path):
    rows = [[text, f"Answer to guest {n}", n] for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "some.csv", ["text", "reply", "rating"], rows)
    guess = guess_columns(path, {"text": "reply", "rating": ""})
    assert guess.mapping["text"] == "reply"
    assert "rating" not in guess.mapping


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"texts": "text"}, "no field 'texts'.*text, title, rating"),
        ({"text": "body"}, "no column 'body'.*text, stars"),
    ],
)
def test_a_mistaken_mapping_is_answered_with_what_there_is(tmp_path, overrides, sentence):
    path = write(tmp_path / "some.csv", ["text", "stars"], [[text, 5] for text in TEXTS])
    with pytest.raises(ImportFileError, match=sentence):
        guess_columns(path, overrides)


def test_a_file_without_texts_names_its_columns_and_the_way_out(tmp_path):
    path = write(tmp_path / "some.csv", ["stars", "day"], [[5, "2026-01-01"]] * 30)
    with pytest.raises(ImportFileError, match=r"stars, day.*--map text=COLUMN"):
        guess_columns(path)
