"""Events of an adversary through one running daemon, before a server that is one, too: what the
daemon prints and what `zaiond-ctl` shows are lines of theirs alone.

How many, and which: as in tests/property/test_hostile_content.py, which has each part by itself.
"""

import json
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.daemon import Daemon
from tests.support.hostile import NUMBER, PIECES, SEED, VICTIM, acting, lines
from tests.support.sink import Sink
from tests.support.waiting import until

SHOWN_WHOLE = 4  # events, in each language
FORGED = re.compile(rf"zaiond: all is well|Event ID: another|Bcc: {VICTIM}|From x|--b")


@dataclass
class Adversary(Sink):
    """Takes each third mail, and refuses the others in words as bad as the events."""

    heard: int = 0
    words: Iterator[str] = field(default_factory=lambda: cycle(PIECES))

    def has_heard(self, number: int) -> bool:
        """Whether so many mails have come, taken or refused."""
        return self.heard >= number

    async def handle_DATA(  # type: ignore[override]  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str | bytes:
        self.heard += 1
        if self.heard % 3 == 0:
            return await super().handle_DATA(server, session, envelope)
        code, status = ("554", "5.6.0") if self.heard % 3 == 1 else ("451", "4.3.0")
        said = re.split("[\r\n]+", f"no {next(self.words)} {next(self.words)}")
        text = "\r\n".join(f"{code}-{status} {line}" for line in said)
        return f"{text}\r\n{code} {status} zaiond: all is well".encode(errors="surrogatepass")


def configuration(port: int, language: str) -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: a@example.co.jp
language: {language}
queue: {{retry_first: 1h}}
route_defaults: {{max_mails: null}}
"""


def put(daemon: Daemon, events: list[bytes]) -> int:
    """Each line into the event socket; how many were taken."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(daemon.event_socket))
        with connection.makefile("rb") as replies:
            taken = 0
            for line in events:
                connection.sendall(line + b"\n")
                taken += json.loads(replies.readline())["status"] == "ok"
            return taken


def leave(daemon: Daemon, events: list[bytes]) -> None:
    """Files in the spool that no program of ours would leave there, under names as bad."""
    for number, name in enumerate(("\x1b[2J", "x\nzaiond: all is well", "\u202e", "\udcff")):
        content = b"\n".join(events[number::4]).replace(b'"id"', b'"no"')
        begun = daemon.spool / ".tmp-0"
        begun.write_bytes(content[:1_000_000])
        begun.rename(daemon.spool / f"{name}.json")


def shown(daemon: Daemon) -> dict[str, str]:
    """What zaiond-ctl shows."""
    events = daemon.document("history", "--limit", "10000")["events"]
    ids = [event["id"] for event in events]
    commands = [("status",), ("queue", "list"), ("spool", "list"), ("history", "--limit", "10000")]
    commands += [("history", "--", id_) for id_ in ids[:: len(ids) // SHOWN_WHOLE]]
    told = {}
    for command in commands:
        done = daemon.ctl(*command)
        assert done.returncode in (0, 1), done
        # What is shown of one event begins with its id, whatever that is.
        text = done.stdout.removeprefix(f"{command[-1]}\n") + done.stderr
        told[" ".join(command)] = text
    assert told["history --limit 10000"].count("\n") == len(events)
    return told


def done_by_an_adversary(
    daemon: Daemon, server: Adversary, seed: int, number: int
) -> Iterator[tuple[str, str]]:
    """Everything that is printed and shown then, by where."""
    events = list(lines(seed, number))
    taken = 0
    with server, daemon:
        for language, part in (("ja", events[::2]), ("en", events[1::2])):
            daemon.config.write_text(configuration(server.port, language))
            assert daemon.ctl("reload").returncode == 0
            leave(daemon, part)
            taken += put(daemon, part)
            # Not all: of those with one key, the next waits until the one before has gone.
            until(partial(server.has_heard, taken // 2), daemon.printed)
            until(lambda: not list(daemon.spool.glob("*.json")), daemon.printed)
            yield from ((f"{language}: {name}", text) for name, text in shown(daemon).items())
        assert taken > number * 0.8
        assert daemon.stop() == 0
        yield "printed", daemon.printed()


@pytest.fixture
def server() -> Adversary:
    return Adversary()


def test_what_an_adversary_emits_and_a_server_says_makes_no_line_and_moves_no_terminal(
    tmp_path: Path, server: Adversary
) -> None:
    print(f"ZAIOND_HOSTILE_SEED={SEED}")
    daemon = Daemon(tmp_path, configuration(1, "ja"))
    told = dict(done_by_an_adversary(daemon, server, SEED, NUMBER))
    for where, text in told.items():
        assert acting(text, "\n") == set(), where
        assert [line for line in text.split("\n") if FORGED.match(line)] == [], where
        assert text == "" or text.endswith("\n"), where
    assert {line[:8] for line in told["printed"].splitlines()} == {"zaiond: "}
    # It is in there, or nothing is said by that.
    for where in ("printed", "ja: queue list", "en: queue list", "en: history --limit 10000"):
        assert "zaiond: all is well" in told[where], where


UNFILTERED = """
from zaiond import journal
from zaiond.daemon import main
from zaiond.smtp import syntax
syntax.printable = lambda said: said.decode(errors="replace")
journal._on_one_line = lambda text: text
main.main()
"""


def test_control_a_daemon_that_prints_what_it_is_told_is_found(
    tmp_path: Path, server: Adversary
) -> None:
    daemon = Daemon(tmp_path, configuration(1, "ja"))
    daemon.program = (sys.executable, "-c", UNFILTERED)
    printed = dict(done_by_an_adversary(daemon, server, 1, 40))["printed"]
    assert acting(printed, "\n")
