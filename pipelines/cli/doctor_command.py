"""``reviewgraph doctor``: whether this machine has what ReviewGraph needs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import typer

from pipelines.cli import console
from pipelines.cli.explaining import brief

_MIN_FREE_BYTES = 2 * 2**30


def doctor() -> None:
    """Check Python, PostgreSQL, the lake, the browser, Java, the models and their speed."""
    checks: list[tuple[str, bool, Callable[[], str]]] = [
        ("Python", True, _python),
        ("Disk", True, _disk),
        ("PostgreSQL", True, _postgresql),
        ("Lake", True, _lake),
        ("Language models", True, _models),
        ("Chromium (reports)", True, _browser),
        ("Java (Spark engine)", False, _java),
        ("DataForSEO", False, _dataforseo),
    ]
    rows, broken = [], False
    for name, is_needed, check in checks:
        try:
            rows.append((name, "ok", check()))
        except Exception as error:  # noqa: BLE001 - a doctor reports every illness
            broken = broken or is_needed
            rows.append((name, "missing" if is_needed else "optional", _said(error)))
    console.table(("what", "state", "details"), rows)
    _show_tiers()
    if broken:
        raise typer.Exit(1)


def _show_tiers() -> None:
    from pipelines.cli.doctor_tiers import examine_tiers, rows_of

    console.heading("How thoroughly reviews can be annotated here")
    console.table(
        ("tier", "state", "reviews/s, one core", "cost", "details"), rows_of(examine_tiers())
    )


def _said(error: Exception) -> str:
    """What a check found wrong: a foreseen error in full, of any other its first line."""
    from resources.errors import ReviewGraphError

    return str(error) if isinstance(error, ReviewGraphError) else brief(error)


def _python() -> str:
    return sys.version.split()[0]


def _disk() -> str:
    from resources.errors import ReviewGraphError
    from resources.home import make_private
    from resources.settings import Settings

    home = Settings().home
    make_private(home)
    free = shutil.disk_usage(home).free
    if free < _MIN_FREE_BYTES:
        raise ReviewGraphError(f"only {free / 2**30:.1f} GiB are free at {home}; make room")
    return f"{free / 2**30:.0f} GiB free at {home}"


def _postgresql() -> str:
    from pipelines.session import open_session

    with open_session() as session, session.database.jobs() as work:
        kind = "external" if session.settings.database_url else "embedded"
        return f"{kind}, migrated, {len(work.tenants.list())} tenants"


def _lake() -> str:
    from resources.settings import Settings
    from resources.storage.lake import Lake
    from resources.storage.schemas import TABLES

    settings = Settings()
    lake = Lake.from_settings(settings)
    versions = {name: lake.version(spec) for name, spec in TABLES.items()}
    written = sum(version >= 0 for version in versions.values())
    return f"{settings.lake_location}, {written} of {len(versions)} tables written"


def _models() -> str:
    from resources.nlp.context import default_context

    return ", ".join(f"{name} {version}" for name, version in default_context().versions().items())


def _browser() -> str:
    from resources.reporting.printing import find_chromium
    from resources.settings import Settings

    return str(find_chromium(Settings().chromium))


def _java() -> str:
    from resources.engine.java import find_java_home

    return str(find_java_home())


def _dataforseo() -> str:
    from resources.errors import ReviewGraphError
    from resources.settings import Settings

    settings = Settings()
    if not settings.dataforseo_login:
        raise ReviewGraphError("no login set; `reviewgraph up` starts the sandbox instead")
    return settings.dataforseo_url
