"""A person who can be found everywhere, and a search of everything for them.

The search knows nothing of the code under test: it dumps every table of every schema as text,
decodes every Parquet file and takes its bytes, unpacks workbooks and reads PDFs.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import NullPool, create_engine, text

from pipelines.cli.summaries import copy_report
from pipelines.file_import import FileImport
from pipelines.launch import dagster_instance
from pipelines.session import Session
from resources.storage.schemas import TABLES
from tests.pdf_text import pages_of

AUTHOR = "Canaria Vögelin-Zeta"
SPELLINGS = (AUTHOR, "canaria  VÖGELIN-ZETA", "Canaria V&ouml;gelin-Zeta")
NAME = "gelin-Zeta"
WORDS = "zebrafinch-7421"
"""In everything that the person wrote for the tenant."""

OTHER_WORDS = "budgerigar-9053"
"""In what a namesake wrote for the other tenant."""

HEADER = ("id", "author", "author_id", "title", "text", "rating", "date", "product")


@dataclass(frozen=True)
class Reviews:
    """What a tenant's file holds.

    Attributes:
        tenant: The tenant.
        words: In what the person wrote.
        count: How many reviews there are; one in ten is the person's.
    """

    tenant: str
    words: str
    count: int = 80

    def rows(self) -> list[dict[str, str]]:
        rows = []
        for n in range(self.count):
            is_own = n % 10 == 0
            # Long enough to be quoted in a report, which what the others say is not.
            spoken = (
                f"The delivery was terribly <b>late</b> & the price is far too high, says "
                f'{self.words} on line {n}. Horrible "service", never again!'
            )
            rows.append(
                {
                    "id": f"r{n}",
                    "author": SPELLINGS[n // 10 % 3] if is_own else f"Author {n}",
                    "author_id": "acct-77" if is_own else f"acct-9{n}",
                    "title": f"{self.words} is angry" if is_own else "A kettle",
                    "text": spoken if is_own else f"Late delivery, kettle {n}.",
                    "rating": "1" if is_own else str(1 + n % 5),
                    "date": "2026-13-45" if n == 70 else f"2026-01-{1 + n % 28:02d}",
                    "product": "Kettle",
                }
            )
        return rows


def bring_in(session: Session, reviews: Reviews, folder: Path) -> FileImport:
    """Import the tenant's reviews and carry them to a report."""
    path = folder / f"{reviews.tenant}.csv"
    pl.DataFrame(reviews.rows()).write_csv(path)
    work = FileImport.of(session, reviews.tenant, path, source="shop")
    work.create_tenant_if_new()
    landing = work.land()
    work.process(landing)
    work.write_rejects(landing, session.settings.home / "rejects" / f"{reviews.tenant}-shop.csv")
    return work


