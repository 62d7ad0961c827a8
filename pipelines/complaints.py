"""What libraries print on standard error beside the error that reaches their caller.

When its event log cannot be written, Dagster prints the whole statement with all values, the events
of a run among them, for every event. The error itself reaches the caller of the run; the statements
are nothing that a person can use.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_BEGINNING = "Exception while writing logger call to event log"


@contextmanager
def keep_complaints() -> Iterator[list[str]]:
    """Let all of standard error pass but these complaints, which are collected."""
    kept: list[str] = []
    with contextlib.redirect_stderr(_Sieve(sys.stderr, kept)):
        yield kept


def is_of_a_half_made_loop(unraisable: sys.UnraisableHookArgs) -> bool:
    """Whether Python complains of an event loop that could not be made, as it throws it away.

    Whoever wanted the loop gets the error itself, for example that too many files are open.
    """
    is_a_loop = getattr(unraisable.object, "__qualname__", "") == "BaseEventLoop.__del__"
    return is_a_loop and isinstance(unraisable.exc_value, AttributeError)


class _Sieve(io.TextIOBase):
    def __init__(self, stream: TextIO, kept: list[str]) -> None:
        self._stream = stream
        self._kept = kept

    def write(self, text: str) -> int:
        if text.startswith(_BEGINNING):
            self._kept.append(text)
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding
