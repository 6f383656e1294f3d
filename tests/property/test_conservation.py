"""No mail is given up: whatever is emitted, answered, configured, set and restarted in whatever
order, each event is mailed once there is a server that takes it, to whoever is a recipient then;
and what a mail counts is what it tells of.
"""

import asyncio
import email
import email.policy
import itertools
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.delivery import Post, configuration, server
from tests.support.scripted_server import (
    Answer,
    Peer,
    Script,
    ScriptedServer,
    drop,
    give,
    ordinary,
)
from zaiond.config.schema import Notify, Queue, Rate, RouteDefaults
from zaiond.store import events

ADMINS = ("a@x.example", "b@x.example", "財@x.example")
TIMING = Queue(retry_first=0.01, retry_max=0.02)
AT_ONCE = RouteDefaults(max_mails=None)
TOGETHER = RouteDefaults(max_mails=None, group_by=("type",), group_wait=0.0, group_interval=60.0)
LATER = RouteDefaults(max_mails=None, group_by=("key",), group_wait=5.0, group_interval=900.0)
LIMITED = RouteDefaults(max_mails=Rate(1, 60.0))
LIMITED_GROUPS = replace(TOGETHER, max_mails=Rate(2, 3600.0))
OPEN = ("waiting", "deferred", "held")

admins = st.lists(st.sampled_from(ADMINS), min_size=1, unique=True).map(tuple)
refusals = st.sampled_from(
    [
        {"MAIL": "550 5.1.8 Sender address rejected"},
        {"MAIL": "451 4.3.0 Try again"},
        {"MAIL": "552 5.3.4 Too big"},
        {"RCPT a": "550 5.1.1 No such user"},
        {"RCPT a": "what is no answer"},
        {"RCPT b": "452 4.2.2 Mailbox full"},
        {"RCPT b": "554 5.7.1 Relay access denied"},
        {"RCPT": "554 5.7.1 Relay access denied"},
        {"RCPT": "450 4.7.1 Greylisted"},
        {"CONTENT": "554 5.6.0 Refused"},
        {"CONTENT": "550 5.4.5 Daily limit exceeded"},
        {"CONTENT": "451 4.3.0 Not now"},
        {"CONTENT": drop},
        {"GREETING": "554 5.3.2 Not you"},
        {"GREETING": drop},
    ]
)
answers = st.one_of(refusals, refusals, st.none())
configurations = st.fixed_dictionaries(
    {
        "admins": admins,
        "sender": st.sampled_from(["z@corp.example", "財音@corp.example"]),
        "notify": st.booleans().map(lambda on: Notify(backup_auto_update=on)),
        "route_defaults": st.sampled_from(
            [AT_ONCE, AT_ONCE, TOGETHER, LATER, LIMITED, LIMITED, LIMITED_GROUPS]
        ),
    }
)
emits = st.tuples(
    st.just("emit"),
    st.integers(1, 5),
    st.sampled_from(["", "disk", "backup"]),
    st.sampled_from(["info", "crit"]),
    st.sampled_from([1000, 1000, 1001, 1002]),
)
# It begins with servers that have something against us, and a mail.
beginnings = st.tuples(
    st.tuples(st.just("answer"), st.just(0), refusals),
    st.tuples(st.just("answer"), st.just(1), refusals),
    emits,
    st.tuples(st.just("wait"), st.integers(0, 30)),
)
steps = st.one_of(
    emits,
    st.tuples(st.just("answer"), st.integers(0, 1), answers),
    st.tuples(st.just("mend"), configurations),
    st.tuples(st.just("mend"), configurations),
    st.tuples(st.just("retry")),
    st.tuples(st.just("retry one"), st.integers(0, 30)),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("mend while stopped"), configurations),
    st.tuples(st.just("set clock"), st.sampled_from([-400.0, -1.0, 1.0, 400.0])),
    st.tuples(st.just("serve"), st.sampled_from([10.0, 3600.0])),
    st.tuples(st.just("wait"), st.integers(1, 30)),
)  # fmt: skip


