"""Carries out what routing decides, in memory, as the daemon does on disk; and counts.

A `Book` has what `messages`, `message_events` and `routing_state` have: mails to come, mails made,
and which events each has. After each step every event is where it has to be, once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from zaiond.config.outside import SourceError
from zaiond.config.parse import YamlText, parse
from zaiond.config.schema import Config
from zaiond.model import Event, Routing
from zaiond.routing.decide import decide
from zaiond.routing.decision import (
    Decision,
    Due,
    Expired,
    Flush,
    Join,
    Missed,
    Overdue,
    Remind,
)
from zaiond.routing.due import due, reconsider
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import Group
from zaiond.routing.state import State
from zaiond.text import Text

A, B = "a@example.jp", "b@example.jp"


class _NoSources:
    def secret_file(self, path: str) -> str:
        raise SourceError(Text(path, path))

    secret_text = secret_file

    def credential(self, name: str) -> str:
        raise SourceError(Text(name, name))

    def template_file(self, path: str) -> str:
        raise SourceError(Text(path, path))

    def check_key(self, certificate: str, key: str) -> None: ...

    def check_certificates(self, path: str) -> None: ...
    def check_program(self, program: str) -> None: ...
    def check_permissions(self, file: str) -> None: ...
    def check_fleet(self) -> None: ...


def configured(text: str = "", admins: str = A) -> Config:
    """The configuration of these keys, beside those that there must be."""
    whole = f"mail_server: {{host: mail.example.jp}}\nadmins: {admins}\n{text}"
    found = parse([YamlText("zaiond.yaml", "/etc/zaiond", whole)], _NoSources())
    assert found.config is not None, found.errors
    return found.config


@dataclass
class Made:
    """A mail that was made."""

    at: float
    to: tuple[str, ...]
    routing: Routing
    events: tuple[int, ...]
    notice: bool = False


@dataclass
class Book:
    """One daemon's; `restart` and `reload` as they happen to it."""

    table: RoutingTable
    now: float = 1_700_000_000.0
    rows: dict[tuple[str, str], bytes] = field(default_factory=dict)
    coming: dict[int, set[int]] = field(default_factory=dict)  # row in messages: its events
    made: list[Made] = field(default_factory=list)
    ended: dict[int, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    expired: list[Expired] = field(default_factory=list)
    jobs: list[Missed | Overdue] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)  # of each of `jobs`
    unheard: dict[str, set[str]] = field(default_factory=dict)  # as of `due`

    def __post_init__(self) -> None:
        self.messages = count(1)
        self.restart()

    def load(self) -> None:
        """The state is read from its rows."""
        rows = [(kind, key, value) for (kind, key), value in self.rows.items()]
        self.state = State(rows, lambda: next(self.messages))
        assert not self.state.unread

    def restart(self) -> None:
        self.load()
        reconsider(self.table, self.state, self.now)
        self._commit()

    def reload(self, config: Config) -> None:
        self.table = RoutingTable(config)
        reconsider(self.table, self.state, self.now)
        self._commit()

    def event(self, **attributes: object) -> Event:
        given = {
            "id": f"e{len(self.events)}",
            "uid": 1000,
            "type": "x",
            "source": "test",
            "time": self.now,
            "accepted": self.now,
            **attributes,
        }
        return Event(**given)  # type: ignore[arg-type]

    def tell(self, **attributes: object) -> Decision:
        """An event is accepted and routed."""
        event = self.event(**attributes)
        seq = len(self.events)
        self.events.append(event)
        decision = decide(event, self.table, self.state, self.now, seq=seq)
        self._carry_out(seq, decision)
        self._commit()
        return decision

    def _carry_out(self, seq: int, decision: Decision) -> None:
        assert (decision.end is None) == bool(decision.tells or decision.joins)
        gone: dict[int, set[int]] = {}
        for tell in decision.tells:
            assert tell.to
            events = {seq, *self._absorb(tell.absorbs, gone)}
            self.made.append(self._mail(tell.to, tell.routing, events, seq))
        for join in decision.joins:
            self._join(join, {seq, *self._absorb(join.absorbs, gone)})
        if decision.end is not None:
            left = self._absorb(decision.end.absorbs, gone)
        for row in gone:
            del self.coming[row]
        if decision.end is not None:
            for each in {seq, *left}:
                if not self.is_somewhere(each):
                    self.ended[each] = decision.end.outcome

    def _mail(
        self, to: tuple[str, ...], routing: Routing, events: Iterable[int], of: int | None = None
    ) -> Made:
        notice = of is not None and self.events[of].notice
        return Made(self.now, to, routing, tuple(sorted(events)), notice)

    def _absorb(self, groups: tuple[Group, ...], gone: dict[int, set[int]]) -> set[int]:
        for group in groups:
            gone[group.message] = self.coming[group.message]
        return set().union(*(gone[group.message] for group in groups))

    def _join(self, join: Join, events: set[int]) -> None:
        row = join.group.message
        assert join.is_new == (row not in self.coming)
        assert row
        self.coming.setdefault(row, set()).update(events)

    def look(self) -> list[Due]:
        """What is due now is carried out."""
        found = due(self.table, self.state, self.now, self.unheard)
        for each in found:
            if isinstance(each, Flush):
                events = self.coming.pop(each.group.message)
                if each.to:
                    self.made.append(self._mail(each.to, each.routing, events))
                assert each.to or each.into
                for join in each.into:
                    self._join(join, events)
            elif isinstance(each, Remind):
                self.made.append(self._mail(each.to, each.routing, {each.problem.event}))
            elif isinstance(each, Expired):
                self.expired.append(each)
            else:
                self.jobs.append(each)
                self.told_at.append(self.now)
        self._commit()
        return found

    def wait(self, seconds: float, step: float = float("inf"), *, is_awake: bool = False) -> None:
        """Time passes, and whatever becomes due in it is done in its time. `is_awake`: the daemon
        has looked meanwhile, as it does every LOOK seconds; that found nothing.
        """
        end = self.now + seconds
        while True:
            at = self.state.next_due()
            self.now = max(self.now, min(end, self.now + step, end if at is None else at))
            if is_awake:
                self.state.looked = self.now
            self.look()
            if self.now >= end:
                return

    def _commit(self) -> None:
        assert not self.state.stumbled
        for kind, key, value in self.state.changes():
            if value is None:
                self.rows.pop((kind, key), None)
            else:
                self.rows[kind, key] = value
        self.state.commit()

    def is_somewhere(self, seq: int) -> bool:
        return any(seq in events for events in self.coming.values()) or any(
            seq in mail.events for mail in self.made
        )

    def check(self) -> None:
        """The law: each event is in a mail, made or to come, or has ended; never both. Each mail
        to come has its group, each group that waits its mail.
        """
        in_mails = set().union(*self.coming.values(), *(set(mail.events) for mail in self.made))
        assert in_mails.isdisjoint(self.ended)
        assert in_mails | set(self.ended) == set(range(len(self.events)))
        pending = {group.message for group in self.state.groups.values() if group.is_pending}
        assert pending == set(self.coming)
        assert all(self.coming.values())
        # What is on disk is what is in memory.
        again = State([(kind, key, value) for (kind, key), value in self.rows.items()], lambda: 0)
        for name in ("groups", "problems", "jobs", "silences", "sent"):
            assert getattr(again, name) == getattr(self.state, name)
