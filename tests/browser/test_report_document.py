from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pypdf
import pytest
import reporting_data
from playwright.sync_api import sync_playwright
from reporting_data import GENERATED_AT, Tenant

from resources.reporting import (
    Printer,
    PrintingError,
    build_report,
    ready_printer,
    rehearsal_page,
    render_html,
    start_early,
)
from resources.reporting.printing import find_chromium
from tests.pdf_text import pages_of

pytestmark = pytest.mark.browser

SMALL_PAGE = "<!doctype html><html data-drawn='0'><title>t</title><body>A small page</body></html>"
TENANT_NAME = 'O\'Hara "&" <script>window.hacked=1</script></style>'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    snapshot = reporting_data.publish(tmp_path_factory.mktemp("plain"), Tenant(reviews=2500))
    return build_report(
        snapshot, tenant_name="Alpenglow Outdoor", colour="#0b6e4f", generated_at=GENERATED_AT
    )


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory) -> str:
    tenant = Tenant(reviews=500, hostile=True)
    snapshot = reporting_data.publish(tmp_path_factory.mktemp("hostile"), tenant)
    return render_html(
        build_report(snapshot, tenant_name=TENANT_NAME, colour="#123456", generated_at=GENERATED_AT)
    )


@pytest.fixture(scope="module")
def printer():
    with Printer() as warm:
        yield warm


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium())
        yield chromium
        chromium.close()


def shown(browser, html: str, width: int = 1280):
    """Opens a page and waits until its charts are drawn; everything it complains about is kept."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.set_content(html)
    page.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    return page, complaints


def text_of(pdf: bytes) -> str:
    return "\n".join(pages_of(pdf))


def test_the_page_draws_every_chart_without_a_complaint(browser, report):
    page, complaints = shown(browser, render_html(report))
    drawn = page.locator(".plot .main-svg").evaluate_all(
        "images => new Set(images.map(image => image.closest('.plot').id)).size"
    )
    page.context.close()

    assert complaints == []
    assert drawn == len(report.charts()) >= 8


def test_no_tool_bar_lies_over_a_chart(browser, report):
    page, _ = shown(browser, render_html(report))
    page.locator(".plot").first.hover()
    buttons = page.locator(".modebar-btn").count()
    page.context.close()

    assert buttons == 0


@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_fits_phones_and_desks(browser, report, width):
    page, _ = shown(browser, render_html(report), width)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.context.close()

    assert overflow <= 0


def test_what_customers_wrote_runs_no_script(browser, hostile_page):
    page, complaints = shown(browser, hostile_page)
    found = page.evaluate(
        """() => ({
            hacked: window.hacked ?? null,
            scripts: document.querySelectorAll('script:not([type])').length,
            images: document.querySelectorAll('img').length,
            handlers: document.querySelectorAll('[onerror], [onclick]').length,
            links: [...document.links].filter((link) => link.protocol === 'javascript:').length,
            title: document.querySelector('h1').textContent,
            bold: document.querySelectorAll('.plot svg b, .plot svg i').length,
        })"""
    )
    page.context.close()

    assert complaints == []
    assert found == {
        "hacked": None,
        "scripts": 2,
        "images": 0,
        "handlers": 0,
        "links": 0,
        "title": TENANT_NAME,
        "bold": 0,
    }


def test_a_script_that_slipped_into_the_page_would_not_run(browser, hostile_page):
    smuggled = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1></main>"
    page, complaints = shown(browser, hostile_page.replace("</main>", smuggled))
    hacked = page.evaluate("window.hacked ?? null")
    page.context.close()

    assert hacked is None
    assert any("Content Security Policy" in complaint for complaint in complaints)


def test_the_pdf_says_what_the_report_says(printer, report):
    pdf = printer.pdf(render_html(report))
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    text = " ".join(text_of(pdf).split())

    assert 6 <= len(reader.pages) <= 16
    assert f"{len(reader.pages)} / {len(reader.pages)}" in text
    assert "Alpenglow Outdoor" in text
    assert "2,500" in text
    for figure in report.figures[1:]:
        shape = f"{figure.value:.2f}" if figure.unit == "stars" else f"{figure.value:.1%}"
        assert shape in text
    for finding in report.findings:
        assert finding.claim in text
    assert report.snapshot_version in text
    sizes = {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages}
    assert sizes <= {(595, 842), (596, 842), (595, 843)}  # A4
    assert [entry for entry in reader.outline if not isinstance(entry, list)]


def test_the_next_document_holds_nothing_of_the_last_one(printer, report):
    printer.pdf(render_html(report))

    assert text_of(printer.pdf(SMALL_PAGE)).split() == ["A", "small", "page"]


def test_a_hostile_page_prints_as_text(printer, hostile_page):
    text = text_of(printer.pdf(hostile_page))

    assert "O'Hara" in text
    assert "window.hacked" in text


def test_many_threads_share_one_browser(printer):
    with ThreadPoolExecutor(4) as threads:
        documents = list(threads.map(printer.pdf, [SMALL_PAGE] * 6))

    assert all("A small page" in text_of(document) for document in documents)


def test_a_printer_works_where_an_event_loop_runs(printer):
    async def printed() -> bytes:
        return printer.pdf(SMALL_PAGE)

    with ThreadPoolExecutor(1) as thread:  # Playwright's own loop runs in this one
        assert thread.submit(asyncio.run, printed()).result().startswith(b"%PDF")


def test_a_printer_survives_the_death_of_its_browser_and_leaves_nothing_behind():
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    threads = {thread.ident for thread in threading.enumerate()}
    with Printer() as printer:
        printer.pdf(SMALL_PAGE)
        own = [
            process
            for process in psutil.Process().children(recursive=True)
            if process.pid not in before
        ]
        roots = [process for process in own if _is_browser_root(process)]
        assert len(roots) == 1
        os.kill(roots[0].pid, signal.SIGKILL)
        psutil.wait_procs(roots, timeout=10)
        assert printer.pdf(SMALL_PAGE).startswith(b"%PDF")
        own += psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs([process for process in own if process.pid not in before], 10)

    assert alive == []
    assert "report-printer" not in {
        thread.name for thread in threading.enumerate() if thread.ident not in threads
    }


def _is_browser_root(process: psutil.Process) -> bool:
    """Chromium's first process: its children say what type they are, it does not."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return any("--remote-debugging-pipe" in part for part in command) and not any(
        part.startswith("--type=") for part in command
    )


