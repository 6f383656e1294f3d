"""The spool, as emitters write it (interface 4); `zaiond.client` imports it when it needs it.

In the spool nobody is told of a bad event, so it is refused before it gets there: `fault` is the
rules of `zaiond.wire.parse`, in the standard library. A test holds the two together.
"""

import os
import re
from datetime import datetime
from typing import Any

MAX_FILE_BYTES = 1024 * 1024

_IS_TYPE = re.compile(r"[A-Za-z0-9._/-]{1,255}").fullmatch
_IS_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch  # RFC 3339 5.6
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_TEXTS = ("subject", "message", "key", "job", "datacontenttype", "dataschema")
_MAX_DEPTH = 64


def write(spool: str, name: str, content: bytes) -> None:
    """Leaves lines in the directory `spool` as `name`.json; on disk when it returns.

    Raises OSError; nothing is left behind then.
    """
    temporary = f"{spool}/.tmp-{name}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        try:
            os.fchmod(file, 0o640)  # whatever the umask: the daemon reads it by its group
            unwritten = memoryview(content)
            while unwritten:
                unwritten = unwritten[os.write(file, unwritten) :]
            os.fsync(file)
            os.rename(temporary, f"{spool}/{name}.json")
        except OSError:
            os.unlink(temporary)
            raise
        os.fsync(file)  # commits the rename too: an emitter can't open the directory itself
    finally:
        os.close(file)


def fault(event: dict[str, Any]) -> tuple[str, str, str] | None:
    """The attribute at fault and what is wrong with it, in Japanese and in English; else None."""
    type_, id_, time = event.get("type"), event.get("id"), event.get("time")
    if not isinstance(type_, str) or not _IS_TYPE(type_):
        return (
            "type",
            "必須です。英数字と . _ - / からなる 1〜255 文字にしてください"
            "（例: backup.job.failed）",
            "is required: 1 to 255 of letters, digits, '.', '_', '-', '/' (as backup.job.failed)",
        )
    if not isinstance(id_, str) or not 0 < len(id_) <= 255 or not id_.isprintable():
        return (
            "id",
            "印字できる文字 1〜255 文字にしてください",
            "must be 1 to 255 printable characters",
        )
    if not isinstance(event.get("source"), str) or not event["source"]:
        return "source", "空でない文字列にしてください", "must be a string that is not empty"
    if not isinstance(time, str) or not _is_moment(time):
        return (
            "time",
            "RFC 3339 の日時にしてください（例: 2013-05-25T09:00:00+09:00）",
            "must be a date and time by RFC 3339 (as 2013-05-25T09:00:00+09:00)",
        )
    if event.get("severity") not in (None, *_SEVERITIES):
        names = ", ".join(_SEVERITIES)
        return "severity", f"{names} のどれかにしてください", f"must be one of {names}"
    for name in _TEXTS:
        if not isinstance(event.get(name), str | None):
            return name, "文字列にしてください", "must be a string"
    status = event.get("status")
    if status not in (None, "problem", "ok") or (status and not event.get("key")):
        return (
            "status",
            "problem か ok にして、key と一緒に指定してください",
            "must be problem or ok, and go with a key",
        )
    if event.get("data_base64") is not None:
        return (
            "data_base64",
            "受け付けません。data に JSON で入れてください",
            "is not taken: put JSON into data",
        )
    if event.get("specversion") not in (None, "1.0"):
        return "specversion", "1.0 だけを受け付けます", "must be 1.0, or be left out"
    if _is_deep(event):
        return (
            "data",
            f"JSON の入れ子が {_MAX_DEPTH} 段を超えています",
            f"is nested more than {_MAX_DEPTH} levels deep",
        )
    return None


def _is_moment(time: str) -> bool:
    found = _IS_TIME(time)
    if found is None:
        return False
    date, minutes, seconds, offset = found.groups()
    if seconds == "60":  # RFC 3339 5.7: a leap second is a valid time
        seconds = "59"
    try:
        datetime.fromisoformat(f"{date}T{minutes}:{seconds}{offset.upper()}")
    except ValueError:
        return False
    return True


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
