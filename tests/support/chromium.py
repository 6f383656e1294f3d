"""Debian's Chromium, driven by Playwright, and axe-core, which sees what a program can of WCAG."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

EXECUTABLE = "/usr/bin/chromium"
LOCALES = {"ja": "ja-JP", "en": "en-GB"}
WIDE, TABLET, NARROW = 1280, 700, 360  # CSS pixels
SCHEMES = ("light", "dark")

# Also what is no fault by WCAG, but by whoever has to use it.
_AXE = """() => axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(one => ({
    rule: one.id, help: one.help, where: one.nodes.map(node => node.html),
    why: one.nodes[0].failureSummary})))"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium; it is gone at the end."""
    with sync_playwright() as playwright:
        # As root it runs in no sandbox; Playwright says so by itself.
        browser = playwright.chromium.launch(executable_path=EXECUTABLE)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page in a session of its own; `complaints` is what Chromium had to complain of."""

    def __init__(self, browser: Browser, language: str = "en", **options: Any) -> None:
        self.language = language
        options.setdefault("viewport", {"width": WIDE, "height": 900})
        options.setdefault("reduced_motion", "reduce")  # nothing is under way when it is looked at
        self.context: BrowserContext = browser.new_context(locale=LOCALES[language], **options)
        self.context.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page = self.open()

    def open(self) -> Page:
        """One more page of this session."""
        page = self.context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        return page

    def _said(self, message: ConsoleMessage) -> None:
        # That a page is answered with 404 or 503 is no fault of the page.
        if message.type in ("error", "warning") and "server responded with" not in message.text:
            self.complaints.append(message.text)

    def show(self, scheme: str, width: int, height: int = 800) -> None:
        """Changes colours and size; the page stays."""
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        self.page.set_viewport_size({"width": width, "height": height})

    def violations(self) -> list[Mapping[str, Any]]:
        """What axe finds in the page as it is shown now."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
        found: list[Mapping[str, Any]] = self.page.evaluate(_AXE)
        return found

    def too_wide(self) -> list[str]:
        """What makes the page scroll sideways; empty: nothing does."""
        found: list[str] = self.page.evaluate(
            """() => {
                const wide = document.documentElement.clientWidth;
                if (document.documentElement.scrollWidth <= wide) return [];
                return [...document.querySelectorAll("body *")]
                    .filter(one => one.getBoundingClientRect().right > wide + 1)
                    .map(one => one.outerHTML.slice(0, 200));
            }"""
        )
        return found

    def broken_words(self) -> list[str]:
        """Headings of columns, and states in them, that are broken within a word."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll("th, td > span")].filter(one => {
                const range = document.createRange();
                range.selectNodeContents(one);
                const lines = new Set([...range.getClientRects()].map(box => box.top));
                return lines.size > one.textContent.trim().split(/\\s+/).length;
            }).map(one => one.textContent)"""
        )
        return found

    def close(self) -> None:
        """Ends the session's pages."""
        self.context.close()
