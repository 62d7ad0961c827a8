"""Finding a person's records in the lake: by keyed marks, so that a name is not needed twice.

A person is found by the exact name at a source, by the source's own id of the account, or by single
reviews. Everything of a review goes with it: all versions, also those under another name, repeats
of it in other files, and what was rejected.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from resources.privacy.subjects import ANY_SOURCE, CONTENT, Marker, MarkKind, Wanted, accounts_in
from resources.storage.lake import Lake
from resources.storage.schemas import RAW_REVIEWS, REJECTED_REVIEWS, REVIEWS
from resources.vocabulary import DayRange

MIN_NAME_CHARACTERS = 5
"""Shorter names are looked for in their own column alone: in a sentence they may be any word."""

MIN_QUOTE_CHARACTERS = 12
"""Shorter texts are no quotation: others say the same."""

_MIN_PAYLOAD_CHARACTERS = 40
_NUMBER = ("batch_id", "record_number")
_SHARED = ("product", "location", "source", "rating")
_RAW = (
    "day", "source", "batch_id", "record_number", "review_id", "author", "product", "location",
    "posted_at", "text", "title", "rating", "url", "payload", "received_at",
)  # fmt: skip


@dataclass
class Found:
    """What the lake holds of a person.

    Attributes:
        records: Numbers of raw records, by batch.
        review_keys: The reviews they became.
        names: The author's name as it is spelled in them.
        quotes: What the person wrote, as it may be quoted elsewhere.
        came_in: When the first record with each of the quotes was received.
        days: Ingestion days whose counts change.
        listing: How many records there are of each source, name, account, product and place.
    """

    records: dict[str, set[int]] = field(default_factory=dict)
    review_keys: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    quotes: set[str] = field(default_factory=set)
    came_in: dict[str, datetime] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    listing: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)

    @property
    def record_count(self) -> int:
        """How many raw records were found."""
        return sum(map(len, self.records.values()))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self.records and not self.review_keys

    def add(self, other: Found) -> None:
        """Take in what another search found."""
        for batch, numbers in other.records.items():
            self.records.setdefault(batch, set()).update(numbers)
        self.review_keys |= other.review_keys
        self.names |= other.names
        self.quotes |= other.quotes
        for quote, moment in other.came_in.items():
            self.quote([quote], moment)
        self.days |= other.days
        self.listing += other.listing

    def quote(self, texts: Iterable[str], received_at: datetime | None) -> None:
        """Take in what a record says, and when it was received if that is known."""
        for one in texts:
            self.quotes.add(one)
            if received_at is not None:
                self.came_in[one] = min(received_at, self.came_in.get(one, received_at))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without the listing."""
        return {
            "records": {batch: sorted(numbers) for batch, numbers in self.records.items()},
            "review_keys": sorted(self.review_keys),
            "names": sorted(self.names),
            "quotes": sorted(self.quotes),
            "came_in": {quote: moment.isoformat() for quote, moment in self.came_in.items()},
            "days": sorted(day.isoformat() for day in self.days),
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Found:
        """From what :meth:`to_dict` wrote."""
        return cls(
            {batch: set(numbers) for batch, numbers in given["records"].items()},
            set(given["review_keys"]),
            set(given["names"]),
            set(given["quotes"]),
            {
                quote: datetime.fromisoformat(moment)
                for quote, moment in given.get("came_in", {}).items()
            },
            {date.fromisoformat(day) for day in given["days"]},
        )


def marks_of(wanted: Wanted, marker: Marker, lake: Lake, tenant_id: str) -> set[str]:
    """The marks by which what is wanted will be known from now on.

    A review is known by its source's id of it; one without such an id by its content.
    """
    sources = wanted.sources or (ANY_SOURCE,)
    if wanted.author is not None:
        return {marker.author(source, wanted.author) for source in sources}
    if wanted.account is not None:
        return {marker.account(source, wanted.account) for source in sources}
    marks: set[str] = set()
    records = _records_of(lake, tenant_id, wanted.review_keys)
    for rows in _raw_by_day(lake, tenant_id, batches=records):
        for row in rows.filter(_is_among(_NUMBER, _frame_of(records))).iter_rows(named=True):
            if wanted.sources and row["source"] not in wanted.sources:
                continue
            if row["review_id"] is not None:
                marks.add(marker.record(row["source"], row["review_id"]))
            else:
                marks.add(marker.content(row["source"], (row[name] for name in CONTENT)))
    return marks


def bears_mark(rows: pl.DataFrame, marks: Collection[str], marker: Marker) -> pl.Series:
    """Whether each row bears one of some marks.

    Args:
        rows: Rows of ``raw_reviews``, one tenant's.
        marks: The marks; of kinds that are not among them nothing is computed.
        marker: Makes the tenant's marks.
    """
    kinds = {mark.partition(":")[0] for mark in marks}
    bears = pl.repeat(value=False, n=rows.height, eager=True, dtype=pl.Boolean)
    columns: tuple[tuple[MarkKind, str], ...] = (("author", "author"), ("record", "review_id"))
    for kind, column in columns:
        if kind in kinds:
            pairs = rows.select("source", column).unique().drop_nulls()
            own = [pair for pair in pairs.iter_rows() if marker.known(kind, *pair) & set(marks)]
            known = pl.DataFrame(own, schema=["source", column], orient="row").cast(pl.String)
            joined = rows.select("source", column).join(
                known.with_columns(is_own=pl.lit(value=True)),
                on=["source", column], how="left", maintain_order="left",
            )  # fmt: skip
            bears |= joined["is_own"].fill_null(value=False)
    if "account" in kinds:
        bears |= pl.Series(
            [
                any(marker.known("account", source, one) & set(marks) for one in accounts_in(said))
                for source, said in rows.select("source", "payload").iter_rows()
            ],
            dtype=pl.Boolean,
        )
    if "content" in kinds:
        bears |= pl.Series(
            [
                bool(marker.known("content", *row) & set(marks))
                for row in rows.select("source", *CONTENT).iter_rows()
            ],
            dtype=pl.Boolean,
        )
    return bears


def find(lake: Lake, tenant_id: str, marks: Collection[str], marker: Marker) -> Found:
    """Find everything in the lake's current tables that bears one of some marks.

    Args:
        lake: The lake.
        tenant_id: Whose reviews.
        marks: The marks.
        marker: Makes the tenant's marks.
    """
    found = Found()
    if not marks:
        return found
    for rows in _raw_by_day(lake, tenant_id):
        _add_raw(found, rows.filter(bears_mark(rows, marks, marker)))
    reviews = lake.read(REVIEWS, tenants=[tenant_id]).frame.select(
        "day", "source", "review_key", "batch_id", "record_number", "source_review_id", "author",
        "text", "title",
    )  # fmt: skip
    authors = reviews.select("source", "author").unique().drop_nulls().collect()
    own = [pair for pair in authors.iter_rows() if marker.known("author", *pair) & set(marks)]
    of_author = pl.DataFrame(own, schema=authors.schema, orient="row")
    is_own = _is_among(authors.columns, of_author) | _is_among(_NUMBER, _frame_of(found.records))
    keys = reviews.filter(is_own).select("review_key").unique().collect()
    found.review_keys |= set(keys.to_series())
    if any(mark.startswith("key:") for mark in marks):
        every = reviews.select("review_key").unique().collect().to_series()
        found.review_keys |= {key for key in every if marker.known("key", key) & set(marks)}
    if found.review_keys:
        _add_versions(lake, tenant_id, found, reviews)
    return found


def _add_versions(lake: Lake, tenant_id: str, found: Found, reviews: pl.LazyFrame) -> None:
    """Take in all versions of the reviews found, and all raw records of them."""
    versions = reviews.filter(pl.col("review_key").is_in(sorted(found.review_keys))).collect()
    found.days |= set(versions["day"])
    found.names |= set(versions["author"].drop_nulls())
    records: dict[str, set[int]] = {}
    for batch, number in versions.select("batch_id", "record_number").iter_rows():
        records.setdefault(batch, set()).add(number)
    ids = versions.select("source", pl.col("source_review_id").alias("review_id"))
    ids = ids.unique().drop_nulls()
    received: dict[tuple[str, int], datetime] = {}
    for rows in _raw_by_day(lake, tenant_id):
        by_number = _is_among(_NUMBER, _frame_of(records))
        own = rows.filter(by_number | _is_among(ids.columns, ids))
        _add_raw(found, own)
        for batch, number, moment in own.select(*_NUMBER, "received_at").iter_rows():
            received[batch, number] = moment
    for batch, number, *said in versions.select(*_NUMBER, "text", "title").iter_rows():
        found.quote(_quotes(said), received.get((batch, number)))


def rejected_records(lake: Lake, tenant_id: str, found: Found) -> int:
    """How many of the records found were rejected."""
    rejected = lake.read(REJECTED_REVIEWS, tenants=[tenant_id], batches=list(found.records)).frame
    own = _is_among(_NUMBER, _frame_of(found.records))
    return int(rejected.filter(own).select(pl.len()).collect().item())


def _raw_by_day(
    lake: Lake, tenant_id: str, batches: Collection[str] | None = None
) -> Iterator[pl.DataFrame]:
    """The tenant's raw rows, a day at a time: a history need not fit into memory."""
    if batches is not None and not batches:
        return
    for day in sorted(day for day in lake.row_counts(RAW_REVIEWS) if isinstance(day, date)):
        days = DayRange.single(day)
        rows = lake.read(RAW_REVIEWS, days=days, tenants=[tenant_id], batches=batches).frame
        frame = rows.select(_RAW).collect()
        if frame.height:
            yield frame


def _records_of(lake: Lake, tenant_id: str, keys: Iterable[str]) -> dict[str, set[int]]:
    reviews = lake.read(REVIEWS, tenants=[tenant_id]).frame
    own = reviews.filter(pl.col("review_key").is_in(sorted(keys)))
    records: dict[str, set[int]] = {}
    for batch, number in own.select("batch_id", "record_number").collect().iter_rows():
        records.setdefault(batch, set()).add(number)
    return records


def _frame_of(records: Mapping[str, Collection[int]]) -> pl.DataFrame:
    rows = [(batch, number) for batch, numbers in records.items() for number in numbers]
    schema = {"batch_id": pl.String, "record_number": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _is_among(columns: Sequence[str], rows: pl.DataFrame) -> pl.Expr:
    return pl.struct(*columns).is_in(rows.select(columns).to_struct("own").implode())


def _add_raw(found: Found, rows: pl.DataFrame) -> None:
    for row in rows.iter_rows(named=True):
        found.records.setdefault(row["batch_id"], set()).add(row["record_number"])
        found.days.add(row["day"])
        if row["author"]:
            found.names.add(row["author"])
        said = _quotes(row[name] for name in ("text", "title", "url"))
        found.quote(said | _quotes_of_payload(row), row["received_at"])
        accounts = ", ".join(sorted(set(accounts_in(row["payload"]))))
        told = (row[name] or "" for name in ("product", "location"))
        found.listing[row["source"], row["author"] or "", accounts, *told] += 1


def _quotes(texts: Iterable[str | None]) -> set[str]:
    return {text for text in texts if text and len(text) >= MIN_QUOTE_CHARACTERS}


def _quotes_of_payload(row: Mapping[str, Any]) -> set[str]:
    """What stands in the payload beside the columns, such as a translation of the text."""
    try:
        payload = json.loads(row["payload"] or "")
    except (ValueError, RecursionError):
        return _quotes([row["payload"]])
    shared = {row[name] for name in _SHARED}
    return {
        text
        for text in strings_in(payload)
        if len(text) >= _MIN_PAYLOAD_CHARACTERS and text not in shared
    }


def strings_in(value: Any, *, keys: bool = False) -> Iterator[str]:
    """Every text within JSON values, and within the names of their fields if these are wanted."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
            if keys:
                waiting.extend(one)
        elif isinstance(one, list):
            waiting.extend(one)


def rows_among(rows: pl.LazyFrame, found: Found) -> pl.LazyFrame:
    """Those of some rows with ``batch_id`` and ``record_number`` that are records found."""
    return rows.filter(_is_among(_NUMBER, _frame_of(found.records)))
