"""Files, whole and broken, into a real lake."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from resources.collection.importing import ImportFileError, Limits, land, plan_import
from resources.reviews.normalising import KNOWN_SCHEMA, known_from, normalise_day
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS
from resources.vocabulary import DayRange

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DAY = date(2026, 3, 2)
HEADER = ["id", "text", "rating", "date"]
ROWS = [
    [f"r{n}", f'Room {n} was "fine",\nwe liked the view.', str(1 + n % 5), f"2026-01-{1 + n:02}"]
    for n in range(20)
]
RECORDS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


def put(lake, path, progress=None, **options):
    plan = plan_import(path, tenant_id="acme", source="shop", **options)
    return land(plan, day=DAY, lake=lake, progress=progress)


def rows_of(lake):
    rows = lake.read(RAW_REVIEWS).frame.collect()
    return rows.sort("received_at", "batch_id", "record_number")


def normalised(lake):
    return normalise_day(rows_of(lake), pl.DataFrame(schema=KNOWN_SCHEMA))


def as_csv(delimiter=",", encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([HEADER, *ROWS])
    return text.getvalue().encode(encoding)


def as_xlsx():
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet("reviews")
        for number, row in enumerate([HEADER, *ROWS]):
            sheet.write_row(number, 0, row)
    return content.getvalue()


def as_parquet():
    content = io.BytesIO()
    pl.DataFrame(RECORDS).with_columns(
        pl.col("rating").cast(pl.Int64), pl.col("date").str.to_date()
    ).write_parquet(content)
    return content.getvalue()


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


FORMATS = {
    "reviews.csv": as_csv(),
    "semicolons.csv": as_csv(";"),
    "reviews.tsv": as_csv("\t"),
    "with_mark.csv": codecs.BOM_UTF8 + as_csv(),
    "utf16.csv": as_csv(encoding="utf-16"),
    "reviews.json": json.dumps(RECORDS, indent=2).encode(),
    "wrapped.json": json.dumps({"meta": {"links": []}, "reviews": RECORDS}).encode(),
    "reviews.jsonl": "\n".join(map(json.dumps, RECORDS)).encode(),
    "reviews.xlsx": as_xlsx(),
    "reviews.parquet": as_parquet(),
    "misnamed.dat": as_csv(),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packing", ["plain", "gzip", "zip"])
def test_every_format_gives_the_same_reviews_however_it_is_packed(tmp_path, lake, name, packing):
    content = FORMATS[name]
    if packing == "gzip":
        path, content = tmp_path / f"{name}.gz", gzip.compress(content)
    elif packing == "zip":
        path, content = tmp_path / f"{name}.zip", zipped({name: content, "README.md": b"hello"})
    else:
        path = tmp_path / name
    path.write_bytes(content)
    report = put(lake, path)
    assert (report.files, report.records) == (1, 20)
    rows = rows_of(lake)
    assert rows["record_number"].to_list() == list(range(1, 21))
    for column, field in (("review_id", "id"), ("text", "text"), ("rating", "rating"),
                          ("posted_at", "date")):  # fmt: skip
        assert rows[column].to_list() == [record[field] for record in RECORDS]
    assert [json.loads(payload)["id"] for payload in rows["payload"]] == rows["review_id"].to_list()


def test_a_folder_lands_in_one_commit_and_files_known_before_are_skipped(tmp_path, lake):
    folder = tmp_path / "delivery"
    (folder / "deeper").mkdir(parents=True)
    (folder / "LICENSE").write_text("All rights reserved.")
    (folder / "one.csv").write_bytes(as_csv())
    first = put(lake, folder)
    assert (first.files, first.skipped, first.records) == (1, 0, 20)
    assert any("LICENSE" in note for note in first.notes)
    (folder / "deeper" / "two.jsonl").write_bytes(FORMATS["reviews.jsonl"])
    second = put(lake, folder)
    assert (second.files, second.skipped, second.records) == (2, 1, 20)
    third = put(lake, folder)
    assert (third.files, third.skipped, third.records, third.commit) == (2, 2, 0, None)
    assert rows_of(lake).height == 40
    assert lake.version(RAW_REVIEWS) <= 2


def test_the_same_file_read_differently_is_another_batch(tmp_path, lake):
    path = tmp_path / "reviews.csv"
    path.write_bytes(as_csv())
    assert put(lake, path).skipped == 0
    assert put(lake, path, rating_scale=10).skipped == 0
    assert put(lake, path, rating_scale=10).skipped == 1


def test_progress_reaches_the_end_of_the_file(tmp_path, lake):
    path = tmp_path / "reviews.csv"
    path.write_bytes(as_csv())
    seen = []
    put(lake, path, progress=lambda *now: seen.append(now))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size, 20)


UNUSABLE = {
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + os.urandom(500), "PNG picture"),
    "program.csv": (b"MZ" + os.urandom(500), "Windows program"),
    "document.csv": (b"%PDF-1.7 " + os.urandom(500), "PDF document"),
    "noise.csv": (bytes(range(1, 256)) * 20, "binary data"),
    "page.csv": (b"<!DOCTYPE html><html></html>", "web page"),
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n \n\n", "is empty"),
    "header.csv": (b"text,rating\n", "header .text, rating. but no row"),
    "no_text.csv": (b"stars,day\n5,2026-01-01\n4,2026-01-02\n", "--map text=COLUMN"),
    "cut.csv.gz": (gzip.compress(os.urandom(9000) + as_csv())[:-4000], "damaged"),
    "broken.zip": (zipped({"a.csv": as_csv()})[:-30], "archive|damaged"),
    "nothing.zip": (zipped({"README": b"hello"}), "no data file"),
    "nested.zip": (zipped({"a.zip": zipped({"a.csv": as_csv()})}), "archive in an archive"),
    "broken.json": (b'[{"text": "good"}, {"text": "bad", nonsense}]', "broken JSON at character"),
    "cut.json": (json.dumps(RECORDS).encode()[:-50], "broken JSON at character"),
    "deep.json": (b'[{"text":' + b"[" * 200_000 + b"]" * 200_000 + b"}]", "too deeply"),
    "no_list.json": (b'{"text": 1}', "no list of JSON objects|no column"),
    "numbers.json": (b"[1, 2, 3]", "no list of JSON objects"),
    "bad.parquet": (b"PAR1" + os.urandom(200) + b"PAR1", "damaged Parquet"),
    "bad.xlsx": (zipped({"xl/workbook.xml": b"nonsense"}), "damaged workbook"),
    "one_line.csv": (b"x" * (10 << 20), "not a file of reviews|no row"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_imported_says_why_and_lands_nothing(tmp_path, lake, name):
    content, sentence = UNUSABLE[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportFileError, match=sentence) as caught:
        put(lake, path)
    assert len(str(caught.value)) < 1_000
    assert rows_of(lake).height == 0


def test_an_encrypted_archive_is_refused(tmp_path, lake):
    content = bytearray(zipped({"a.csv": as_csv()}))
    content[6] |= 1  # the flag in the local header
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path = tmp_path / "secret.zip"
    path.write_bytes(content)
    with pytest.raises(ImportFileError, match="encrypted"):
        put(lake, path)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, lake):
    limits = Limits(unpacked_bytes=1 << 20, members=3)
    for name, content, sentence in (
        ("bomb.csv.gz", gzip.compress(as_csv() + b"\n" * (8 << 20)), "unpacks to more than"),
        ("bomb.zip", zipped({"a.csv": as_csv() + b"\n" * (8 << 20)}), "would unpack to"),
        ("many.zip", zipped({f"{n}.csv": as_csv() for n in range(4)}), "holds 4 files"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ImportFileError, match=sentence):
            put(lake, path, limits=limits)
    assert rows_of(lake).height == 0


def test_a_damaged_row_costs_that_row_alone(tmp_path, lake):
    path = tmp_path / "damaged.csv"
    path.write_bytes(
        b"id,text,rating\n1,fine stay,4\n2,one, two, three commas,4\n3\n"
        b'4,"never closed,3\n5,nul\x00 byte,2\n6,stray \xe9 byte,1\n7,last stay,5'
    )
    report = put(lake, path)
    assert (report.records, report.batches[0].unreadable_count) == (7, 3)
    result = normalised(lake)
    assert result.rejected["reason_code"].unique().to_list() == ["unreadable_record"]
    assert result.reviews.sort("source_review_id")["text"].to_list() == [
        "fine stay", "nul byte", "stray \u00e9 byte", "last stay",
    ]  # fmt: skip


def test_a_damaged_line_of_json_costs_that_line_alone(tmp_path, lake):
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(
        b'{"text": "good", "rating": 4}\n{"text": "cut of\n[1, 2]\n'
        b'{"text": "lone \\ud800 surrogate", "rating": NaN}\n'
         b'{"text":' + b"[" * 100_000 + b"\n"
        + json.dumps({"text": "long " * 2_200_000}).encode() + b"\n"
    )  # fmt: skip
    assert put(lake, path).records == 6
    result = normalised(lake)
    assert result.counts.row(0) == ("acme", 6, 2, 0, 4)
    assert sorted(result.rejected["reason_code"]) == ["text_too_long"] + ["unreadable_record"] * 3
    assert sorted(result.reviews["text"]) == ["good", "lone \ufffd surrogate"]


def test_other_encodings_are_read_and_named(tmp_path, lake):
    path = tmp_path / "western.csv"
    path.write_bytes("text,rating\nDas Frühstück war schön \u2013 sehr gut,5\n".encode("cp1252"))
    report = put(lake, path)
    assert any("Windows-1252" in note for note in report.notes)
    assert rows_of(lake)["text"].to_list() == ["Das Frühstück war schön \u2013 sehr gut"]


def test_a_killed_import_lands_nothing_and_can_be_repeated(tmp_path, lake):
    path = tmp_path / "many.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows([f"r{n}", f"We stayed {n} nights", n % 5 + 1, ""] for n in range(60_000))
    script = textwrap.dedent(f"""
        import time
        from datetime import date
        from resources.collection.importing import land, plan_import
        from resources.storage.lake import Lake

        def slowly(done, total, rows):
            if rows:
                print("reading", flush=True)
                time.sleep(30)

        plan = plan_import({str(path)!r}, tenant_id="acme", source="shop")
        land(plan, day=date(2026, 3, 2), lake=Lake({str(tmp_path / "lake")!r}), progress=slowly)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                          cwd=Path(__file__).resolve().parents[2]) as process:  # fmt: skip
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGKILL)
    assert rows_of(lake).height == 0
    assert put(lake, path).records == 60_000
    assert rows_of(lake).height == 60_000


