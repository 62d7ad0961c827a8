"""Ending work that nobody waits for any more.

A thread cannot be ended from outside. So whoever starts long work says when it shall end, and the
work asks at its seams: between texts, and between the searches of one huge text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_OVER: ContextVar[Callable[[], bool] | None] = ContextVar("is_over", default=None)


class InterruptedWorkError(Exception):
    """Work was told to end before it was done. Nobody is to see this: who asked for it is gone."""


@contextmanager
def ending_when(is_over: Callable[[], bool]) -> Iterator[None]:
    """Work inside ends at its next seam once ``is_over()`` says so, in this thread and no other."""
    token = _IS_OVER.set(is_over)
    try:
        yield
    finally:
        _IS_OVER.reset(token)


def seam() -> None:
    """A place at which work may end.

    Raises:
        InterruptedWorkError: It shall.
    """
    is_over = _IS_OVER.get()
    if is_over is not None and is_over():
        raise InterruptedWorkError
