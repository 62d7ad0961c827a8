"""Every setting of ReviewGraph, once.

Each field can be set by an environment variable with the prefix ``REVIEWGRAPH_`` or in a ``.env``
file in the working directory. Settings are read at the edges (the command line, the Dagster
definitions, the API's factory) and passed on; no other module reads the environment.
"""

from __future__ import annotations

import os
import re
import secrets
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    ByteSize,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resources import home as private
from resources.errors import WrongUsageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_PREFIX = "REVIEWGRAPH_"
_FIRST_SITE = "http://127.0.0.1:8000"  # of an API that never ran, and by default will run there
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_HOST_NAME = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class SettingsError(WrongUsageError):
    """A setting that can never be right; the message names its variable."""


class Settings(BaseSettings):
    """What one installation of ReviewGraph is told from outside.

    Every path is absolute once it is read: a relative one is taken from the folder in which the
    process was started, ``~`` is the home folder of its user. A variable that is set to nothing is
    not set.

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
        graphql_introspection: Whether GraphQL tells its schema to whoever has an account. Not by
            default: a page that is finished does not ask.
        dataforseo_url: Base address of the DataForSEO API. With no login set, the sandbox is used.
        requests_per_minute: How many requests one user or API key may send to the API in a minute;
            a tenant as many as its plan allows.
        cors_origins: The origins whose pages may call the API from a browser, separated by commas,
            for example ``https://app.example.com``; none when not set.
        secret_key: Signs access tokens and derives database passwords; made and kept in ``home``
            when not set.
        secret_key_previous: The secret key that ``secret_key`` has replaced, as long as what it
            signed or sealed shall still be read.
        trusted_proxies: Networks of the proxies in front of the API, for example
            ``10.0.0.0/8,192.0.2.7``; only what they say of whom they pass on is believed.
        allowed_hosts: Names under which the API answers besides those of this machine and of
            ``public_url``, separated by commas; ``*`` for every name. Not set, it answers under
            every name where there are trusted proxies, which are to look at it themselves.
        loopback_identity_providers: Whether identity providers may be on this machine and speak
            plain HTTP. For tests and trials alone: a tenant names the address that is asked.
        snapshots_kept: How many unreferenced older snapshot versions a tenant keeps.
        import_unpacked: The largest that one imported file may be, on disk and unpacked. The other
            limits of a file are in ``resources/collection/importing/limits.py``.
        import_memory: The most memory of the process that reads a workbook or Parquet file.
        chromium: The browser that prints reports; found on the PATH when not set.
        smtp_url: The mail server, ``smtps://user:password@host:465`` or ``smtp://host:587``; when
            it is not set, mails go to the sandbox (``reviewgraph mail list``).
        mail_from: Whom mails are from.
        metrics_token: What a Prometheus server shows as bearer token to read ``/metrics``; without
            one, only who asks from this machine, through no proxy, may, and nobody where others
            reach the installation by ``public_url`` or ``trusted_proxies``.
        traces_endpoint: Where traces go, the address of an OpenTelemetry collector such as
            ``http://127.0.0.1:4318/v1/traces``; nothing is traced when it is not set.
        traces_share: The share of requests that are traced, from 0 to 1.
        public_url: Where people reach this installation; links in mails begin with it. Without one
            they begin with the address on this machine that the API last served at.

    Raises:
        SettingsError: A value cannot be right.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )

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
    workers: int = Field(0, ge=0)
    analysis_seconds: PositiveFloat = 60.0
    graphql_introspection: bool = False
    dataforseo_url: str = "https://api.dataforseo.com"
    dataforseo_login: str | None = None
    dataforseo_password: SecretStr | None = None
    requests_per_minute: PositiveInt = 1200
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    secret_key: SecretStr | None = None
    secret_key_previous: SecretStr | None = None
    trusted_proxies: str = ""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    loopback_identity_providers: bool = False
    snapshots_kept: int = Field(2, ge=0)
    import_unpacked: ByteSize = ByteSize(16 * 2**30)
    import_memory: ByteSize = ByteSize(3 * 2**30)
    chromium: Path | None = None
    smtp_url: SecretStr | None = None
    mail_from: str = "ReviewGraph <no-reply@reviewgraph.invalid>"
    public_url: str | None = None
    metrics_token: SecretStr | None = None
    traces_endpoint: str | None = None
    traces_share: float = Field(1.0, ge=0, le=1)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise SettingsError(_what_is_wrong(error)) from None

    @field_validator("home", "chromium")
    @classmethod
    def _absolute_path(cls, path: Path | None) -> Path | None:
        return None if path is None else _absolute(path)

    @field_validator("lake_url", "objects_url", "snapshots_url")
    @classmethod
    def _absolute_location(cls, location: str | None) -> str | None:
        """A folder as an absolute path, an address as it is."""
        if location is None or location.startswith("s3://"):
            return location
        if location.startswith("file:///"):
            location = unquote(urlsplit(location).path)
        if "://" in location:
            raise ValueError(f"{location.partition('://')[0]}:// is neither a folder nor s3://")
        return str(_absolute(Path(location)))

    @field_validator("traces_endpoint")
    @classmethod
    def _plain_address(cls, given: str | None) -> str | None:
        parts = urlsplit(given or "http://none")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("write an address such as http://127.0.0.1:4318/v1/traces")
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str) -> str:
        _networks_in(given)
        return given

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _exact_origins(cls, given: object) -> object:
        """Origins as browsers spell them: no pattern, no path, no slash at the end."""
        if not isinstance(given, str):
            return given
        origins = tuple(origin.strip() for origin in given.split(",") if origin.strip())
        for origin in origins:
            parts = urlsplit(origin)
            is_exact = origin == f"{parts.scheme}://{parts.netloc}" and "*" not in origin
            if parts.scheme not in {"http", "https"} or not parts.netloc or not is_exact:
                raise ValueError(
                    "name exact origins such as https://app.example.com, separated by commas"
                )
        return origins

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _bare_names(cls, given: object) -> object:
        """Names or addresses alone, small: a port or a scheme would be compared with nothing."""
        if not isinstance(given, str):
            return given
        names = tuple(name.strip().lower() for name in given.split(",") if name.strip())
        for name in names:
            if name != "*" and not _HOST_NAME.fullmatch(name):
                raise ValueError(
                    "write names such as reviews.example.com,[fd00::7] without schemes and ports, "
                    "or * for every name"
                )
        return names

    def environment(self) -> dict[str, str]:
        """The settings as variables, for processes that are started in another folder.

        What is not set is left out.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"{_PREFIX}{name.upper()}": _spelled(value)
            for name, value in values.items()
            if value is not None
        }

    @property
    def site(self) -> str:
        """Where people reach this installation: how links begin, without a slash at the end."""
        return (self.public_url or private.noted_address(self.home) or _FIRST_SITE).rstrip("/")

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
    def mails_path(self) -> Path:
        """Folder of the mails that the sandbox has taken."""
        return self.home / "mails"

    @property
    def scratch_path(self) -> Path:
        """Folder for files that live no longer than the run that writes them."""
        return self.home / "scratch"

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of the proxies that are trusted."""
        return _networks_in(self.trusted_proxies)

    @property
    def host_names(self) -> frozenset[str] | None:
        """The names under which the API answers; None for every name."""
        if "*" in self.allowed_hosts or (self.trusted_proxies and not self.allowed_hosts):
            return None
        parts = urlsplit(self.site)
        public = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return frozenset({*_LOOPBACK_NAMES, *self.allowed_hosts, public or "localhost"})

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
            private.make_private(self.home)
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


def _networks_in(given: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks in a list with commas."""
    try:
        return tuple(ip_network(part.strip()) for part in given.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{error}; write networks such as 10.0.0.0/8,192.0.2.7") from error


def _absolute(path: Path) -> Path:
    """A path that means the same wherever a process of ReviewGraph works."""
    try:
        return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - takes ".." out as well
    except RuntimeError as error:
        raise ValueError(f"{path} names a user's home folder that is not known") from error


def _spelled(value: object) -> str:
    """A setting's value as its variable holds it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value)) if isinstance(value, ByteSize) else str(value)


def _what_is_wrong(error: ValidationError) -> str:
    """Name the variables that cannot be right, without the values: some are passwords."""
    told = [
        f"{_PREFIX}{str(one['loc'][0]).upper()} cannot be used: "
        f"{one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_input=False, include_url=False)
    ]
    return f"{'. '.join(told)}. Change it in the environment or in .env; .env.example lists all."
