"""Checking a password that somebody wants to have."""

from __future__ import annotations

import re

from resources.errors import WrongUsageError
from resources.passwords.common import is_common

MIN_LENGTH = 8
MAX_LENGTH = 256
_MIN_PART = 4
_OWN_NAME = ("reviewgraph",)


class WeakPasswordError(WrongUsageError):
    """A password that somebody else would guess; the message says why and what to do."""


def check_choice(password: str, *, email: str, name: str = "") -> None:
    """Let a password pass that nobody guesses at once.

    Args:
        password: As it was typed; characters are counted, not bytes, and blanks that pad it are
            not.
        email: The user's address.
        name: What the user is called.

    Raises:
        WeakPasswordError: If it is too short, too long, known to everybody, or about the user.
    """
    if len(_without_padding(password)) < MIN_LENGTH:
        raise WeakPasswordError(
            f"must have at least {MIN_LENGTH} characters; any will do, and of spaces in a row and "
            "at the ends only those between words count, once"
        )
    if len(password) > MAX_LENGTH:
        raise WeakPasswordError(f"must have at most {MAX_LENGTH} characters")
    if is_common(password):
        raise WeakPasswordError(
            "is among those that are tried first; take several words that do not belong together"
        )
    if _is_about(password, email, name):
        raise WeakPasswordError("must not be made of your name or address")


def _without_padding(password: str) -> str:
    """A password with one space for all that nobody sees in a row, and none at its ends."""
    return " ".join("".join(c if c.isprintable() else " " for c in password).split())


def _is_about(password: str, email: str, name: str) -> bool:
    """Whether nothing is left of it without the parts of the name, the address and ours."""
    plain = password.casefold()
    address = email.strip().casefold()
    local, _, domain = address.partition("@")
    parts = {address, local, domain, name.casefold(), *_OWN_NAME}
    parts |= {part for text in (local, domain, name.casefold()) for part in re.split(r"\W|_", text)}
    rest = plain
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _MIN_PART:
            rest = rest.replace(part, "")
    return rest != plain and len(re.sub(r"[\W\d_]", "", rest)) < _MIN_PART
