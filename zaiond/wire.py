"""The event socket's and the spool's lines: JSON in, JSON out, and their limits (interface 3, 4).

A line is parsed once, at the border. What is stored is the line as it was sent: nothing of an event
is lost by a form of ours, extensions included. A line that is not clean JSON in UTF-8 but can be
shown is cleaned there, once, so that everything behind can read it.
"""

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import structs

from zaiond import event_rules
from zaiond.errors import RETRYABLE, EventError
from zaiond.event_rules import (
    MAIL,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_ID_LENGTH,
    MAX_MAIL_BYTES,
    SEVERITY_OF_WORD,
    Unfit,
)
from zaiond.model import URGENT, Event, NewEvent, Severity
from zaiond.text import Language, Text

__all__ = ["MAX_EVENT_BYTES", "MAX_ID_LENGTH"]  # and what is defined here

MAX_SPOOL_FILE_BYTES = 1024 * 1024
MAX_MAIL_LINE_BYTES = (MAX_MAIL_BYTES + 2) // 3 * 4 + MAX_EVENT_BYTES  # of one that carries a mail
MAX_UNREAD_REPLY_BYTES = 1024 * 1024
MAX_OUTLINE_TEXT = 1000  # characters of each attribute

_ATTRIBUTES = frozenset(
    {"type", "id", "source", "time", "subject", "severity", "message", "data", "data_base64"}
    | {"key", "status", "job", "specversion", "datacontenttype", "dataschema"}
)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Submission(msgspec.Struct, gc=False):
    """What a producer sent: `line` as it is to be kept, and what decides on its way."""

    line: bytes
    type: str
    id: str | None
    source: str | None
    severity: Severity | None
    lane: str | None  # what the mails of several events have in common that must arrive in order


def parse(line: bytes) -> Submission:
    """One line (without its newline) to what was sent. Who reads it sees to MAX_EVENT_BYTES: a
    line that had to be cleaned may be longer, as it is kept. Raises EventError `invalid`.
    """
    try:
        event_rules.bound_values(line)
        try:
            event = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = event_rules.read_bounded(line)
            line = _encode(event)
        else:
            if not isinstance(event, dict) or (
                len(line) > 2 * MAX_DEPTH and line.count(b"[") + line.count(b"{") > MAX_DEPTH
            ):
                event_rules.require_object(event)
        event_rules.check(event)
    except Unfit as unfit:
        field, text = unfit.field, Text(unfit.ja, unfit.en)
    else:
        get = event.get
        severity, key, job = get("severity"), get("key"), get("job")
        return Submission(
            line,
            event["type"],
            get("id"),
            get("source"),
            None if severity is None else _severity(severity),
            f"key {key}" if key else f"job {job}" if job else None,  # interface 8
        )
    # Not in the except clause: an error that is kept is not to keep what it came of, the line.
    raise EventError("invalid", text, field)


def new_event(
    line: bytes, uid: int, now: float, make_id: Callable[[], str], *, may_be_mail: bool = False
) -> NewEvent | EventError:
    """The event of a line that came at `now` (seconds since the epoch), or why it is none.
    `make_id` gives it an id where it has none, or raises EventError. `may_be_mail`: it may be
    larger by a mail that it carries.
    """
    if len(line) > MAX_EVENT_BYTES and not (may_be_mail and _carries_mail(line)):
        return too_large()
    try:
        sent = parse(line)
        id_ = sent.id or make_id()
    except EventError as error:
        return error.with_traceback(None)  # which would keep the line, and all that read it
    return id_, uid, sent.source or "", now, sent.line, sent.severity in URGENT, sent.lane


def complete(line: bytes, *, id: str, uid: int, accepted: float, notice: bool = False) -> Event:
    """The event of a line that `parse` took; the rest is what the daemon knows. `accepted` is in
    seconds since the epoch; `id` the event's, made by the daemon or as sent.
    """
    sent: dict[str, Any] = _decode(line)
    get = sent.get
    time, severity, data = get("time"), get("severity"), get("data")
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        data = {"value": data}
    mail = ""
    if sent["type"] == MAIL and isinstance(get("mail"), str):
        mail = sent.pop("mail")
    extensions = {}
    if not _ATTRIBUTES.issuperset(sent):  # in few events
        extensions = {name: sent[name] for name in sent if name not in _ATTRIBUTES}
    event = Event(
        id=id,
        uid=uid,
        type=sent["type"],
        source=get("source") or f"uid:{uid}",
        time=accepted if time is None else cast(float, event_rules.moment(time)),
        accepted=accepted,
        severity="info" if severity is None else _severity(severity),
        subject=get("subject"),
        message=get("message"),
        data=data,
        key=get("key"),
        status=get("status"),
        job=get("job"),
        extensions=extensions,
        notice=notice,
    )
    # Not above: a sixteenth argument takes a quarter of the time of all of this.
    return structs.replace(event, mail=mail) if mail else event


