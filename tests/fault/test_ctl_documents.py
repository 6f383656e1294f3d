"""What zaiond-ctl prints with --json is what the daemon says, so that tests may ask either."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.waiting import until

CONFIG = """mail_server: {host: 127.0.0.1, port: 9}
admins: admin@example.co.jp
language: en
jobs: {backup: {schedule: "0 2 * * *", timezone: Asia/Tokyo}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """With something to say of each kind."""
    with Daemon(tmp_path_factory.mktemp("d"), CONFIG) as running:
        running.emit(
            {
                "type": "disk.failed",
                "id": "one",
                "key": "disk",
                "severity": "err",
                "status": "problem",
            },
            {"type": "test.日本語", "id": "two"},
        )
        (running.spool / "bad.json").write_text("{")
        hush = ("silence", "add", "--match", "type=a.*", "--for", "1h", "--comment", "moving")
        assert running.ctl(*hush).returncode == 0
        running.becomes(lambda spool: len(spool["files"]) == 1, "spool", "list")
        yield running


def without_times(document: Any) -> Any:
    """Of numbers only that there are some: they grow meanwhile."""
    match document:
        case dict():
            return {name: without_times(value) for name, value in document.items()}
        case list():
            return [without_times(one) for one in document]
        case bool() | str() | None:
            return document
    return "a number"


@pytest.mark.parametrize(
    "arguments",
    [
        ("history",),
        ("history", "one"),
        ("history", "nobody"),
        ("history", "--type", "disk.*", "--limit", "1"),
        ("jobs",),
        ("problems",),
        ("queue", "list"),
        ("silence", "list"),
        ("spool", "list"),
        ("status",),
    ],
    ids=" ".join,
)
def test_it_prints_the_document_of_the_daemon(daemon: Daemon, arguments: tuple[str, ...]) -> None:
    printed: Any = None
    said: Any = None

    def is_the_same() -> bool:
        nonlocal printed, said
        printed = json.loads(daemon.ctl(*arguments, "--json").stdout)
        said = daemon.document(*arguments)
        if arguments == ("status",):
            return bool(without_times(printed) == without_times(said))
        return bool(printed == said)

    until(is_the_same, lambda: f"{printed}\n{said}")  # an attempt may come in between
    if arguments not in (("history", "nobody"), ("status",)):
        assert any(printed.values()), "there is something to print"
