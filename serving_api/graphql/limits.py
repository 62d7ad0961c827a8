"""What a GraphQL document may ask for, measured before anything of it is done.

Strawberry brings limits of depth, aliases and tokens. They are measured here instead, in one walk:
theirs follow a fragment anew wherever it is spread, so that thirty lines of fragments keep them
busy for minutes, and none of them knows that a page of 200 reviews costs more than one of two.
Here each fragment is measured once, and counts stop growing where they are too large anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    parse,
)
from pydantic import BaseModel

from serving_api.kit.errors import Problem

MAX_TOKENS = 1_000
MAX_DEPTH = 16
MAX_ALIASES = 20
MAX_FIELDS = 300
MAX_COST = 10_000
MAX_DIRECTIVES = 20
MAX_DEFINITIONS = 20
MAX_PAGE = 200
MAX_ITEMS = MAX_COST // 2
"""How many items may be read for a document: what it may cost with one field of each."""

MAX_BYTES = 4 * 1024 * 1024
"""How much may be read for a document, and how much it may be answered with."""

_TOO_MUCH = 10**6  # counts stop here

LIST_SIZES = {
    "corrections": 5,
    "days": 5,
    "due": 10,
    "failed": 10,
    "files": 3,
    "points": 1,  # they are counted where their series is, see _Walk._points
    "ratings": 5,
    "stages": 6,
    "tenants": 10,
    "versions": 5,
    "weeks": 50,
}
"""How many items a list has, for lists of which the client does not say how many it wants."""

PAGE_SIZES = {
    "imports": 50,
    "metrics": 50,
    "rejectedRows": 50,
    "reports": 50,
    "reviews": 50,
    "runs": 30,
    "sources": 50,
    "topics": 50,
}
"""How many items a page has of which the client does not say how many it wants by ``limit``."""

USUAL_POINTS = {"day": 366, "week": 104, "month": 36}
"""How many points a series has of which the client does not say from when to when, by its grain."""

_DAYS_OF = {"day": 1, "week": 7, "month": 28}

BASE_COSTS = {
    "metrics": 20,
    "ratings": 20,
    "rejectedRows": 250,  # it reads files of the lake, as versions do
    "review": 20,
    "reviews": 50,
    "runs": 50,
    "series": 50,
    "topics": 20,
    "versions": 500,
}
"""What a field costs beside what is selected of it; 1 where it is not told here."""


class TooExpensiveError(Problem):
    """A document asks for more than one may."""

    def __init__(self, detail: str) -> None:
        super().__init__("graphql-too-expensive", detail)


@dataclass(frozen=True)
class _Size:
    """How much is selected, fragments followed."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(
            max(self.depth, other.depth),
            min(self.fields + other.fields, _TOO_MUCH),
            min(self.aliases + other.aliases, _TOO_MUCH),
            min(self.cost + other.cost, _TOO_MUCH),
        )


def parsed(source: str) -> DocumentNode:
    """Read a document.

    Raises:
        Problem: ``graphql-invalid`` for what is none; ``graphql-too-expensive`` for one that is
            too long or nested too deeply to be read.
    """
    try:
        return parse(source, max_tokens=MAX_TOKENS)
    except RecursionError:
        raise TooExpensiveError(f"Nest at most {MAX_DEPTH} levels deep.") from None
    except GraphQLError as error:
        if f"more than {MAX_TOKENS} tokens" in error.message:
            raise TooExpensiveError(f"A document may have {MAX_TOKENS} tokens.") from None
        if "nested too deeply" in error.message:
            raise TooExpensiveError(f"Nest at most {MAX_DEPTH} levels deep.") from None
        where = error.locations[0] if error.locations else None
        place = f" Look at line {where.line}, column {where.column}." if where else ""
        raise Problem("graphql-invalid", f"The document cannot be read.{place}") from None


def check(
    document: DocumentNode,
    variables: Mapping[str, Any],
    operation_name: str | None,
    *,
    introspection: bool,
) -> None:
    """See that a document asks for no more than one may.

    Args:
        document: What :func:`parsed` gave.
        variables: The values of its variables.
        operation_name: Which of its operations is to be carried out; the only one if None.
        introspection: Whether the schema may be asked about.

    Raises:
        Problem: ``graphql-too-expensive``; ``graphql-invalid`` if it has no such operation, if
            its fragments go round in circles, or if it asks about the schema and may not.
    """
    definitions = document.definitions
    if len(definitions) > MAX_DEFINITIONS:
        raise TooExpensiveError(f"A document may have {MAX_DEFINITIONS} operations and fragments.")
    operation = _chosen(document, operation_name)
    walk = _Walk(
        {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)},
        {**_defaults_of(operation), **variables},
        introspection=introspection,
    )
    try:
        size = walk.selected(operation.selection_set)
    except RecursionError:
        raise TooExpensiveError(f"Nest at most {MAX_DEPTH} levels deep.") from None
    walk.count_directives(operation)
    for what, found, most in (
        ("levels", size.depth, MAX_DEPTH),
        ("fields", size.fields, MAX_FIELDS),
        ("aliases", size.aliases, MAX_ALIASES),
        ("directives", walk.directives, MAX_DIRECTIVES),
        ("as cost", size.cost, MAX_COST),
    ):
        if found > most:
            raise TooExpensiveError(
                f"The document asks for more than {most:,} {what}, fragments followed. Ask for "
                "less at once: fewer fields, smaller pages by limit, or fewer days of a series."
            )


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is not None:
        operations = [one for one in operations if one.name and one.name.value == name]
    if len(operations) != 1:
        raise Problem(
            "graphql-invalid",
            "Send one operation, or several with different names and operationName saying which.",
        )
    if operations[0].operation is not OperationType.QUERY:
        raise Problem("graphql-invalid", "Only queries are answered: nothing is changed here.")
    return operations[0]


