#!/usr/bin/env python3
"""Prepares a checkout: the locked Python environment and what the system lacks.

Run by the Makefile with the system's own Python, so it uses nothing but the standard library. A
second call finds everything in place and returns at once. Usage: ``setup.py demo|test``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = {goal: VENV / f"installed-for-{goal}" for goal in ("demo", "test")}
LOCKS = {"demo": "requirements.lock", "test": "requirements-test.lock"}
LOG = VENV / "setup.log"
MARTS_PLAN = ROOT / "dbt_project" / "target" / "plan.json"
MIN_PYTHON, MAX_PYTHON = (3, 11), (3, 13)
UV_VERSION = "0.13.9"
# Plain pip finds the build for processors; resolvers that search more widely take gigabytes.
TORCH = "torch==2.13.0"

# Debian packages by what they bring; the fonts are for reviews in scripts beyond Latin.
BROWSER = ["chromium"]
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome")
FONTS = ["fonts-noto-core", "fonts-noto-cjk", "fonts-noto-color-emoji"]
JAVA = ["default-jre-headless"]


class SetupError(Exception):
    """Set-up cannot go on; the message says what to install."""


def main() -> int:
    """Run the steps that the goal needs and print each with its time."""
    goal = sys.argv[1] if len(sys.argv) > 1 else "demo"
    steps: list[tuple[str, Callable[[], bool]]] = [
        ("Python environment", lambda: ensure_environment(goal)),
        ("Chromium and fonts", ensure_browser),
        ("Marts compiled", ensure_marts),
    ]
    if goal == "test":
        steps.append(("Java for the Spark tests", ensure_java))
        steps.append(("PyTorch for training tests", ensure_torch))
    print("Setting up ReviewGraph")
    for number, (name, step) in enumerate(steps, start=1):
        started = time.monotonic()
        print(f"  {number}/{len(steps)}  {name:<26}", end="", flush=True)
        try:
            changed = step()
        except SetupError as error:
            print(f"\n\n{error}", file=sys.stderr)
            return 1
        seconds = time.monotonic() - started
        print(f"installed in {seconds:.0f} s" if changed else "ready")
    return 0


def ensure_environment(goal: str) -> bool:
    """Install the goal's locked packages into ``.venv`` unless that very lock is installed already.

    What the tests need holds all that the demo needs, in the same versions.
    """
    wanted = {name: fingerprint(name) for name in LOCKS}
    installed = {name for name, stamp in STAMPS.items() if is_stamped(stamp, wanted[name])}
    if installed & {goal, "test"}:
        return False
    if not MIN_PYTHON <= sys.version_info[:2] <= MAX_PYTHON:
        raise SetupError(
            f"Python 3.11, 3.12 or 3.13 is needed; this is {sys.version.split()[0]}. Install one "
            "and name it, for example `make PYTHON=python3.12 ...`."
        )
    if not installed:
        shutil.rmtree(VENV, ignore_errors=True)
        create_environment()
    python = str(VENV / "bin" / "python")
    lock = str(ROOT / LOCKS[goal])
    editable = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    if run([python, "-m", "pip", "install", f"uv=={UV_VERSION}"], check=False):
        # Bytecode made once here spares each command seconds of compiling, wherever it runs.
        install = [python, "-m", "uv", "pip", "install", "--compile-bytecode", "--python", python]
        if not run([*install, "--require-hashes", "-r", lock], check=False):
            install = [python, "-m", "pip", "install"]
            run([*install, "--require-hashes", "-r", lock])
    else:  # uv is only for speed
        install = [python, "-m", "pip", "install"]
        run([*install, "--require-hashes", "-r", lock])
    run([*install, *editable])
    STAMPS[goal].write_text(wanted[goal])
    return True


def is_stamped(stamp: Path, wanted: str) -> bool:
    """Whether an installation ended well from just these files."""
    return stamp.exists() and stamp.read_text() == wanted


def ensure_torch() -> bool:
    """Have PyTorch for the tests that train transformers; without it they are skipped."""
    if any(VENV.glob("lib/python*/site-packages/torch")):
        return False
    python = str(VENV / "bin" / "python")
    return run([python, "-m", "pip", "install", TORCH], check=False)


def create_environment() -> None:
    """Create ``.venv``; Debian keeps the module for it in a package of its own."""
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    apt_install(["python3-venv"], why="Python's venv module")
    run(command)


def ensure_browser() -> bool:
    """Have Chromium, which prints the reports, and fonts for the scripts people write in."""
    has_browser = any(shutil.which(name) for name in BROWSER_NAMES)
    missing = [name for name in FONTS if not is_installed(name)]
    if has_browser and (not missing or not may_install()):
        return False  # without the fonts some quotes show boxes, but all figures are there
    packages = [*([] if has_browser else BROWSER), *missing]
    apt_install(packages, why="Chromium, which prints the reports")
    return True


def ensure_marts() -> bool:
    """Have dbt compile the marts, unless these very files of the project are compiled already."""
    before = MARTS_PLAN.read_bytes() if MARTS_PLAN.exists() else b""
    run([str(VENV / "bin" / "python"), "-m", "resources.metrics.compiling"])
    return MARTS_PLAN.read_bytes() != before


def is_installed(package: str) -> bool:
    """Whether a Debian package is installed."""
    if not shutil.which("dpkg-query"):
        return True  # not Debian: nothing to ask, and nothing to install
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout == "install ok installed"


def may_install() -> bool:
    """Whether this user may install Debian packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def ensure_java() -> bool:
    """Have a Java runtime of version 17 or newer, which Spark runs on."""
    java = shutil.which("java")
    if java and java_version(java) >= 17:  # noqa: PLR2004
        return False
    apt_install(JAVA, why="a Java 17 runtime, which the Spark tests run on")
    return True


def java_version(java: str) -> int:
    """Return the major version of a Java runtime, 0 when it does not say."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    try:
        return int(answer.split('"')[1].split(".")[0])
    except (IndexError, ValueError):
        return 0


def apt_install(packages: list[str], *, why: str) -> None:
    """Install Debian packages when this user may, else say what to install."""
    if not may_install():
        raise SetupError(
            f"{why[0].upper()}{why[1:]} is missing. Install it and run this again, on Debian or "
            f"Ubuntu: sudo apt-get install {' '.join(packages)}"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=environment, check=False)
    run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        env=environment,
    )


def run(command: list[str], *, env: dict[str, str] | None = None, check: bool = True) -> bool:
    """Run a command with its output in the log; raise with the log's end when it must succeed."""
    log = LOG if VENV.exists() else ROOT / ".setup.log"
    with log.open("a") as output:
        finished = subprocess.run(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=env, check=False
        )
    if finished.returncode != 0 and check:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupError(f"`{' '.join(command[:6])} ...` failed. The end of {log}:\n{tail}")
    return finished.returncode == 0


def fingerprint(goal: str) -> str:
    """Name the state that an environment is installed from."""
    digest = hashlib.sha256()
    for name in (LOCKS[goal], "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{sys.version_info[:2]}{ROOT}".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