def plant(session: Session, tenant: str) -> None:
    """Let the person be quoted where only an accident or a user would put them."""
    key = own_keys(session, tenant)[0]
    quoting = f"cannot read '{WORDS} is angry' of {AUTHOR}"
    with session.database.jobs() as work:
        document = work.reports.list(tenant)[0]
        work.corrections.record(
            tenant, key, "topics", ["price"], author="ann", note=f"{AUTHOR} means the price"
        )
        request = work.reports.request(tenant, requested_by="ann")
        claimed = work.reports.claim("no run", request.id)
        work.reports.add_document(
            tenant,
            snapshot_version=document.snapshot_version,
            title=document.title,
            review_count=document.review_count,
            files=list(document.files),
            request_id=claimed.id,
        )
        work.reports.finish(claimed)
        work.session.execute(
            text(
                "update reviewgraph.stage_runs set error = :said"
                " where tenant_id = :tenant and stage = 'reported'"
            ),
            {"said": quoting, "tenant": tenant},
        )
        work.nlp_settings.use_models(tenant, str(session.settings.home / "models" / tenant / "v1"))
    with dagster_instance(session) as instance:
        run = instance.get_runs(limit=1)[0]
        instance.report_engine_event(quoting, run)
        instance.add_run_tags(run.run_id, {"said": json.dumps(quoting)})
    copy_report(session, document)
    home = session.settings.home
    for path, content in {
        "logs/api.log": json.dumps({"event": "x", "message": quoting}) + "\n",
        f"models/{tenant}/v1/words.json": json.dumps({"usual": [WORDS]}),
        "scratch/marts-0e6e8f5e-0000-4000-8000-000000000000/current.json": quoting,
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(content)
    session.objects.put(tenant, quoting.encode(), suffix=".html")  # of a run that was killed


def own_keys(session: Session, tenant: str) -> list[str]:
    """Keys of the person's reviews."""
    reviews = session.lake.read(TABLES["reviews"], tenants=[tenant]).frame
    own = reviews.filter(pl.col("author").str.contains("(?i)canaria"))
    return sorted(own.collect()["review_key"].unique())


def found_in(
    session: Session, needle: str, *, tenant: str | None = None, stores: Path | None = None
) -> set[str]:
    """The kinds of place in which something stands, of one tenant where places are by tenant.

    Args:
        session: The installation.
        needle: What to look for.
        tenant: Whose places; everybody's when not given.
        stores: Where the files of lake, snapshots and objects lie; the home when not given.
    """
    home = session.settings.home
    stores = stores or home
    places = {f"table {name}" for name, dump in tables(session) if needle in dump}
    for name, spec in TABLES.items():
        rows = session.lake.read(spec, tenants=None if tenant is None else [tenant]).frame
        if needle in rows.collect().write_ndjson():
            places.add(f"lake {name}")
    for path in sorted((stores / "lake").rglob("*")):
        if path.is_file() and (needle.encode() in path.read_bytes() or _decoded(path, needle)):
            owners = _owners(path)
            if tenant is None or owners is None or tenant in owners:
                places.add(f"files of lake {path.relative_to(stores / 'lake').parts[0]}")
    for folder, kind in (("snapshots", "snapshot"), ("objects/tenants", "object")):
        for path in sorted((stores / folder / (tenant or "")).rglob("*")):
            if path.is_file() and needle in _spoken(path):
                places.add(kind)
    return places | _found_in_files(home, needle, tenant)


def _found_in_files(home: Path, needle: str, tenant: str | None) -> set[str]:
    places = set()
    for folder in ("logs", "rejects", "reports", "models", "scratch", "cache", "dagster"):
        for path in sorted((home / folder).rglob("*")):
            is_other = tenant is not None and folder != "logs" and "bolt" in str(path)
            if path.is_file() and not is_other and needle in _spoken(path):
                places.add(f"file {folder}")
    return places


def tables(session: Session):
    """Every table of every schema of the database, with all its rows as text."""
    engine = create_engine(session.database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        names = connection.execute(
            text(
                "select table_schema, table_name from information_schema.tables"
                " where table_type = 'BASE TABLE'"
                " and table_schema not in ('pg_catalog', 'information_schema')"
            )
        ).all()
        for schema, name in names:
            rows = connection.execute(text(f'select t::text from "{schema}"."{name}" t')).scalars()
            yield f"{schema}.{name}", "\n".join(rows)


def _decoded(path: Path, needle: str) -> bool:
    if path.suffix != ".parquet":
        return False
    return needle in pl.read_parquet(path, hive_partitioning=False).write_json()


def _owners(path: Path) -> set[str] | None:
    if path.suffix != ".parquet" or "_delta_log" in str(path):
        return None
    frame = pl.read_parquet(path)
    return set(frame["tenant_id"]) if "tenant_id" in frame.columns else None


def _spoken(path: Path) -> str:
    """What a file says to whoever opens it with its program, beside its bytes."""
    content = path.read_bytes()
    said = content.decode("utf-8", "replace")
    if path.suffix == ".parquet":
        said += pl.read_parquet(path).write_json()
    elif path.suffix == ".pdf":
        said += " ".join(pages_of(content)).replace("\n", " ")
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            said += "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return said
