"""What a hostile member can do with its own login to the engine, and what it can't."""

import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nats.js import JetStreamContext

from tests.e2e.test_fleet_hub import Hub
from tests.support import letters
from tests.support.nats import PASSWORD, Nats
from tests.support.waiting import until
from zaiond.fleet import names

HOSTILE, OTHER, HUB = "web1.example.jp", "web2.example.jp", "hub1.example.jp"


class Raw:
    """A connection to a node as a member logs in, without a library that sees to it that what it
    sends makes sense."""

    def __init__(self, nats: Nats, machine: str) -> None:
        self.token = names.token(machine)
        self._socket = socket.create_connection(("127.0.0.1", nats.nodes[0].port), 10)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        login = {"user": self.token, "pass": PASSWORD, "headers": True, "no_responders": True}
        self._socket.sendall(b"CONNECT " + json.dumps({"verbose": False, **login}).encode())
        self._socket.sendall(b"\r\n")
        assert self.answers() == []

    def answers(self) -> list[bytes]:
        """What the node has said, when it has read all that was sent."""
        self._socket.sendall(b"PING\r\n")
        said: list[bytes] = []
        while (line := self._file.readline()) != b"PONG\r\n":
            assert line, said
            if line != b"PING\r\n":
                said.append(line)
        return said

    def publish(
        self, what: str, payload: bytes, *, reply: str = "", headers: bytes | None = None
    ) -> list[bytes]:
        sizes = f"{len(payload)}"
        if headers is not None:
            sizes = f"{len(headers)} {len(headers) + len(payload)}"
        verb = "PUB" if headers is None else "HPUB"
        line = f"{verb} zaiond.{self.token}.{what} {reply} {sizes}\r\n"
        self._socket.sendall(line.encode() + (headers or b"") + payload + b"\r\n")
        return self.answers()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def nats(directory: Path) -> Iterator[Nats]:
    (directory / "nats").mkdir()
    members = [HOSTILE, OTHER]
    with Nats(directory / "nats", accounts=True, members=members, hubs=[HUB]) as running:
        running.init()
        yield running


@pytest.fixture
def hub(directory: Path, nats: Nats) -> Iterator[Hub]:
    made = Hub(directory / "hub", HUB, nats.settings(HUB, "hub"))
    try:
        yield made
    finally:
        made.daemon.end()
        made.sink.stop()


def contents(nats: Nats) -> dict[str, int]:
    """Of each subject how many messages there are, and of each stream but that of events how many
    there were."""

    async def look(_: object, jetstream: JetStreamContext) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in (names.STREAM, names.ALIVE_STREAM, names.BUCKET_STREAM):
            state = (await jetstream.stream_info(name, ">")).state
            found |= state.subjects or {}
            if name != names.STREAM:
                found[name] = state.last_seq
        return found

    return letters.with_jetstream(nats, look)


@pytest.mark.parametrize(
    "reply",
    [
        f"$JS.API.STREAM.PURGE.{names.STREAM}",
        f"$JS.API.STREAM.PURGE.{names.BUCKET_STREAM}",
        f"$KV.{names.BUCKET}.{names.LEADER}",
        names.event_subject(OTHER),
        names.alive_subject(OTHER),
    ],
)
def test_an_acknowledgement_can_not_be_sent_where_its_member_may_not_publish(
    nats: Nats, reply: str
) -> None:
    letters.publish(nats, OTHER, [{"type": "a.b", "id": f"e{n}"} for n in range(3)])
    letters.say_alive(nats, OTHER, version="1")
    letters.publish_raw(nats, f"$KV.{names.BUCKET}.state.problem.1", b"[]", {})
    before = contents(nats)
    with Raw(nats, HOSTILE) as raw:
        assert raw.publish("event", b"{}", reply=reply) == []
        # Behind the answer to another one, that one's is there, too.
        letters.publish(nats, HOSTILE, [{"type": "a.b", "id": "last"}])
    assert contents(nats) == before | {names.event_subject(HOSTILE): 2}


def test_headers_that_are_none_hold_up_no_other_member(nats: Nats, hub: Hub) -> None:
    hostile = [
        b"NATS/1.0 \xff\xfe\xff\r\n\r\n",
        b"NATS/1.0",
        b"NATS/1.0 503 \xff\r\n\r\n",
        b"NATS/1.0 503 Consumer Deleted\r\n\r\n",
        b"NATS/1.0\r\n\xff: \xff\r\nZaiond-Uid: 1\r\nZaiond-Accepted: nan\r\n\r\n",
        b"\0",
    ]
    with hub.daemon, Raw(nats, HOSTILE) as raw:
        for number, headers in enumerate(hostile):
            event = b'{"type":"a.b","id":"x%d"}' % number
            assert raw.publish("event", event, headers=headers) == []
        letters.publish(nats, OTHER, [{"type": "a.b", "id": "behind"}])
        until(lambda: "behind" in hub.ids(), hub.daemon.printed)
        until(lambda: letters.waiting(nats) == 0, hub.daemon.printed)
        until(
            lambda: sum("unreadable" in id_ for id_ in hub.ids()) == len(hostile),
            hub.daemon.printed,
        )


def is_shown(version: str, status: dict[str, Any]) -> bool:
    members = status["fleet"]["members"] or ()
    return any(member["version"] == version for member in members)


def test_no_word_of_a_member_ends_a_hub_or_what_people_see_of_the_fleet(
    nats: Nats, hub: Hub
) -> None:
    hub.patched("from zaiond.fleet import members\nmembers.LOOK = 0.2")
    with hub.daemon, Raw(nats, HOSTILE) as raw:
        for word in (
            b'{"since":1' + b"0" * 400 + b"}",
            b'{"since":-1e300,"waiting":1' + b"0" * 30 + b"}",
            b"[" * 100_000,
            b'{"version":"' + b"x" * 900_000 + b'"}',
        ):
            assert raw.publish("alive", word) == []
            letters.say_alive(nats, OTHER, version=f"{len(word)}")
            hub.daemon.becomes(partial(is_shown, f"{len(word)}"), "status")
            shown = hub.daemon.ctl("fleet", "status")
            assert HOSTILE in shown.stdout
            assert not shown.stderr
            assert len(shown.stdout) < 5000
