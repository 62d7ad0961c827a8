"""What ReviewGraph says to people outside of it: mails, and by what way they go.

Belongs here: the port ``Mailer`` with its adapter for SMTP, the templates and how a mail is written
from one. Does not belong here: when something is said (that is decided where it happens, by
``work.mail.send``) and the process that sends (``pipelines.background``).
"""

from __future__ import annotations

from resources.messaging.port import Mailer, MailRefusedError, MailUnavailableError
from resources.messaging.sending import send_once
from resources.messaging.smtp import SmtpMailer
from resources.messaging.writing import write_mail

__all__ = [
    "MailRefusedError",
    "MailUnavailableError",
    "Mailer",
    "SmtpMailer",
    "send_once",
    "write_mail",
]
