"""Executing the plan of the marts on a run's DuckDB file.

This does by hand what ``dbt build`` does for views, tables and data tests, because dbt costs a run
six seconds before its first statement. It must stay what dbt does:
``tests/integration/test_marts.py`` builds the same inputs both ways and holds every table and every
status equal. What is not executed here is refused when the plan is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from resources.metrics.plan import DataTest, Model, Plan

PASSED = frozenset({"success", "pass", "warn"})
FAILED = frozenset({"error", "fail"})

# As in dbt_project/profiles.yml: nothing is fetched from outside.
_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one model or test.

    Attributes:
        name: Its name.
        status: In dbt's words: success, pass, warn, fail, error or skipped.
        message: Why it did not succeed.
        rows: Rows of a table; None for views and tests.
    """

    name: str
    status: str
    message: str = ""
    rows: int | None = None


def build(plan: Plan, database: Path, inputs: Path) -> list[Outcome]:
    """Build every model and run every data test.

    As in ``dbt build``, what could not be built or failed a test is not built upon.

    Args:
        plan: What to build.
        database: The DuckDB file to build it in, named as the plan was compiled for.
        inputs: The folder of the sources' Parquet files.

    Returns:
        What became of each model and test, in the order of execution.
    """
    building = _Building(plan)
    with duckdb.connect(str(database), config=_CONFIGURATION) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set file_search_path = {_quoted(str(inputs))}")
        for step in plan.steps():
            building.note(step, building.held_back(step) or _execute(connection, step))
    return building.outcomes


class _Building:
    """What is done so far, and what must not be built upon."""

    def __init__(self, plan: Plan) -> None:
        self.outcomes: list[Outcome] = []
        self._ancestors = plan.ancestors
        self._missing: set[str] = set()
        self._distrusted: list[frozenset[str]] = []

    def note(self, step: Model | DataTest, outcome: Outcome) -> None:
        """Add an outcome."""
        self.outcomes.append(outcome)
        if isinstance(step, Model) and outcome.status not in PASSED:
            self._missing.add(step.name)
        if isinstance(step, DataTest) and outcome.status in FAILED:
            self._distrusted.append(frozenset(step.models))

    def held_back(self, step: Model | DataTest) -> Outcome | None:
        """Skip a step that reads what is missing, and a model whose ancestors failed a test."""
        is_held_back = not self._missing.isdisjoint(step.models)
        if isinstance(step, Model):
            ancestors = self._ancestors[step.name]
            is_held_back |= any(models <= ancestors for models in self._distrusted)
        return Outcome(step.name, "skipped") if is_held_back else None


def _execute(connection: duckdb.DuckDBPyConnection, step: Model | DataTest) -> Outcome:
    try:
        if isinstance(step, Model):
            return _build_model(connection, step)
        return _run_test(connection, step)
    except duckdb.Error as error:
        return Outcome(step.name, "error", str(error))


def _build_model(connection: duckdb.DuckDBPyConnection, model: Model) -> Outcome:
    statement = f"create {model.materialized} {model.relation} as (\n{model.sql}\n)"
    counted = connection.execute(statement).fetchall()
    rows = int(counted[0][0]) if model.materialized == "table" else None
    return Outcome(model.name, "success", rows=rows)


def _run_test(connection: duckdb.DuckDBPyConnection, test: DataTest) -> Outcome:
    """Ask as dbt's macro ``get_test_sql`` does, and judge as its ``dbt.task.test`` does."""
    ((found, should_warn, should_error),) = connection.execute(
        f"select {test.fail_calc} as failures, {test.fail_calc} {test.warn_if} as should_warn, "
        f"{test.fail_calc} {test.error_if} as should_error\n"
        f"from (\n{test.sql}\n) dbt_internal_test"
    ).fetchall()
    results = f"Got {found} result{'' if found == 1 else 's'}, configured to"
    if test.severity == "ERROR" and should_error:
        return Outcome(test.name, "fail", f"{results} fail if {test.error_if}")
    if should_warn:
        return Outcome(test.name, "warn", f"{results} warn if {test.warn_if}")
    return Outcome(test.name, "pass")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
