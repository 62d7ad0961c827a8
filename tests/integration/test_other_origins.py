"""Pages of other origins call the API only if they were named, and never with a cookie."""

from __future__ import annotations

import httpx2
import pytest

from resources.settings import Settings, SettingsError
from serving_api.main import create_app
from tests.api_world import serving

ORIGIN = "https://app.example.com"
METRICS = "/v1/tenants/acme/metrics"


@pytest.fixture(scope="module")
def open_to_one(world):
    """The same installation, whose API a page of one origin may call."""
    settings = world.settings.model_copy(update={"cors_origins": (ORIGIN,)})
    app = create_app(settings, world.database, world.snapshots, world.objects)
    with serving(app) as base:
        yield base


def asked(base, method="GET", **headers):
    return httpx2.request(method, f"{base}{METRICS}", headers=headers, trust_env=False)


def test_a_page_of_a_named_origin_may_ask_with_a_token_and_read_the_answer(world, open_to_one):
    before = asked(
        open_to_one,
        "OPTIONS",
        **{
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization, idempotency-key",
        },
    )
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == ORIGIN
    for _ in range(3):  # from its route and from memory
        answer = asked(open_to_one, Origin=ORIGIN, Authorization=f"Bearer {world.token('ada')}")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{ORIGIN}.evil.example", "http://app.example.com", "null"]
)
def test_a_page_of_another_origin_may_not(world, open_to_one, origin):
    answer = asked(open_to_one, Origin=origin, Authorization=f"Bearer {world.token('ada')}")
    assert "access-control-allow-origin" not in answer.headers
    before = asked(
        open_to_one, "OPTIONS", **{"Origin": origin, "Access-Control-Request-Method": "GET"}
    )
    assert "access-control-allow-origin" not in before.headers


def test_where_none_is_named_none_may(world, ada):
    assert world.settings.cors_origins == ()
    answer = ada.get(METRICS, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_origins_are_named_exactly(tmp_path):
    given = Settings(_env_file=None, home=tmp_path, cors_origins=f"{ORIGIN}, http://localhost:3000")
    assert given.cors_origins == (ORIGIN, "http://localhost:3000")
    assert given.environment()["REVIEWGRAPH_CORS_ORIGINS"] == f"{ORIGIN},http://localhost:3000"


@pytest.mark.parametrize(
    "origins", ["*", "https://*.example.com", f"{ORIGIN}/", "app.example.com", "ftp://x", "null"]
)
def test_what_is_no_exact_origin_is_refused_with_the_name_of_the_setting(tmp_path, origins):
    with pytest.raises(SettingsError, match="REVIEWGRAPH_CORS_ORIGINS"):
        Settings(_env_file=None, home=tmp_path, cors_origins=origins)
