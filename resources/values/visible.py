"""Names from outside, written so that they can steer nothing that shows them.

A file name, a column's name or a piece of a broken file may hold control sequences of terminals,
line breaks that forge a line of a log, marks that turn the direction of writing around, and bytes
that are no text at all. They are shown as escapes, as in Python, wherever they reach a terminal, a
log, a report or a manifest.
"""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and the scripts of India are misspelt without them


def visible(text: str) -> str:
    """Return a text with everything that has no shape of its own written as an escape.

    Args:
        text: From outside, in any script.

    Returns:
        The same text where it holds nothing but letters, marks, signs and spaces. What it returns
        can be encoded: bytes that no encoding explains (lone surrogates) are escapes too.
    """
    if text.isprintable():
        return text
    return "".join(
        char if _has_shape(char) else char.encode("unicode_escape").decode() for char in text
    )


def _has_shape(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"
