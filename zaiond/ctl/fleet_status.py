"""What `zaiond-ctl fleet status` shows of its document, and what of it needs a look. Pure."""

from collections.abc import Iterator
from typing import Any

from zaiond.ctl import fleet_words
from zaiond.ctl.labels import UNITS
from zaiond.ctl.terminal import Cell, Fact, Page, Painted
from zaiond.ctl.words import listed
from zaiond.text import Language, Text

_LEASE = 15.0  # seconds in which the hub that works is heard of
_MOST_FILLED = 80  # per cent of what may wait
_MEGABYTE = 1024 * 1024
_MOST_NAMED = 5  # machines about which the same is to be said
# How a machine is that needs a look, the worst first, and its colour.
_COLOURS = {
    "silent": "red", "down": "red", "by_itself": "yellow", "on_trial": "yellow", "stopped": "yellow"
}  # fmt: skip
# What is said of a member, and of how many more the same.
_TOLD = {
    "silent": (fleet_words.silent, fleet_words.more_silent),
    "down": (fleet_words.down, fleet_words.more_down),
    "by_itself": (fleet_words.by_itself, fleet_words.more_by_itself),
}


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
        elif stream["state"] != "ok" and all(one["current"] for one in stream["replicas"]):
            told.append(fleet_words.degraded(stream=name))
    told += _of_nodes(found["streams"])
    hub = works(found)
    if hub is None:
        told.append(fleet_words.NO_HUB)
    backlog = found["backlog"]
    percent = 100 * backlog["events"] // max(1, backlog["max_events"])
    if backlog["max_disk"]:
        percent = max(percent, 100 * backlog["disk"] // backlog["max_disk"])
    if percent >= _MOST_FILLED:
        told.append(fleet_words.filling(percent=percent))
    others = [of(one, grace) for one in found["hubs"] if one["machine"] != hub]
    if hub is not None and not {*others} - {"silent", "down", "stopped"}:
        told.append(fleet_words.NO_STANDBY)
    for standing, (one_text, more_text) in _TOLD.items():
        machines = [*found["members"], *(found["hubs"] if standing == "by_itself" else ())]
        ones = [one for one in by_need(machines, grace) if of(one, grace) == standing]
        few = ones if len(ones) <= _MOST_NAMED else ones[: _MOST_NAMED - 1]
        told += [one_text(machine=one["machine"], age=_ago(one)) for one in few]
        if len(few) < len(ones):
            told.append(more_text(number=len(ones) - len(few)))
    return told


def _of_nodes(streams: list[dict[str, Any]]) -> Iterator[Text]:
    """Which nodes keep streams from being well. Each stream's leader says it of its own, and one
    may know before another."""
    replicas = [one for each in streams for one in each["replicas"]]
    of_ill = [one for each in streams if each["state"] != "ok" for one in each["replicas"]]
    down = sorted({one["node"] for one in of_ill if one["offline"]})
    number = len({one["node"] for one in replicas})
    if down:
        left = number - len(down)
        few = fleet_words.node_down if len(down) == 1 else fleet_words.nodes_down
        said = few if 2 * left > number else fleet_words.too_few_nodes
        yield said(nodes=listed([Text(one, one) for one in down]), left=left, number=number)
    for node in sorted({one["node"] for one in of_ill if not one["current"]} - {*down}):
        yield fleet_words.behind(node=node)


def is_silent(word: dict[str, Any], grace: float) -> bool:
    """Whether its last word, whatever that was, is older than `grace`."""
    return _age(word) >= grace


def of(word: dict[str, Any], grace: float) -> str:
    """How a machine is, by its last word: what that says, or, where it is older than `grace`,
    `silent`, or `down` after an orderly stop."""
    state: str = word.get("state") or ""
    if not is_silent(word, grace):
        return state
    return "down" if state == "stopped" else "silent"


def by_need(words: list[dict[str, Any]], grace: float) -> list[dict[str, Any]]:
    """Machines in the order in which they need a look, then by how much waits there, roughly, so
    that they stay where they are while the numbers change; then by name."""
    ranks = {standing: rank for rank, standing in enumerate(_COLOURS)}

    def need(word: dict[str, Any]) -> tuple[int, int, str]:
        magnitude = len(str(word.get("waiting") or 0))
        return ranks.get(of(word, grace), len(ranks)), -magnitude, word["machine"]

    return sorted(words, key=need)


def _age(word: dict[str, Any]) -> float:
    age: float | None = word["age"]
    return float("inf") if age is None else age


def _ago(word: dict[str, Any]) -> Text:
    seconds = int(word["age"] or 0)
    size, ja, en = next(unit for unit in UNITS if seconds >= unit[0] or unit[0] == 1)
    return Text(f"{seconds // size}{ja}", f"{seconds // size}{en}")


def shown(document: dict[str, Any], troubles: list[Text], grace: float, language: Language) -> Page:
    """What `fleet status` prints."""
    page = Page(language)
    page.line(Painted(fleet_words.LOOK, "red") if troubles else Painted(fleet_words.WELL, "green"))
    for one in troubles:
        page.line(one, "  - ", "    ")
    page.gap()
    page.facts(facts(document, grace))
    for title, rows in tables(document, grace):
        page.gap()
        page.line(title)
        page.table(rows, "  ", HEAD)
    if not document["members"]:
        page.gap()
        page.line(fleet_words.NO_MEMBERS)
    return page


def tables(document: dict[str, Any], grace: float) -> list[tuple[Text, list[list[Cell]]]]:
    """Hubs and members, each with a title, a row for each machine, below HEAD."""
    return [
        (title, [_row(one, grace) for one in by_need(document[name], grace)])
        for title, name in ((fleet_words.HUBS, "hubs"), (fleet_words.MEMBERS, "members"))
        if document[name]
    ]


def facts(document: dict[str, Any], grace: float) -> list[Fact]:
    """What the document says of all of it, a label and a value each."""
    backlog, members = document["backlog"], document["members"]
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
        (fleet_words.MEMBERS, _members(members, grace) if members else None),
        (fleet_words.AT_MEMBERS, f"{_waiting(members):,}" if members else None),
        (fleet_words.BACKLOG, fleet_words.backlog(events=backlog["events"], size=size)),
        (
            fleet_words.SERVER,
            fleet_words.server(server=document["server"], version=document["version"]),
        ),
        (fleet_words.NODES, listed(nodes) if nodes else None),
    ]


