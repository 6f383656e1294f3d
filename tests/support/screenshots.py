"""`make screenshots`: the pages as docs/page/ shows them."""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from tests.support.chromium import LOCALES, NARROW, Tab, chromium
from tests.support.scene import fill, scene
from tests.support.sink import Sink
from tests.support.web import Web

PLACE = Path(__file__).parents[2] / "docs" / "page"


class Shot(NamedTuple):
    """One picture: of which page, in CSS pixels."""

    path: str
    width: int
    height: int
    scheme: str = "light"


SHOTS = {
    "settings": Shot("/settings", 860, 700),
    "status": Shot("/status", 860, 540),
    "history": Shot("/history", 860, 900),
    "jobs": Shot("/jobs", 860, 420),
    "phone": Shot("/queue", NARROW, 560, "dark"),
}


def take(browser: Browser, language: str) -> None:
    """Makes those in one language."""
    with (
        tempfile.TemporaryDirectory(prefix="zaiond-") as directory,
        Sink() as sink,
        scene(Path(directory), sink, language) as daemon,
        Web(daemon) as web,
    ):
        fill(daemon)
        tab = Tab(browser, language)
        tab.page.goto(web.link)
        for name, shot in SHOTS.items():
            tab.show(shot.scheme, shot.width, shot.height)
            tab.page.goto(web.base + shot.path)
            ending = "png" if language == "en" else f"{language}.png"
            tab.page.screenshot(path=PLACE / f"{name}.{ending}")
        tab.close()


def main() -> int:
    """Makes them all."""
    PLACE.mkdir(exist_ok=True)
    with chromium() as browser:
        for language in LOCALES:
            take(browser, language)
    return 0


if __name__ == "__main__":
    sys.exit(main())
