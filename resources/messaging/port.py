"""The port by which mails leave, whatever carries them."""

from __future__ import annotations

import unicodedata
from email.message import EmailMessage
from typing import Protocol

from resources.errors import ReviewGraphError


class MailUnavailableError(ReviewGraphError):
    """The mail could not be handed over now; trying again later makes sense."""


class MailRefusedError(ReviewGraphError):
    """The mail will never be taken as it is: trying again changes nothing."""


_LINES = "\t\r\n"
_STEERING = {"Cc", "Zl", "Zp"}
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def refuse_control_characters(mail: EmailMessage) -> None:
    """Let only a mail pass that holds nothing by which words of strangers steer whatever shows it.

    Raises:
        MailRefusedError: If a header or a text holds control characters, a header line breaks.
    """
    headers = (str(value) for value in mail.values())
    parts = (part for part in mail.walk() if part.get_content_maintype() == "text")
    texts = (part.get_content() for part in parts if part.get_payload() is not None)
    if any(_steers(header) for header in headers) or any(_steers(t, _LINES) for t in texts):
        raise MailRefusedError("A mail holds control characters, and is sent to nobody.")


def _steers(text: str, allowed: str = "") -> bool:
    return any(
        (unicodedata.category(character) in _STEERING or character in _DIRECTIONS)
        and character not in allowed
        for character in text
    )


class Mailer(Protocol):
    """Hands mails over to whoever delivers them."""

    def send(self, mail: EmailMessage) -> None:
        """Hand over one mail to its one recipient; it is on its way when this returns.

        Raises:
            MailUnavailableError: It could not be handed over now.
            MailRefusedError: It was refused for good, or holds control characters.
        """
        ...
