"""Writing a mail from its template.

A template is ``templates/<name>.txt.j2``; its first line is the subject. Where ``<name>.html.j2``
stands beside it the mail has that form too, with everything that is put into it escaped.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import formataddr, localtime, parseaddr
from functools import cache
from typing import Any

from email_validator import validate_email
from jinja2 import (
    Environment,
    PackageLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    select_autoescape,
)

from resources.messaging.port import MailRefusedError

MAX_SUBJECT_LENGTH = 150
_SUBJECT = "Subject:"
_LOADER = PackageLoader("resources.messaging")


def write_mail(
    template: str, *, mail_id: uuid.UUID, sender: str, to: str, data: Mapping[str, Any]
) -> EmailMessage:
    """Write a mail.

    Args:
        template: The template's name.
        mail_id: What its Message-ID is made of: written again it is the same mail, which servers
            and readers show once.
        sender: Whom it is from, for example ``ReviewGraph <no-reply@example.com>``.
        to: Whom it is for.
        data: What the template needs. Each text is put in on one line, without characters that
            steer: names are given by strangers.

    Raises:
        MailRefusedError: There is no such template, the data do not fill it, or no mail can be
            addressed like that.
    """
    if to != _on_one_line(to):
        raise MailRefusedError(f"The mail {template} is for no address.")
    given = {
        name: _on_one_line(value) if isinstance(value, str) else value
        for name, value in data.items()
    }
    try:
        subject, body, html = _parts_of(template)
        written = [None if part is None else part.render(given) for part in (subject, body, html)]
        return _assembled(written, mail_id=mail_id, sender=sender, to=to)
    except TemplateNotFound:
        raise MailRefusedError(f"There is no template {template} for mails.") from None
    except Exception as error:
        raise MailRefusedError(
            f"The mail {template} cannot be written ({type(error).__name__})."
        ) from error


def _assembled(
    written: Sequence[str | None], *, mail_id: uuid.UUID, sender: str, to: str
) -> EmailMessage:
    """The mail of a subject, a text and perhaps a page."""
    name, address = parseaddr(sender)
    mail = EmailMessage()
    mail["Subject"] = _on_one_line(written[0] or "")[:MAX_SUBJECT_LENGTH]
    mail["From"] = formataddr((_on_one_line(name), address))
    mail["To"] = to if to.isascii() else _with_ascii_domain(to)
    mail["Date"] = localtime()
    mail["Message-ID"] = f"<{mail_id}@{address.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no absence note answers it (RFC 3834)
    mail.set_content(written[1] or "")
    if written[2] is not None:
        mail.add_alternative(written[2], subtype="html")
    return mail


def _with_ascii_domain(address: str) -> str:
    """An address with its domain as every server takes it; its other part has no such form."""
    return validate_email(address, check_deliverability=False).ascii_email or address


@cache
def _parts_of(name: str) -> tuple[Template, Template, Template | None]:
    """Subject, text and, where there is one, page of a template.

    They are parted before anything is put into them, so that no value can pass from one to another.
    """
    environment = _templates()
    source, _, _ = _LOADER.get_source(environment, f"{name}.txt.j2")
    first, _, rest = source.partition("\n")
    if not first.startswith(_SUBJECT):
        raise ValueError(f"the template {name} does not begin with its subject")
    html = f"{name}.html.j2"
    page = environment.get_template(html) if html in environment.list_templates() else None
    subject = environment.from_string(first.removeprefix(_SUBJECT))
    return subject, environment.from_string(rest.lstrip("\n")), page


@cache
def _templates() -> Environment:
    return Environment(
        loader=_LOADER,
        # By the ending before .j2; subjects and texts are no markup.
        autoescape=select_autoescape(
            enabled_extensions=("html.j2",), default=False, default_for_string=False
        ),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _on_one_line(text: str) -> str:
    """Text without line breaks and other characters that steer."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
