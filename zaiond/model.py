"""The nouns of zaiond: what flows from the event socket to the mail server.

An `Event` is what a producer told, a `StoredEvent` its row on disk; a `Message` is the mail made of
it, with its envelope; a delivery is one message on its way to one recipient; an attempt is one try
of a delivery.

Structs and tuples, for there is one of each a mail: a frozen dataclass takes ten times as long to
make.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import structs

from zaiond.text import Text

Severity = Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # RFC 5424 6.2.1, worst first
URGENT: tuple[Severity, ...] = ("emerg", "alert", "crit")

# Why an event waits in a mail to come: its group, a cron expression, active_time, max_mails, or
# that its problem was told of before.
GroupKind = Literal["grouped", "digest", "held", "suppressed", "problem"]
MOST_SHOWN, MOST_IDS = 100, 1000  # of the events that one mail tells of
SHOWN_BYTES = 128 * 1024  # of the lines of those that are shown
MOST_LOADED = 10  # of the events of a mail that was made of a group


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event, complete: what the producer left out is filled in.

    `time` and `accepted` are seconds since the epoch; `time` is the producer's claim, `accepted` is
    when it was taken in. `uid` is what the kernel says, `source` what the event says. `notice`: the
    daemon itself made it, and nobody else can. `mail` is that which an event `mail.local` carries,
    in base64; '' where it carries none.
    """

    id: str
    uid: int
    type: str
    source: str
    time: float
    accepted: float
    severity: Severity = "info"
    subject: str | None = None
    message: str | None = None
    data: dict[str, Any] = {}
    key: str | None = None
    status: Literal["problem", "ok"] | None = None
    job: str | None = None
    extensions: dict[str, Any] = {}
    notice: bool = False
    mail: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it goes over the wire, made once and kept: every retry is the same to the letter.

    `message_id` has its angle brackets. `reverse_path` and `recipients` are envelope addresses
    without them, as they are shown (`wire_address` makes of them what is sent). `content` is the
    whole mail, lines ended by CRLF, 7-bit unless `smtputf8`, each at most 998 octets; not
    dot-stuffed, without the final dot. `remark` is what its history must say of how it was made.
    """

    message_id: str
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    smtputf8: bool = False
    remark: Text | None = None


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a problem stood when its mail was made.

    `since` is when it was opened, `until` when it was closed, None while it is open: seconds since
    the epoch. `count` is how often it was reported. `reminder`: the mail reminds of it.
    """

    since: float
    until: float | None = None
    count: int = 1
    reminder: bool = False


