"""Which column means what."""

from __future__ import annotations

import csv
from datetime import date, timedelta

import pytest
import xlsxwriter

from resources.collection.importing import ImportFileError, plan_import
from resources.collection.importing.column_names import rank, without_scale, words

TEXTS = [
    f"I stayed here for {number} nights and would gladly come back again." for number in range(30)
]


def guess_columns(path, overrides=None):
    return plan_import(path, tenant_id="acme", overrides=overrides).guess


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


DAYS = [f"2026-01-{number + 1:02}" for number in range(30)]


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("Sterne (1-5)", "Sterne"),
        ("Note sur 5", "Note"),
        ("Rating /5", "Rating"),
        ("Score out of 10", "Score"),
        ("Bewertung von 5", "Bewertung"),
        ("Voto (da 1 a 5)", "Voto"),
        ("Rating [1 to 10]", "Rating"),
        ("Review 2025", "Review 2025"),
    ],
)
def test_a_scale_in_a_name_is_no_part_of_it(written, bare):
    assert without_scale(written) == bare


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["Kundenmeinung", "Sterne (1-5)", "Abgegeben am", "Kundenname"],
         ["text", "rating", "date", "author"]),
        (["Avis client", "Note sur 5", "Publié le", "Pseudo"],
         ["text", "rating", "date", "author"]),
        (["Reseña", "Estrellas", "Publicado el", "Usuario"], ["text", "rating", "date", "author"]),
        (["Recensione", "Stelle", "Pubblicato il", "Autore"], ["text", "rating", "date", "author"]),
        (["Comentário", "Avaliação", "Publicado em", "Cliente"],
         ["text", "rating", "date", "author"]),
        (["Beoordeling", "Sterren", "Geplaatst op", "Klant"], ["text", "rating", "date", "author"]),
        (["Comment", "Stars out of 5", "When", "Who"], ["text", "rating", "date", "author"]),
    ],
)  # fmt: skip
def test_ordinary_headers_of_seven_languages_are_understood(tmp_path, header, expected):
    rows = [[text, 1 + n % 5, DAYS[n], f"Guest {n}"] for n, text in enumerate(TEXTS)]
    guess = guess_columns(write(tmp_path / "some.csv", header, rows))
    assert guess.mapping == dict(zip(expected, header, strict=True))
    assert not any("No column of" in note for note in guess.notes)


def test_a_french_export_is_understood_whole(tmp_path):
    header = ["Identifiant", "Avis client", "Note sur 5", "Publié le", "Pseudo", "Produit"]
    rows = [[f"r{n}", text, 1 + n % 5, DAYS[n], f"p{n}", "Lampe"] for n, text in enumerate(TEXTS)]
    guess = guess_columns(write(tmp_path / "avis.csv", header, rows))
    assert guess.mapping == dict(
        zip(["id", "text", "rating", "date", "author", "product"], header, strict=True)
    )


def test_a_workbook_with_when_and_who_is_understood(tmp_path):
    path = tmp_path / "reviews.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Comment", "Score", "When", "Who"])
        for n, text in enumerate(TEXTS):
            sheet.write_row(n + 1, 0, [text, 1 + n % 5])
            sheet.write_datetime(n + 1, 2, date(2026, 1, 1) + timedelta(days=n))
            sheet.write_string(n + 1, 3, f"Guest {n}")
    mapping = guess_columns(path).mapping
    assert mapping == {"text": "Comment", "rating": "Score", "date": "When", "author": "Who"}


def test_prose_is_the_text_although_its_name_says_something_else(tmp_path):
    rows = [[text, 1 + n % 5] for n, text in enumerate(TEXTS)]
    guess = guess_columns(write(tmp_path / "some.csv", ["Customer", "Stars"], rows))
    assert guess.mapping == {"text": "Customer", "rating": "Stars"}


def test_the_one_column_of_dates_or_of_ratings_is_taken_whatever_its_name(tmp_path):
    rows = [[text, f"{1 + n % 5}/5", DAYS[n]] for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "some.csv", ["text", "zufrieden", "xyz"], rows)
    assert guess_columns(path).mapping == {"text": "text", "rating": "zufrieden", "date": "xyz"}
    rows = [[text, 1 + n % 5, DAYS[n], DAYS[-n]] for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "two.csv", ["text", "zufrieden", "xyz", "zyx"], rows)
    assert guess_columns(path).mapping == {"text": "text", "rating": "zufrieden"}


@pytest.mark.parametrize("name", ["age", "helpful votes", "price", "Anzahl", "row id"])
def test_small_numbers_named_as_something_else_are_no_ratings(tmp_path, name):
    rows = [[text, 1 + n % 5] for n, text in enumerate(TEXTS)]
    assert "rating" not in guess_columns(write(tmp_path / "a.csv", ["text", name], rows)).mapping


def test_a_missing_rating_or_date_is_said_with_the_way_to_name_it(tmp_path):
    path = write(tmp_path / "some.csv", ["text", "zzz"], [[text, "a"] for text in TEXTS])
    assert guess_columns(path).notes[-2:] == [
        "No column of ratings was found; if there is one, name it with --map rating=COLUMN.",
        "No column of dates was found; if there is one, name it with --map date=COLUMN.",
    ]
    assert not any("ratings" in note for note in guess_columns(path, {"rating": ""}).notes)
