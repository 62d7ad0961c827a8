"""Dagster's complaints of its event log are kept from the terminal; all else passes."""

from __future__ import annotations

import sys
from pathlib import Path

from dagster._core.instance import types

from pipelines.complaints import _BEGINNING, keep_complaints


def test_a_complaint_is_kept_and_everything_else_passes(capsys):
    with keep_complaints() as kept:
        sys.stderr.write("a warning\n")
        sys.stderr.write(f"{_BEGINNING}: (psycopg2.errors.DiskFull)\n[SQL: INSERT ...]\n")
        print("progress", file=sys.stderr)
    sys.stderr.write("afterwards\n")
    assert capsys.readouterr().err == "a warning\nprogress\nafterwards\n"
    (complaint,) = kept
    assert "[SQL: INSERT ...]" in complaint


def test_these_are_the_words_that_dagster_uses():
    assert f'sys.stderr.write(f"{_BEGINNING}: ' in Path(types.__file__).read_text()
