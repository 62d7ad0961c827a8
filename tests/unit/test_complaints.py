"""What libraries print beside an error is kept from the terminal; all else passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dagster._core.instance import types

from pipelines.complaints import _BEGINNING, keep_complaints
from resources.settings import PROJECT_ROOT


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


def said_when_thrown_away(made: str) -> str:
    """What a command prints on standard error when an object goes whose destructor fails."""
    code = f"""
import asyncio
from pipelines import interrupts
interrupts.end_on_first_signal()
class Careless:
    def __del__(self): self.file.close()
{made}
"""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stderr


def test_a_loop_that_could_not_be_made_is_thrown_away_in_silence():
    assert (
        said_when_thrown_away("asyncio.SelectorEventLoop.__new__(asyncio.SelectorEventLoop)") == ""
    )
    assert "Careless" in said_when_thrown_away("Careless()")
