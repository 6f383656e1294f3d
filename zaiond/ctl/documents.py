"""What several commands make of the daemon's documents: parts of a line, groups of rows, and what
became of a change."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from zaiond.ctl import control, labels, output
from zaiond.ctl.commandline import Line
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.terminal import Cell, Page, Painted
from zaiond.event_rules import is_named_as_notice
from zaiond.text import Language, Text

_LONGEST_ABOUT = 300  # of what an event is about, in a list
_COLOURS = {"held": "red", "failed": "red", "expired": "red", "deferred": "yellow"}


def state(name: str) -> Cell:
    """A delivery's state, or an outcome; in red where somebody must look."""
    word = labels.STATES.get(name, name)
    return Painted(word, _COLOURS[name]) if name in _COLOURS else word


def about(event: dict[str, Any]) -> str | Text:
    """What an event is about, in a line; and whose it is, if it looks like the daemon's own."""
    said = " ".join((event.get("subject") or "").split())
    if not said:
        said = " ".join(part for part in (event.get("type"), event.get("key")) if part) or "-"
    said = said if len(said) <= _LONGEST_ABOUT else said[:_LONGEST_ABOUT] + "…"
    return labels.posing(said=said, user=user(event["uid"])) if poses_as_notice(event) else said


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


def diagnostic(error: dict[str, Any], warning: str = "") -> str:
    """One fault of the configuration, as `FILE:LINE:COLUMN: key: what is wrong`."""
    key = f"{error['key']}: " if error.get("key") else ""
    return f"{error['file']}:{error['line']}:{error['column']}: {key}{warning}{error['message']}"


def heading(page: Page, state: str | Text, colour: str, number: int) -> None:
    """Above the rows of one state and reason."""
    page.gap()
    page.line(Painted(labels.number_in_state(state=state, number=number), colour))


def listed(
    line: Line, rows: str, listing: Callable[[list[dict[str, Any]], Language, datetime], Page]
) -> int:
    """Shows what the daemon lists as `rows`."""
    reply = control.ask(line, line.name.replace(" ", "."))
    found: list[dict[str, Any]] = reply.result[rows]
    now = datetime.now().astimezone()
    output.answer(line, reply.result, lambda: listing(found, reply.language, now))
    total = reply.result.get("total", 0)
    if total > len(found) and not line.flag("json"):
        text = labels.SOME_OF_ALL[line.name](total=total, shown=len(found))
        output.complain(text, reply.language)
    return 0


def changed(
    line: Line,
    reply: control.Reply,
    rows: Sequence[Sequence[Cell]],
    remarks: Iterable[Text],
    *,
    failed: bool,
) -> int:
    """Says what the daemon did, or that there was nothing to do, and what it left alone."""
    done, nothing = labels.CHANGED[line.name]
    page, number = Page(reply.language), reply.result["changed"]
    if number:
        text = done(number=number)
        page.line(text if rows else Text(text.ja.rstrip(":"), text.en))
        page.table(rows, "  ")
    elif not failed:
        page.line(nothing)
    output.answer(line, reply.result, lambda: page)
    for remark in remarks:
        output.complain(remark, reply.language)
    return FAILED if failed else 0
