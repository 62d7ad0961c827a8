"""A mail server on loopback that delivers nothing: what it takes becomes a file in the home.

It stands in where no mail server is set, so that whoever tries ReviewGraph can read the mails that
it would send (``reviewgraph mail list`` and ``show``). As a mail server does with a mail that comes
twice, it keeps one of each Message-ID.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from resources.errors import WrongUsageError

LOOPBACK = "127.0.0.1"
MAX_MAIL_BYTES = 1024 * 1024
_NAME_LENGTH = 12


@dataclass(frozen=True)
class StoredMail:
    """A mail that was taken.

    Attributes:
        name: By which it is shown.
        taken_at: When it was taken first.
        mail: The mail.
    """

    name: str
    taken_at: datetime
    mail: EmailMessage


@dataclass(frozen=True)
class MailFolder:
    """The mails that were taken.

    Attributes:
        path: The folder; made when the first one comes.
    """

    path: Path

    def keep(self, content: bytes) -> None:
        """Keep a mail, unless one of the same Message-ID is there."""
        identity = str(message_from_bytes(content)["Message-ID"] or content)
        name = hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:_NAME_LENGTH]
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path / f".{name}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - private from its first byte
            file.write(content)
        try:
            os.link(draft, self.path / f"{name}.eml")
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def all(self) -> list[StoredMail]:
        """Every mail, the latest first."""
        found = [_read(path) for path in self.path.glob("*.eml")]
        return sorted(found, key=lambda stored: stored.taken_at, reverse=True)

    def get(self, name: str) -> StoredMail:
        """The mail of a name, or of its beginning where that names one alone.

        Raises:
            WrongUsageError: If there is none, or several.
        """
        found = [stored for stored in self.all() if name and stored.name.startswith(name)]
        if len(found) != 1:
            raise WrongUsageError(
                f"{len(found) or 'No'} mails begin with {name!r}. See `reviewgraph mail list`."
            )
        return found[0]


@contextmanager
def running_mail_server(folder: Path, *, port: int = 0) -> Iterator[str]:
    """Run the server while the block lasts; yields its address, ``smtp://127.0.0.1:port``.

    Args:
        folder: Where mails are kept.
        port: The port; a free one when 0.
    """
    from aiosmtpd.smtp import SMTP

    class Keeper:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
            MailFolder(folder).keep(envelope.content)
            return "250 Taken, and kept on this machine"

    # The library's own controller cannot find a free port.
    loop = asyncio.new_event_loop()
    listener = socket.create_server((LOOPBACK, port))
    address = f"smtp://{LOOPBACK}:{listener.getsockname()[1]}"

    def serve() -> None:
        with listener:
            server = loop.run_until_complete(
                loop.create_server(
                    lambda: SMTP(
                        Keeper(), loop=loop, ident="ReviewGraph", data_size_limit=MAX_MAIL_BYTES
                    ),
                    sock=listener,
                )
            )
            loop.run_forever()
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=serve, name="sandbox mail server", daemon=True)
    thread.start()
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _read(path: Path) -> StoredMail:
    mail = message_from_bytes(path.read_bytes(), policy=default)
    taken_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return StoredMail(path.stem, taken_at, mail)
