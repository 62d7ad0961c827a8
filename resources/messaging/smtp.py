"""Mails by SMTP, with the standard library's client."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from resources.errors import WrongUsageError
from resources.messaging.port import (
    MailRefusedError,
    MailUnavailableError,
    refuse_control_characters,
)
from resources.telemetry import ServiceDownError, breaker_of

TIMEOUT_SECONDS = 20.0
_PORTS = {"smtp": 587, "smtps": 465}
_FIRST_PERMANENT_CODE = 500
_CLOSING_CODE = 421


class _ServerNotWellError(MailUnavailableError):
    """The server failed, whatever the mail was: the only failure that its breaker counts.

    Strangers choose whom mails go to. What is wrong with one of these mails keeps no other waiting.
    """


@dataclass(frozen=True)
class SmtpMailer:
    """Hands mails to one SMTP server, over TLS unless the server is on this machine.

    Attributes:
        host: The server.
        port: Its port.
        is_wrapped: Whether TLS is spoken from the first byte (``smtps``); else by STARTTLS.
        user: Whom to log in as, if at all.
        password: With what.
        timeout: Seconds until a server that says nothing is given up.
    """

    host: str
    port: int
    is_wrapped: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT_SECONDS

    @classmethod
    def from_url(cls, url: SecretStr) -> Self:
        """The mailer of an address such as ``smtps://user:password@mail.example.com:465``.

        Raises:
            WrongUsageError: If it is no such address; the message does not repeat it.
        """
        wrong = WrongUsageError(
            "REVIEWGRAPH_SMTP_URL is not the address of a mail server. It looks like "
            "smtps://user:password@mail.example.com:465 or smtp://user:password@host:587"
        )
        try:
            parts = urlsplit(url.get_secret_value())
            port = parts.port
        except ValueError:
            raise wrong from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise wrong
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            is_wrapped=parts.scheme == "smtps",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    def send(self, mail: EmailMessage) -> None:
        """Hand over one mail; see :class:`resources.messaging.port.Mailer`."""
        refuse_control_characters(mail)
        try:
            with breaker_of("smtp").call(_ServerNotWellError):
                self._deliver(mail)
        except ServiceDownError as error:
            raise MailUnavailableError(str(error)) from None

    def _deliver(self, mail: EmailMessage) -> None:
        try:
            server = self._connected()
            try:
                _hand_over(mail, server)
            finally:
                _leave(server)
        except (OSError, smtplib.SMTPException) as error:
            raise _ServerNotWellError(
                f"The mail server {self.host}:{self.port} did not take a mail "
                f"({type(error).__name__}). It is tried again; see that the server runs and that "
                "REVIEWGRAPH_SMTP_URL is right."
            ) from None

    def _connected(self) -> smtplib.SMTP:
        if self.is_wrapped:
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if not self.is_wrapped and not _is_loopback(self.host):
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server


def _hand_over(mail: EmailMessage, server: smtplib.SMTP) -> None:
    """Give a mail to a server that listens; what it says then, it says of this mail alone.

    Raises:
        MailRefusedError: The server, or its protocol, will never take this mail.
        MailUnavailableError: The server puts this mail off.
        OSError: The server is not well.
    """
    try:
        server.send_message(mail)
    except (smtplib.SMTPNotSupportedError, ValueError, MessageError) as error:
        raise MailRefusedError(
            "The mail server cannot take a mail as it is written or addressed "
            f"({type(error).__name__}). It is not tried again."
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(max(code for code, _ in error.recipients.values())) from None
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise _refusal(error.smtp_code) from None


def _leave(server: smtplib.SMTP) -> None:
    """Take leave of a server; what it took it has taken, whatever it says to that."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _refusal(code: int) -> MailRefusedError | MailUnavailableError:
    """What a server's answer means. Its words are left out: many repeat the address."""
    if code >= _FIRST_PERMANENT_CODE:
        return MailRefusedError(f"The mail server refused a mail for good (SMTP {code}).")
    if code == _CLOSING_CODE:
        return _ServerNotWellError(f"The mail server is closing (SMTP {code}).")
    return MailUnavailableError(f"The mail server put a mail off (SMTP {code}).")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
