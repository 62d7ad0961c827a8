"""The command line without its work: help, usage errors, and what it must not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REVIEWGRAPH = Path(sys.executable).parent / "reviewgraph"
HEAVY = ["dagster", "polars", "pyarrow", "sqlalchemy", "great_expectations", "pydantic", "numpy"]


def run(*arguments, home):
    return subprocess.run(
        [REVIEWGRAPH, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "REVIEWGRAPH_HOME": str(home), "COLUMNS": "120"},
    )


def test_help_imports_nothing_heavy():
    program = (
        f"import sys, pipelines.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_help_names_every_command(tmp_path):
    answer = run("--help", home=tmp_path)
    assert answer.returncode == 0
    for command in (
        "demo",
        "up",
        "import",
        "backfill",
        "status",
        "doctor",
        "tenant",
        "generate",
        "evaluate",
        "train",
    ):
        assert command in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["import"],
        ["import", "file.csv"],
        ["import", "file.csv", "--tenant", "acme", "--map", "text"],
        ["backfill", "--from", "yesterday", "--to", "2026-01-02"],
        ["backfill", "--from", "2026-01-03", "--to", "2026-01-02"],
        ["generate"],
    ],
)
def test_wrong_usage_ends_with_code_two_and_no_traceback(arguments, tmp_path):
    answer = run(*arguments, home=tmp_path)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert answer.stderr.strip()


def test_a_file_that_is_not_there_is_said_in_one_sentence(tmp_path):
    answer = run("import", "nowhere.csv", "--tenant", "acme", home=tmp_path)
    assert answer.returncode == 1
    assert "nowhere.csv" in answer.stderr
    assert "Traceback" not in answer.stderr