def _waiting(words: list[dict[str, Any]]) -> int:
    return sum(max(0, word.get("waiting") or 0) for word in words)


def _members(words: list[dict[str, Any]], grace: float) -> Text:
    """How many there are, and how many of them need a look, and why."""
    standings = [of(word, grace) for word in words]
    parts = [
        fleet_words.counted(state=fleet_words.STATES[one], number=f"{standings.count(one):,}")
        for one in _COLOURS
        if one in standings
    ]
    number = f"{len(words):,}"
    return (
        fleet_words.members(number=number, parts=listed(parts)) if parts else Text(number, number)
    )


HEAD = (
    fleet_words.MACHINE, fleet_words.STATE, fleet_words.WAITING, fleet_words.HEARD,
    fleet_words.VERSION,
)  # fmt: skip


def _row(word: dict[str, Any], grace: float) -> list[Cell]:
    """A machine by its last word, as HEAD says."""
    standing, waiting = of(word, grace), word.get("waiting")
    state: Text | str = fleet_words.STATES.get(standing, standing or "-")
    return [
        word["machine"],
        Painted(state, _COLOURS[standing]) if standing in _COLOURS else state,
        "-" if waiting is None else f"{waiting:,}",
        fleet_words.ago(age=_ago(word)) if word["age"] is not None else "-",
        word.get("version") or "-",
    ]


def forgotten(words: list[dict[str, Any]], language: Language) -> Page:
    """What `fleet forget` prints of the last words that it took out."""
    page = Page(language)
    for word in words:
        page.line(fleet_words.forgotten(machine=word["machine"], age=_ago(word)))
        if word["alive"]:
            page.line(fleet_words.is_alive(machine=word["machine"]), "  ")
    return page
