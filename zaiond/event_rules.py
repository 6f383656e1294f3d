r"""What an event may be (interface 3): one check, by which the daemon takes a line and by which a
client puts it into the spool.

It needs the standard library alone, as `zaiond.client` does.

What can be shown is taken: `read` makes a clean object of a line that is nearly JSON in UTF-8. A
byte or a surrogate that is no text becomes its code (`\xe7`, `\udce7`), a number that nothing can
hold becomes its text, and a control character may stand in a string as it is.

What it costs to read an event has a bound: its bytes, its depth, and the number of its values.
"""

import json
import re
from datetime import datetime
from types import NoneType
from typing import Any

MAX_EVENT_BYTES = 256 * 1024
MAX_MAIL_BYTES = 10 * 1024 * 1024  # of a mail that an event carries
MOST_RECIPIENTS = 1000  # that a program can name
MAX_ID_LENGTH = 255
MAX_DEPTH = 64
MAX_VALUES = 10_000
NOTICE_SOURCE = "zaiond"  # of the daemon's own events
MAIL = "mail.local"  # the type of the event that carries a mail, in base64, as its `mail`
_NOTICE_TYPE = re.compile(r"zaiond\.", re.IGNORECASE)
_NOTICE_SOURCE = re.compile(rf"\s*{NOTICE_SOURCE}\s*\Z", re.IGNORECASE)
SEVERITY_OF_WORD = {
    **{w: w for w in ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")},
    "emergency": "emerg", "panic": "emerg", "critical": "crit", "fatal": "crit",
    "error": "err", "warn": "warning", "information": "info",
}  # fmt: skip

_is_type = re.compile(r"[A-Za-z0-9._/-]{1,255}").fullmatch
_TEXTS = ("subject", "message", "key", "job", "datacontenttype", "dataschema")
# RFC 3339 5.6, which is stricter than ISO 8601: an offset is required, and there is no hour 24.
_is_rfc_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d++)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_CALENDAR = (-62135596800.0, 253402300800.0)  # of the years 1 to 9999
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)

_RULES = {
    "type": (
        "英数字と . _ - / からなる 1〜255 文字にしてください（例: backup.job.failed）",
        "must be 1 to 255 of letters, digits, '.', '_', '-', '/' (as backup.job.failed)",
    ),
    "id": ("印字できる文字 1〜255 文字にしてください", "must be 1 to 255 printable characters"),
    "source": ("空でない文字列にしてください", "must be a string that is not empty"),
    "time": (
        "RFC 3339 の日時にしてください（例: 2013-05-25T09:00:00+09:00）",
        "must be a date and time by RFC 3339 (as 2013-05-25T09:00:00+09:00)",
    ),
    "severity": (
        "emerg, alert, crit, err, warning, notice, info, debug のどれかにしてください",
        "must be one of emerg, alert, crit, err, warning, notice, info, debug",
    ),
    "status": (
        "problem か ok にして、key と一緒に指定してください",
        "must be problem or ok, and go with a key",
    ),
    "specversion": ("1.0 だけを受け付けます", "must be 1.0, or be left out"),
    "data_base64": (
        "受け付けません。data に JSON で入れてください",
        "is not taken: put JSON into data",
    ),
}
_TOO_MANY = (
    f"値が {MAX_VALUES} 個を超えています（配列や入れ子の中も数えます）。要約するか、"
    "ファイルに残してください",
    f"it has more than {MAX_VALUES} values, those in lists and objects included: shorten it, or"
    " leave it in a file",
)
TOO_LARGE = (
    "イベントが 256 KiB を超えています。長い出力は要約するかファイルに残してください",
    "the event is over 256 KiB: shorten long output, or leave it in a file",
)
_MISSING = ("指定してください（例: backup.job.failed）", "is required (as backup.job.failed)")
_TEXT_RULE = ("文字列にしてください", "must be a string")


class Unfit(Exception):  # noqa: N818 - not an error of the program
    """An event that can't be taken: the attribute at fault (None: the whole line), and why."""

    def __init__(self, field: str | None, ja: str, en: str) -> None:
        super().__init__(en)
        self.field = field
        self.ja = ja
        self.en = en


def read(line: bytes) -> dict[str, Any]:
    """The object of a line, made clean: what `json.dumps` makes of it is JSON in UTF-8. Raises
    Unfit.
    """
    bound_values(line)
    return read_bounded(line)


def read_bounded(line: bytes) -> dict[str, Any]:
    """As `read`, of a line that `bound_values` took."""
    whole = _value_of(line)
    require_object(whole)
    clean: dict[str, Any] = _clean(whole)
    return clean


def decoded(json: bytes) -> Any:
    """The value of JSON that `read` would take if it were an object, made clean. Raises Unfit."""
    whole = _value_of(json)
    try:
        return _clean(whole)
    except RecursionError:
        raise _too_deep() from None


