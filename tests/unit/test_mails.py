"""Mails are written from templates, and nothing that is put into them becomes a header."""

from __future__ import annotations

import uuid
from email.message import EmailMessage

import pytest
from jinja2 import DictLoader
from pydantic import SecretStr

from resources.errors import WrongUsageError
from resources.messaging import MailRefusedError, SmtpMailer, write_mail, writing
from resources.messaging.port import refuse_control_characters
from resources.sandbox.mail import MailFolder, running_mail_server

SENDER = "ReviewGraph <no-reply@example.com>"
TEMPLATES = {
    "greeting.txt.j2": "Subject: Hello {{ name }}\n\nDear {{ name }}, see {{ site }}.\n",
    "page.txt.j2": "Subject: Hello\n\nDear {{ name }}\n",
    "page.html.j2": "<p>Dear {{ name }}</p>",
    "wrong.txt.j2": "Hello\n",
}


@pytest.fixture(autouse=True)
def _own_templates(monkeypatch):
    monkeypatch.setattr(writing, "_LOADER", DictLoader(TEMPLATES))
    for kept in (writing._parts_of, writing._templates):
        kept.cache_clear()
    yield
    for kept in (writing._parts_of, writing._templates):
        kept.cache_clear()


def write(template, mail_id=None, **data):
    return write_mail(
        template,
        mail_id=mail_id or uuid.uuid4(),
        sender=SENDER,
        to="ann@example.com",
        data={"site": "https://example.com", **data},
    )


def test_a_mail_says_whom_it_is_from_and_that_a_program_wrote_it():
    mail_id = uuid.uuid4()
    mail = write("greeting", mail_id, name="Ann")
    assert mail["Subject"] == "Hello Ann"
    assert (mail["From"], mail["To"]) == (SENDER, "ann@example.com")
    assert mail["Message-ID"] == f"<{mail_id}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content() == "Dear Ann, see https://example.com.\n"


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: eve@example.com",
        "Ann\nBcc: eve@example.com\n\nfurther",
        "Ann\u2028Bcc: eve@example.com",
        "Ann\x00\x0bBcc: eve@example.com",
    ],
)
def test_a_name_with_line_breaks_stays_within_the_subject(name):
    mail = write("greeting", name=name)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Hello Ann Bcc: eve@example.com")
    assert b"\nBcc:" not in bytes(mail).partition(b"\n\n")[0]
    assert mail.get_content().startswith("Dear Ann Bcc: eve@example.com")
    assert len(mail.get_content().splitlines()) == 1


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r\n\r\n", "\x7f"])
def test_no_word_of_a_stranger_steers_what_shows_the_mail(sign):
    for template in ("greeting", "page"):
        mail = write(template, name=f"Ann{sign}Bob")
        refuse_control_characters(mail)
        texts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
        assert not any(sign in text for text in [*texts, mail["Subject"]])


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\u2028"])
def test_a_mail_with_control_characters_is_handed_to_nobody(sign):
    mail = EmailMessage()
    mail["To"] = "ann@example.com"
    mail["Subject"] = "Hello"
    mail.set_content(f"Dear Ann{sign}")
    titled = EmailMessage()
    titled["To"] = "ann@example.com"
    titled["Subject"] = f"Hello{sign}"
    titled.set_content("Dear Ann\n\twith lines")
    nobody_listens = SmtpMailer.from_url(SecretStr("smtp://127.0.0.1:9"))
    for wrong in (mail, titled):
        with pytest.raises(MailRefusedError, match="control characters"):
            nobody_listens.send(wrong)


@pytest.mark.parametrize("to", ["ann@example.com\nBcc: eve@example.com", "ann\x1b@example.com"])
def test_a_mail_to_what_is_no_address_is_refused_for_good(to):
    with pytest.raises(MailRefusedError, match="no address"):
        write_mail("page", mail_id=uuid.uuid4(), sender=SENDER, to=to, data={"name": "Ann"})


def test_what_stands_in_a_page_is_escaped_and_in_a_text_as_it_is():
    mail = write("page", name="<b>&</b>")
    parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
    assert parts["text/plain"] == "Dear <b>&</b>\n"
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in parts["text/html"]


@pytest.mark.parametrize("template", ["unknown", "wrong", "greeting"])
def test_a_mail_that_cannot_be_written_is_refused_for_good(template):
    with pytest.raises(MailRefusedError):
        write(template)


def test_a_domain_of_any_script_is_written_as_every_mail_server_takes_it():
    def written_to(address):
        data = {"site": "https://example.com", "name": "Ann"}
        mail_id = uuid.uuid4()
        mail = write_mail("greeting", mail_id=mail_id, sender=SENDER, to=address, data=data)
        return mail["To"]

    assert written_to("ann@straße.de") == "ann@xn--strae-oqa.de"
    assert written_to("ü@example.com") == "ü@example.com"


@pytest.mark.parametrize("address", ["ann@ü_.de", "ann@\nexample.com", "ü@@"])
def test_a_mail_to_what_cannot_be_an_address_is_refused_for_good(address):
    with pytest.raises(MailRefusedError):
        write_mail(
            "greeting",
            mail_id=uuid.uuid4(),
            sender=SENDER,
            to=address,
            data={"site": "https://example.com", "name": "Ann"},
        )


@pytest.mark.parametrize(
    "url", ["", "http://mail", "smtp://", "smtp://host:port", "smtps://u:secret@host:99999"]
)
def test_an_address_that_is_none_is_told_without_its_password(url):
    with pytest.raises(WrongUsageError, match="REVIEWGRAPH_SMTP_URL") as caught:
        SmtpMailer.from_url(SecretStr(url))
    assert "secret" not in str(caught.value)


def test_a_mailer_knows_ports_and_passwords_and_does_not_show_them():
    mailer = SmtpMailer.from_url(SecretStr("smtps://ann%40x:p%2Fw@mail.example.com"))
    assert (mailer.port, mailer.is_wrapped, mailer.user, mailer.password) == (
        465,
        True,
        "ann@x",
        "p/w",
    )
    assert "p/w" not in repr(mailer)


def test_the_sandbox_keeps_one_mail_of_each_id_privately(tmp_path):
    folder = tmp_path / "mails"
    with running_mail_server(folder) as address:
        mailer = SmtpMailer.from_url(SecretStr(address))
        first = write("greeting", name="Ann")
        for mail in (first, first, write("greeting", name="Bob")):
            mailer.send(mail)
    kept = MailFolder(folder).all()
    assert sorted(stored.mail["Subject"] for stored in kept) == ["Hello Ann", "Hello Bob"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    assert MailFolder(folder).get(kept[0].name[:8]).mail["To"] == "ann@example.com"
    for wrong in ("", "zz", "../" + kept[0].name):
        with pytest.raises(WrongUsageError, match="mail list"):
            MailFolder(folder).get(wrong)
