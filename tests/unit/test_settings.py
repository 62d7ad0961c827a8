"""Settings: paths that mean the same everywhere, and values that can never be right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resources.errors import WrongUsageError
from resources.home import note_address
from resources.settings import PROJECT_ROOT, Settings, SettingsError

LOCATIONS = {
    "lake_url": "lake_location",
    "objects_url": "objects_location",
    "snapshots_url": "snapshots_location",
}


@pytest.fixture(autouse=True)
def _somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("REVIEWGRAPH_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("given", ["data", "./data", "x/../data"])
def test_a_relative_home_is_taken_from_the_folder_of_the_process(given, tmp_path, monkeypatch):
    monkeypatch.setenv("REVIEWGRAPH_HOME", given)
    assert Settings().home == tmp_path / "data"


@pytest.mark.parametrize("name", LOCATIONS)
def test_every_location_that_is_a_folder_is_absolute(name, tmp_path, monkeypatch):
    monkeypatch.setenv(f"REVIEWGRAPH_{name.upper()}", "below/here")
    assert getattr(Settings(), LOCATIONS[name]) == str(tmp_path / "below" / "here")


@pytest.mark.parametrize("name", LOCATIONS)
def test_an_address_stays_as_it_is(name):
    settings = Settings(_env_file=None, **{name: "s3://bucket/prefix"})
    assert getattr(settings, LOCATIONS[name]) == "s3://bucket/prefix"


def test_a_file_address_is_the_folder_it_names():
    settings = Settings(_env_file=None, lake_url="file:///srv/the%20lake")
    assert settings.lake_location == "/srv/the lake"


def test_links_lead_to_the_public_address_else_to_where_the_api_was_last(tmp_path):
    settings = Settings(_env_file=None, home=tmp_path)
    assert settings.site == "http://127.0.0.1:8000"
    note_address(tmp_path, "http://127.0.0.1:8123")
    assert settings.site == "http://127.0.0.1:8123"
    assert "REVIEWGRAPH_PUBLIC_URL" not in settings.environment()
    for spoilt in ("", "http://evil.example", "http://127.0.0.1:8123@evil.example", "\udcff"):
        (tmp_path / "api_address").write_bytes(spoilt.encode(errors="surrogateescape"))
        assert settings.site == "http://127.0.0.1:8000"
    note_address(tmp_path, "http://127.0.0.1:8123")
    public = Settings(_env_file=None, home=tmp_path, public_url="https://reviews.example.com/")
    assert public.site == "https://reviews.example.com"


def test_no_path_setting_can_be_relative():
    """Every setting whose type is a path, those of tomorrow too."""
    paths = [
        name
        for name, field in Settings.model_fields.items()
        if "Path" in str(field.annotation) or (name.endswith("_url") and name in LOCATIONS)
    ]
    assert {"home", "chromium", *LOCATIONS} == set(paths)
    settings = Settings(_env_file=None, **dict.fromkeys(paths, "a"))
    assert all(Path(getattr(settings, name)).is_absolute() for name in paths)


def test_a_tilde_is_the_user_s_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    monkeypatch.setenv("REVIEWGRAPH_HOME", "~/reviews")
    assert Settings().home == tmp_path / "ann" / "reviews"


def test_a_relative_path_in_the_env_file_is_absolute_too(tmp_path):
    (tmp_path / ".env").write_text("REVIEWGRAPH_HOME=from-the-file\n")
    assert Settings().home == tmp_path / "from-the-file"


def test_a_variable_set_to_nothing_is_not_set(monkeypatch):
    monkeypatch.setenv("REVIEWGRAPH_HOME", "")
    monkeypatch.setenv("REVIEWGRAPH_WORKERS", "")
    assert Settings(_env_file=None).home == PROJECT_ROOT / ".reviewgraph"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "-1"),
        ("SNAPSHOTS_KEPT", "-2"),
        ("SNAPSHOTS_CACHE", "a lot"),
        ("ENGINE", "pandas"),
        ("LAKE_URL", "gs://bucket/lake"),
        ("OBJECTS_URL", "http://example.com/objects"),
        ("HOME", "~nobody-of-that-name/data"),
    ],
)
def test_a_value_that_cannot_be_right_names_its_variable(variable, value, monkeypatch):
    monkeypatch.setenv(f"REVIEWGRAPH_{variable}", value)
    with pytest.raises(SettingsError, match=f"REVIEWGRAPH_{variable} cannot be used") as refused:
        Settings()
    assert isinstance(refused.value, WrongUsageError)


def test_children_in_another_folder_get_the_same_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("REVIEWGRAPH_HOME", "data")
    monkeypatch.setenv("REVIEWGRAPH_LAKE_URL", "lake")
    monkeypatch.setenv("REVIEWGRAPH_SNAPSHOTS_CACHE", "1GiB")
    monkeypatch.setenv("REVIEWGRAPH_SECRET_KEY", "k" * 40)
    told = Settings().environment()
    program = (
        "from resources.settings import Settings; s = Settings(_env_file=None); "
        "print(s.home, s.lake_location, int(s.snapshots_cache), s.signing_key)"
    )
    (tmp_path / "elsewhere").mkdir()
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "elsewhere",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), **told},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [tmp_path / "data", tmp_path / "lake", 2**30, "k" * 40]
    assert answer.stdout.split() == [str(one) for one in expected]
