"""What the end-to-end tests stand on: a real daemon, a real Postfix, and a reader of its mail."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.daemon import Daemon
from tests.support.postfix import Postfix
from tests.support.sink import Sink

MakePostfix = Callable[..., Postfix]
MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory with a short name, which Postfix's user may enter."""
    path = Path(tempfile.mkdtemp(prefix="zaiond-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Where Postfix passes on what it takes."""
    with Sink() as running:
        yield running


@pytest.fixture
def make_postfix(directory: Path, sink: Sink) -> Iterator[MakePostfix]:
    """Makes a running Postfix, with more settings of main.cf as arguments."""
    made: list[Postfix] = []

    def make(**settings: str) -> Postfix:
        postfix = Postfix(directory / f"postfix{len(made)}", sink.port, settings)
        made.append(postfix)
        postfix.start()
        return postfix

    yield make
    for postfix in made:
        postfix.stop()


@pytest.fixture
def postfix(make_postfix: MakePostfix) -> Postfix:
    """A running Postfix that takes everything from this machine."""
    return make_postfix()


@pytest.fixture
def make_daemon(directory: Path) -> Iterator[MakeDaemon]:
    """Makes a daemon, not yet started, for the server on `port`; `settings` are merged in.

    All but the server's place is as in the seed: no authentication, the sender `zaionnex`.
    """
    made: list[Daemon] = []

    def make(port: int, wrapper: tuple[str, ...] = (), **settings: Any) -> Daemon:
        server = {"host": "localhost", "port": port, **settings.pop("mail_server", {})}
        config = {
            "mail_server": server,
            "sender": "zaionnex",
            "admins": "postmaster@example.co.jp",
            "queue": {"retry_first": "1s", "retry_max": "2s"},
            "route_defaults": {"max_mails": None},  # more than 60 an hour
            **settings,
        }
        text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        made.append(Daemon(directory / f"zaiond{len(made)}", text, wrapper=wrapper))
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()
