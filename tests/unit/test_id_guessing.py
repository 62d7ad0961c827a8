"""A record may come twice in a file; that alone must not cost the file its ids."""

from __future__ import annotations

from resources.collection.importing import plan_import


def guess_columns(path):
    return plan_import(path, tenant_id="acme").guess


def written(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def review(number):
    return f"the room was clean and the staff of desk {number} was very friendly to us"


def test_an_id_column_with_a_repeated_record_stays_the_id(tmp_path):
    rows = [f"r{number},{review(number)},5" for number in range(40)]
    path = written(tmp_path / "reviews.csv", "review_id,text,rating", [*rows, rows[3]])
    assert guess_columns(path).mapping["id"] == "review_id"


def test_a_few_rows_with_one_repeat_keep_a_column_that_is_named_after_the_review(tmp_path):
    rows = [f"r{number},{review(number)},5" for number in range(3)]
    path = written(tmp_path / "reviews.csv", "review_id,text,rating", [*rows, rows[0]])
    assert guess_columns(path).mapping["id"] == "review_id"


def test_an_id_that_many_reviews_share_is_not_theirs(tmp_path):
    rows = [f"hotel-{number // 5},{review(number)},5" for number in range(40)]
    path = written(tmp_path / "reviews.csv", "id,text,rating", rows)
    assert "id" not in guess_columns(path).mapping
