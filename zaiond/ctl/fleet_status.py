"""What `zaiond-ctl fleet status` shows of its document, and what of it needs a look. Pure."""

from typing import Any

from zaiond.ctl import fleet_words
from zaiond.ctl.labels import UNITS
from zaiond.ctl.terminal import Cell, Fact, Page, Painted
from zaiond.ctl.words import listed
from zaiond.text import Language, Text

_LEASE = 15.0  # seconds in which the hub that works is heard of
_MOST_FILLED = 80  # per cent of what may wait
_MEGABYTE = 1024 * 1024


def works(found: dict[str, Any]) -> str | None:
    """The hub that works; None: there is none."""
    leader = found["leader"]
    if leader is None or not leader.get("hub") or (leader["age"] or 0.0) >= _LEASE:
        return None
    hub: str = leader["hub"]
    return hub


def troubles(found: dict[str, Any], grace: float) -> list[Text]:
    """What needs a look, the worst first."""
    told = []
    for stream in found["streams"]:
        name = fleet_words.STREAMS.get(stream["name"], stream["name"])
        if stream["state"] == "missing":
            told.append(fleet_words.missing(stream=name))
        elif stream["state"] != "ok":
            told.append(fleet_words.degraded(stream=name))
    hub = works(found)
    if hub is None:
        told.append(fleet_words.NO_HUB)
    backlog = found["backlog"]
    percent = 100 * backlog["events"] // max(1, backlog["max_events"])
    if percent >= _MOST_FILLED:
        told.append(fleet_words.filling(percent=percent))
    others = [one for one in found["hubs"] if one["machine"] != hub and _age(one) < grace]
    if hub is not None and not others:
        told.append(fleet_words.NO_STANDBY)
    for one in found["members"]:
        if _age(one) >= grace and one.get("state") != "stopped":
            told.append(fleet_words.silent(machine=one["machine"], age=_ago(one)))
        elif one.get("state") == "by_itself":
            told.append(fleet_words.by_itself(machine=one["machine"]))
    return told


def _age(word: dict[str, Any]) -> float:
    age: float | None = word["age"]
    return float("inf") if age is None else age


def _ago(word: dict[str, Any]) -> Text:
    seconds = int(word["age"] or 0)
    size, ja, en = next(unit for unit in UNITS if seconds >= unit[0] or unit[0] == 1)
    return Text(f"{seconds // size}{ja}", f"{seconds // size}{en}")


def shown(document: dict[str, Any], troubles: list[Text], language: Language) -> Page:
    page = Page(language)
    page.line(Painted(fleet_words.LOOK, "red") if troubles else Painted(fleet_words.WELL, "green"))
    for one in troubles:
        page.line(one, "  - ", "    ")
    page.gap()
    page.facts(facts(document))
    for title, rows in (
        (fleet_words.HUBS, document["hubs"]),
        (fleet_words.MEMBERS, document["members"]),
    ):
        if rows:
            page.gap()
            page.line(title)
            page.table([row(one) for one in rows], "  ", HEAD)
    if not document["members"]:
        page.gap()
        page.line(fleet_words.NO_MEMBERS)
    return page


def facts(document: dict[str, Any]) -> list[Fact]:
    """What the document says of the stream, a label and a value each."""
    backlog = document["backlog"]
    size = -(-backlog["bytes"] // _MEGABYTE)
    events = document["streams"][0]
    nodes = [
        fleet_words.node(
            name=one["node"],
            state=fleet_words.OFFLINE
            if one["offline"]
            else fleet_words.CURRENT
            if one["current"]
            else fleet_words.BEHIND,
        )
        for one in sorted(events["replicas"], key=lambda one: str(one["node"]))
    ]
    return [
        (fleet_words.WORKS, works(document) or fleet_words.NOBODY),
        (fleet_words.BACKLOG, fleet_words.backlog(events=backlog["events"], size=size)),
        (
            fleet_words.SERVER,
            fleet_words.server(server=document["server"], version=document["version"]),
        ),
        (fleet_words.NODES, listed(nodes) if nodes else None),
    ]


HEAD = (
    fleet_words.MACHINE, fleet_words.STATE, fleet_words.WAITING, fleet_words.HEARD,
    fleet_words.VERSION,
)  # fmt: skip


def row(word: dict[str, Any]) -> list[Cell]:
    """A machine by its last word, as HEAD says."""
    state, waiting = word.get("state"), word.get("waiting")
    return [
        word["machine"],
        fleet_words.STATES.get(state or "", state or "-"),
        "-" if waiting is None else f"{waiting:,}",
        fleet_words.ago(age=_ago(word)) if word["age"] is not None else "-",
        word.get("version") or "-",
    ]