def test_a_printer_without_a_browser_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PrintingError, match="apt-get install chromium"):
        Printer()
    with pytest.raises(PrintingError, match="does not exist"):
        Printer(tmp_path / "no-browser")


def test_a_program_that_is_no_browser_is_named(tmp_path):
    impostor = tmp_path / "chromium"
    impostor.write_text("#!/bin/sh\nexit 3\n")
    impostor.chmod(0o755)

    with Printer(impostor) as printer, pytest.raises(PrintingError, match="did not start"):
        printer.pdf(SMALL_PAGE)


def test_a_browser_that_started_early_prints_the_first_report():
    with start_early(None, rehearsal_page):
        with ready_printer() as printer:
            assert printer.pdf(SMALL_PAGE).startswith(b"%PDF")
            with ready_printer() as another:  # the early one is taken
                assert another is not printer
        assert printer._thread is None


def test_a_browser_that_started_early_and_was_not_wanted_is_closed():
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with start_early(None, rehearsal_page):
        pass

    left = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
    _, alive = psutil.wait_procs(left, 10)
    assert alive == []


def test_a_missing_browser_is_told_by_who_prints_not_by_who_starts_early(tmp_path):
    with (
        start_early(tmp_path / "no-browser", rehearsal_page),
        pytest.raises(PrintingError, match="does not exist"),
    ):
        ready_printer(tmp_path / "no-browser")


def test_a_killed_run_leaves_no_browser_behind():
    program = (
        "import os, psutil, time\n"
        "from resources.reporting import rehearsal_page, start_early\n"
        "with start_early(None, rehearsal_page):\n"
        "    begun = set()\n"  # some of a browser's first processes are short-lived
        "    while len(begun) < 3:\n"
        "        begun |= {p.pid for p in psutil.Process().children(recursive=True)}\n"
        "        time.sleep(0.02)\n"
        "    print(*begun, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    pids = [int(pid) for pid in ended.stdout.split()]
    assert len(pids) >= 3
    left = [process for process in psutil.process_iter() if process.pid in pids]
    _, alive = psutil.wait_procs(left, 20)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
