"""The port by which mails leave, whatever carries them."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

from resources.errors import ReviewGraphError


class MailUnavailableError(ReviewGraphError):
    """The mail could not be handed over now; trying again later makes sense."""


class MailRefusedError(ReviewGraphError):
    """The mail will never be taken as it is: trying again changes nothing."""


class Mailer(Protocol):
    """Hands mails over to whoever delivers them."""

    def send(self, mail: EmailMessage) -> None:
        """Hand over one mail to its one recipient; it is on its way when this returns.

        Raises:
            MailUnavailableError: It could not be handed over now.
            MailRefusedError: It was refused for good.
        """
        ...
