"""What a letter becomes at a hub: an event as the event socket would have taken it.

Pure. The machine's name is in `data.host`, whatever the event says there: the engine's rights vouch
for it. Another value that the event had is in `data.host_said`. What can't be read becomes an event
about it, with its beginning: nothing that came is lost, and nothing holds up what comes behind it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from zaiond.errors import ZaiondError
from zaiond.event_rules import MAX_ID_LENGTH
from zaiond.fleet import hub_words as words
from zaiond.fleet import letter, names
from zaiond.fleet.machines import UNKNOWN, Machines
from zaiond.model import NewEvent
from zaiond.text import Language

UNREADABLE = "zaiond.fleet.unreadable"
EXCERPT = 2000  # bytes of what can't be read
MOST_HEADERS = 20
LONGEST_HEADER = 200
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Arrived(NamedTuple):
    """The event that a message of the stream is, and the machine that it comes from."""

    event: NewEvent
    machine: str


def event_of(
    subject: str,
    payload: bytes,
    headers: Mapping[str, str] | None,
    machines: Machines,
    now: float,
    language: Language,
) -> Arrived:
    """The event of a message that came at `now` (seconds since the epoch)."""
    try:
        found = letter.decode(subject, payload, headers)
        uid = None if found.notice else found.event[1]
        here = machines.uid(found.machine, uid, found.user)
        if here is None:
            raise letter.LetterError(words.too_many_machines(machine=found.machine))
        id_, own, source, accepted, line, urgent, lane = found.event
    except (letter.LetterError, names.UnfitNameError) as error:
        return unreadable(subject, payload, headers, error, machines, now, language)
    source = source or f"uid:{own}"
    line = with_host(line, found.machine, source)
    accepted = min(accepted, now) if accepted > 0 else now
    return Arrived((id_, here, source, accepted, line, urgent, lane), found.machine)


def with_host(line: bytes, machine: str, source: str) -> bytes:
    """The line of an event, as `wire.parse` took it, with its machine and its source."""
    sent: dict[str, Any] = _decode(line)
    data = sent.get("data")
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        data = {"value": data}
    said = data.get("host")
    sent["data"] = {"host": machine, **{k: v for k, v in data.items() if k != "host"}}
    if said is not None and said != machine:
        sent["data"].setdefault("host_said", said)
    sent["source"] = source
    return _encode(sent)


def unreadable(
    subject: str,
    payload: bytes,
    headers: Mapping[str, str] | None,
    error: ZaiondError,
    machines: Machines,
    now: float,
    language: Language,
) -> Arrived:
    """The event about a message that is no letter. The same message is the same event."""
    try:
        machine = names.machine_of(subject)
    except names.UnfitNameError:
        machine = UNKNOWN
    event = about(machine, payload, headers, error, machines, now, language)
    return Arrived(event, machine)


def about(
    machine: str,
    payload: bytes,
    headers: Mapping[str, str] | None,
    error: ZaiondError,
    machines: Machines,
    now: float,
    language: Language,
) -> NewEvent:
    """The event about something of a machine that can't be taken as it is."""
    uid = machines.uid(machine, None, "")
    if uid is None:
        uid = machines.uid(UNKNOWN, None, "") or 0
    shown = {
        str(name)[:LONGEST_HEADER]: str(value)[:LONGEST_HEADER]
        for name, value in list((headers or {}).items())[:MOST_HEADERS]
    }
    whole = b"\0".join((machine.encode(), payload, repr(sorted(shown.items())).encode()))
    line = {
        "type": UNREADABLE,
        "source": "zaiond",
        "severity": "err",
        "subject": words.unreadable(machine=machine).in_language(language),
        "message": error.text.in_language(language),
        "data": {
            "host": machine,
            "bytes": len(payload),
            "beginning": payload[:EXCERPT].decode(errors="backslashreplace"),
            "headers": shown,
        },
    }
    id_ = f"{UNREADABLE}/{hashlib.sha256(whole).hexdigest()}"[:MAX_ID_LENGTH]
    return id_, uid, "zaiond", now, _encode(line), False, None
