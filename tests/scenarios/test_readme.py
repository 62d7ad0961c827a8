"""Every command that the README and the documents show is run here as it is written.

The blocks run in order in one shell, as a newcomer would paste them, in an empty folder with an
empty home. What cannot be run as written is named in ``INSTEAD`` with its reason.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pipelines import cli
from resources.settings import PROJECT_ROOT

DOCUMENTS = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?<![\w./-])reviewgraph ([^`\n]*)")

START_API = """
reviewgraph api --port 0 > api.json &
API=$!
trap 'kill $API; wait $API' EXIT
until [ -s api.json ]; do kill -0 $API; sleep 0.2; done
API_AT=$(python3 -c 'import json; print(json.load(open("api.json"))["api"].split("/")[-1])')
"""
INSTEAD = {
    # Setting up installs packages, and the demo would take longer than all else together: the
    # recipe is read, and the demo runs over a smaller world.
    "make demo ": f"make -n -C {PROJECT_ROOT} demo; reviewgraph demo --reviews 600 --tenants 2 ",
    "make test ": f"make -n -C {PROJECT_ROOT} test ",
    # `reviewgraph up` runs in another terminal; its API runs here, at a free port.
    "TENANT=": START_API + "TENANT=",
    "localhost:8000": "$API_AT",
}


def blocks():
    return [block for path in DOCUMENTS for block in BLOCK.findall(path.read_text())]


def script():
    """All blocks as one script that ends at the first command that fails."""
    text = "\n".join(blocks())
    for written, run_instead in INSTEAD.items():
        assert written in text, f"nothing is written as {written!r} any more"
        text = text.replace(written, run_instead)
    return f"set -euo pipefail\n{text}"


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """Where everything was run, and what it printed."""
    if shutil.which("curl") is None:
        pytest.skip("the README asks the API with curl")
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("REVIEWGRAPH_")
    }
    process = subprocess.Popen(
        ["bash", "-c", script()],
        cwd=folder,
        env={
            **environment,
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT_ROOT),
            "REVIEWGRAPH_HOME": "home",  # below the folder, as a relative path
            "PIP_NO_INDEX": "1",  # what the tests need is installed; nothing is fetched
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o022,
        start_new_session=True,
    )
    try:
        said, complaints = process.communicate(timeout=500)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    assert process.returncode == 0, f"{said[-3000:]}\n{complaints[-3000:]}"
    return folder, said


@pytest.mark.slow
def test_every_block_runs_as_it_is_written(newcomer):
    folder, said = newcomer
    for tenant in ("acme", "fjellmark"):
        for name in ("report.html", "report.pdf", "report.xlsx"):
            assert (folder / "home" / "reports" / tenant / name).stat().st_size > 1000
    assert "vader" in said
    assert "textblob" in said
    assert "of acme are read in the tier cascade" in said
    for answered in (
        '"review_count":{"value":298,',
        '"refresh_token":',
        '"key":"rg_live_',
        "days late",
    ):
        assert answered in said, answered
    assert '"items":[]' not in said  # what the pages look for is there


@pytest.mark.slow
def test_what_the_commands_wrote_in_the_home_is_closed_to_others(newcomer):
    folder, _ = newcomer
    home = folder / "home"
    passing = stat.S_IXGRP if os.geteuid() == 0 else 0
    assert stat.S_IMODE(home.stat().st_mode) & 0o077 & ~passing == 0
    files = [path for path in home.rglob("*") if not path.is_symlink()]
    assert len(files) > 100
    assert not [path for path in files if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_a_relative_home_is_one_folder_whatever_process_writes_to_it(newcomer):
    folder, _ = newcomer
    assert {path.name for path in folder.iterdir()} == {
        ".venv", "api.json", "home", "labelled.csv", "reviews.csv", "sample",
    }  # fmt: skip


def every_command(command, path=()):
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from every_command(below, (*path, name))


COMMANDS = dict(every_command(typer.main.get_command(cli.app)))
GROUPS = {path[0] for path in COMMANDS if len(path) > 1}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_that_is_named_exists(path):
    for call in CALL.findall(path.read_text().replace("\\\n", " ")):
        words = re.findall(r"[\w-]+", call)
        if not words or words[0].startswith("-"):
            continue
        name = tuple(words[:2]) if words[0] in GROUPS else (words[0],)
        assert name in COMMANDS, f"reviewgraph {call}"
        known = {spelled for option in COMMANDS[name].params for spelled in option.opts}
        asked = set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", call.partition("#")[0]))
        assert asked <= known | {"--help"}, f"reviewgraph {call}"


def test_the_readme_lists_every_command():
    text = (PROJECT_ROOT / "README.md").read_text()
    for path in COMMANDS:
        shown = f"reviewgraph {' '.join(path)}"
        assert (
            shown in text
            or (path[0] in GROUPS and f"`{path[1]} " in text)
            or (path[0] in GROUPS and f"`{' '.join(path)}" in text)
        ), shown


def calls_of_the_table():
    """Every command as the README's table shows it: its name and the words behind it."""
    for line in (PROJECT_ROOT / "README.md").read_text().splitlines():
        if not line.startswith("| `reviewgraph "):
            continue
        group = None
        for shown in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
            words = shown.removeprefix("reviewgraph ").split()
            group = group or words[0]
            path = next(
                path for path in ((*words[:2],), (group, words[0]), (words[0],)) if path in COMMANDS
            )
            yield path, words[words.index(path[-1]) + 1 :]


def test_the_readme_shows_each_command_with_all_that_it_needs():
    calls = list(calls_of_the_table())
    assert len(calls) > 30
    for path, words in calls:
        needed = [one for one in COMMANDS[path].params if one.required]
        options = [one for one in needed if one.param_type_name == "option"]
        arguments = [one for one in needed if one.param_type_name == "argument"]
        missing = [one.opts for one in options if not set(one.opts) & {*words}]
        assert not missing, (path, missing)
        plain = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if word[0] not in "-[" and not before.startswith(("-", "[-"))
        ]
        assert len(plain) >= len(arguments), (path, [one.name for one in arguments])
