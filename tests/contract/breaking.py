"""What of a change of an OpenAPI document breaks a client that works with the old one.

An old client sends what the old document lets it send, and reads what the old document promises. So
a request may be asked for less and never for more, and an answer may hold more and never less. What
was announced (``deprecated`` with an ``x-sunset`` that has passed) may go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

METHODS = ("get", "put", "post", "patch", "delete", "head", "options")
_MAX_DEPTH = 12
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def breaking_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], today: date | None = None
) -> list[str]:
    """Say of each change that breaks clients where it is and what it is."""
    return list(_of_operations(old, new, today or date.today()))  # noqa: DTZ011 - a day is enough


def _of_operations(old: Mapping[str, Any], new: Mapping[str, Any], today: date) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            before, after = item[method], new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if after is None:
                if not _was_announced(before, today):
                    yield f"{where}: the operation is gone, and its end was not announced"
                continue
            yield from _Comparison(old, new, where).of_operation(before, after)


def _was_announced(operation: Mapping[str, Any], today: date) -> bool:
    sunset = operation.get("x-sunset")
    return bool(operation.get("deprecated") and sunset and date.fromisoformat(sunset) <= today)


@dataclass(frozen=True)
class _Comparison:
    """The comparison of one operation."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    where: str

    def of_operation(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
        yield from self._of_parameters(before, after)
        yield from self._of_body(before.get("requestBody"), after.get("requestBody"))
        for status, answer in before["responses"].items():
            if not status.startswith("2"):
                continue
            there = after["responses"].get(status)
            if there is None:
                yield f"{self.where}: it is answered with {status} no more"
                continue
            for media, body in answer.get("content", {}).items():
                now = there.get("content", {}).get(media)
                if now is None:
                    yield f"{self.where}: its answer comes as {media} no more"
                elif "schema" in body and "schema" in now:
                    yield from self._of_answer(body["schema"], now["schema"], "answer", 0)

    def _of_parameters(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
        known = {(one["in"], one["name"]): one for one in before.get("parameters", ())}
        now = {(one["in"], one["name"]): one for one in after.get("parameters", ())}
        for key, parameter in known.items():
            if key not in now:
                yield f"{self.where}: the parameter {key[1]} is gone"
                continue
            if now[key].get("required") and not parameter.get("required"):
                yield f"{self.where}: the parameter {key[1]} has to be given now"
            schemas = parameter.get("schema", {}), now[key].get("schema", {})
            yield from self._of_request(*schemas, key[1], 0)
        for key, parameter in now.items():
            if key not in known and parameter.get("required"):
                yield f"{self.where}: a new parameter {key[1]} has to be given"

    def _of_body(
        self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> Iterator[str]:
        if before is None:
            if after is not None and after.get("required"):
                yield f"{self.where}: a body has to be sent now"
            return
        for media, body in before.get("content", {}).items():
            now = (after or {}).get("content", {}).get(media)
            if now is None:
                yield f"{self.where}: a body of {media} is taken no more"
            else:
                yield from self._of_request(
                    body.get("schema", {}), now.get("schema", {}), "body", 0
                )

    # What may be sent: never less than before --------------------------------------------------

    def _of_request(self, before: Any, after: Any, place: str, depth: int) -> Iterator[str]:
        before, after = _resolved(self.old, before), _resolved(self.new, after)
        if depth > _MAX_DEPTH:
            return
        lost = _kinds(self.old, before) - _kinds(self.new, after)
        if lost and _kinds(self.new, after):
            yield f"{self.where}: {place} takes no {', '.join(sorted(lost))} any more"
        for narrowing in _narrowings(before, after):
            yield f"{self.where}: {place} {narrowing}"
        fields, now = before.get("properties", {}), after.get("properties", {})
        for name in set(after.get("required", ())) - set(before.get("required", ())):
            yield f"{self.where}: {place}.{name} has to be given now"
        for name, field in fields.items():
            if name in now:
                yield from self._of_request(field, now[name], f"{place}.{name}", depth + 1)
            elif after.get("additionalProperties") is False:
                yield f"{self.where}: {place}.{name} is taken no more"
        if "items" in before and "items" in after:
            yield from self._of_request(before["items"], after["items"], f"{place}[]", depth + 1)

    # What is answered: never less, and nothing of another kind ---------------------------------

    def _of_answer(self, before: Any, after: Any, place: str, depth: int) -> Iterator[str]:
        before, after = _resolved(self.old, before), _resolved(self.new, after)
        if depth > _MAX_DEPTH:
            return
        kinds = _kinds(self.old, before)
        others = _kinds(self.new, after) - kinds
        if kinds and others:
            yield f"{self.where}: {place} can be {', '.join(sorted(others))} now"
        fields, now = before.get("properties", {}), after.get("properties", {})
        for name, field in fields.items():
            if name not in now:
                yield f"{self.where}: {place}.{name} is gone"
                continue
            if name in before.get("required", ()) and name not in after.get("required", ()):
                yield f"{self.where}: {place}.{name} may be missing now"
            yield from self._of_answer(field, now[name], f"{place}.{name}", depth + 1)
        if "items" in before and "items" in after:
            yield from self._of_answer(before["items"], after["items"], f"{place}[]", depth + 1)


def _resolved(document: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """A schema itself, not its name; of one that may be null, what else it is."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        return {**_resolved(document, choices[0]), "x-null": len(schema["anyOf"]) > 1}
    return schema  # type: ignore[no-any-return]


def _kinds(document: Mapping[str, Any], schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema takes; none if it does not say."""
    if "$ref" in schema:
        schema = _resolved(document, schema)
    kinds = set()
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        kinds |= _kinds(document, choice)
    kind = schema.get("type", ())
    kinds |= set([kind] if isinstance(kind, str) else kind)
    if "const" in schema and not kinds:
        kinds.add("string" if isinstance(schema["const"], str) else "number")
    if schema.get("x-null"):
        kinds.add("null")
    if "integer" in kinds and "number" in kinds:
        kinds.discard("integer")
    return kinds


def _narrowings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """In which ways a value may be less than before."""
    gone = _words(before, after)
    if gone:
        yield f"takes {', '.join(gone)} no more"
    for limit in _UPPER:
        if after.get(limit) is not None and after[limit] < before.get(limit, float("inf")):
            yield f"has a lower {limit}"
    for limit in _LOWER:
        if after.get(limit) is not None and after[limit] > before.get(limit, float("-inf")):
            yield f"has a higher {limit}"
    if after.get("pattern") and after["pattern"] != before.get("pattern"):
        yield "has to look another way"


def _words(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The words that could be sent and can no more."""
    if "enum" not in after:
        return []
    if "enum" not in before:
        return ["any other word"] if before.get("type") == "string" else []
    return sorted(str(one) for one in before["enum"] if one not in after["enum"])
