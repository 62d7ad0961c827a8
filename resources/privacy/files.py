"""Taking a person out of the files of the home folder."""

from __future__ import annotations

import fcntl
import mmap
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from resources.privacy.traces import Traces

_BLANKED = ("logs", "dagster", "mails")
"""Folders whose files are written on while they are blanked, so they keep their length."""

_DELETED_IF_QUOTING = ("rejects",)
"""Folders whose files can be made again."""

COPIES = ("reports",)
"""Folders with a folder for each tenant, in which copies of what was published lie."""

OF_TENANTS = (*COPIES, "models")
"""Folders with a folder for each tenant, which goes."""


def erase_files(
    home: Path,
    tenant_id: str,
    traces: Traces,
    tenants: Collection[str],
    folders: Collection[str] = OF_TENANTS,
) -> dict[str, int]:
    """Take a person out of the home's files; returns how many places of each file were touched.

    Args:
        home: The home folder.
        tenant_id: Whose reviews.
        traces: What to look for.
        tenants: All tenants, to tell their files apart.
        folders: Of which the tenant's folder goes.
    """
    touched: dict[str, int] = {}
    for path in _files(home, _BLANKED):
        if count := _blank(path, traces):
            touched[_name(home, path)] = count
    for path in _rejects(home, tenant_id, tenants):
        if _quotes(path, traces):
            path.unlink(missing_ok=True)
            touched[_name(home, path)] = 1
    for folder in folders:
        own = home / folder / tenant_id
        if own.is_dir():
            for path in _files(home / folder, (tenant_id,)):
                touched[_name(home, path)] = 1
            shutil.rmtree(own)
    return touched


def count_in_files(
    home: Path, tenant_id: str, traces: Traces, tenants: Collection[str]
) -> dict[str, int]:
    """Whether each file that may quote the person does; none is right. Arguments as above."""
    own = [path for folder in OF_TENANTS for path in _files(home / folder, (tenant_id,))]
    searched = (*_files(home, _BLANKED), *_rejects(home, tenant_id, tenants), *own)
    return {_name(home, path): int(_quotes(path, traces)) for path in searched}


def _rejects(home: Path, tenant_id: str, tenants: Collection[str]) -> Iterator[Path]:
    """The tenant's files of rejected rows; their names begin with the tenant's."""
    for path in _files(home, _DELETED_IF_QUOTING):
        named = [one for one in {*tenants, tenant_id} if path.name.startswith(f"{one}-")]
        if named and max(named, key=len) == tenant_id:
            yield path


def _name(home: Path, path: Path) -> str:
    return f"file {path.relative_to(home)}"


def _files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def _quotes(path: Path, traces: Traces) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # nobody may cut it while it is mapped
            if not path.stat().st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return any(content.find(one.encode()) >= 0 for one in traces.spellings)
    except FileNotFoundError:
        return False


def _blank(path: Path, traces: Traces) -> int:
    """Write stars over what quotes; a server that writes to the file goes on undisturbed."""
    if not _quotes(path, traces):
        return 0
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return _blank_in(file, traces) if path.stat().st_size else 0


def _blank_in(file: BinaryIO, traces: Traces) -> int:
    count = 0
    with mmap.mmap(file.fileno(), 0) as content:
        for one in traces.spellings:
            spelled = one.encode()
            at = content.find(spelled)
            while at >= 0:
                content[at : at + len(spelled)] = b"*" * len(spelled)
                count += 1
                at = content.find(spelled, at + len(spelled))
        content.flush()
    return count