@dataclass
class World:
    """The daemon's delivering half, its two servers, and what was done to them."""

    directory: Path
    answers: tuple[dict[str, Answer], dict[str, Answer]] = field(default_factory=lambda: ({}, {}))
    emitted: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    arrived: Counter[tuple[str, str]] = field(default_factory=Counter)
    settings: dict[str, Any] = field(default_factory=lambda: {"admins": ADMINS[:2]})
    ahead: float = 0.0
    mails: set[bytes] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def script(self, which: int) -> Script:
        """A server that answers as its `answers` have it at the moment, and notes who gets what."""
        accepted: dict[Peer, list[str]] = {}

        def answering(command: str, usual: str) -> Callable[[Peer], Awaitable[None]]:
            async def answer(peer: Peer) -> None:
                given = self.answers[which].get(command, usual)
                if command == "MAIL":
                    accepted.pop(peer, None)
                    if given == usual:
                        accepted[peer] = []
                if command == "RCPT":
                    address = peer.said.rpartition(b"RCPT TO:<")[2].partition(b">")[0].decode()
                    given = self.answers[which].get(f"RCPT {address[0]}", given)
                    if given == usual and peer in accepted:
                        accepted[peer].append(address)
                if command == "CONTENT" and accepted.get(peer) and given == usual:
                    self.mails.add(peer.contents[-1])
                    for event in re.findall(rb"Zaiond-Event: (\S+)", peer.contents[-1]):
                        self.arrived.update((event.decode(), to) for to in accepted[peer])
                await give(given, peer)

            return answer

        usual = {"GREETING": "220 x", "MAIL": "250 Ok", "RCPT": "250 Ok", "CONTENT": "250 Ok"}
        return ordinary(
            offers=("PIPELINING", "SMTPUTF8", "8BITMIME"),
            answers={command: answering(command, words) for command, words in usual.items()},
        )

    async def do(self, post: Post, step: tuple[Any, ...]) -> None:
        match step:
            case ("emit", number, key, severity, uid):
                new = [f"e{next(self._numbers)}" for _ in range(number)]
                more = {"severity": severity, **({"key": key} if key else {})}
                kind = "backup.auto_update.failed" if key == "backup" else "a.b"
                await post.emit(*new, kind=kind, uid=uid, **more)
                self.emitted += new
            case ("answer", which, given):
                self.answers[which].clear()
                self.answers[which].update(given or {})
            case ("mend", changed):
                self.settings = changed
                await post.mend(**changed)
            case ("retry",):
                await post.queue_admin.retry()
            case ("retry one", number):
                await post.queue_admin.retry([f"e{number}"])
            case ("delete", number):
                if (await post.delete([f"e{number}"])).deliveries:
                    self.deleted.add(f"e{number}")
            case ("set clock", days):
                post.ahead += days * 86400.0
            case ("serve", seconds):
                post.serve(seconds)
                await post.housekeeping._mend()
                await post.housekeeping._expire(TIMING)
            case ("wait", turns):
                for _ in range(turns):
                    await post.writer.submit(lambda _: None)


async def live(world: World, script: list[tuple[Any, ...]]) -> None:
    """Does it all, then mends all, and checks what has become of each event."""
    async with ScriptedServer(world.script(0)) as first, ScriptedServer(world.script(1)) as second:

        def configured() -> Any:
            servers = (server(one.port, timeout=5.0) for one in (first, second))
            return configuration(*servers, queue=TIMING, **world.settings)

        remaining = [*script, ("restart",)]
        while remaining:
            post = Post(world.directory, configured())
            post.ahead = world.ahead
            async with post:
                while remaining and (step := remaining.pop(0)):
                    if step[0] == "restart":
                        break
                    if step[0] == "mend while stopped":
                        remaining.insert(0, ("mend", step[1]))
                        break
                    await world.do(post, step)
                world.ahead = post.ahead
        async with Post(world.directory, configured()) as post:
            for answers in world.answers:
                answers.clear()
            last = ("c@x.example", *ADMINS[:1])
            open_now = await still_open(post)
            await post.mend(admins=last, sender="z@corp.example", route_defaults=AT_ONCE)
            await until_all_have_ended(post)
            await check(world, post, last, open_now)


