"""The API's documentation in a real browser that reaches nothing but the API."""

from __future__ import annotations

import pytest
from api_world import running_world
from playwright.sync_api import sync_playwright

from resources.reporting.printing import find_chromium

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def opened(world, browser):
    """The page, with all that it asked for and all that it complained of."""
    page = browser.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{world.base}/docs", wait_until="networkidle")
    yield page, asked, complaints
    page.close()


def test_the_page_asks_for_nothing_but_itself(world, opened):
    page, asked, complaints = opened
    own = {f"{world.base}/docs", f"{world.base}/favicon.ico"}
    assert set(asked) <= own
    assert complaints == []
    assert page.title() == "ReviewGraph API"


def test_the_page_shows_every_operation_in_its_own_style(world, opened):
    page, _, _ = opened
    shown = page.inner_text("body")
    for path in world.app.openapi()["paths"]:
        assert path in shown
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == (
        "collapse"
    )


def test_a_link_of_the_list_leads_to_its_operation(opened):
    page, _, _ = opened
    page.click("nav a[href='#analyze_texts']")
    top = page.evaluate("document.getElementById('analyze_texts').getBoundingClientRect().top")
    assert -1 < top < 200


def test_the_page_links_to_the_document_for_programs(world, opened):
    page, _, _ = opened
    page.click("a[href='/openapi.json']")
    page.wait_for_url(f"{world.base}/openapi.json")
    assert '"openapi"' in page.inner_text("body")


def test_the_page_may_run_nothing_and_be_framed_by_nobody(world):
    with world.client() as client:
        answer = client.get("/docs")
        refused = client.post("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    told = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "sandbox"):
        assert rule in told
    assert answer.headers["x-frame-options"] == "DENY"
    assert refused.status_code == 405
