"""Exit codes, the same for every command: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

Wrong usage is what can never be right, whatever the machine and the installation hold. It is found
before anything is done, so none of these tests starts a database.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from pipelines import cli

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
README = Path(__file__).parents[2] / "README.md"

DAYS = ["--from", "2026-01-01", "--to", "2026-01-02"]
EVALUATE = ["evaluate", "labelled.csv", "--task", "sentiment", "--text", "text", "--label", "stars"]
WRONG = [
    ["nonsense"],
    ["import"],
    ["import", "reviews.csv"],
    ["import", "reviews.csv", "--tenant", "Acme Hotels"],
    ["import", "reviews.csv", "--tenant", "../acme"],
    ["import", "reviews.csv", "--tenant", "acme", "--map", "text"],
    ["import", "reviews.csv", "--tenant", "acme", "--map", "smell=text"],
    ["import", "reviews.csv", "--tenant", "acme", "--rating-scale", "0"],
    ["backfill", "--from", "yesterday", "--to", "2026-01-02"],
    ["backfill", "--from", "2026-01-02", "--to", "2026-01-01"],
    ["backfill", "--from", "2026-02-30", "--to", "2026-03-01"],
    ["backfill", *DAYS, "--tenant", "acme", "--tenant", "No Tenant"],
    ["status", "--days", "0"],
    ["status", "--tenant", "No Tenant"],
    ["evaluate", "labelled.csv"],
    ["evaluate", "labelled.csv", "--task", "sentiment"],
    ["evaluate", "labelled.csv", "--task", "mood", "--text", "text", "--label", "stars"],
    [*EVALUATE, "--tier", "deepest"],
    [*EVALUATE, "--against", "oracle"],
    [*EVALUATE, "--language", "klingon"],
    [*EVALUATE, "--label-map", "{"],
    [*EVALUATE, "--label-map", "[1]"],
    [*EVALUATE, "--limit", "0"],
    ["erase"],
    ["erase", "--tenant", "acme"],
    ["erase", "--tenant", "acme", "--author", " "],
    ["erase", "--tenant", "acme", "--author", "Jane", "--review", "0" * 32],
    ["erase", "--tenant", "acme", "--review", "the one of last week"],
    ["erase", "--tenant", "acme", "--resume", "--reapply"],
    ["train"],
    ["train", "--tenant", "acme", "--data", "folder"],
    ["train", "--tenant", "No Tenant"],
    ["train", "--file", "labelled.csv"],
    ["generate"],
    ["generate", "--out", "world", "--reviews", "2", "--tenants", "3"],
    ["generate", "--out", "world", "--seed", "-1"],
    ["demo", "--reviews", "1"],
    ["demo", "--seed", "-1"],
    ["up", "--port", "65536"],
    ["up", "--api-port", "-1"],
    ["api", "--port", "99999"],
    ["sandbox", "--port", "-1"],
    ["mail", "show"],
    ["mail", "test"],
    ["sessions", "list", "ann"],
    ["sessions", "end", "ann at example.com"],
    ["tenant", "create", "No Tenant"],
    ["tenant", "create", "acme", "--colour", "red"],
    ["tenant", "create", "acme", "--user", "ann"],
    ["tenant", "tier", "acme", "deepest"],
    ["tenant", "tier", "No Tenant", "fast"],
    ["tenant", "tiers", "acme", "--allow", "deepest"],
    ["tenant", "members", "No Tenant"],
    ["tenant", "let-in", "acme", "ann"],
    ["tenant", "plan", "No Tenant"],
    ["tenant", "suspend", "No Tenant", "--reason", "unpaid"],
    ["tenant", "resume", "No Tenant"],
    ["tenant", "close", "No Tenant"],
    ["tenant", "export", "No Tenant"],
    ["flag", "set"],
    ["flag", "list", "--tenant", "No Tenant"],
    ["audit", "verify", "--tenant", "No Tenant"],
    ["audit", "verify", "--head", "the twelfth"],
    ["user", "invite", "ann", "--tenant", "acme"],
    ["user", "create", "ann"],
    ["user", "reset", "ann at example.com"],
    ["user", "disable", "ann"],
    ["user", "enable", "ann"],
    ["domain", "add", "acme", "no domain"],
    ["domain", "add", "No Tenant", "example.com"],
    ["domain", "remove", "acme", "@"],
    ["domain", "list", "No Tenant"],
    ["discover", "search", "No Tenant", "rude staff"],
    ["discover", "themes", "acme", "--limit", "0"],
    ["discover", "duplicates", "No Tenant"],
    ["discover", "names", "No Tenant"],
]
IMPOSSIBLE_HERE = [
    ["import", "nowhere.csv", "--tenant", "acme"],
    ["import", "reviews.csv", "--tenant", "acme", "--map", "text=nowhere"],
    ["evaluate", "nowhere.csv", "--task", "sentiment", "--text", "text", "--label", "stars"],
    [*EVALUATE, "--taxonomy", "nowhere.json"],
    ["train", "--file", "nowhere.csv", "--text", "a", "--label", "b", "--out", "models"],
    ["tenant", "create", "acme", "--names", "nowhere.json"],
    ["tenant", "create", "acme", "--names", "labelled.csv"],
    ["tenant", "tier", "acme", "plugin", "--plugin", "nowhere.json"],
]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVIEWGRAPH_HOME", str(tmp_path / "home"))
    (tmp_path / "labelled.csv").write_text("text,stars\nGood,5\nBad,1\n")
    (tmp_path / "reviews.csv").write_text("text,rating\nGood,5\nBad,1\n")


def end(arguments, monkeypatch):
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["reviewgraph", *arguments])
    return cli._run()


def every_command(command, path=()):
    """Each command below a group, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from every_command(below, (*path, name))


