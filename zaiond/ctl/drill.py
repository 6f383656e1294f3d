"""`zaiond-ctl test --drill`: a marked event on the whole way of a real one, and what becomes of it.

It goes through socket, queue, route and template to the real recipients. That it is a drill stands
in its extension attribute `drill`, and at the beginning of its mail's subject.
"""

import time
from datetime import datetime
from typing import Any

from zaiond import client, places
from zaiond.ctl import control, documents, emit, history, labels, output, route, words
from zaiond.ctl.commandline import Line
from zaiond.ctl.exit_status import BAD_EVENT, FAILED, TRY_AGAIN, Failure, Fault
from zaiond.ctl.terminal import Fact, Page, Painted
from zaiond.errors import EventError
from zaiond.text import Language

_PATIENCE = 15 * 60.0  # seconds; mail_server.final_timeout alone is ten minutes
_SOON = 60.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks


def run(line: Line) -> int:
    """Emits the event and waits for its outcome; 0 if all recipients have it."""
    beside = [*line.operands, *(f"--{name}" for name in ("file", "verbose") if line.flag(name))]
    if beside:
        raise Fault(words.not_together(one="--drill", other=beside[0]))
    event = {**emit.event_of(line, line.text("drill")), "drill": True}
    try:
        route.as_sent(event, emit.source_of(line), line)  # the daemon would count what it refuses
    except EventError as error:
        raise Failure(BAD_EVENT, route.wrong(error)) from None
    control.ask(line, "history", limit=0)  # no drill goes to the spool
    emitted = emit.one(line, event)
    if emitted.spooled:
        command = places.event(emitted.id).command
        raise Failure(TRY_AGAIN, words.drill_spooled(id=emitted.id, command=command))
    if emitted.duplicate:
        raise Failure(FAILED, words.drill_known(id=emitted.id))
    result, language = _awaited(line, emitted)
    output.answer(line, result, lambda: _page(result, language))
    return 0 if result["ok"] else FAILED


def _awaited(line: Line, emitted: client.Emitted) -> tuple[dict[str, Any], Language]:
    """What has become of it, once nothing more happens for now, or after a time."""
    deadline, pause = time.monotonic() + _PATIENCE, _FIRST_PAUSE
    while True:
        reply = control.ask(line, "history", id=emitted.id)
        # Others may have used the id before; this event is the newest.
        event: dict[str, Any] = reply.result["events"][-1]
        if _is_settled(event) or time.monotonic() > deadline:
            deliveries = event["deliveries"]
            is_ok = bool(deliveries) and all(d["outcome"] == "delivered" for d in deliveries)
            return {"ok": is_ok, **event}, reply.language
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _is_settled(event: dict[str, Any]) -> bool:
    """Whether all has happened that happens without waiting for something else, or soon."""
    if any(_is_soon(one.get("due")) for one in event.get("routing", ())):
        return False
    if not event["deliveries"]:
        return bool(event["outcome"] != "waiting")
    return all(
        one["outcome"] not in ("waiting", "deferred") or one["next_attempt"] is not None
        for one in event["deliveries"]
    )


def _page(event: dict[str, Any], language: Language) -> Page:
    page = Page(language)
    page.line(Painted(labels.drilled(type=event["type"], id=event["id"]), "bold"))
    page.facts(_by_routes(event) or history.outcome_facts(event), "  ")
    for one in event["deliveries"]:
        page.gap()
        history.add_delivery(page, one)
    return page


def _by_routes(event: dict[str, Any]) -> list[Fact]:
    """By which routes its mails go, in the words of `route` and `history`; of an event without a
    mail its outcome says why."""
    if not event["deliveries"]:
        return []
    said: list[Fact] = []
    for one in event.get("routing") or ():
        said.append((labels.WHY, one["reason"] or one["route"]))
        said.append((labels.WHEN, one["due"] and documents.when(one["due"])))
    return said


def _is_soon(due: str | None) -> bool:
    """Whether a mail to come is due shortly, as that of a group mostly is."""
    return due is not None and datetime.fromisoformat(due).timestamp() < time.time() + _SOON
