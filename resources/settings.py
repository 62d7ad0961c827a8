"""Every setting of ReviewGraph, once.

Each field can be set by an environment variable with the prefix ``REVIEWGRAPH_`` or in a ``.env``
file in the working directory. Settings are read at the edges (the command line, the Dagster
definitions, the API's factory) and passed on; no other module reads the environment.
"""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What one installation of ReviewGraph is told from outside.

    Attributes:
        home: The folder that holds everything local: database, lake, snapshots, objects, secrets.
        database_url: Owner's URL of a PostgreSQL database (``postgresql://user:password@host/db``);
            the embedded server in ``home`` is used when it is not set.
        lake_url: Where the Delta tables live, a folder or ``s3://bucket/prefix``.
        objects_url: Where report files live, a folder or ``s3://bucket/prefix``.
        snapshots_url: Where the tenants' snapshots live, a folder or ``s3://bucket/prefix``. Set
            to an address, it lets the graph and the API run on different machines.
        snapshots_cache: How much of the snapshots at an address is kept in ``home`` to read from,
            for example ``8GiB``; what was not asked for the longest goes first.
        s3_endpoint: Address of an S3-compatible server; the provider's own when not set.
        engine: Which engine normalises reviews and computes the daily facts.
        spark_master: ``local[N]``, a cluster address, or ``sc://host`` for Spark Connect.
        workers: Processes that understand text side by side; the number of cores when 0.
        analysis_seconds: How long one request to annotate texts (``/v1/analyze``) may take, waiting
            for its turn included; it is ended then and answered with 503.
        dataforseo_url: Base address of the DataForSEO API. With no login set, the sandbox is used.
        secret_key: Signs access tokens and derives database passwords; made and kept in ``home``
            when not set.
        snapshots_kept: How many unreferenced older snapshot versions a tenant keeps.
        chromium: The browser that prints reports; found on the PATH when not set.
    """

    model_config = SettingsConfigDict(env_prefix="REVIEWGRAPH_", env_file=".env", extra="ignore")

    home: Path = PROJECT_ROOT / ".reviewgraph"
    database_url: SecretStr | None = None
    lake_url: str | None = None
    objects_url: str | None = None
    snapshots_url: str | None = None
    snapshots_cache: ByteSize = ByteSize(4 * 2**30)
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None
    engine: Literal["polars", "spark"] = "polars"
    spark_master: str = "local[2]"
    workers: int = 0
    analysis_seconds: PositiveFloat = 60.0
    dataforseo_url: str = "https://api.dataforseo.com"
    dataforseo_login: str | None = None
    dataforseo_password: SecretStr | None = None
    secret_key: SecretStr | None = None
    snapshots_kept: int = 2
    chromium: Path | None = None

    @property
    def lake_location(self) -> str:
        """Root of the lake's tables, a local path or an ``s3://`` address."""
        return self.lake_url or str(self.home / "lake")

    @property
    def objects_location(self) -> str:
        """Root of the object store, a local path or an ``s3://`` address."""
        return self.objects_url or str(self.home / "objects")

    @property
    def snapshots_location(self) -> str:
        """Root of the tenants' snapshots, a local path or an ``s3://`` address."""
        return self.snapshots_url or str(self.home / "snapshots")

    @property
    def snapshots_path(self) -> Path:
        """Folder of the tenants' published snapshots, where they are in a folder."""
        return self.home / "snapshots"

    @property
    def snapshots_cache_path(self) -> Path:
        """Folder of the copies of snapshots that are published at an address."""
        return self.home / "cache" / "snapshots"

    @property
    def scratch_path(self) -> Path:
        """Folder for files that live no longer than the run that writes them."""
        return self.home / "scratch"

    @property
    def worker_count(self) -> int:
        """Processes that work side by side."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def s3_options(self) -> dict[str, str]:
        """Storage options for ``s3://`` locations, as deltalake and obstore both spell them."""
        options = {"aws_region": self.s3_region}
        if self.s3_endpoint:
            options["aws_endpoint_url"] = self.s3_endpoint
            options["aws_allow_http"] = str(self.s3_endpoint.startswith("http://")).lower()
        if self.s3_access_key_id and self.s3_secret_access_key:
            options["aws_access_key_id"] = self.s3_access_key_id
            options["aws_secret_access_key"] = self.s3_secret_access_key.get_secret_value()
        return options

    @cached_property
    def signing_key(self) -> str:
        """The secret key: the configured one, else one made once and kept in ``home``."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        path = self.home / "secret_key"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"secret_key.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48))
            try:
                os.link(draft, path)  # atomic, and the first of two starters wins
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text()
