"""The forms in which tables are answered: JSON, CSV, Arrow, Parquet, packed, of fewer fields."""

from __future__ import annotations

import csv
import gzip
import io

import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from serving_api.kit.negotiation import MEDIA_TYPES, chosen_encoding, chosen_form
from serving_api.kit.tabular import as_table, rows_of
from tests.api_world import read

ACME = "/v1/tenants/acme"
FORMS = ("json", "csv", "arrow", "parquet")
TABLES = [
    f"{ACME}/reviews?limit=20",
    f"{ACME}/metrics?dimension=product",
    f"{ACME}/metrics/series?grain=week",
    f"{ACME}/metrics/topics",
    f"{ACME}/metrics/ratings",
]


def frame_of(answer):
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == MEDIA_TYPES["arrow"]:
        return pl.from_arrow(pa.ipc.open_stream(answer.content).read_all())
    assert kind == MEDIA_TYPES["parquet"]
    return pl.read_parquet(io.BytesIO(answer.content))


@pytest.mark.parametrize("address", TABLES)
def test_every_form_of_a_table_holds_the_same_rows(ada, address):
    body = read(ada, address)
    rows = body.get("items", body.get("points"))
    assert rows
    arrow = frame_of(ada.get(address, headers={"Accept": MEDIA_TYPES["arrow"]}))
    parquet = frame_of(ada.get(address, headers={"Accept": MEDIA_TYPES["parquet"]}))
    answer = ada.get(address, headers={"Accept": "text/csv"})
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert arrow.equals(parquet)
    assert arrow.height == len(lines) == len(rows)
    assert arrow.columns == list(lines[0])
    name = arrow.columns[0]
    assert arrow[name].to_list() == [row[name] for row in rows]
    if "average_rating.value" in arrow.columns:
        values = [row["average_rating"]["value"] for row in rows]
        assert arrow["average_rating.value"].to_list() == values


def test_a_page_without_rows_has_the_same_columns(ada):
    kind = {"Accept": MEDIA_TYPES["arrow"]}
    some = frame_of(ada.get(f"{ACME}/reviews", headers=kind))
    none = frame_of(ada.get(f"{ACME}/reviews?q=nobody+wrote+this", headers=kind))
    assert none.height == 0
    assert none.schema == some.schema


def test_the_next_page_of_a_table_is_named_in_a_header(ada):
    as_json = ada.get(f"{ACME}/reviews?limit=40")
    address, seen = f"{ACME}/reviews?limit=40", []
    while address:
        answer = ada.get(address, headers={"Accept": MEDIA_TYPES["arrow"]})
        seen += frame_of(answer)["review_key"].to_list()
        address = answer.links.get("next", {}).get("url")
    assert as_json.links["next"]["url"] == as_json.json()["next"]
    assert len(seen) == len(set(seen)) == 90


def test_a_formula_in_a_review_is_no_formula_in_a_spreadsheet():
    class Row(BaseModel):
        text: str

    class Page(BaseModel):
        items: list[Row]

    page = Page(items=[Row(text='=HYPERLINK("http://evil.example")')])
    assert as_table(page, rows_of(Page), None, "csv").decode().splitlines()[1].startswith("\"'=")


# Which form --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("text/csv;q=0.5, application/vnd.apache.parquet;q=0.9", "parquet"),
        ("application/json;q=0, */*", "csv"),
        ("text/csv, application/json", "json"),
        ("TEXT/CSV", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("text/csv;q=nonsense, application/json;q=0.1", "json"),
        ("application/vnd.apache.arrow.stream;q=1.0;x=y, */*;q=0.1", "arrow"),
    ],
)
def test_the_form_is_the_one_that_the_client_likes_best(accept, form):
    assert chosen_form(accept, FORMS) == form


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", ";;;", "*"])
def test_a_client_that_takes_none_of_the_forms_is_told_which_there_are(ada, accept):
    answer = ada.get(f"{ACME}/metrics", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["type"].endswith("not-acceptable")
    assert "text/csv" in answer.json()["detail"]


def test_what_is_no_table_comes_as_json_alone(ada):
    key = read(ada, f"{ACME}/reviews?limit=1")["items"][0]["review_key"]
    address = f"{ACME}/reviews/{key}"
    assert ada.get(address, headers={"Accept": "text/csv"}).status_code == 406
    assert ada.get(address, headers={"Accept": "text/csv, */*;q=0.1"}).status_code == 200


# Compression -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0", "identity"),
        ("*", "zstd"),
        ("identity, gzip;q=0.1", "identity"),
        ("deflate", "identity"),
    ],
)
def test_the_encoding_is_the_one_that_the_client_likes_best(accept, encoding):
    assert chosen_encoding(accept) == encoding


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_long_answer_is_compressed_and_named_for_its_form(world, encoding):
    address = f"{ACME}/reviews?limit=50"
    with world.client("ada", **{"Accept-Encoding": "identity"}) as client:
        plain = client.get(address)
        with client.stream("GET", address, headers={"Accept-Encoding": encoding}) as answer:
            packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == encoding
    assert answer.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    assert answer.headers["etag"] != plain.headers["etag"]
    assert len(packed) < len(plain.content) / 3
    unpacked = (
        gzip.decompress(packed)
        if encoding == "gzip"
        else pa.input_stream(
            io.BytesIO(packed), compression={"br": "brotli"}.get(encoding, encoding)
        ).read()
    )
    assert unpacked == plain.content


def test_a_token_is_never_compressed(world):
    with world.client("ada", **{"Accept-Encoding": "gzip, br"}) as client:
        assert "content-encoding" not in client.get("/v1/me").headers


def test_each_form_is_known_by_a_name_of_its_own(ada):
    etags = {
        ada.get(f"{ACME}/metrics", headers={"Accept": kind}).headers["etag"]
        for kind in MEDIA_TYPES.values()
    }
    assert len(etags) == len(MEDIA_TYPES)
    for kind in MEDIA_TYPES.values():
        etag = ada.get(f"{ACME}/metrics", headers={"Accept": kind}).headers["etag"]
        held = {"Accept": kind, "If-None-Match": etag}
        assert ada.get(f"{ACME}/metrics", headers=held).status_code == 304
        other = {"Accept": "text/csv;q=0.1, */*;q=0.2", "If-None-Match": etag}
        expected = 304 if kind == "application/json" else 200
        assert ada.get(f"{ACME}/metrics", headers=other).status_code == expected


# Fields ------------------------------------------------------------------------------------------


def test_a_client_chooses_the_fields_of_the_rows(ada):
    body = read(ada, f"{ACME}/reviews?limit=3&fields=rating,review_key")
    assert [list(row) for row in body["items"]] == [["review_key", "rating"]] * 3
    assert body["snapshot"]
    assert "fields=" in body["next"]
    assert set(read(ada, body["next"])["items"][0]) == {"review_key", "rating"}
    address = f"{ACME}/metrics?fields=member,average_rating"
    frame = frame_of(ada.get(address, headers={"Accept": MEDIA_TYPES["parquet"]}))
    assert frame.columns[:2] == ["member", "average_rating.value"]


@pytest.mark.parametrize("fields", ["", "nothing", "rating,", "rating,Rating", "items"])
def test_a_field_that_there_is_not_is_told_with_those_that_there_are(ada, fields):
    answer = ada.get(f"{ACME}/reviews", params={"fields": fields})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["location"] == "query.fields"
    assert "review_key, " in error["message"]