class Routing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a mail came to be; kept with its message, so that it can be explained and made anew.

    `route` is the name of its route, "" where none matched. `kind` is the kind of the group that it
    was made of, "event" where it was made at once. `reason` is what `history` and `zaiond-ctl
    route` show, None for what every event without a route has. `labels` are the fields in which the
    events of its group agree, and their values. `recipients`: only these; None: those of the route.
    `job`: of the job that it tells of, which has some of its own. `worst`: of the events of its
    group, while it is to come.
    """

    route: str = ""
    kind: GroupKind | Literal["event"] = "event"
    reason: Text | None = None
    labels: tuple[tuple[str, str], ...] = ()
    standing: Standing | None = None
    recipients: tuple[str, ...] | None = None
    job: str | None = None
    worst: Severity = "debug"


class Together(msgspec.Struct, frozen=True):
    """Several events that one mail tells of.

    `total` is how many, `severities` how many of each, `first` and `last` when the first and the
    last of them were accepted. `shown` are the worst, of these the newest first: at most
    MOST_SHOWN, whose lines have at most SHOWN_BYTES. `ids` are at most MOST_IDS, those of `shown`
    first.
    """

    total: int
    severities: dict[Severity, int]
    first: float
    last: float
    shown: tuple[Event, ...]
    ids: tuple[str, ...]


class StoredEvent(NamedTuple):
    """A row of `events`: `source` is '' where none was sent, `body` the line as sent, `lane` its
    key or job, `queued` when it was accepted in queue time. `notice`: the daemon itself made it.
    `turn` and `ahead` say when it is to be routed (store/turns.py).
    """

    seq: int
    id: str
    uid: int
    source: str
    accepted: float
    body: bytes
    urgent: bool = False
    lane: str | None = None
    queued: float = 0.0
    notice: bool = False
    turn: int = 0
    ahead: bool = False


# id, uid, source, accepted, body, urgent, lane
NewEvent = tuple[str, int, str, float, bytes, bool, str | None]

# Index in its batch, turn, ahead: of each event, in the order in which they are taken in.
Place = tuple[int, int, bool]


Usage = dict[int, tuple[int, int]]  # events that wait and their bytes, by uid


class WaitingLine(NamedTuple):
    """Events of a user that wait to be routed, or have come to: how many, their bytes, how many of
    them are `ahead`, and their turns.
    """

    uid: int
    notice: bool
    urgent: bool
    events: int
    bytes: int
    ahead: int
    first_turn: int
    last_turn: int


OPEN = ("waiting", "deferred", "held")
DeliveryState = Literal["waiting", "deferred", "held", "delivered", "failed", "expired"]
AttemptOutcome = Literal["delivered", "deferred", "held", "failed", "expired", "unknown"]


class QueuedDelivery(NamedTuple):
    """A delivery that is due; `attempts` have been made before, of which `unknown` ended without an
    answer to the content. `held`: this attempt is a probe of what holds it.
    """

    row: int
    recipient: str
    attempts: int
    unknown: int = 0
    held: bool = False


class QueuedMail(msgspec.Struct):
    """A message with the deliveries that are due, and the events it tells of.

    `queued`: when its oldest event was accepted, in queue time. `urgent`: it goes before others.
    `lane`: mails of the same lane go to a recipient one after the other. `user`: users take turns.
    `whole`: no other delivery of the message is open. `alone`: no other message tells of its
    events. `one_by_one`: deliveries whose turn comes when these have had theirs. `started`: when
    its attempt began, where that is recorded, or will be so with the mail itself. `routing` is
    None for what goes by no route, at once. Of a mail that was made of a group `events` has at most
    the first MOST_LOADED.
    """

    row: int
    message: Message
    deliveries: tuple[QueuedDelivery, ...]
    accepted: float
    queued: float
    notice: bool
    events: tuple[StoredEvent, ...]
    urgent: bool = False
    lane: str | None = None
    user: int = 0
    whole: bool = True
    alone: bool = False  # or not known, and to be looked up
    one_by_one: tuple[QueuedDelivery, ...] = ()
    started: float | None = None
    routing: Routing | None = None

    @property
    def is_of_group(self) -> bool:
        """Whether it was made of a group: then its events have ended with that."""
        return self.routing is not None and self.routing.kind != "event"

    def keeping(self, is_kept: Callable[[QueuedDelivery], bool]) -> "QueuedMail | None":
        """The mail with these of its deliveries; None: there are none."""
        left = tuple(filter(is_kept, self.deliveries))
        if len(left) == len(self.deliveries):
            return self
        return self.reduced(left) if left else None

    def reduced(self, left: tuple[QueuedDelivery, ...]) -> "QueuedMail":
        """The same mail to some of its recipients; others of it are open."""
        message = structs.replace(self.message, recipients=tuple(d.recipient for d in left))
        return structs.replace(self, deliveries=left, message=message, whole=False)


class AttemptResult(NamedTuple):
    """How an attempt of one delivery ended; `next_attempt` where it is tried again."""

    delivery: QueuedDelivery
    state: DeliveryState
    outcome: AttemptOutcome
    server: str
    reply: str
    started: float
    ended: float
    next_attempt: float | None = None

    @property
    def is_retried(self) -> bool:
        """Whether it is deferred to a later try, and not only until it expires."""
        return self.state == "deferred" and self.next_attempt is not None


class MessageRecord(NamedTuple):
    """A message of an event; `is_open`: one of its deliveries is, or it is to come."""

    row: int
    message_id: str
    is_open: bool
    routing: Routing = Routing()


class DeliveryRecord(NamedTuple):
    """A delivery of an event, open or ended."""

    row: int
    message: int
    recipient: str
    state: str

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_lost(self) -> bool:
        return self.state in ("failed", "expired")


class EventRecord(NamedTuple):
    """An event that became mails of its own, and what became of them. `elsewhere` are the mails,
    made or to come, of groups that it is in.
    """

    event: StoredEvent
    messages: tuple[MessageRecord, ...]
    deliveries: tuple[DeliveryRecord, ...]
    elsewhere: tuple[MessageRecord, ...] = ()


class GroupRecord(NamedTuple):
    """A mail that was made of a group, and what became of it. `has_other`: another message tells of
    the same to those of its recipients whose addresses need SMTPUTF8, or to those whose do not.
    `elsewhere` are all other mails that tell of its first event, made or to come.
    """

    message: MessageRecord
    deliveries: tuple[DeliveryRecord, ...]
    has_other: bool
    elsewhere: tuple[MessageRecord, ...]


class Remade(NamedTuple):
    """What the mails of an event are from now on: `mails` with the deliveries that are to be made;
    which of these messages and deliveries there were not before; the deliveries that are `replaced`
    by others, and the messages of which nothing is left to be sent. `event` None: they are mails
    that were made of a group; what tells of the same as that with the row `of` is new.
    """

    event: StoredEvent | None
    mails: tuple[QueuedMail, ...]
    new_messages: frozenset[int]
    new_deliveries: frozenset[int]
    replaced: tuple[int, ...]
    emptied: tuple[int, ...]
    of: int = 0

    def plus(self, more: "Remade") -> "Remade":
        """With other mails of the same event."""
        return self._replace(
            mails=self.mails + more.mails,
            new_messages=self.new_messages | more.new_messages,
            new_deliveries=self.new_deliveries | more.new_deliveries,
            replaced=self.replaced + more.replaced,
            emptied=self.emptied + more.emptied,
        )


def wire_address(address: str) -> str:
    """The address as a path or a header field has it.

    RFC 5321 4.1.2: a local part whose dots make it no Dot-string goes as a Quoted-string. Mobile
    carriers once gave out such addresses, and their owners write them without quotes.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if local and ".." in f".{local}." and not local.startswith('"'):
        return f'"{local}"{at}{domain}'
    return address
