"""The words for states and outcomes, and lines that several commands print."""

from typing import Any

from zaiond.ctl import output
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


def count(number: int, what: Text, language: Language) -> str:
    """So many of something: `what.en` in the singular takes an s where it must."""
    if language == "ja":
        return f"{what.ja} {number} 件"
    if number == 1:
        return f"1 {what.en}"
    return f"{number} {what.en[:-1] + 'ies' if what.en.endswith('y') else what.en + 's'}"


def unknown_ids(ids: list[str], language: Language) -> None:
    """Says, on standard error, which ids name nothing that waits."""
    for id_ in ids:
        output.complain(
            Text(
                f"{id_}: 待ち行列にこの ID のイベントはありません"
                "(経過を見るには: zaiond-ctl history ID)",
                f"{id_}: no event with this id waits in the queue"
                " (what became of it: zaiond-ctl history ID)",
            ),
            language,
        )
