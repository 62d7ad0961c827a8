"""The root of every error that a user can cause or mend.

A subclass lives beside the code that raises it. Its message says what was wrong, where, and what to
do next; the command line prints it and exits with the error's code, the API turns it into a problem
document.
"""

from __future__ import annotations


class ReviewGraphError(Exception):
    """Something a user can understand and act on.

    Attributes:
        exit_code: With which a command ends that fails of it.
    """

    exit_code = 1


class WrongUsageError(ReviewGraphError):
    """What was asked for can never be done, whatever the installation holds."""

    exit_code = 2