async def still_open(post: Post) -> set[str]:
    """The events that are not yet mailed to all their recipients."""

    def find(db: Any) -> set[str]:
        return {
            id_
            for (id_,) in db.execute(
                "SELECT id FROM events WHERE outcome IS NULL AND (seq IN (SELECT event FROM"
                " message_events JOIN deliveries USING (message) WHERE ended IS NULL)"
                " OR seq IN (SELECT event FROM message_events JOIN messages ON id = message"
                " WHERE due IS NOT NULL)"
                " OR seq NOT IN (SELECT event FROM message_events))"
            )
        }

    return await post.writer.submit(find)


async def until_all_have_ended(post: Post) -> None:
    async with asyncio.timeout(20):
        while await still_open(post):
            await post.a_moment()


async def check(world: World, post: Post, last: tuple[str, ...], open_now: set[str]) -> None:
    assert await post.writer.submit(events.usage) == {}
    for event in world.emitted:
        document = await post.history(event)
        dropped = not world_notifies(document)
        allowed = {"delivered", "deleted"} if event in world.deleted else {"delivered"}
        assert document["outcome"] in allowed | ({"dropped"} if dropped else set()), document
        if event in open_now and document["outcome"] != "dropped":
            became = {d["recipient"]: d["outcome"] for d in document["deliveries"]}
            # What was beyond max_mails is for those for whom it was held, as long as one is left.
            if not any(one["kind"] == "suppressed" for one in document["routing"]):
                for recipient in last:
                    assert became.get(recipient) in allowed, document
        for one in document["deliveries"]:
            if one["outcome"] == "delivered":  # and it is named in that mail
                assert world.arrived[event, one["recipient"]], document
    unknown = await post.writer.submit(
        lambda db: db.execute("SELECT count(*) FROM attempts WHERE outcome = 'unknown'").get
    )
    twice = {which: n for which, n in world.arrived.items() if n > 1}
    assert not twice or unknown, twice
    for content in world.mails:
        check_counts(content)


def check_counts(content: bytes) -> bool:
    """What a mail of several events says of how many they are, and of which severity, is what it
    names; whether it is one.
    """
    message = email.message_from_bytes(content, policy=email.policy.default)
    ids = message.get_all("Zaiond-Event", [])
    body = str(message.get_content()).replace("\r\n", "\n")
    told = re.search(r"^Events: ([0-9]+)\n((?:  \w+: [0-9]+\n)+)", body, re.MULTILINE)
    if told is None:
        return False
    number = len([one for one in ids if not one.startswith("zaiond.mails.suppressed/")])
    assert int(told[1]) == number
    assert sum(map(int, re.findall("[0-9]+", told[2]))) == number
    return True


def world_notifies(document: dict[str, Any]) -> bool:
    return not str(document["type"]).startswith("backup.auto_update.")


@given(beginnings, st.lists(steps, max_size=20))
def test_every_event_is_mailed_to_whoever_is_a_recipient_in_the_end(
    beginning: tuple[tuple[Any, ...], ...], script: list[tuple[Any, ...]]
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="zaiond-conservation-"))
    try:
        asyncio.run(live(World(directory / "state"), [*beginning, *script]))
    finally:
        shutil.rmtree(directory)


def test_a_wrong_count_would_be_seen() -> None:
    """The control of check_counts()."""
    mail = b"Zaiond-Event: 1\r\nZaiond-Event: 2\r\n\r\nSummary\r\nEvents: 2\r\n  Error: 2\r\n\r\n"
    assert check_counts(mail)
    for right, wrong in ((b"Events: 2", b"Events: 3"), (b"Error: 2", b"Error: 1")):
        with pytest.raises(AssertionError):
            check_counts(mail.replace(right, wrong))
