"""GraphQL documents that are small to send and large to answer, and how each is refused."""

from __future__ import annotations

from serving_api.graphql.limits import (
    MAX_ALIASES,
    MAX_DEFINITIONS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_FIELDS,
    MAX_TOKENS,
)


def acme(selection):
    return f'{{ tenant(id: "acme") {{ {selection} }} }}'


def nested(levels):
    return "{ me " + "{ me " * levels + "{ name }" + " }" * levels + " }"


def doubling(rounds):
    """Fragments of which each spreads the next one twice: 2 to the power of ``rounds`` fields."""
    fragments = " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(rounds)
    )
    return f"{{ ...f0 }} {fragments} fragment f{rounds} on Query {{ me {{ name }} }}"


def wide(rounds):
    """As ``doubling``, under aliases, so that nothing can be merged."""
    fragments = " ".join(
        f"fragment g{n} on Query {{ a{n}: me {{ name }} ...g{n + 1} ...g{n + 1} }}"
        for n in range(rounds)
    )
    return f"{{ ...g0 }} {fragments} fragment g{rounds} on Query {{ me {{ name }} }}"


EXPENSIVE, INVALID = "graphql-too-expensive", "graphql-invalid"
MANY_PAGES = " ".join(
    f"p{n}: reviews(limit: 200) {{ items {{ text title author }} }}" for n in range(18)
)
BOMBS = {
    "aliases of one field": (
        f"{{ {' '.join(f'a{n}: me {{ name }}' for n in range(MAX_ALIASES + 1))} }}",
        EXPENSIVE,
    ),
    "aliases of leaves": (
        acme(" ".join(f"a{n}: name" for n in range(MAX_ALIASES + 1))),
        EXPENSIVE,
    ),
    "aliases through a fragment": (
        "{ ...f } fragment f on Query { "
        + " ".join(f"a{n}: me {{ name }}" for n in range(MAX_ALIASES + 1))
        + " }",
        EXPENSIVE,
    ),
    "one field again and again": (acme("name " * (MAX_FIELDS + 1)), EXPENSIVE),
    "__typename again and again": ("{ " + "__typename " * (MAX_FIELDS + 1) + "}", EXPENSIVE),
    "levels": (nested(MAX_DEPTH), EXPENSIVE),
    "levels that no parser survives": ("{ a " * 330 + "}" * 330, EXPENSIVE),
    "levels by inline fragments": (
        "{ " + "... on Query { " * 180 + "me { name }" + " }" * 180 + " }",
        EXPENSIVE,
    ),
    "levels of a value": (
        acme(f"reviews(filter: {'[' * 400}{']' * 400}) {{ snapshot }}"),
        EXPENSIVE,
    ),
    "fragments that double": (doubling(40), EXPENSIVE),
    "fragments that double under aliases": (wide(30), EXPENSIVE),
    "fragments in a circle": (
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        INVALID,
    ),
    "a fragment that spreads itself": (
        "{ ...a } fragment a on Query { me { name } ...a }",
        INVALID,
    ),
    "many fragments": (
        "{ me { name } } "
        + " ".join(f"fragment f{n} on Query {{ me {{ name }} }}" for n in range(MAX_DEFINITIONS)),
        EXPENSIVE,
    ),
    "many operations": (
        " ".join(f"query q{n} {{ me {{ name }} }}" for n in range(MAX_DEFINITIONS + 1)),
        EXPENSIVE,
    ),
    "directives": ("{ me { name " + "@skip(if: false) " * (MAX_DIRECTIVES + 1) + "} }", EXPENSIVE),
    "directives that nobody knows": (
        "{ me { name " + "@aa " * (MAX_DIRECTIVES + 1) + "} }",
        EXPENSIVE,
    ),
    "tokens": ("{ me { name } " + "# x\n" + ", ".join(["me"] * MAX_TOKENS) + " }", EXPENSIVE),
    "variables": ("query (" + "$a: Int " * MAX_TOKENS + ") { me { name } }", EXPENSIVE),
    "large pages": (acme(MANY_PAGES), EXPENSIVE),
    "pages within pages of days": (
        acme(
            "runs(limit: 100) { items { day stages { stage status error rowsIn rowsKept "
            "startedAt finishedAt attempts } due { day stage why rows } } } "
            "reviews(limit: 200) { items { text title author } }"
        ),
        EXPENSIVE,
    ),
    "files of the lake": (
        acme(
            " ".join(
                f'v{n}: review(key: "{n:032x}") {{ versions {{ version }} }}' for n in range(20)
            )
        ),
        EXPENSIVE,
    ),
    "a page by a number that is too large to be one": (
        acme(f"reviews(limit: {'9' * 400}) {{ items {{ text }} }}"),
        EXPENSIVE,
    ),
    "circular introspection": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        INVALID,
    ),
}  # fmt: skip
