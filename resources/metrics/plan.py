"""The plan of the marts: what dbt compiled at set-up, ready to be executed without dbt.

dbt is the one definition of the marts: their SQL, tests and documentation are written in
``dbt_project``. Importing dbt, parsing the project and rendering its macros takes ten times as long
as building the marts of a small tenant, and gives the same statements every time. So that is done
once, by ``resources.metrics.compiling``; a run reads this plan and executes its statements
(``resources.metrics.building``), and the graph draws its assets and checks from it.

A plan carries the fingerprint of the project's files and of the versions that compiled them. One
that does not fit what is there is refused, never used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resources.errors import ReviewGraphError
from resources.metrics.inputs import INPUTS
from resources.settings import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
PLAN_PATH = DBT_PROJECT / "target" / "plan.json"

_FOLDERS = ("models", "macros", "tests")
_COMPILERS = ("dbt-core", "dbt-duckdb", "duckdb")
_FORMAT = "2"


class PlanError(ReviewGraphError):
    """There is no plan that fits the dbt project as it stands."""


@dataclass(frozen=True)
class Column:
    """A column of a model: what dbt says of it, and DuckDB's name of its type."""

    name: str
    description: str
    data_type: str


@dataclass(frozen=True)
class Model:
    """One of dbt's models.

    Attributes:
        name: Its name, which is its table's.
        unique_id: dbt's own id.
        relation: The qualified, quoted name that other statements use.
        folder: The folder of its file below ``models``: staging, intermediate or marts.
        materialized: ``view`` or ``table``.
        sql: The compiled query.
        raw_sql: The query as it is written.
        description: What a row of it is.
        columns: Its columns, in their order.
        models: The models it reads.
        sources: The sources it reads.
    """

    name: str
    unique_id: str
    relation: str
    folder: str
    materialized: str
    sql: str
    raw_sql: str
    description: str
    columns: tuple[Column, ...]
    models: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class DataTest:
    """One of dbt's data tests: a query for rows that should not be there.

    Attributes:
        name: Its name.
        unique_id: dbt's own id.
        model: The model that it is about.
        models: All models it reads.
        sql: The compiled query.
        description: What it holds.
        severity: ``ERROR`` or ``WARN``.
        fail_calc: What is computed over the rows found, usually their count.
        warn_if: The comparison by which that is a warning.
        error_if: The comparison by which that is a failure.
    """

    name: str
    unique_id: str
    model: str
    models: tuple[str, ...]
    sql: str
    description: str
    severity: str
    fail_calc: str
    warn_if: str
    error_if: str


@dataclass(frozen=True)
class Plan:
    """What dbt compiled.

    Attributes:
        fingerprint: Of what it was compiled from, see ``fingerprint``.
        models: The models, each after what it reads.
        tests: The data tests, by name.
    """

    fingerprint: str
    models: tuple[Model, ...]
    tests: tuple[DataTest, ...]

    @classmethod
    def load(cls, path: Path = PLAN_PATH) -> Plan:
        """Read the plan of the project.

        Raises:
            PlanError: There is none, or the project or its tools have changed since.
        """
        try:
            told = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            told = {}
        if told.get("fingerprint") != fingerprint():
            raise PlanError(
                f"The marts of {DBT_PROJECT} are not compiled, or their SQL has changed since. "
                "Compile them: python -m resources.metrics.compiling (make demo, make test, "
                "reviewgraph up and reviewgraph import do it by themselves)."
            )
        return cls(
            told["fingerprint"],
            tuple(_model(one) for one in told["models"]),
            tuple(DataTest(**one | {"models": tuple(one["models"])}) for one in told["tests"]),
        )

    def to_json(self) -> str:
        """Write the plan as ``load`` reads it."""
        return json.dumps(asdict(self), indent=1)

    def steps(self) -> Iterator[Model | DataTest]:
        """Walk through the models in order, and through each test once all that it reads is there.

        As in ``dbt build``, what a model failed is known before the next model reads it.
        """
        built: set[str] = set()
        waiting = list(self.tests)
        for model in self.models:
            yield model
            built.add(model.name)
            ready = [test for test in waiting if built.issuperset(test.models)]
            waiting = [test for test in waiting if not built.issuperset(test.models)]
            yield from ready

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """The models that each model reads, directly or through others."""
        found: dict[str, frozenset[str]] = {}
        for model in self.models:
            above = (found[parent] for parent in model.models)
            found[model.name] = frozenset(model.models).union(*above)
        return found


def fingerprint(project: Path = DBT_PROJECT) -> str:
    """Name the state of a dbt project: its files, its inputs' columns, and what compiles them."""
    digest = hashlib.sha256()
    for path in project_files(project):
        digest.update(f"{path.relative_to(project)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for package in _COMPILERS:
        digest.update(f"{package} {version(package)}\0".encode())
    for name, schema in INPUTS.items():  # the types of the marts' columns follow from these
        digest.update(f"{name} {schema}\0".encode())
    digest.update(_FORMAT.encode())
    return digest.hexdigest()


def project_files(project: Path) -> list[Path]:
    """The files that a dbt project is written in, sorted."""
    nested = (path for folder in _FOLDERS for path in (project / folder).rglob("*.*"))
    return sorted([*nested, *project.glob("*.yml")])


def _model(told: dict[str, Any]) -> Model:
    return Model(
        **told
        | {
            "columns": tuple(Column(**column) for column in told["columns"]),
            "models": tuple(told["models"]),
            "sources": tuple(told["sources"]),
        }
    )