def _value_of(line: bytes) -> Any:
    line = line.removeprefix(b"\xef\xbb\xbf")  # RFC 8259 8.1: it may be ignored
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = _with_codes(line)
    try:
        return value(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        at = error.pos + 1
        raise Unfit(
            None,
            f"UTF-8 の JSON ではありません（{at} 文字目）",
            f"not JSON in UTF-8 (character {at}: {error.msg})",
        ) from None


def _most_values(json: bytes) -> int:
    # What each comma and each opening bracket begins.
    return json.count(b",") + json.count(b"[") + json.count(b"{")


def bound_values(line: bytes) -> None:
    """Raises Unfit where a line has more values than MAX_VALUES, before they are made. An empty
    list or object counts twice.
    """
    if len(line) <= MAX_VALUES or _most_values(line) <= MAX_VALUES:
        return
    if _most_values(_STRINGS.sub(b"", line)) > MAX_VALUES:
        raise Unfit(None, *_TOO_MANY)


def value(text: str) -> Any:
    """The value of a JSON text. NaN and the like, and numbers out of range, become text. A control
    character may stand in a string as it is: what a script puts between quotes has its tabs.

    Raises JSONDecodeError or RecursionError.
    """
    return json.loads(text, strict=False, parse_constant=str, parse_float=_float, parse_int=_int)


def require_object(whole: Any) -> None:
    """Raises Unfit where a JSON value is no object, or is nested too deep."""
    if not isinstance(whole, dict):
        raise Unfit(
            None,
            "イベントは JSON オブジェクト 1 個にしてください",
            "an event must be one JSON object",
        )
    level: list[Any] = [whole]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    if level:
        raise _too_deep()


def check(event: dict[str, Any]) -> None:
    """Raises Unfit for the first attribute that is not as it must be. Null is as if left out."""
    get = event.get
    type_ = get("type")
    if not isinstance(type_, str) or _is_type(type_) is None:
        raise _unfit("type", missing=type_ is None)
    id_ = get("id")
    if id_ is not None and not (
        isinstance(id_, str) and 0 < len(id_) <= MAX_ID_LENGTH and id_.isprintable()
    ):
        raise _unfit("id")
    source = get("source")
    if source is not None and not (isinstance(source, str) and source):
        raise _unfit("source")
    severity = get("severity")
    if severity is not None and not (
        isinstance(severity, str) and severity.lower() in SEVERITY_OF_WORD
    ):
        raise _unfit("severity")
    for name in _TEXTS:
        if name in event and not isinstance(event[name], (str, NoneType)):
            raise _unfit(name)
    status = get("status")
    if status is not None and not (status in ("problem", "ok") and get("key")):
        raise _unfit("status")
    time = get("time")
    if time is not None and not (isinstance(time, str) and moment(time) is not None):
        raise _unfit("time")
    if get("data_base64") is not None:
        raise _unfit("data_base64")
    version = get("specversion")
    if version is not None and version != "1.0":
        raise _unfit("specversion")


def _unfit(field: str, *, missing: bool = False) -> Unfit:
    ja, en = _MISSING if missing else _RULES.get(field, _TEXT_RULE)
    return Unfit(field, f"{field}: {ja}", f"{field}: {en}")


def moment(time: str) -> float | None:
    """Seconds since the epoch of a time by RFC 3339; None where it is none."""
    if _is_rfc_3339(time) is None:
        return None
    leap = time[17:19] == "60"  # RFC 3339 5.7: a leap second is a valid time
    if leap:
        time = f"{time[:17]}59{time[19:]}"
    try:
        since = datetime.fromisoformat(time.upper()).timestamp() + leap
    except ValueError:
        return None
    begin, end = _CALENDAR
    return since if begin <= since < end else None


def is_named_as_notice(type: str, source: str) -> bool:
    """Whether an event has a type or a source as the daemon's own have: which anybody may give."""
    return bool(_NOTICE_TYPE.match(type) or _NOTICE_SOURCE.match(source))


def is_drill(extensions: "dict[str, Any]") -> bool:
    """Whether an event is marked as one that only tries the way of the mails."""
    return extensions.get("drill") is True


def _too_deep() -> Unfit:
    return Unfit(
        None,
        f"JSON の入れ子が {MAX_DEPTH} 段を超えています",
        f"the JSON is nested more than {MAX_DEPTH} levels deep",
    )


def _with_codes(line: bytes) -> str:
    r"""What is no UTF-8 becomes its code, as it stands in a JSON string: the backslash is escaped
    itself. All at once, for a function call for each byte takes a second in a long line.
    """
    sent, hidden = b"\\ud", b"\\u\0d"  # `\udce7` may have been sent as such, too
    text = line.replace(sent, hidden).decode("utf-8", "surrogateescape")
    coded = text.encode("utf-8", "backslashreplace").replace(b"\\udc", b"\\\\x")
    return coded.replace(hidden, sent).decode()


def _float(text: str) -> float | str:
    number = float(text)
    return number if number - number == 0 else text  # infinite: IEEE 754 has none so large


def _int(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python reads no more than 4300 digits
        return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_clean(name): _clean(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value
