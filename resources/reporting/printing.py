"""Pages to PDF, by one Chromium that stays warm.

Starting a browser takes longer than printing a report, so a ``Printer`` starts one and keeps it
until it is closed. A run that will report calls ``start_early``: the browser then starts and draws
a first page while the run still counts, and ``ready_printer`` hands it out. The browser lives on a
thread and an event loop of its own, so that any thread can print, also one that runs an event loop
itself; threads that print at once take turns. The browser reaches no network, and pages run no
script but their own (see ``html.py``).
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from resources.errors import ReviewGraphError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START_SECONDS, PRINT_SECONDS = 60.0, 120.0
A4_PIXELS = (794, 1123)  # at 96 dpi
PRINTS_PER_PAGE = 50
_FLAGS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's /dev/shm is often too small
    "--font-render-hinting=none",  # letters keep their distances on paper
    "--host-resolver-rules=MAP * ~NOTFOUND",  # not even a look-up leaves the machine
    "--no-proxy-server",
)
_Result = TypeVar("_Result")


class PrintingError(ReviewGraphError):
    """There is no browser to print with, or it could not print."""


class Printer:
    """Prints HTML pages with one warm Chromium.

    The browser starts with the first page and ends with ``close`` or the ``with`` block; when it
    dies in between, the next page starts another one. Safe to share between threads.
    """

    def __init__(self, chromium: Path | str | None = None) -> None:
        """Remembers which browser to use; nothing is started yet.

        Args:
            chromium: The browser; found on the PATH when None.

        Raises:
            PrintingError: There is no such program.
        """
        self._program = find_chromium(chromium)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None
        self._printed = 0
        self._warming: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def program(self) -> str:
        """The browser's path."""
        return self._program

    def start(self, rehearsal: Callable[[], str]) -> None:
        """Starts the browser and has it draw a page, without waiting for either.

        What goes wrong is not told here but by the first page that is to be printed.

        Args:
            rehearsal: Makes a page that draws as later pages do; called on the browser's thread.
        """
        with self._lock:
            self._warming = asyncio.run_coroutine_threadsafe(
                self._rehearse(rehearsal), self._running_loop()
            )

    def pdf(self, html: str) -> bytes:
        """Prints a page.

        Args:
            html: A page by ``render_html``.

        Returns:
            A tagged PDF with bookmarks. Its text and drawing are the same for the same page; the
            file is not, because Chromium writes the time of printing into it.

        Raises:
            PrintingError: The browser did not start, or did not finish in time, or a chart of the
                page cannot be drawn.
        """
        with self._lock:
            self._await_rehearsal()
            try:
                return self._run(self._print(html), PRINT_SECONDS)
            except _PageLostError:
                return self._run(self._print(html), PRINT_SECONDS)  # once more, on a new page

    def close(self) -> None:
        """Ends the browser and its thread. Does nothing when they are not there."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            try:
                self._await_rehearsal()
                self._run(self._stop(), START_SECONDS)
            finally:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(START_SECONDS)
                self._loop.close()
                self._loop = self._thread = None

    def _run(self, work: Coroutine[Any, Any, _Result], seconds: float) -> _Result:
        """Runs work on the browser's own loop and waits for it."""
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result(seconds)
        except FutureTimeoutError as error:
            future.cancel()
            raise PrintingError(
                f"Chromium ({self._program}) did not finish within {seconds:.0f} s. Is the machine "
                "short of memory? Try again; set REVIEWGRAPH_CHROMIUM to use another browser."
            ) from error

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="report-printer", daemon=True
            )
            self._thread.start()
        return self._loop

    def _await_rehearsal(self) -> None:
        warming, self._warming = self._warming, None
        if warming is not None:
            with suppress(PrintingError, FutureTimeoutError, CancelledError):
                warming.result(START_SECONDS)

    async def _rehearse(self, rehearsal: Callable[[], str]) -> None:
        await self._started()
        await self._print(rehearsal())

    async def _print(self, html: str) -> bytes:
        from playwright.async_api import Error

        page = await self._warm_page()
        try:
            return await _print_page(page, html)
        except Error as error:
            await self._discard_page()
            raise _PageLostError(
                f"Chromium ({self._program}) could not print the page: {error.message}"
            ) from error

    async def _warm_page(self) -> Page:
        """The page that printed last, emptied, or a new one.

        A page that has drawn once has Plotly compiled and its fonts loaded, and draws the next
        report three times as fast. It is replaced now and then, lest its memory grows.
        """
        browser = await self._started()
        if self._page is not None and self._printed < PRINTS_PER_PAGE:
            self._printed += 1
            return self._page
        await self._discard_page()
        context = await browser.new_context(
            offline=True,
            viewport={"width": A4_PIXELS[0], "height": A4_PIXELS[1]},
            locale="en-GB",
            timezone_id="UTC",
            service_workers="block",
            accept_downloads=False,
        )
        self._page, self._printed = await context.new_page(), 1
        # Before anything is drawn, so that charts take the paper's width.
        await self._page.emulate_media(media="print")
        return self._page

    async def _discard_page(self) -> None:
        from playwright.async_api import Error

        page, self._page = self._page, None
        if page is not None:
            with suppress(Error):  # it is gone already, which is what was wanted
                await page.context.close()

    async def _started(self) -> Browser:
        """The running browser; starts one when there is none or the last one died."""
        from playwright.async_api import Error, async_playwright

        if self._browser is not None and self._browser.is_connected():
            return self._browser
        await self._stop()
        self._playwright = await async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(
                executable_path=self._program,
                args=list(_FLAGS),
                # Chromium's own sandbox needs rights that root and most containers do not have.
                chromium_sandbox=False,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=START_SECONDS * 1000,
            )
        except Error as error:
            await self._stop()
            raise PrintingError(
                f"Chromium ({self._program}) did not start: {error.message.splitlines()[0]} "
                "Run it by hand with --headless to see why, or set REVIEWGRAPH_CHROMIUM."
            ) from error
        return self._browser

    async def _stop(self) -> None:
        from playwright.async_api import Error

        browser, playwright = self._browser, self._playwright
        self._browser = self._playwright = self._page = None
        if browser is not None:
            with suppress(Error):  # it is gone already, which is what was wanted
                await browser.close()
        if playwright is not None:
            await playwright.stop()


