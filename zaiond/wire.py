"""The event socket's and the spool's lines: JSON in, JSON out, and their limits (interface 3, 4).

A line is parsed once, at the border. What is stored is the line as it was sent: nothing of an event
is lost by a form of ours, extensions included.
"""

import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from zaiond.errors import RETRYABLE, EventError
from zaiond.model import Event, Severity
from zaiond.text import Language, Text

MAX_EVENT_BYTES = 256 * 1024
MAX_SPOOL_FILE_BYTES = 1024 * 1024
MAX_UNREAD_REPLY_BYTES = 1024 * 1024
MAX_ID_LENGTH = 255
MAX_DEPTH = 64


class Submission(msgspec.Struct, kw_only=True, gc=False):
    """What a producer sent: None where it left an attribute out or null (CloudEvents)."""

    type: str
    id: str | None = None
    source: str | None = None
    time: str | None = None
    subject: str | None = None
    severity: Severity | None = None
    message: str | None = None
    data: Any = None
    data_base64: Any = None
    key: str | None = None
    status: Literal["problem", "ok"] | None = None
    job: str | None = None
    specversion: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


_ATTRIBUTES = frozenset(Submission.__struct_fields__)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_is_type = re.compile(r"[A-Za-z0-9._/-]{1,255}").fullmatch
# RFC 3339 5.6, which is stricter than ISO 8601: an offset is required.
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_END_OF_TIME = 253402300800.0  # of the year 9999, which a leap second there would go beyond
_FIELD_IN_ERROR = re.compile(r"(?:`\$\.(\w+)|required field `(\w+)`)")

_OBJECT = Text(
    "イベントは JSON オブジェクト 1 個にしてください", "an event must be one JSON object"
)
_TEXT_RULE = Text("文字列にしてください", "must be a string")
_RULES: dict[str, Text] = {
    "type": Text(
        "必須です。英数字と . _ - / からなる 1〜255 文字にしてください（例: backup.job.failed）",
        "is required: 1 to 255 of letters, digits, '.', '_', '-', '/' (as backup.job.failed)",
    ),
    "id": Text(
        "印字できる文字 1〜255 文字にしてください", "must be 1 to 255 printable characters"
    ),
    "source": Text(
        "空でない文字列にしてください", "must be a string that is not empty"
    ),
    "time": Text(
        "RFC 3339 の日時にしてください（例: 2013-05-25T09:00:00+09:00）",
        "must be a date and time by RFC 3339 (as 2013-05-25T09:00:00+09:00)",
    ),
    "severity": Text(
        "emerg, alert, crit, err, warning, notice, info, debug のどれかにしてください",
        "must be one of emerg, alert, crit, err, warning, notice, info, debug",
    ),
    "status": Text(
        "problem か ok にして、key と一緒に指定してください",
        "must be problem or ok, and go with a key",
    ),
    "specversion": Text("1.0 だけを受け付けます", "must be 1.0, or be left out"),
    "data": Text(
        "大きすぎる数値があります。文字列にしてください",
        "there is a number out of range: send it as a string",
    ),
    "data_base64": Text(
        "受け付けません。data に JSON で入れてください", "is not taken: put JSON into data"
    ),
}  # fmt: skip


def _invalid(field: str) -> EventError:
    rule = _RULES.get(field, _TEXT_RULE)
    return EventError("invalid", Text(f"{field}: {rule.ja}", f"{field}: {rule.en}"), field)


