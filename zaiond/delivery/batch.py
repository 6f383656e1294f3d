"""What becomes of some events, as routing decides it, until it is on disk. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from msgspec import structs

from zaiond.delivery.mail_maker import MailMaker
from zaiond.model import Event, QueuedMail, Routing, StoredEvent
from zaiond.routing.decision import Decision, Flush, Join, Tell
from zaiond.routing.records import Group
from zaiond.routing.state import Change
from zaiond.store.groups import MailToCome, Move, Steps
from zaiond.store.queue import Ended


class Wanted(NamedTuple):
    """A mail to come that is made now: its row, who gets it (nobody: it is forgotten) and how it
    came to be; the rows of those into which its events go, too. `inherited`: of Flush.is_inherited.
    """

    row: int
    to: tuple[str, ...]
    routing: Routing
    into: tuple[int, ...] = ()
    inherited: bool = False

    @classmethod
    def of(cls, flush: Flush) -> "Wanted":
        """What is made of a group that is due."""
        into = tuple(join.group.message for join in flush.into)
        return cls(flush.group.message, flush.to, flush.routing, into, flush.is_inherited)

    @property
    def kept_routing(self) -> Routing:
        """With who gets it: for who finds it on disk."""
        return structs.replace(self.routing, recipients=self.to)


class Batch:
    """Collects the mails that are made at once, the mails to come that begin and which events join
    them, and the events that end. `wanted` are mails to come that are made as soon as this is on
    disk: they tell of the end of a problem, and of all that was counted until then. `reached` gives
    those of the recipients of an event who are reached.
    """

    def __init__(
        self,
        maker: MailMaker,
        new_messages: Iterator[int],
        new_deliveries: Iterator[int],
        reached: Callable[[StoredEvent, tuple[str, ...]], tuple[str, ...]],
    ) -> None:
        self.mails: list[QueuedMail] = []
        self.ended: list[Ended] = []
        self.wanted: list[Wanted] = []
        self._begun: list[MailToCome] = []
        self._joins: list[tuple[int, int]] = []
        self._moves: list[Move] = []
        self._maker = maker
        self._new_messages, self._new_deliveries = new_messages, new_deliveries
        self._reached = reached

    def add(
        self, stored: StoredEvent, event: Event, decision: Decision, *, urgent: bool = False
    ) -> None:
        """What is decided of an event; `urgent`: its mails go before others, whatever it is."""
        tells, joins, end = decision.tells, decision.joins, decision.end
        if end is not None:
            ended = Ended(stored, end.reason, end.outcome)
            self._moves += (Move(group.message, (), ended) for group in end.absorbs)
            if not tells:  # as it is, but for what is handed on and ends a problem here
                self.ended.append(ended)
                return
        alone = len(tells) == 1 and not joins
        for tell in tells:
            if tell.absorbs:
                continue
            parts = self._maker.parts(self._reached(stored, tell.to))
            for recipients in parts:
                mail = self._maker.make(
                    next(self._new_messages),
                    stored,
                    event,
                    recipients,
                    self._new_deliveries,
                    alone=alone and len(parts) == 1,
                    routing=tell.routing,
                )
                mail.urgent = mail.urgent or urgent
                self.mails.append(mail)
        if alone and not tells[0].absorbs:  # as it mostly is
            return
        into = self.join(joins, stored)
        for tell in tells:
            if tell.absorbs:
                self._close(tell, stored, into)
        self._moves += (Move(row, tuple(rows), None) for row, rows in into.items())

    def join(self, joins: Iterable[Join], stored: StoredEvent) -> dict[int, list[int]]:
        """The event joins these mails to come. Gives the rows of those of which the events do so,
        too, and where they go.
        """
        into: dict[int, list[int]] = {}
        for join in joins:
            row = join.group.message
            if join.is_new:
                group = join.group
                of = stored.accepted, stored.queued
                self.begin(row, *of, group.due, group.routing, stored)
            self._joins.append((row, stored.seq))
            _go(join.absorbs, row, into)
        return into

    def _close(self, tell: Tell, stored: StoredEvent, into: dict[int, list[int]]) -> None:
        row = next(self._new_messages)
        routing = structs.replace(tell.routing, kind="problem")
        # Until it is made, what is kept of it says to whom it goes.
        wanted = Wanted(row, tell.to, routing)
        self.begin(row, stored.accepted, stored.queued, 0.0, wanted.kept_routing, stored)
        self._joins.append((row, stored.seq))
        self.wanted.append(wanted)
        _go(tell.absorbs, row, into)

    def begin(
        self,
        row: int,
        accepted: float,
        queued: float,
        due: float,
        routing: Routing,
        first: StoredEvent | None = None,
    ) -> None:
        """A mail to come begins with what was accepted and queued then; None: not with an event
        that is new.
        """
        id_ = self._maker.new_message_id(first, routing)
        self._begun.append(MailToCome(row, id_, accepted, queued, due, routing))

    def steps(self, due: Iterable[Group], changes: list[Change]) -> Steps | None:
        """What is to be recorded beside the mails; `due` are mails to come that may be due at
        another time, or for another reason now, `changes` what routing remembers. None: nothing.
        """
        times = [(group.due, group.routing, group.message) for group in due]
        if not (self._begun or self._joins or self._moves or times or changes):
            return None
        return Steps(self._begun, times, self._joins, changes, self._moves)


def _go(groups: Iterable[Group], row: int, into: dict[int, list[int]]) -> None:
    for group in groups:
        into.setdefault(group.message, []).append(row)
