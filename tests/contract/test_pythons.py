"""The Pythons that the project names: one list everywhere, and a lock that holds for each.

Whether there is a wheel for each of them is seen by installing; what can go wrong without anybody
noticing is a package that refuses a Python, or one that only another Python needs.
"""

from __future__ import annotations

import re
import runpy
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if ":: 3." in one]
LOCKS = ["requirements.lock", "requirements-test.lock"]


def locked(name):
    """The lock's packages: name -> requirement and how many files of it are allowed."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    parsed = {}
    for entry in entries:
        if not entry.startswith("#"):
            requirement = Requirement(entry.partition("--hash")[0].strip().rstrip("\\").strip())
            parsed[canonicalize_name(requirement.name)] = requirement, entry.count("--hash=")
    return parsed


def environment(python):
    return {**default_environment(), "python_version": python, "python_full_version": f"{python}.1"}


def needed_by(requirement, python):
    """What an installed package needs under a Python, with the extras that are asked of it."""
    found = distribution(requirement.name)
    for line in found.requires or ():
        need = Requirement(line)
        if need.marker is None or any(
            need.marker.evaluate({**environment(python), "extra": extra})
            for extra in ("", *requirement.extras)
        ):
            yield need


def test_three_pythons_are_named_and_the_same_ones_everywhere():
    assert PYTHONS == ["3.11", "3.12", "3.13"]
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [one for one in ("3.10", *PYTHONS, "3.14") if allowed.contains(f"{one}.0")] == PYTHONS
    setup = runpy.run_path(str(ROOT / ".ci" / "setup.py"), run_name="read")
    named = [".".join(map(str, setup[name])) for name in ("MIN_PYTHON", "MAX_PYTHON")]
    assert named == [PYTHONS[0], PYTHONS[-1]]
    assert "Python 3.11, 3.12 or 3.13" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_of_the_lock_takes_every_python(lock, python):
    for name, (requirement, files) in locked(lock).items():
        assert files > 0, name
        try:
            found = distribution(name)
        except PackageNotFoundError:
            assert requirement.marker is not None, f"{name} of {lock} is not installed"
            continue
        wanted = found.metadata["Requires-Python"]
        assert SpecifierSet(wanted or "").contains(f"{python}.1"), f"{name} wants {wanted}"


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", PYTHONS)
def test_what_a_python_needs_is_in_the_lock(lock, python):
    """Followed from the project's own dependencies through all that is installed."""
    packages = locked(lock)
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"]]
    if lock == "requirements-test.lock":
        wanted += [one for extra in extras.values() for one in extra]
    waiting = [one for one in map(Requirement, wanted) if one.name != PROJECT["name"]]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = name, frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        assert name in packages, f"{requirement} is not in {lock}, and Python {python} needs it"
        entry = packages[name][0]
        assert requirement.specifier.contains(
            str(entry.specifier).removeprefix("=="), prereleases=True
        )
        if entry.marker is None or entry.marker.evaluate(environment(python)):
            waiting.extend(needed_by(requirement, python))
    assert len(seen) > 100