COMMANDS = dict(every_command(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_ends_with_two_before_anything_is_done(
    arguments, monkeypatch, capsys, tmp_path
):
    assert end(arguments, monkeypatch) == WRONG_USAGE
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", IMPOSSIBLE_HERE, ids=" ".join)
def test_what_cannot_be_done_here_ends_with_one(arguments, monkeypatch, capsys, tmp_path):
    assert end(arguments, monkeypatch) == FAILED
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said
    assert "should not have" not in said, "it was foreseen"
    assert not (tmp_path / "home").exists()


def test_every_command_is_tried_wrongly():
    tried = {tuple(arguments[:2]) for arguments in WRONG} | {(one[0],) for one in WRONG}
    without_values = {
        ("doctor",),
        ("keys", "list"),
        ("keys", "rotate"),
        ("mail", "list"),
        ("openapi",),
        ("tenant", "list"),
        ("worker",),
    }
    assert set(COMMANDS) - without_values <= tried


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_that_does_not_exist_is_wrong_usage_for_every_command(path, monkeypatch):
    assert end([*path, "--no-such-option"], monkeypatch) == WRONG_USAGE


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_one_argument_too_many_is_wrong_usage_for_every_command(path, monkeypatch):
    assert end([*path, *["x"] * 5], monkeypatch) == WRONG_USAGE


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_no_error_for_any_command(path, monkeypatch):
    assert end([*path, "--help"], monkeypatch) == DONE


def test_a_number_that_is_none_is_wrong_usage_wherever_one_is_taken(monkeypatch):
    tried = 0
    for path, command in COMMANDS.items():
        for option in command.params:
            if option.type_descriptor.annotation in {int, float}:
                arguments = [*path, option.opts[0], "several"]
                assert end(arguments, monkeypatch) == WRONG_USAGE, arguments
                tried += 1
    assert tried > 10


@pytest.mark.parametrize("path", [("status",), ("tenant", "list"), ("sandbox",)], ids=" ".join)
def test_a_setting_that_cannot_be_right_is_wrong_usage(path, monkeypatch, capsys):
    monkeypatch.setenv("REVIEWGRAPH_ENGINE", "abacus")
    assert end(path, monkeypatch) == WRONG_USAGE
    assert "REVIEWGRAPH_ENGINE" in capsys.readouterr().err


def test_an_interrupted_command_ends_with_130(tmp_path):
    world = tmp_path / "world"
    command = ["generate", "--reviews", "3000000", "--tenants", "1", "--out", str(world)]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command],
        cwd=README.parent,
        env={**os.environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(world.rglob("*.csv")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, said
    assert "Traceback" not in said


def test_the_readme_names_the_codes():
    told = dict(re.findall(r"^\| (\d+) \| (.+) \|$", README.read_text(), re.MULTILINE))
    assert set(told) == {str(code) for code in (DONE, FAILED, WRONG_USAGE, INTERRUPTED)}
