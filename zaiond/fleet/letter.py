"""An event as it is handed on from a member to the hubs: a payload and its headers.

Pure. The payload is the line as the member took it. What the line does not say goes in headers,
each text in ASCII, with a percent sign and its code for every other character (RFC 3986 2.1): a
header's value has no line end, no blank at its ends, and no encoded word (RFC 2047).
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from zaiond import wire
from zaiond.errors import EventError, ZaiondError
from zaiond.event_rules import MAX_ID_LENGTH
from zaiond.fleet import names, words
from zaiond.model import NewEvent, StoredEvent
from zaiond.safe import one_line
from zaiond.users import NO_UID

STREAM = "Nats-Expected-Stream"  # no other one is to take it
ID = "Zaiond-Id"
UID = "Zaiond-Uid"
USER = "Zaiond-User"
ACCEPTED = "Zaiond-Accepted"
NOTICE = "Zaiond-Notice"
LONGEST_USER = 64  # characters
HIGHEST_UID = 2**32 - 2  # the highest that a user can have; (uid_t) -1 is none


class LetterError(ZaiondError):
    """A message of the stream is none that a member hands on."""


class Letter(NamedTuple):
    """What a member handed on. `event` has the member's own uid, and when the member accepted it;
    `user` is what the member calls that uid, '' where it has no name. `notice`: the member's daemon
    made it."""

    machine: str
    user: str
    notice: bool
    event: NewEvent


class Packed(NamedTuple):
    """A letter as it is published."""

    subject: str
    payload: bytes
    headers: dict[str, str]

    @property
    def size(self) -> int:
        """Its bytes as the engine counts them: a line for each header, one before, one behind."""
        lines = sum(len(name) + len(value) + 4 for name, value in self.headers.items())
        return len("NATS/1.0\r\n\r\n") + lines + len(self.payload)


def identity(machine: str, uid: int, source: str, id: str, notice: bool) -> str:
    """What one event of the fleet is known by, as 52 letters and digits: the same key as that of a
    store's index, and the machine."""
    return digest(machine, uid, source, id, notice)


def digest(*parts: str | int) -> str:
    """52 small letters and digits that differ where any of the parts does."""
    whole = json.dumps(parts, ensure_ascii=True).encode()
    return base64.b32encode(hashlib.sha256(whole).digest()).decode().rstrip("=").lower()


def message_id(machine: str, uid: int, source: str, id: str, notice: bool, *of: str) -> str:
    """The Message-ID, with its angle brackets, of the mail `of` this kind about an event that this
    machine took in, or about several of which it is the first: whichever machine makes it. `uid`
    and `source` are as that machine had them; which uid its daemon has is of no matter."""
    name, uid = machine.lower().rstrip("."), NO_UID if notice else uid
    return f"<{digest(identity(name, uid, source, id, notice), *of)}@{name}>"


def encode(event: StoredEvent, machine: str, user: str) -> Packed:
    """The letter of an event that a member has on its disk. Raises UnfitNameError.

    The hubs know a repeat by what is in it. The engine is not asked to (Nats-Msg-Id): each node of
    nats-server 2.9 decides for itself what is a repeat, and one that was away for a while then
    counts otherwise than the others, and leaves out events that were acknowledged.
    """
    headers = {
        STREAM: names.STREAM,
        ID: quote(event.id),
        UID: str(event.uid),
        ACCEPTED: repr(event.accepted),
    }
    if user:
        headers[USER] = quote(one_line(user)[:LONGEST_USER])
    if event.notice:
        headers[NOTICE] = "1"
    return Packed(names.event_subject(machine), event.body, headers)


def decode(subject: str, payload: bytes, headers: Mapping[str, str] | None) -> Letter:
    """What a member handed on; every line is checked as one that comes by the socket. Raises
    LetterError, and UnfitNameError for a subject that is no member's."""
    machine = names.machine_of(subject)
    found = headers or {}
    try:
        uid, accepted = int(found[UID]), float(found[ACCEPTED])
        id_ = unquote(found[ID], errors="strict")
        user = unquote(found.get(USER, ""), errors="strict")
    except (KeyError, ValueError):
        raise LetterError(words.no_headers(machine=machine)) from None
    if (
        not 0 <= uid <= HIGHEST_UID
        or not math.isfinite(accepted)
        or not (0 < len(id_) <= MAX_ID_LENGTH and id_.isprintable())
        or not (len(user) <= LONGEST_USER and user.isprintable())
    ):
        raise LetterError(words.no_headers(machine=machine))
    event = wire.new_event(payload, uid, accepted, lambda: id_, may_be_mail=True)
    if isinstance(event, EventError):
        raise LetterError(words.no_event(machine=machine, why=event.text))
    if event[0] != id_:
        raise LetterError(words.another_id(machine=machine))
    return Letter(machine, user, NOTICE in found, event)
