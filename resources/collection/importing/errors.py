"""What can be wrong with a file somebody wants to import."""

from __future__ import annotations

from resources.errors import ReviewGraphError, WrongUsageError
from resources.values.visible import visible


class ImportFileError(ReviewGraphError):
    """A file that cannot be imported; the message says why and what to do next.

    Messages quote names and pieces of files, so all of them are made visible here, once.
    """

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class NotReviewsError(ImportFileError):
    """A readable file that holds no reviews; in a folder it is passed over with a note."""


class UnknownFieldError(ImportFileError, WrongUsageError):
    """A column was named for a field that reviews do not have."""