def _defaults_of(operation: OperationDefinitionNode) -> dict[str, Any]:
    """What the variables of an operation are where the client gives no values."""
    return {
        one.variable.name.value: literal(one.default_value)
        for one in operation.variable_definitions
        if one.default_value is not None
    }


def literal(node: Any) -> Any:
    """A number or text as it stands in a document; None for everything else."""
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < len(str(_TOO_MUCH)) else _TOO_MUCH
    return node.value if isinstance(node, StringValueNode) else None


@dataclass
class _Walk:
    """The walk through what an operation selects."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    introspection: bool
    directives: int = 0
    _known: dict[str, _Size] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def selected(self, selections: SelectionSetNode | None) -> _Size:
        size = _Size()
        for selection in selections.selections if selections else ():
            self.count_directives(selection)
            if isinstance(selection, FieldNode):
                size = size.beside(self._field(selection))
            elif isinstance(selection, InlineFragmentNode):
                below = self.selected(selection.selection_set)
                size = size.beside(replace(below, depth=below.depth + 1))
            elif isinstance(selection, FragmentSpreadNode):
                size = size.beside(self._fragment(selection.name.value))
        return size

    def count_directives(self, node: Any) -> None:
        self.directives += len(node.directives or ())

    def _field(self, node: FieldNode) -> _Size:
        name = node.name.value
        if name.startswith("__") and name != "__typename" and not self.introspection:
            raise Problem("graphql-invalid", "This installation does not tell its schema.")
        below = self.selected(node.selection_set)
        cost = 1
        if node.selection_set is not None:  # else it may be an address that is called the same
            cost = BASE_COSTS.get(name, 1) + self._items(node) * below.cost
        return _Size(
            below.depth + 1,
            below.fields + 1,
            below.aliases + (node.alias is not None),
            min(cost, _TOO_MUCH),
        )

    def _fragment(self, name: str) -> _Size:
        if name in self._open:
            raise Problem("graphql-invalid", "Its fragments go round in circles.")
        if name not in self._known:
            fragment = self.fragments.get(name)
            if fragment is None:
                raise Problem("graphql-invalid", "It spreads a fragment that it does not define.")
            self._open.add(name)
            self._known[name] = self.selected(fragment.selection_set)
            self._open.discard(name)
        return self._known[name]

    def _items(self, node: FieldNode) -> int:
        """How many items a field may give."""
        name = node.name.value
        wanted = {argument.name.value: argument.value for argument in node.arguments}
        if name == "series":
            return self._points(wanted)
        if name in PAGE_SIZES:
            return self._number(wanted.get("limit"), PAGE_SIZES[name])
        return LIST_SIZES.get(name, 1)

    def _points(self, wanted: Mapping[str, Any]) -> int:
        """How many points a series has: of the days that are asked for, else the usual ones."""
        grain = self._value(wanted.get("grain"))
        first, last = (_day(self._value(wanted.get(name))) for name in ("firstDay", "lastDay"))
        if grain not in USUAL_POINTS:
            grain = "day"
        if first is None or last is None:
            return USUAL_POINTS[grain]
        return max(0, (last - first).days) // _DAYS_OF[grain] + 1

    def _value(self, node: Any) -> Any:
        if isinstance(node, VariableNode):
            return self.variables.get(node.name.value)
        return literal(node)

    def _number(self, node: Any, default: int) -> int:
        """The value of an argument; the most there may be where it is no number at all."""
        if node is None:
            return default
        if isinstance(node, VariableNode) and node.name.value not in self.variables:
            return default
        value = self._value(node)
        if not isinstance(value, int) or isinstance(value, bool):
            return MAX_PAGE
        return max(1, min(value, _TOO_MUCH))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


class Budget:
    """What may still be read for one document: what lists really held, whatever was expected."""

    def __init__(self) -> None:
        self._bytes = MAX_BYTES
        self._items = MAX_ITEMS

    def require(self) -> None:
        """Go on only while something is left.

        Raises:
            TooExpensiveError: Nothing is.
        """
        if min(self._bytes, self._items) < 0:
            raise _too_large()

    def take(self, answer: Any) -> None:
        """Count what was read.

        Raises:
            TooExpensiveError: It is more than was left.
        """
        for one in answer if isinstance(answer, list | tuple) else (answer,):
            if isinstance(one, BaseModel):
                self._bytes -= len(one.model_dump_json())
                lists = (held for _, held in one if isinstance(held, list))
                self._items -= sum(map(len, lists))
        self.require()


def check_size(data: Any) -> None:
    """See that an answer is not too large: one text can be asked for under many names.

    Raises:
        TooExpensiveError: It is.
    """
    left, pending = MAX_BYTES, [data]
    while pending:
        one = pending.pop()
        if isinstance(one, Mapping):
            left -= sum(map(len, one))
            pending.extend(one.values())
        elif isinstance(one, list | tuple):
            pending.extend(one)
        else:
            left -= len(one) if isinstance(one, str) else 1
        if left < 0:
            raise _too_large()


def _too_large() -> TooExpensiveError:
    return TooExpensiveError(
        f"The answer would have more than {MAX_ITEMS:,} items or {MAX_BYTES >> 20} MB. Ask for "
        "less at once: smaller pages by limit, or fewer days of a series."
    )