class _Carrier(msgspec.Struct, gc=False):
    type: str
    mail: str = ""


_decode_carrier = msgspec.json.Decoder(_Carrier).decode


def _carries_mail(line: bytes) -> bool:
    """Whether a line is as long as it is by the mail that it carries."""
    if len(line) > MAX_MAIL_LINE_BYTES:
        return False
    try:
        carrier = _decode_carrier(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return carrier.type == MAIL and len(line) - len(carrier.mail) <= MAX_EVENT_BYTES


class _Outline(msgspec.Struct, omit_defaults=True, gc=False):
    type: str
    source: str | None = None
    time: str | None = None
    severity: str | None = None
    subject: str | None = None
    key: str | None = None
    status: str | None = None
    job: str | None = None


_decode_outline = msgspec.json.Decoder(_Outline).decode


def outline(line: bytes) -> bytes:
    """A line that `parse` took, without what only one who reads the whole event sees: message, data
    and extensions are not even decoded, and long texts are cut. Empty where it can't be read.
    """
    try:
        event = _decode_outline(line)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged page
        return b""
    for name in ("source", "subject", "key", "job"):
        text = getattr(event, name)
        if text is not None and len(text) > MAX_OUTLINE_TEXT:
            setattr(event, name, text[:MAX_OUTLINE_TEXT] + "…")
    return _encode(event)


def _severity(word: str) -> Severity:
    return cast(Severity, SEVERITY_OF_WORD[word.lower()])


def same_content(line: bytes, other: bytes) -> bool:
    """Whether two lines that `parse` took tell the same event: all attributes but `id` and `time`
    agree in what they mean. A producer that tries again may stamp the time anew (interface 3).
    """
    return line == other or _content(line) == _content(other)


def _content(line: bytes) -> bytes:
    whole: dict[str, Any] = _decode(line)
    if whole.get("severity") is not None:
        whole["severity"] = _severity(whole["severity"])
    # As text, for in Python true equals 1.
    return _encode_sorted(
        {
            name: value
            for name, value in whole.items()
            if value is not None and name not in ("id", "time")
        }
    )


def too_large() -> EventError:
    return EventError("too_large", Text(*event_rules.TOO_LARGE))


def conflict(id: str) -> EventError:
    """The error of an id that was used before, with other content."""
    from zaiond import places

    command = places.event(id).command  # who emits may have put a shell's words into an id
    return EventError(
        "conflict",
        Text(
            f"id {id} は別の内容のイベントで使用済みです（{command}）。"
            "別のイベントなら、新しい id を付けるか id を省略して送り直してください",
            f"id {id} was used before for an event with other content ({command}):"
            " if this is another event, send it with a new id, or with none",
        ),
        "id",
    )


def ok_reply(id: str, *, duplicate: bool = False) -> bytes:
    """`{"status":"ok",…}` and a newline, sent after the event is on disk."""
    if duplicate:
        return b'{"status":"ok","id":' + _encode(id) + b',"duplicate":true}\n'
    return b'{"status":"ok","id":' + _encode(id) + b"}\n"


def error_reply(error: EventError, language: Language) -> bytes:
    """`{"status":"error",…}` and a newline; the message is in `language`."""
    reply: dict[str, Any] = {"status": "error", "code": error.code}
    if error.field is not None:
        reply["field"] = error.field
    ja, en = error.text
    if error.code == "quota":  # what is in the spool need not be sent again
        ja, en = f"{ja}。後でもう一度送ってください", f"{en}: send it again later"
    reply["message"] = Text(ja, en).in_language(language)
    reply["retry"] = error.code in RETRYABLE
    return _encode(reply) + b"\n"
