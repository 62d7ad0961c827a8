"""What dbt's manifest leaves unsaid: the types of columns, and what a data test holds.

dbt knows a type only where somebody wrote it beside the SQL, where it could be wrong. The types are
taken from the models themselves, built once over inputs without rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from resources.metrics import building
from resources.metrics.inputs import INPUTS
from resources.metrics.plan import Column, Model, Plan


def with_column_types(plan: Plan, database: Path) -> Plan:
    """Return the plan with every column that its models have, each with DuckDB's type.

    Args:
        plan: What dbt compiled.
        database: Where the models are built for a moment, named as the plan was compiled for; the
            folder is the caller's to delete.
    """
    inputs = database.parent / "no-rows"
    inputs.mkdir()
    for name, schema in INPUTS.items():
        pq.write_table(schema.empty_table(), inputs / f"{name}.parquet")
    building.build(plan, database, inputs)
    with duckdb.connect(str(database)) as connection:
        connection.execute("set file_search_path = $folder", {"folder": str(inputs)})
        return replace(plan, models=tuple(_typed(connection, model) for model in plan.models))


def _typed(connection: duckdb.DuckDBPyConnection, model: Model) -> Model:
    told = {column.name: column.description for column in model.columns}
    found = connection.execute(f"describe {model.relation}").fetchall()
    columns = tuple(Column(name, told.get(name, ""), kind) for name, kind, *_ in found)
    return replace(model, columns=columns)


def description_of(test: Mapping[str, Any]) -> str:
    """Say in a sentence what a data test holds.

    Args:
        test: The test's node of dbt's manifest.
    """
    if test["description"]:
        return str(test["description"])
    generic = test.get("test_metadata")
    if generic is None:
        return _first_comment(test["raw_code"])
    return _what_holds(generic["name"], generic["kwargs"])


def _what_holds(name: str, given: Mapping[str, Any]) -> str:
    """What a generic test holds, given its arguments."""
    columns = " and ".join(f"`{one}`" for one in given.get("columns", [given.get("column_name")]))
    if name == "always_hold":
        statements = [
            f"- {statement.replace('_', ' ')}: `{' '.join(str(said).split())}`"
            for statement, said in given["statements"].items()
        ]
        return "\n".join(["True of every row:", "", *statements])
    sentences = {
        "not_null": "Never empty: {columns}.",
        "always_filled": "Never empty: {columns}.",
        "unique": "Every value of {columns} occurs once.",
        "unique_together": "Every combination of {columns} occurs once.",
        "accepted_values": "Every value of {columns} is one of: {values}.",
        "relationships": "Every value of {columns} occurs in `{field}` of `{target}`.",
    }
    return sentences.get(name, f"The test {name.replace('_', ' ')} holds for {{columns}}.").format(
        columns=columns,
        values=", ".join(map(str, given.get("values", ()))),
        field=given.get("field"),
        target=str(given.get("to")).removeprefix("ref('").removesuffix("')"),
    )


def _first_comment(sql: str) -> str:
    """The sentences that a test of its own begins with."""
    said: list[str] = []
    for line in sql.splitlines():
        if line.startswith("--"):
            said.append(line.removeprefix("--").strip())
        elif said:
            break
    return " ".join(said)
