"""Sending one mail once, however often it is tried and by how many workers.

A mail that a server has taken is noted in the same transaction that kept others from sending it. If
the worker is killed between the server's yes and the note, the mail is sent again, with the same
Message-ID: by SMTP nobody can do better, and mail servers and readers show it once.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from resources.database import Database, UnitOfWork
from resources.logs import fields
from resources.messaging.port import Mailer
from resources.messaging.writing import write_mail
from resources.settings import Settings

logger = logging.getLogger(__name__)


def send_once(
    database: Database,
    mailer: Mailer,
    settings: Settings,
    *,
    mail_id: uuid.UUID,
    template: str,
    to: str,
    data: Mapping[str, Any],
) -> bool:
    """Send a mail unless it has been sent.

    Args:
        database: The installation's database.
        mailer: What takes the mail.
        settings: Whom mails are from, and where the installation is reached.
        mail_id: The mail's id.
        template: The template that it is written from.
        to: Whom it is for.
        data: What the template needs. ``token_id`` becomes ``token``, the text of the link.

    Returns:
        Whether it was sent now; not if it was sent before, or if its link works no longer.

    Raises:
        MailUnavailableError: It could not be handed over now.
        MailRefusedError: It will never be taken as it is.
    """
    with database.jobs() as work:
        if not work.sent_mails.take(mail_id):
            return False
        given = {"site": settings.site, **data}
        if "token_id" in data:
            token = _token_text(work, uuid.UUID(data["token_id"]))
            if token is None:
                logger.info("mail not sent: its link works no longer", extra=_named(mail_id))
                return False
            given["token"] = token
        mail = write_mail(template, mail_id=mail_id, sender=settings.mail_from, to=to, data=given)
        mailer.send(mail)
        work.sent_mails.note(mail_id)
    logger.info("mail sent", extra=_named(mail_id, template=template))
    return True


def _named(mail_id: uuid.UUID, **more: str) -> dict[str, Any]:
    return fields(mail=str(mail_id), **more)


def _token_text(work: UnitOfWork, token_id: uuid.UUID) -> str | None:
    """The text of a one-time token that works still: made here, and stored nowhere."""
    token = work.one_time_tokens.get(token_id)
    if token is None or token.state(datetime.now(UTC)) != "open":
        return None
    return work.one_time_tokens.text_of(token)
