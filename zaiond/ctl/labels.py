"""The words for states and outcomes, and lines that several commands print."""

from typing import Any

from zaiond.ctl.output import Painted
from zaiond.event_rules import is_named_as_notice
from zaiond.text import Language, Text

_LONGEST_ABOUT = 300  # of what an event is about, in a list

_STATES = {
    "waiting": Text("送信待ち", "waiting"),
    "deferred": Text("再送待ち", "deferred"),
    "held": Text("保留", "held"),
    "delivered": Text("送信済み", "delivered"),
    "failed": Text("送信失敗", "failed"),
    "expired": Text("期限切れ", "expired"),
    "dropped": Text("送信対象外", "dropped"),
    "deleted": Text("削除済み", "deleted"),
    "replaced": Text("宛先の変更により終了", "no longer a recipient"),
    "unknown": Text("結果不明", "unknown"),
}


_COLOURS = {"held": "red", "failed": "red", "expired": "red", "deferred": "yellow"}


def state(name: str, language: Language) -> str:
    """A delivery's state, or an outcome, in the language."""
    known = _STATES.get(name)
    return known.in_language(language) if known else name


def painted_state(name: str, language: Language) -> str | Painted:
    """The same, in red where somebody must look."""
    word = state(name, language)
    return Painted(word, _COLOURS[name]) if name in _COLOURS else word


def about(event: dict[str, Any], language: Language) -> str:
    """What an event is about, in a line; and whose it is, if it looks like the daemon's own."""
    said = " ".join((event.get("subject") or "").split())
    if not said:
        said = " ".join(part for part in (event.get("type"), event.get("key")) if part) or "-"
    said = said if len(said) <= _LONGEST_ABOUT else said[:_LONGEST_ABOUT] + "…"
    if poses_as_notice(event):
        whose = user(event["uid"])
        said += Text(f"（ユーザー {whose} のイベント）", f" (an event of {whose})").in_language(
            language
        )
    return said


def poses_as_notice(event: dict[str, Any]) -> bool:
    """Whether it looks as if the daemon itself had made it, and it has not."""
    return event.get("notice") is False and is_named_as_notice(event["type"], event["source"])


def user(uid: int) -> str:
    """Who a user is."""
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def diagnostic(error: dict[str, Any], warning: Text | None = None) -> Text:
    """One fault of the configuration, as `FILE:LINE:COLUMN: key: what is wrong`."""
    key = f"{error['key']}: " if error.get("key") else ""
    where = f"{error['file']}:{error['line']}:{error['column']}: {key}"
    message = error["message"]
    ja, en = (f"{warning.ja}: ", f"{warning.en}: ") if warning else ("", "")
    return Text(f"{where}{ja}{message}", f"{where}{en}{message}")
