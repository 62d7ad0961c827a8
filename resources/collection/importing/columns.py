"""Which column of a file is the text of a review, which its rating, and so on.

A column is a candidate for a field by its name (``column_names``), and stays one only if its values
fit: dates must look like dates, an id must be unique. Where names say nothing, as in files without
a header, the values alone decide. Each choice comes with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resources.collection.importing.column_names import (
    DESCRIPTIONS,
    FIELDS,
    LOOSE,
    NOT_DATES_OF_REVIEWS,
    NOT_RATINGS,
    rank,
    without_scale,
    words,
)
from resources.collection.importing.column_values import (
    OBJECTIONS,
    Column,
    holds_marks,
    is_prose,
    objection_to_text,
    says_ratings,
)
from resources.collection.importing.errors import (
    ImportFileError,
    NotReviewsError,
    UnknownFieldError,
)
from resources.collection.importing.tables import RecordTable, Row
from resources.collection.importing.values import is_address, is_date, is_number

_PREVIEW_ROWS = 5
_SHOWN = 60
_LOOKED_AT = 10_000  # characters of a value, which tell what it is
_NEARLY_ALL = 0.8
_HALF = 0.5
_PROSE_WORDS = 4
_PROSE_CHARACTERS = 25
_MISSING = frozenset({"nan", "null", "none", "n/a", "na", "<na>"})
_AMBIGUOUS_NAMES = ("name", "nom", "nombre")


@dataclass(frozen=True)
class ColumnGuess:
    """How the columns of a file are understood.

    Attributes:
        mapping: Field -> column; only fields that were found.
        columns: All columns of the file.
        rows: Its first rows, a few, in the order of ``columns``.
        reasons: Field -> why that column, in words; also for candidates that were refused.
        format: The file's format in words.
        notes: What a user should know about how the file was read.
        name: The file, or the member of the archive.
    """

    mapping: dict[str, str]
    columns: list[str]
    rows: list[Row]
    reasons: dict[str, str]
    format: str
    notes: list[str]
    name: str


def guess_table(
    table: RecordTable, name: str, overrides: Mapping[str, str] | None = None
) -> ColumnGuess:
    """Guess the columns of an opened file.

    Args:
        table: The file, or a member of an archive.
        name: How messages call it.
        overrides: Field -> column, which win over every guess.

    Raises:
        NotReviewsError: No column holds the text.
        ImportFileError: It has no record, or an override names a field or a column that does not
            exist.
    """
    sample = table.sample()
    columns = [
        Column(
            column,
            position,
            [
                value
                for row in sample
                if (value := (row[position] or "")[:_LOOKED_AT].strip())
                and value.casefold() not in _MISSING
            ],
            len(sample),
        )
        for position, column in enumerate(table.columns)
    ]
    chooser = _Chooser(columns, has_header=table.has_header)
    chooser.take_overrides(dict(overrides or {}), name)
    if not sample:
        raise ImportFileError(
            f"{name} has a header ({listed(table.columns)}) but no row that can be read: "
            "there is nothing to import."
        )
    chooser.choose()
    if "text" not in chooser.mapping:
        raise NotReviewsError(
            f"{name} has no column that looks like the text of a review. Its columns are: "
            f"{listed(table.columns)}. Name the right one with --map text=COLUMN."
        )
    mapping = {one: chooser.mapping[one] for one in FIELDS if one in chooser.mapping}
    return ColumnGuess(
        mapping, list(table.columns), list(sample[:_PREVIEW_ROWS]), chooser.reasons, table.format,
        [*table.notes, *chooser.misses()], name,
    )  # fmt: skip


def listed(names: Sequence[str]) -> str:
    """List the names of columns for people: each shortened, and not more than fit a screen."""
    shown = [name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in names[:_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


class _Chooser:
    """Gives each field its column, the surest fields first."""

    def __init__(self, columns: Sequence[Column], *, has_header: bool) -> None:
        self._columns = columns
        self._has_header = has_header
        self._given: set[str] = set()
        self.mapping: dict[str, str] = {}
        self.reasons: dict[str, str] = {}

    def take_overrides(self, overrides: dict[str, str], name: str) -> None:
        """Take what the user decided; an empty column name means that there is none."""
        known = {column.name for column in self._columns}
        for one, column in overrides.items():
            if one not in FIELDS:
                raise UnknownFieldError(
                    f"There is no field {one!r} to map to. The fields are: {', '.join(FIELDS)}."
                )
            if column and column not in known:
                raise ImportFileError(
                    f"{name} has no column {column!r} (asked for by --map {one}={column}). "
                    f"Its columns are: {listed([one.name for one in self._columns])}."
                )
            self._given.add(one)
            self.mapping[one] = column
            self.reasons[one] = f"{column!r} was given." if column else "Given as absent."

    def choose(self) -> None:
        """Fill the mapping."""
        order = ("text", "id", "rating", "date", "url", "title", "language", "deleted", "author",
                 "product", "location")  # fmt: skip
        for one in order:
            if one not in self.mapping:
                self._choose_by_name(one)
        self._choose_plain_name()
        if "text" not in self.mapping:
            self._choose_text_by_values()
        if "text" not in self.mapping:
            self._choose_text_against_names()
        if "date" not in self.mapping:
            self._choose_date_by_values()
        if "rating" not in self.mapping and self._has_header:
            self._choose_rating_beside_names()
        elif "rating" not in self.mapping:
            self._choose_rating_by_values()
        self.mapping = {one: column for one, column in self.mapping.items() if column}

    def misses(self) -> list[str]:
        """Say which fields that reports live on were not found, unless given as absent."""
        return [
            f"No column of {one}s was found; if there is one, name it with --map {one}=COLUMN."
            for one in ("rating", "date")
            if one not in self.mapping and one not in self._given
        ]

    def _free(self) -> list[Column]:
        taken = set(self.mapping.values())
        return [column for column in self._columns if column.name not in taken]

    def _choose_by_name(self, one: str) -> None:
        ranked = sorted(
            (found, column.position, column)
            for column in self._free()
            if self._has_header and (found := rank(one, column.name)) is not None
        )
        for fit, _, column in ranked:
            objection = OBJECTIONS[one](column)
            if one == "text" and fit >= LOOSE and column.mean_words < _PROSE_WORDS:
                objection = "its values are too short"
            if objection is None:
                self.mapping[one] = column.name
                self.reasons[one] = f"{column.name!r} is a usual name for it and its values fit."
                return
            self.reasons.setdefault(one, f"Not {column.name!r}: {objection}.")

    def _choose_plain_name(self) -> None:
        """Give a column called just ``name`` to what is still missing: product or author."""
        for column in self._free():
            if words(column.name) not in _AMBIGUOUS_NAMES or not column.values:
                continue
            missing = [one for one in ("author", "product") if one not in self.mapping]
            if missing:
                repeats = column.distinct < _HALF * len(column.values)
                one = missing[-1] if repeats else missing[0]
                self.mapping[one] = column.name
                self.reasons[one] = f"{column.name!r} names something, and no other column is it."

    def _choose_text_by_values(self) -> None:
        candidates = [
            column
            for column in self._free()
            if not DESCRIPTIONS & set(words(column.name).split())
            and words(column.name) not in _AMBIGUOUS_NAMES
            and not any(rank(one, column.name) is not None for one in FIELDS)
            and objection_to_text(column) is None
            and (column.mean_words >= _PROSE_WORDS or column.mean_characters >= _PROSE_CHARACTERS)
            and column.distinct >= _HALF * len(column.values)
            and column.share(is_address) < _HALF
        ]
        if candidates:
            best = max(candidates, key=lambda column: column.mean_characters * column.filled)
            self.mapping["text"] = best.name
            self.reasons["text"] = f"{best.name!r} holds the longest texts, mostly different ones."

    def _choose_text_against_names(self) -> None:
        """Take clear prose whatever its name, even from a field that took it by its name."""
        given = {self.mapping[one] for one in self._given}
        candidates = [
            column
            for column in self._columns
            if column.name not in given
            and not DESCRIPTIONS & set(words(column.name).split())
            and is_prose(column)
        ]
        if not candidates:
            return
        best = max(candidates, key=lambda column: column.mean_characters * column.filled)
        for one in [one for one, column in self.mapping.items() if column == best.name]:
            del self.mapping[one]
            self.reasons[one] = f"Not {best.name!r}: it is the only column of texts."
        self.mapping["text"] = best.name
        self.reasons["text"] = f"{best.name!r} is the only column that holds sentences."

    def _choose_date_by_values(self) -> None:
        fitting = [
            column
            for column in self._free()
            if column.share(is_date) >= _NEARLY_ALL
            and column.share(str.isdigit) < _HALF
            and not self._is_named(column, "date", NOT_DATES_OF_REVIEWS)
        ]
        if len(fitting) == 1:
            self.mapping["date"] = fitting[0].name
            self.reasons["date"] = f"{fitting[0].name!r}: its values look like dates."

    def _choose_rating_beside_names(self) -> None:
        """Take the one column that can only be ratings, although its name does not say so."""
        fitting = [
            column
            for column in self._free()
            if not self._is_named(column, "rating", NOT_RATINGS)
            and (says_ratings(column) or holds_marks(column))
        ]
        if len(fitting) == 1:
            self.mapping["rating"] = fitting[0].name
            self.reasons["rating"] = f"{fitting[0].name!r}: its values look like ratings."

    def _is_named(self, column: Column, one: str, other: frozenset[str]) -> bool:
        """Whether a column's name says that it is something else than the field."""
        if not self._has_header:
            return False
        named = other & set(words(without_scale(column.name)).split())
        fields = [field for field in FIELDS if field != one]
        return bool(named) or any(rank(field, column.name) is not None for field in fields)

    def _choose_rating_by_values(self) -> None:
        for column in self._free():
            numbers = {value for value in column.values if is_number(value)}
            if len(numbers) <= 2 or column.share(is_number) < _NEARLY_ALL:  # noqa: PLR2004 - labels
                continue
            if all(1 <= float(number.replace(",", ".")) <= 10 for number in numbers):  # noqa: PLR2004 - a usual scale
                self.mapping["rating"] = column.name
                self.reasons["rating"] = f"{column.name!r} holds a few small numbers."
                return