class _PageLostError(PrintingError):
    """The page, or the whole browser under it, did not survive printing."""


_EARLY: list[Printer] = []


@contextmanager
def start_early(chromium: Path | str | None, rehearsal: Callable[[], str]) -> Iterator[None]:
    """Has a browser ready for the first report that is printed within the block.

    Args:
        chromium: As ``Printer`` takes it. When there is no such browser, nothing is started, and
            whoever wants to print is told so.
        rehearsal: As ``Printer.start`` takes it.
    """
    with suppress(PrintingError):
        printer = Printer(chromium)
        printer.start(rehearsal)
        _EARLY.append(printer)
    try:
        yield
    finally:
        while _EARLY:
            _EARLY.pop().close()


def ready_printer(chromium: Path | str | None = None) -> Printer:
    """The printer that was started early, which is then the caller's to close, or a new one.

    Raises:
        PrintingError: There is no such browser.
    """
    program = find_chromium(chromium)
    if _EARLY and _EARLY[-1].program == program:
        return _EARLY.pop()
    return Printer(chromium)


def find_chromium(chromium: Path | str | None = None) -> str:
    """The browser to print with.

    Args:
        chromium: A path or a name on the PATH; when None, the usual names are tried.

    Raises:
        PrintingError: There is none.
    """
    if chromium is not None:
        found = shutil.which(str(chromium))
        if found is None:
            raise PrintingError(
                f"The browser {chromium} (REVIEWGRAPH_CHROMIUM) does not exist or cannot be run. "
                "Correct the setting, or unset it to search the PATH."
            )
        return found
    for program in PROGRAMS:
        found = shutil.which(program)
        if found is not None:
            return found
    raise PrintingError(
        "No Chromium was found on the PATH, and reports are printed with it. Install it (Debian, "
        "Ubuntu: apt-get install chromium) or set REVIEWGRAPH_CHROMIUM to a browser's path."
    )


async def _print_page(page: Page, html: str) -> bytes:
    try:
        await page.set_content(html, wait_until="load")
        # By a selector: a condition in JavaScript would be evaluated, which the page forbids.
        await page.wait_for_selector("html[data-drawn], html[data-failed]", state="attached")
        failure = await page.get_attribute("html", "data-failed")
        if failure is not None:
            raise PrintingError(
                f"A chart of the page cannot be drawn: {failure}. The page itself, opened in a "
                "browser, shows which one is empty."
            )
        return await page.pdf(
            prefer_css_page_size=True, print_background=True, tagged=True, outline=True
        )
    finally:
        await page.goto("about:blank")  # nothing of a tenant waits for the next one