def need(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the public review data set {name} is not on this machine")
    return path


REAL = {
    "womens_clothing": (23_486, {"text": "Review Text", "title": "Title", "rating": "Rating",
                                 "product": "Clothing ID"}),
    "skytrax/lounge.csv": (2_264, {"text": "content", "rating": "overall_rating", "date": "date",
                                   "product": "lounge_name", "author": "author"}),
    "datafiniti_hotels": (10_000, {"text": "reviews.text", "title": "reviews.title",
                                   "rating": "reviews.rating", "date": "reviews.date",
                                   "author": "reviews.username", "product": "name",
                                   "location": "city"}),
    "airbnb_albany/reviews.csv.gz": (25_313, {"text": "comments", "id": "id", "date": "date",
                                              "author": "reviewer_name",
                                              "product": "listing_id"}),
    "nsmc": (19_564, {"text": "review", "rating": "rating", "date": "date", "author": "author",
                      "id": "review_id", "product": "movie_id"}),
    "airline_tweets": (14_640, {"text": "text", "date": "tweet_created", "author": "name",
                                "product": "airline"}),
    "googleplay_user_reviews": (64_295, {"text": "Translated_Review", "product": "App"}),
    "laroseda": (15_000, {"text": "content", "title": "title", "rating": "starRating"}),
    "indonlu": (11_000, {"text": "column 1"}),
    "uci_sentences": (3_000, {"text": "column 1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_understood_land_and_balance(lake, name):
    path = need(name)
    records, mapping = REAL[name]
    guess = plan_import(path, tenant_id="acme", source="shop").guess
    assert mapping.items() <= guess.mapping.items()
    assert ("id" in guess.mapping) == ("id" in mapping)
    report = put(lake, path)
    assert report.records == records
    result = normalised(lake)
    ((_, collected, kept, unchanged, rejected),) = result.counts.rows()
    assert collected == records == kept + unchanged + rejected
    assert result.reviews["rating"].drop_nulls().is_between(1, 5).all()
    assert set(result.rejected["reason_code"]) <= {"empty", "rating_out_of_scale"}


def test_a_known_file_is_recognised_by_its_bytes(lake):
    path = need("womens_clothing")
    put(lake, path)
    assert put(lake, path).skipped == 1


def test_good_rows_behind_a_line_of_ten_megabytes_are_imported(tmp_path):
    path = tmp_path / "long.csv"
    rows = ["1," + "x" * 10_000_000 + ",5", "2,good shoes and fast delivery,4", "3,never again,1"]
    path.write_text("\n".join(["review_id,text,rating", *rows]) + "\n")
    lake = Lake(str(tmp_path / "lake"))
    report = put(lake, path)
    assert report.records == 3
    raw = lake.read(RAW_REVIEWS, days=DayRange.single(DAY))
    day = normalise_day(raw.frame, known_from(pl.DataFrame(schema=KNOWN_SCHEMA)))
    assert day.rejected["reason_code"].to_list() == ["text_too_long"]
    assert day.reviews["source_review_id"].sort().to_list() == ["2", "3"]
