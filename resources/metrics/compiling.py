"""dbt itself: compiling the marts at set-up, and running its commands where the checks ask for it.

dbt always runs as a process of its own. It is configured by environment variables, and those of
one run must not reach another; and what it imports stays out of the graph's memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from resources.errors import ReviewGraphError
from resources.metrics.documenting import description_of, with_column_types
from resources.metrics.plan import (
    DBT_PROJECT,
    PLAN_PATH,
    Column,
    DataTest,
    Model,
    Plan,
    PlanError,
    fingerprint,
)

# The name of a run's DuckDB file. dbt names the relations after it, so compiled statements hold for
# every file of that name.
DATABASE_FILE = "marts.duckdb"

# The plan holds no data, and every user of the checkout reads the same one.
_READABLE = 0o644
_ENTERABLE = 0o755

_QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors")


class DbtError(ReviewGraphError):
    """A dbt command did not do what it was asked; the message is dbt's own."""


class UnsupportedProjectError(ReviewGraphError):
    """The project uses a feature of dbt that ``resources.metrics.building`` does not execute."""


def prepare_marts() -> Plan:
    """Return the plan of the marts, compiled now when there is none or the project has changed.

    Safe to call from several processes at once: one compiles, the others wait.

    Raises:
        DbtError: The project does not compile.
        UnsupportedProjectError: It cannot be executed without dbt.
    """
    try:
        return Plan.load()
    except PlanError:
        PLAN_PATH.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # made by another user, who has done it
            PLAN_PATH.parent.chmod(_ENTERABLE)
    with PLAN_PATH.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return Plan.load()  # another process was faster
        except PlanError:
            plan = compile_project()
        draft = PLAN_PATH.with_name(f"plan.{uuid.uuid4().hex}")
        draft.write_text(plan.to_json())
        draft.chmod(_READABLE)
        draft.replace(PLAN_PATH)
    return plan


def compile_project() -> Plan:
    """Let dbt compile the project and take from its manifest what a run needs.

    Raises:
        DbtError: The project does not compile.
        UnsupportedProjectError: It cannot be executed without dbt.
    """
    made_from = fingerprint()
    with tempfile.TemporaryDirectory(prefix="reviewgraph-dbt-") as folder:
        run_dbt("compile", environment=dbt_environment(Path(folder), inputs=Path(folder)))
        manifest = json.loads((Path(folder) / "target" / "manifest.json").read_bytes())
        empty = Path(folder) / "empty" / DATABASE_FILE
        empty.parent.mkdir()
        return with_column_types(plan_of(manifest, made_from), empty)


def dbt_environment(folder: Path, *, inputs: Path) -> dict[str, str]:
    """Environment variables that keep everything a dbt command reads and writes in a folder."""
    return {
        "REVIEWGRAPH_DBT_INPUTS": str(inputs),
        "REVIEWGRAPH_DBT_DATABASE": str(folder / DATABASE_FILE),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def run_dbt(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run a dbt command and wait for it.

    Args:
        arguments: As on dbt's command line.
        environment: What points dbt at its folders, see ``dbt_environment``.

    Raises:
        DbtError: The command failed.
    """
    command = [sys.executable, "-W", "ignore", "-m", "dbt.cli.main", *_QUIET, *arguments]
    done = subprocess.run(  # noqa: S603 - our own command
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()
        raise DbtError(
            f"dbt {arguments[0]} failed in {DBT_PROJECT}: {said or 'it did not say why'}"
        )


def plan_of(manifest: Mapping[str, Any], made_from: str) -> Plan:
    """Take from dbt's manifest what a run needs.

    Args:
        manifest: ``manifest.json`` as ``dbt compile`` writes it.
        made_from: The fingerprint of what was compiled.

    Raises:
        UnsupportedProjectError: A node needs more than its compiled query.
    """
    nodes: Mapping[str, Any] = manifest["nodes"]
    for node in nodes.values():
        _require_supported(node)
    names = {unique_id: node["name"] for unique_id, node in nodes.items()}
    models = [_model(node, names) for node in nodes.values() if node["resource_type"] == "model"]
    tests = [_data_test(node, names) for node in nodes.values() if node["resource_type"] == "test"]
    return Plan(
        fingerprint=made_from,
        models=tuple(_in_order(models)),
        tests=tuple(sorted(tests, key=lambda test: test.name)),
    )


def _model(node: Mapping[str, Any], names: Mapping[str, str]) -> Model:
    reads = node["depends_on"]["nodes"]
    return Model(
        name=node["name"],
        unique_id=node["unique_id"],
        relation=node["relation_name"],
        folder=node["fqn"][1],
        materialized=node["config"]["materialized"],
        sql=node["compiled_code"],
        raw_sql=node["raw_code"],
        description=node["description"],
        columns=tuple(
            Column(column["name"], column["description"], column["data_type"] or "")
            for column in node["columns"].values()
        ),
        models=tuple(names[one] for one in reads if one in names),
        sources=tuple(one.split(".")[-1] for one in reads if one.startswith("source.")),
    )


def _data_test(node: Mapping[str, Any], names: Mapping[str, str]) -> DataTest:
    config = node["config"]
    return DataTest(
        name=node["name"],
        unique_id=node["unique_id"],
        model=_subject(node, names),
        models=tuple(names[one] for one in node["depends_on"]["nodes"]),
        sql=node["compiled_code"],
        description=description_of(node),
        severity=config["severity"].upper(),
        fail_calc=config["fail_calc"],
        warn_if=config["warn_if"],
        error_if=config["error_if"],
    )


def _subject(node: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The model that a test is about: the one it is written at, or the one it says itself."""
    told = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
    if told is not None:
        return str(told)
    attached = node.get("attached_node")
    reads = node["depends_on"]["nodes"]
    if attached is None and len(reads) == 1:
        (attached,) = reads
    if attached is None:
        raise UnsupportedProjectError(
            f"The dbt test {node['name']} reads several models and does not say which one it is "
            "about. Add config(meta={'dagster': {'ref': {'name': MODEL}}}) to it."
        )
    return names[attached]


def _require_supported(node: Mapping[str, Any]) -> None:
    """Refuse what would not be built as dbt builds it."""
    config, kind = node["config"], node["resource_type"]
    wanted = {
        f"resource type {kind}": kind not in {"model", "test"},
        f"language {node['language']}": node["language"] != "sql",
        f"materialization {config['materialized']}": config["materialized"]
        not in {"view", "table", "test"},
        "hooks": bool(config.get("pre-hook") or config.get("post-hook")),
        "contracts": bool(config.get("contract", {}).get("enforced")),
        "grants": bool(config.get("grants")),
        "persist_docs": bool(config.get("persist_docs")),
        "store_failures": bool(config.get("store_failures")),
        "limit": config.get("limit") is not None,
    }
    used = [feature for feature, is_used in wanted.items() if is_used]
    if used:
        raise UnsupportedProjectError(
            f"The dbt node {node['name']} uses {', '.join(used)}, which runs do not execute. "
            "Write it without, or teach resources/metrics/building.py."
        )


def _in_order(models: Iterable[Model]) -> list[Model]:
    """Sort models so that each stands after those it reads, otherwise by name."""
    waiting = sorted(models, key=lambda model: model.name)
    ordered: list[Model] = []
    while waiting:
        there = {model.name for model in ordered}
        following = next(model for model in waiting if there.issuperset(model.models))
        waiting.remove(following)
        ordered.append(following)
    return ordered


if __name__ == "__main__":
    prepare_marts()
