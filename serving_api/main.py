"""The application: every slice behind one edge, on the resources it was given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from resources.database import Database
from resources.outgoing import OutgoingClient
from resources.privacy.copies import GoneCopies
from resources.settings import Settings
from resources.storage.lake import Lake
from resources.storage.objects import ObjectStore
from resources.storage.snapshots import SnapshotStore
from resources.telemetry import spans
from serving_api.accounts import page as confirming
from serving_api.accounts import routes as accounts
from serving_api.analysis import routes as analysis
from serving_api.analysis.metering import Meter
from serving_api.analysis.service import Analyzer
from serving_api.api_keys import routes as api_keys
from serving_api.corrections import routes as corrections
from serving_api.documentation import page as documentation
from serving_api.documentation import problems
from serving_api.enrichment import routes as enrichment
from serving_api.events import routes as events
from serving_api.events.hub import EventHub
from serving_api.exports import routes as exports
from serving_api.graphql import routes as graphql
from serving_api.graphql.execution import GraphQL
from serving_api.health import routes as health
from serving_api.identity import routes as identity
from serving_api.identity.passwords import PasswordChecks
from serving_api.identity_providers import routes as identity_providers
from serving_api.imports import routes as imports
from serving_api.introduction import INTRODUCTION
from serving_api.kit import errors, openapi
from serving_api.kit.caching import AnswerCache, KeptBody
from serving_api.kit.cors import allow
from serving_api.kit.edge import Edge
from serving_api.kit.hosts import AllowedHosts
from serving_api.kit.hot_path import HotPath
from serving_api.kit.key_checks import KeyChecks
from serving_api.kit.keyring import KeyRing
from serving_api.kit.limits import Allowances
from serving_api.kit.memory import Memory
from serving_api.kit.paging import Cursors
from serving_api.kit.proxies import TrustedProxies
from serving_api.kit.services import Services
from serving_api.kit.tokens import Tokens, require_long_secret
from serving_api.members import routes as members
from serving_api.metrics import routes as metrics
from serving_api.privacy import routes as privacy
from serving_api.reports import routes as reports
from serving_api.reviews import routes as reviews
from serving_api.runs import routes as runs
from serving_api.second_factors import routes as second_factors
from serving_api.sessions import routes as sessions
from serving_api.sessions.sign_ins import SignIns
from serving_api.single_sign_on import routes as single_sign_on
from serving_api.single_sign_on.service import SingleSignOn
from serving_api.sources import routes as sources
from serving_api.tenant_settings import routes as tenant_settings
from serving_api.tenants import routes as tenants
from serving_api.topics import routes as topics
from serving_api.workspaces import routes as workspaces

SLICES = (
    identity,
    sessions,
    accounts,
    second_factors,
    single_sign_on,
    identity_providers,
    tenants,
    api_keys,
    members,
    workspaces,
    tenant_settings,
    exports,
    metrics,
    topics,
    reviews,
    sources,
    imports,
    runs,
    corrections,
    enrichment,
    analysis,
    reports,
    privacy,
    graphql,
    events,
    health,
)
"""The slices of the API, in the order in which its documentation tells of them."""


def create_app(
    settings: Settings,
    database: Database | None = None,
    snapshots: SnapshotStore | None = None,
    objects: ObjectStore | None = None,
    lake: Lake | None = None,
) -> FastAPI:
    """Build the API.

    What is passed in belongs to the caller and stays open; what is not is opened when the
    application starts and closed when it ends.

    Args:
        settings: The installation's settings.
        database: The application's database, migrated.
        snapshots: Where the numbers are published.
        objects: Where the files of reports are.
        lake: Where the reviews' earlier versions and the rejected rows are; only ever read.

    Raises:
        ValueError: If the secret key is too short to sign tokens with.
    """
    require_long_secret(settings.signing_key)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as resources:
            resources.enter_context(
                spans.running(settings.traces_endpoint, "reviewgraph-api", settings.traces_share)
            )
            if database is None:
                used_database = resources.enter_context(Database(settings))
            else:
                used_database = database
            if snapshots is None:
                used_snapshots = SnapshotStore.from_settings(settings)
                resources.callback(used_snapshots.close)
            else:
                used_snapshots = snapshots
            await run_in_threadpool(used_database.version)  # fails here rather than at a request
            keyring = KeyRing(used_database)
            await run_in_threadpool(keyring.prepare)
            tokens = Tokens(keyring)
            answers: AnswerCache[KeptBody] = AnswerCache()
            memory = Memory(answers, on_other_keys=keyring.distrust)
            copies = resources.enter_context(GoneCopies(used_database, used_snapshots))
            resources.enter_context(memory.watch(used_database.app_url, copies))
            app.state.services = Services(
                database=used_database,
                snapshots=used_snapshots,
                lake=lake or Lake.from_settings(settings),
                objects=objects or ObjectStore.from_settings(settings),
                keyring=keyring,
                tokens=tokens,
                key_checks=KeyChecks(used_database),
                cursors=Cursors(used_database.keys),
                answers=answers,
                allowances=Allowances(used_database),
                memory=memory,
                requests_per_minute=settings.requests_per_minute,
            )
            app.state.sign_ins = SignIns(used_database, tokens)
            app.state.passwords = PasswordChecks(used_database, settings.worker_count)
            resources.callback(app.state.passwords.close)
            outgoing = OutgoingClient(
                "identity-providers", loopback=settings.loopback_identity_providers
            )
            app.state.single_sign_on = SingleSignOn(
                app.state.passwords, app.state.sign_ins, outgoing, settings.site
            )
            app.state.meter = Meter(used_database)
            resources.callback(app.state.meter.close)
            app.state.analyzer = Analyzer.with_workers(
                settings.worker_count,
                seconds=settings.analysis_seconds,
                metered=app.state.meter.count,
            )
            app.state.graphql = GraphQL(introspection=settings.graphql_introspection)
            app.state.event_hub = EventHub(used_database.app_url)
            await app.state.event_hub.start()
            try:
                yield
            finally:
                await app.state.event_hub.stop()
                await outgoing.close()

    app = FastAPI(
        title="ReviewGraph",
        version=version("reviewgraph"),
        summary="What customers write about a business, as numbers that lead back to the reviews.",
        description=INTRODUCTION,
        openapi_tags=[routes.TAG for routes in SLICES],
        openapi_url="/openapi.json",
        docs_url=None,  # that page loads scripts of others; ours loads nothing
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for routes in SLICES:
        app.include_router(routes.router)
    _install(app, settings)
    return app


def _install(app: FastAPI, settings: Settings) -> None:
    """Put round the slices what all of them owe to clients and operators."""
    errors.install(app)
    openapi.install(app)
    documentation.install(app)
    confirming.install(app)
    problems.install(app)
    app.add_middleware(HotPath)
    if settings.cors_origins:
        allow(app, settings.cors_origins)
    app.add_middleware(
        Edge,
        proxies=TrustedProxies(settings.proxy_networks),
        hosts=AllowedHosts(settings.host_names),
    )
    if settings.traces_endpoint is not None:
        from resources.telemetry.watching import watch_requests

        watch_requests(app)
