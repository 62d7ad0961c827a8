"""What the routes of the API declare of themselves fits together, and the kit names no slice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from resources.database import Database
from resources.settings import Settings
from serving_api import kit
from serving_api.health import routes as health
from serving_api.identity.passwords import MAX_WORKERS
from serving_api.kit.edge import DEFAULT_MAX_BODY_BYTES
from serving_api.kit.key_checks import MAX_CONCURRENT_KEYS
from serving_api.main import SLICES
from serving_api.sessions.sign_ins import MAX_CONCURRENT_SIGN_INS

READINESS = 1  # it asks the database without a limit of its own
STREAMS = 1  # they read one after the other, see serving_api.events.hub
LOOKING_AT_KEYS = 1  # one request at a time looks at the keys of tokens
# Passwords are checked, and sessions begun, by threads of their own; public keys are in memory.
LIMITED_OTHERWISE = {
    "begin_second_factor",
    "change_email",
    "change_password",
    "confirm_new_email",
    "confirm_second_factor",
    "finish_single_sign_on",
    "forget_password",
    "give_code",
    "log_in",
    "read_signing_keys",
    "refresh_session",
    "register",
    "register_with_invitation",
    "remove_second_factor",
    "renew_recovery_codes",
    "reset_password",
    "start_single_sign_on",
    "verify_email",
}


def limits_of(dependant):
    """The limits among what a route depends on; one that several routes share is one object."""
    if dependant.concurrency is not None:
        yield dependant.concurrency
    for below in dependant.dependencies:
        yield from limits_of(below)


def test_requests_never_wait_for_each_other_s_database_connections():
    limits = {
        limit
        for routes in SLICES
        for route in routes.router.routes
        for limit in limits_of(route.dependant)
    }
    settings = Settings(
        _env_file=None,
        database_url="postgresql://owner:secret@127.0.0.1:1/nowhere",
        secret_key="x" * 48,
    )
    pool = Database(settings)._app_engine.pool
    assert len(limits) >= 3
    together = sum(limit.max_concurrency for limit in limits) + READINESS + STREAMS + MAX_WORKERS
    together += MAX_CONCURRENT_KEYS + MAX_CONCURRENT_SIGN_INS + LOOKING_AT_KEYS
    assert together <= pool.size() + pool._max_overflow


@pytest.mark.parametrize("routes", [routes for routes in SLICES if routes is not health])
def test_every_route_that_asks_the_database_declares_a_limit(routes):
    for route in routes.router.routes:
        if route.operation_id in LIMITED_OTHERWISE:
            continue
        assert list(limits_of(route.dependant)), route.path


def test_the_kit_names_no_address_and_no_slice():
    modules = sorted(Path(kit.__file__).parent.glob("*.py"))
    assert len(modules) > 5
    names = {routes.TAG["name"] for routes in SLICES}
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if (module.stem, node.value) != ("negotiation", "identity"):  # HTTP's word
                    assert node.value not in names, (module.name, node.value)
                assert not node.value.startswith("/v1"), (module.name, node.value)
            if isinstance(node, ast.ImportFrom):
                imported = (node.module or "").split(".")[:2]
                assert imported not in [["serving_api", name] for name in names]


def test_a_route_says_how_long_a_body_it_takes():
    taken = {
        route.operation_id: getattr(route.endpoint, "max_body_bytes", DEFAULT_MAX_BODY_BYTES)
        for routes in SLICES
        for route in routes.router.routes
    }
    longer = {name: size for name, size in taken.items() if size != DEFAULT_MAX_BODY_BYTES}
    assert longer == {
        "analyze_texts": 16 * 1024 * 1024,
        "write_taxonomy": 4 * 1024 * 1024,
        "write_aspect_lexicon": 4 * 1024 * 1024,
    }
