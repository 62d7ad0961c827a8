"""What the reader says when it stops: a sentence without its subject, which is the file."""

from __future__ import annotations


class RefusedError(Exception):
    """The file cannot be imported.

    Attributes:
        reason: Why, and what to do next; follows the file's name.
        passed_over: Whether it is a readable file without reviews.
    """

    def __init__(self, reason: str, *, passed_over: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passed_over = passed_over