def parse(line: bytes) -> Submission:
    """One line (without its newline) to what was sent.

    Raises EventError: `too_large` over 256 KiB, else `invalid` with the attribute at fault.
    """
    if len(line) > MAX_EVENT_BYTES:
        raise too_large()
    try:
        # In two steps: a decoder of Submission would skip extensions without a look at their text.
        whole = _decode(line)
        sent = msgspec.convert(whole, Submission)
    except msgspec.ValidationError as error:
        found = _FIELD_IN_ERROR.search(str(error))
        if found is None:
            rule = _OBJECT if str(error).startswith("Expected `object`") else _RULES["data"]
            raise EventError("invalid", rule) from None
        raise _invalid(found[1] or found[2]) from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventError(
            "invalid",
            Text(f"UTF-8 の JSON ではありません: {error}", f"not JSON in UTF-8: {error}"),
        ) from None
    if _is_type(sent.type) is None:
        raise _invalid("type")
    if sent.id is not None and not (0 < len(sent.id) <= MAX_ID_LENGTH and sent.id.isprintable()):
        raise _invalid("id")
    if sent.source is not None and not sent.source:
        raise _invalid("source")
    if sent.status is not None and not sent.key:
        raise _invalid("status")
    if sent.time is not None:
        _seconds(sent.time)
    if sent.data_base64 is not None:
        raise _invalid("data_base64")
    if sent.specversion is not None and sent.specversion != "1.0":
        raise _invalid("specversion")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _is_deep(whole):
        raise _too_deep()
    return sent


def lane(sent: Submission) -> str | None:
    """What the mails of several events have in common if they must arrive in order: the key, else
    the job (interface 8).
    """
    if sent.key:
        return f"key {sent.key}"
    return f"job {sent.job}" if sent.job else None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, (dict, list)) for value in level)


def _too_deep() -> EventError:
    return EventError(
        "invalid",
        Text(
            f"JSON の入れ子が {MAX_DEPTH} 段を超えています",
            f"the JSON is nested more than {MAX_DEPTH} levels deep",
        ),
    )


def _seconds(time: str) -> float:
    found = _RFC_3339.fullmatch(time)
    if found is None:
        raise _invalid("time")
    date, minutes, seconds, fraction, offset = found.groups()
    leap = seconds == "60"  # RFC 3339 5.7: a leap second is a valid time
    if offset in "Zz":
        offset = "+00:00"
    try:
        moment = datetime.fromisoformat(f"{date}T{minutes}:{'59' if leap else seconds}{offset}")
        since = moment.astimezone(UTC).timestamp() + leap + float(fraction or 0)
    except (ValueError, OverflowError):
        raise _invalid("time") from None
    if since >= _END_OF_TIME:
        raise _invalid("time")
    return since


def complete(line: bytes, *, id: str, uid: int, accepted: float) -> Event:
    """The event of a line that `parse` took; the rest is what the daemon knows.

    `accepted` is in seconds since the epoch; `id` the event's, made by the daemon or as sent.
    """
    whole: dict[str, Any] = _decode(line)
    sent = msgspec.convert(whole, Submission)
    data = sent.data
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        data = {"value": data}
    return Event(
        id=id,
        uid=uid,
        type=sent.type,
        source=sent.source or f"uid:{uid}",
        time=accepted if sent.time is None else _seconds(sent.time),
        accepted=accepted,
        severity=sent.severity or "info",
        subject=sent.subject,
        message=sent.message,
        data=data,
        key=sent.key,
        status=sent.status,
        job=sent.job,
        extensions={name: whole[name] for name in whole if name not in _ATTRIBUTES},
    )


def same_content(line: bytes, other: bytes) -> bool:
    """Whether two lines tell the same event: all attributes but `id` and `time` agree.

    A producer that tries again may stamp the time anew; nothing else may differ (interface 3).
    """
    if line == other:
        return True
    return _content(line) == _content(other)


def _content(line: bytes) -> bytes:
    whole: dict[str, Any] = _decode(line)
    # As text, for in Python true equals 1.
    return _encode_sorted(
        {
            name: value
            for name, value in whole.items()
            if value is not None and name not in ("id", "time")
        }
    )


def too_large() -> EventError:
    """The error of a line over 256 KiB."""
    return EventError(
        "too_large",
        Text(
            "イベントが 256 KiB を超えています。長い出力は要約するかファイルに残してください",
            "the event is over 256 KiB: shorten long output, or leave it in a file",
        ),
    )


def conflict(id: str) -> EventError:
    """The error of an id that was used before, with other content."""
    return EventError(
        "conflict",
        Text(
            f"id {id} は別の内容のイベントで使用済みです。新しい id にしてください",
            f"id {id} was used before for an event with other content: take a new id",
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
    reply["message"] = error.text.in_language(language)
    reply["retry"] = error.code in RETRYABLE
    return _encode(reply) + b"\n"
