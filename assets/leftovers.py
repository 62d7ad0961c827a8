"""What runs that are over have left in the scratch folder: a killed run cannot tidy up itself."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection
from pathlib import Path

import dagster as dg

MARTS = "marts-"
"""How the folder of a run's marts begins; the run's root id follows."""

_TO_GO_ON = "to-go-on"
_GOES_ON_SECONDS = 24 * 3600
_RETRIED_SECONDS = 3600
_WILL_RETRY = "dagster/will_retry"
_TO_COME = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
_UNDER_WAY = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def keep_to_go_on(folder: Path) -> None:
    """Mark a run's folder as wanted by whoever lets the run go on from its failure."""
    with contextlib.suppress(OSError):  # the failure itself is what must be told
        (folder / _TO_GO_ON).touch()


def sweep(instance: dg.DagsterInstance, scratch: Path) -> list[Path]:
    """Delete what no run uses any more and none will go on from.

    A folder of marts belongs to the runs of one root. Whatever else lies there belongs to a run
    that was under way when it was last written, so what is older than every run under way now is
    nobody's.

    Args:
        instance: Knows the runs.
        scratch: The folder for files that live no longer than their run.

    Returns:
        What was deleted.
    """
    if not scratch.is_dir():
        return []
    entries = list(scratch.iterdir())  # before the runs: what comes later is not looked at
    under_way = instance.get_run_records(dg.RunsFilter(statuses=list(_UNDER_WAY)))
    to_come = instance.get_runs(dg.RunsFilter(statuses=list(_TO_COME)))
    wanted = {run.root_run_id or run.run_id for run in to_come}
    wanted |= {one.dagster_run.root_run_id or one.dagster_run.run_id for one in under_way}
    oldest = min(
        (one.start_time or one.create_timestamp.timestamp() for one in under_way),
        default=time.time(),
    )
    gone = [
        path
        for path in entries
        if (
            _is_over(instance, path, wanted)
            if path.name.startswith(MARTS)
            else _last_written(path) < oldest
        )
    ]
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return gone


def _is_over(instance: dg.DagsterInstance, folder: Path, wanted: Collection[str]) -> bool:
    """Whether no run of a folder's root is under way or may still go on from it."""
    root = folder.name.removeprefix(MARTS)
    if root in wanted:
        return False
    now = time.time()
    mark = folder / _TO_GO_ON
    if mark.exists() and now - mark.stat().st_mtime < _GOES_ON_SECONDS:
        return False
    group = [
        *instance.get_run_records(dg.RunsFilter(run_ids=[root])),
        *instance.get_run_records(dg.RunsFilter(tags={"dagster/root_run_id": root})),
    ]
    return not any(
        one.dagster_run.tags.get(_WILL_RETRY) == "true"
        and now - (one.end_time or 0) < _RETRIED_SECONDS
        for one in group
    )


def _last_written(path: Path) -> float:
    """When a file, or anything on the first level of a folder, was last written."""
    try:
        times = [path.lstat().st_mtime]
        if path.is_dir() and not path.is_symlink():
            times += [below.lstat().st_mtime for below in path.iterdir()]
    except FileNotFoundError:  # its run tidies up just now
        return time.time()
    return max(times)
