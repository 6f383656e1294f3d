"""What tests of servers that misbehave have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.daemon import Daemon
from tests.support.web import CONFIG, Browser, Web


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of the right servers."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """Its certificate, as `ca_file` names it."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory, which isn't there yet."""
    return tmp_path / "state"


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, dict[str, str]]]:
    """A zaiond-web that all share who only look at its pages (it takes longer to start than the
    daemon), and the cookies of the browser that came in by its link. They begin with `begin_anew`.
    """
    with Daemon(tmp_path_factory.mktemp("web"), CONFIG) as daemon, Web(daemon) as web:
        yield web, web.inside().cookies


@pytest.fixture
def browser(web: Web, inside: tuple[Web, dict[str, str]]) -> Browser:
    """A browser that has come in there."""
    _, cookies = inside
    browser = web.browser()
    browser.cookies = dict(cookies)
    return browser
