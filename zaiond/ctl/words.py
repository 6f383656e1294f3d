"""The words for states and outcomes, and lines that several commands print."""

from typing import Any

from zaiond.text import Language, Text

_STATES = {
    "waiting": Text("送信待ち", "waiting"),
    "deferred": Text("再送待ち", "deferred"),
    "held": Text("保留", "held"),
    "delivered": Text("送信済み", "delivered"),
    "failed": Text("送信失敗", "failed"),
    "expired": Text("期限切れ", "expired"),
    "dropped": Text("送信対象外", "dropped"),
    "deleted": Text("削除済み", "deleted"),
    "unknown": Text("結果不明", "unknown"),
}


def state(name: str, language: Language) -> str:
    """A delivery's state, or an outcome, in the language."""
    known = _STATES.get(name)
    return known.in_language(language) if known else name


def diagnostic(error: dict[str, Any], warning: Text | None = None) -> Text:
    """One fault of the configuration, as `FILE:LINE:COLUMN: key: what is wrong`."""
    key = f"{error['key']}: " if error.get("key") else ""
    where = f"{error['file']}:{error['line']}:{error['column']}: {key}"
    message = error["message"]
    ja, en = (f"{warning.ja}: ", f"{warning.en}: ") if warning else ("", "")
    return Text(f"{where}{ja}{message}", f"{where}{en}{message}")
