"""Finding a Java runtime that Spark can start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from resources.engine.base import EngineError

OLDEST_JAVA = 17

_HOW = "Debian, Ubuntu: apt install openjdk-17-jre-headless"
_VERSION = re.compile(r'version "(?:1\.)?(?P<major>\d+)')


def find_java_home() -> Path:
    """Folder of a Java runtime, from ``JAVA_HOME`` or else from the ``PATH``.

    Raises:
        EngineError: There is none, or it is older than Java 17.
    """
    configured = os.environ.get("JAVA_HOME")  # Java's own setting, not one of ReviewGraph's
    java = shutil.which("java", path=str(Path(configured) / "bin")) if configured else None
    java = java or shutil.which("java")
    if java is None:
        raise EngineError(
            f"Spark needs Java {OLDEST_JAVA} or newer and none was found. Install one ({_HOW}) or "
            "set REVIEWGRAPH_ENGINE=polars."
        )
    executable = Path(java).resolve()
    major = _major_version(executable)
    if major < OLDEST_JAVA:
        raise EngineError(
            f"Spark needs Java {OLDEST_JAVA} or newer; {executable} is Java {major}. Install a "
            f"newer one ({_HOW}), point JAVA_HOME at it, or set REVIEWGRAPH_ENGINE=polars."
        )
    return executable.parent.parent


def _major_version(executable: Path) -> int:
    answer = subprocess.run(  # noqa: S603, a path that was found, no shell
        [executable, "-version"], capture_output=True, text=True, check=False, timeout=60
    )
    found = _VERSION.search(answer.stderr + answer.stdout)
    if found is None:
        raise EngineError(
            f"{executable} does not say which Java it is: {answer.stderr.strip() or 'no answer'}. "
            "Point JAVA_HOME at a working Java runtime."
        )
    return int(found["major"])
