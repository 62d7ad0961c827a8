"""Labels as files hold them, made into labels that can be compared with answers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from resources.errors import ReviewGraphError, WrongUsageError
from resources.vocabulary import SENTIMENTS

TASKS = ("sentiment", "language", "aspects", "topics", "entities")

_SHOWN_VALUES = 12
_ALL_OTHERS = "*"
_SEPARATORS = re.compile(r"[|;]")
_LOCAL_PART = re.compile(r"[-_].*")
_SHORT_CODE = 2
# Where the modern code of a language has three letters, or is not the one that files use.
_PREFERRED_CODES = {"fil": "tl", "tgl": "tl", "nob": "nb", "nno": "nn"}


class LabelError(ReviewGraphError):
    """Labels, or a map of labels, that cannot be used."""


class LabelMapError(LabelError, WrongUsageError):
    """A label map that is none."""


@dataclass(frozen=True)
class LabelMap:
    """What the labels of a file mean.

    Attributes:
        meanings: Spelling -> label, None where rows with it are to be left out; ``*`` stands for
            all values that are neither in the map nor labels themselves.
    """

    meanings: Mapping[str, str | None]

    @classmethod
    def parse(cls, given: str) -> LabelMap:
        """Read a map from JSON text or from a file that holds it.

        Raises:
            LabelMapError: It is no JSON object of labels or nulls.
        """
        try:
            path = Path(given)
            text = path.read_text(encoding="utf-8") if _is_file(path) else given
            document = json.loads(text)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise LabelMapError(
                f"The label map {given[:80]!r} is neither JSON nor a file of JSON ({error}). "
                'Write it like {"1": "negative", "3": null, "5": "positive"}.'
            ) from error
        if not isinstance(document, dict) or not all(
            value is None or isinstance(value, str) for value in document.values()
        ):
            raise LabelMapError(
                "A label map is one JSON object whose values are labels, or null for rows to leave "
                'out, like {"1": "negative", "3": null, "5": "positive"}.'
            )
        return cls({spelling_of(key): value for key, value in document.items()})

    def meaning(self, value: str, is_label: bool) -> str | None:
        """What a value means: itself, where the map does not say.

        Args:
            value: As the file holds it.
            is_label: Whether it is a label already.
        """
        rest = value if is_label else self.meanings.get(_ALL_OTHERS, value)
        return self.meanings.get(spelling_of(value), rest)


NO_MAP = LabelMap({})


@dataclass(frozen=True)
class Labelled:
    """Rows that have a label.

    Attributes:
        rows: Their positions in the file, from 0.
        labels: Of each; always one where the task knows only one.
        left_out: How many rows were left out.
    """

    rows: list[int]
    labels: list[list[str]]
    left_out: int

    def with_text(self, texts: Sequence[str | None]) -> Labelled:
        """The rows that hold anything to read; an empty cell tells nothing of a model."""
        kept = [place for place, row in enumerate(self.rows) if (texts[row] or "").strip()]
        return Labelled(
            [self.rows[place] for place in kept],
            [self.labels[place] for place in kept],
            self.left_out + len(self.rows) - len(kept),
        )

    def spread(self, limit: int | None) -> Labelled:
        """At most ``limit`` rows, evenly spread over the file; all where None."""
        if limit is None or limit >= len(self.rows):
            return self
        chosen = [number * len(self.rows) // limit for number in range(limit)]
        return Labelled(
            [self.rows[one] for one in chosen],
            [self.labels[one] for one in chosen],
            self.left_out,
        )


def spelling_of(value: str) -> str:
    """One form for what means the same: ``1``, ``1.0``, `` 1 `` and ``Positive``, ``positive``."""
    stripped = value.strip()
    try:
        number = float(stripped)
    except ValueError:
        return stripped.casefold()
    return str(int(number)) if number.is_integer() else str(number)


def read_sentiments(values: Sequence[str | None], label_map: LabelMap = NO_MAP) -> Labelled:
    """Labels of a sentiment file; rows without one are left out.

    Raises:
        LabelError: A value is none of the four labels and not in the map.
    """
    known: dict[str, str] = {name: name for name in SENTIMENTS}
    return _read_single(
        values,
        label_map,
        lambda value: known.get(spelling_of(value)),
        f"The labels are {', '.join(SENTIMENTS)}. Say with --label-map what the others mean, for "
        'example --label-map \'{"1": "negative", "3": null, "5": "positive"}\'; "*" there stands '
        "for all others.",
    )


def read_languages(values: Sequence[str | None], label_map: LabelMap = NO_MAP) -> Labelled:
    """Labels of a language file as ISO 639-1 codes; codes of three letters and names are known.

    Raises:
        LabelError: A value is no language.
    """
    return _read_single(
        values,
        label_map,
        language_code,
        "Labels are ISO 639-1 codes such as de, codes of three letters, or English names. Say with "
        '--label-map what the others mean, for example --label-map \'{"castilian": "es"}\'.',
    )


def language_code(value: str) -> str | None:
    """ISO 639-1 code of a code (``deu``, ``de-AT``) or a name (``German``, ``Deutsch``)."""
    aliases, names = _languages()
    spelling = value.strip().casefold()
    if spelling in names:
        return names[spelling]
    code = _LOCAL_PART.sub("", spelling)
    code = _PREFERRED_CODES.get(code, code if code in _known_codes() else aliases.get(code, code))
    return code if code in _known_codes() else None


def read_label_lists(
    values: Sequence[str | None],
    names: Mapping[str, str],
    label_map: LabelMap = NO_MAP,
) -> Labelled:
    """Lists of labels, as a JSON array or separated by ``|`` or ``;``.

    Args:
        values: Cells; an empty one means that the row has no label, which is an answer too.
        names: Spelling -> name of what can be labelled.
        label_map: Other spellings; a label mapped to null is dropped from its row.

    Raises:
        LabelError: A label is neither among the names nor in the map.
    """
    unknown: Counter[str] = Counter()
    labels = []
    for cell in values:
        found: dict[str, None] = {}
        for part in _parts(cell):
            value = label_map.meaning(part, spelling_of(part) in names)
            if value is None:
                continue
            name = names.get(spelling_of(value))
            if name is None:
                unknown[part] += 1
            else:
                found[name] = None
        labels.append(list(found))
    _refuse_unknown(
        unknown,
        f"There are: {', '.join(dict.fromkeys(names.values()))[:600]}. Say with --label-map what "
        "the others mean, or null to leave them out.",
    )
    return Labelled(list(range(len(values))), labels, 0)


def all_names(values: Sequence[str | None]) -> list[str]:
    """Every label of a column of lists, in the order of their first appearance."""
    return list(dict.fromkeys(part for cell in values for part in _parts(cell)))


def _read_single(
    values: Sequence[str | None],
    label_map: LabelMap,
    known: Callable[[str], str | None],
    advice: str,
) -> Labelled:
    meanings: dict[str, str | None] = {}
    unknown: Counter[str] = Counter()
    for value, count in Counter(filter(_is_given, values)).items():
        meaning = label_map.meaning(value, is_label=known(value) is not None)
        meanings[value] = None if meaning is None else known(meaning)
        if meaning is not None and meanings[value] is None:
            unknown[meaning] += count
    _refuse_unknown(unknown, advice)
    labelled = [
        (row, label)
        for row, value in enumerate(values)
        for label in [meanings.get(value) if value else None]
        if label is not None
    ]
    return Labelled(
        [row for row, _ in labelled],
        [[label] for _, label in labelled],
        len(values) - len(labelled),
    )


def _is_given(value: str | None) -> TypeGuard[str]:
    """Whether a cell holds a label; data frames write an empty number as ``nan``."""
    return value is not None and value.strip().casefold() not in {"", "nan"}


def _refuse_unknown(unknown: Counter[str], advice: str) -> None:
    if not unknown:
        return
    shown = ", ".join(
        f"{value[:40]!r} ({count:,} {'row' if count == 1 else 'rows'})"
        for value, count in unknown.most_common(_SHOWN_VALUES)
    )
    more = len(unknown) - _SHOWN_VALUES
    rest = f" and {more:,} more" if more > 0 else ""
    raise LabelError(f"The label column holds unknown labels: {shown}{rest}. {advice}")


def _parts(cell: str | None) -> list[str]:
    if not cell or not cell.strip():
        return []
    if cell.lstrip().startswith("["):
        try:
            items = json.loads(cell)
        except ValueError:
            items = None
        if isinstance(items, list):
            return [str(item).strip() for item in items if str(item).strip()]
    return [part.strip() for part in _SEPARATORS.split(cell) if part.strip()]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # JSON text can be too long for a name, or hold a null character
        return False


@lru_cache(maxsize=1)
def _languages() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Other codes of languages, and their English and own names."""
    from babel import Locale
    from babel.core import get_global

    aliases = {code: str(target) for code, target in get_global("language_aliases").items()}
    english = Locale("en").languages
    names = {
        str(name).casefold(): code for code, name in english.items() if len(code) == _SHORT_CODE
    }
    for code in list(names.values()):
        if code in _babel_locales():
            own = Locale(code).languages.get(code)
            names.setdefault(str(own).casefold(), code)
    return aliases, names | {"filipino": "tl"}


@lru_cache(maxsize=1)
def _babel_locales() -> Collection[str]:
    from babel.localedata import locale_identifiers

    return frozenset(locale_identifiers())


@lru_cache(maxsize=1)
def _known_codes() -> Collection[str]:
    from babel import Locale

    codes = map(str, Locale("en").languages)
    return frozenset(code for code in codes if len(code) == _SHORT_CODE)
