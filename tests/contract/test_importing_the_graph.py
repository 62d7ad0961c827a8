"""Importing the graph only reads: the UI, the daemon, a test and a command do so side by side."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from resources.settings import PROJECT_ROOT

# Python tells an audit hook of every file, process and connection before it is opened.
WATCHED_IMPORT = textwrap.dedent("""
    import os, sys
    import dagster  # before the watch: it asks the command `file` how many bits the machine has

    WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
    FORBIDDEN = {
        "os.exec", "os.fork", "os.forkpty", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename",
        "os.rmdir", "os.system", "fcntl.flock", "fcntl.lockf", "socket.connect", "subprocess.Popen",
    }

    def watch(event, details):
        if event == "open":
            path, _, flags = details
            if HIDDEN and str(path).endswith(HIDDEN):
                raise FileNotFoundError(path)
            if flags & WRITING and path != os.devnull:
                print("open", path)
        elif event in FORBIDDEN:
            print(event, details[:2])

    HIDDEN = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.addaudithook(watch)
    import pipelines.definitions
""")


def import_watched(tmp_path, *arguments):
    """Import the graph in a process of its own that prints whatever it does beside reading."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "REVIEWGRAPH_HOME": str(tmp_path / "home"),
    }
    return subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT, *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_graph_writes_nothing_and_starts_nothing(tmp_path):
    answer = import_watched(tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == ""
    assert not (tmp_path / "home").exists()


def test_importing_the_graph_without_compiled_marts_says_which_command_compiles_them(tmp_path):
    answer = import_watched(tmp_path, "plan.json")
    assert answer.returncode == 1
    last = answer.stderr.strip().splitlines()[-1]
    assert "PlanError: " in last
    assert "python -m resources.metrics.compiling" in last
    assert answer.stdout == ""
