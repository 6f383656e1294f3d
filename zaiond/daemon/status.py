"""How the daemon is: asked of its parts when it is shown, the document of `zaiond-ctl status`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from zaiond import __version__
from zaiond.config.schema import Queue
from zaiond.daemon import remembered_documents
from zaiond.daemon.asked import LANGUAGE
from zaiond.daemon.documents import Present, moment
from zaiond.daemon.fleet import InFleet
from zaiond.daemon.problems import Facts, problems
from zaiond.daemon.reload import Configuration
from zaiond.daemon.start import Found
from zaiond.daemon.watcher import Watcher
from zaiond.daemon.words import by_hand
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.servers import RateCounter
from zaiond.intake.intake import Intake
from zaiond.intake.spool.admin import SpoolAdmin
from zaiond.journal import Journal, Kind
from zaiond.net.machine import rfc3339
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.state import State
from zaiond.safe import one_line
from zaiond.store import damage, meta
from zaiond.store.database import Database
from zaiond.store.meta import Acknowledgement
from zaiond.store.queries import Lost, Queries
from zaiond.store.writer import Writer
from zaiond.text import Language, Text
from zaiond.users import UserNames

WEB_USER = "zaiond-web"
_LONGEST_NAME = 64
_MOST_NAMED = 5
LOOK_BACK = 7 * 86400.0  # seconds that status looks back for what failed or expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Asks these parts. `found` is what was on disk at the start."""

    found: Found
    state_dir: str
    journal: Journal
    clock: Callable[[], float]
    queue_time: Callable[[], float]
    configuration: Configuration
    database: Database
    writer: Writer
    outbound: Outbound
    intake: Intake
    user_names: UserNames
    watcher: Watcher
    fleet: InFleet

    @property
    def language(self) -> Language:
        """Of what people read: as it was asked for, else the configuration's."""
        return LANGUAGE.get() or self.journal.language

    @property
    def queries(self) -> Queries:
        """What is asked of the store for people."""
        return Queries(self.writer.submit, lambda: self.outbound.router.routed_through)

    async def document(self) -> dict[str, Any]:
        """The document of `status --json` (interface 5)."""
        await self.watcher.mail.look()  # what is over since is not told as if it went on
        waiting, now = await self.outbound.count_waiting(), await self.present()
        lost, oldest = await self._lost(now.acknowledged), await self.queries.oldest()
        since, clock, name_of = self.clock() - LOOK_BACK, self.clock, self.user_names.shown
        free, floor = self.database.space.free_bytes()
        spool, refusals = await SpoolAdmin(self.intake.spool).account(), self.intake.refusals
        config, heartbeat = self.configuration.config, self.watcher.heartbeat
        facts = Facts(
            config=self.configuration.state,
            waiting=waiting,
            holds=tuple(now.holds),
            lost=lost,
            oldest=None if oldest is None else oldest[0],
            oldest_age=0.0 if oldest is None else self.queue_time() - oldest[1],
            retry_max=(Queue() if config is None else config.queue).retry_max,
            outage=now.outage,
            next_probe=now.next_probe,
            no_mail=self.watcher.mail.no_mail,
            stays_down=self.watcher.mail.stays_down,
            heartbeat=None if heartbeat is None else heartbeat.failure,
            stopped=None if heartbeat is None else heartbeat.ill,
            cut_off=self.fleet.cut_off,
            jobs=self._jobs_to_look_at(),
            refused=refusals.unknown.problem(clock(), name_of),
            free=free,
            floor=floor,
            state_dir=self.state_dir,
            salvage=self.database.salvage,
            spool=tuple(spool.problems(clock(), name_of)),
            damaged=await self.writer.submit(partial(damage.count, since=since)),
            fleet=self.fleet.fault,
            not_handed_on=self.fleet.not_handed_on,
            is_to_mend=self.fleet.is_to_mend,
            to_hand_on=await self.outbound.membership.count_waiting(),
        )
        found = [
            {
                "code": one.code,
                "message": now.say(one.text),
                "command": one.command,
                "places": [place.name for place in one.places if place.name],
                "remedy": None if one.failure is None else now.say(now.remedy(one.failure)),
            }
            for one in problems(facts)
        ]
        known = now.acknowledged[-1] if now.acknowledged else None
        return {
            "ok": not found,
            "problems": found,
            "config": self.config_document(),
            "queue": {
                **waiting._asdict(),
                **{state: of.total for state, of in lost.items()},
                "oldest": moment(facts.oldest),
            },
            "known": known and {"user": known.user, "time": rfc3339(known.at)},
            "history": {"shortened": await self.shortened(since)},
            "refused": refusals.document(clock(), self.language),
            "spool": spool.document(name_of, self.language),
            "routes": self._routes(),
            "servers": self._servers(),
            "fleet": await self.fleet.document(self.language),
            "heartbeat": heartbeat and heartbeat.document(self.language),
            "rates": {
                "accepted": _rate(self.outbound.router.rate),
                "delivered": _rate(self.outbound.dispatcher.rate),
            },
            "possible_duplicates": self.found.possible_duplicates,
            "delivered": self.outbound.ledger.ended["delivered"],
            "started": rfc3339(self.found.started),
            "version": __version__,
        }

    def asker(self, uid: int, by: str | None) -> str:
        """Who asks, for a person: the user, or on whose behalf zaiond-web does. Only root and its
        own user may say so.
        """
        user = self.user_names.shown(uid)
        if by is None or (uid != 0 and user != WEB_USER):
            return user
        return f"{one_line(by)[:_LONGEST_NAME]} ({WEB_USER})"

    def note(self, who: str, what: Text, names: Sequence[str] = ()) -> None:
        """A line of the journal: who (`asker`) has done what by hand, to things of these names."""
        if names:
            some = [*map(one_line, names[:_MOST_NAMED]), *["…"] * (len(names) > _MOST_NAMED)]
            what = by_hand.named(what=what, names=", ".join(some))
        self.journal.info(by_hand.done_by(who=who, what=what), Kind.DONE_BY_HAND, user=who)

    async def acknowledge(self, uid: int, user: str) -> int:
        """This user knows of all that has failed, expired or was refused; gives of how many nobody
        knew.
        """
        lost = await self._lost(await self.writer.submit(meta.acknowledgements))
        refused = self.intake.refusals.unknown.total(self.clock())
        number = sum(of.unknown for of in lost.values()) + refused
        if number:
            known = Acknowledgement(self.queue_time(), uid, user, self.clock())
            await self.writer.submit(partial(meta.acknowledge, new=known), essential=True)
            self.intake.refusals.acknowledge()
        return number

    async def _lost(self, acknowledged: tuple[Acknowledgement, ...]) -> dict[str, Lost]:
        """What has failed or expired lately, by its state."""
        through = acknowledged[-1].through if acknowledged else -1.0
        return await self.queries.lost(self.queue_time() - LOOK_BACK, through)

    async def shortened(self, since: float = 0.0) -> list[dict[str, Any]]:
        """Whose history was shortened since then, as documents have it."""
        return [
            {
                "uid": one.uid,
                "user": self.user_names.shown(one.uid),
                "events": one.events,
                "bytes": one.size,
                "since": rfc3339(one.since),
                "last": rfc3339(one.last),
                "newest": rfc3339(one.newest),
            }
            for one in await self.writer.submit(meta.shortened)
            if one.last >= since
        ]

    async def present(self) -> Present:
        """What keeps mail from going out now."""
        servers = self.outbound.dispatcher.pool.servers
        states = [] if servers is None else servers.states
        outage = None if servers is None else servers.waits_for
        now = asyncio.get_running_loop().time()
        rate_until = None if servers is None else servers.rate_until(now)
        fleet = self.outbound.ways.fleet
        hubs = None if fleet is None else fleet.pool.servers
        not_handed_on = None if hubs is None else hubs.waits_for
        return Present(
            self.language,
            holds=self.outbound.dispatcher.holds,
            outage=outage,
            next_probe=self._at(min(state.until for state in states)) if outage else None,
            rate_until=None if rate_until is None else self._at(rate_until),
            not_handed_on=not_handed_on,
            next_hand_over=self._at(hubs.states[0].until) if hubs and not_handed_on else None,
            acknowledged=await self.writer.submit(meta.acknowledgements),
            user=self.user_names.shown,
            keys={
                state.server.address: f"fallback_mail_servers[{index}]"
                if index >= 0
                else "mail_server"
                for index, state in reversed([*enumerate(states, -1)])
            },
        )

    def config_document(self) -> dict[str, Any]:
        """`config` of the status: its state, and what is wrong with what is on disk."""
        configuration = self.configuration
        return {
            "state": configuration.state,
            "path": configuration.path,
            "loaded": moment(configuration.loaded_at),
            "errors": [error.document(self.language) for error in configuration.errors],
        }

    def _routes(self) -> dict[str, Any]:
        return remembered_documents.counts(*self._routing(), self.clock())

    def _jobs_to_look_at(self) -> tuple[tuple[str, remembered_documents.JobStanding], ...]:
        found = remembered_documents.jobs(*self._routing(), self.clock())
        ill = [
            (one["job"], one["state"]) for one in found if remembered_documents.needs_a_look(one)
        ]
        return tuple(ill)

    def _routing(self) -> tuple[State, RoutingTable | None]:
        router = self.outbound.router
        return router.state, None if router.maker is None else router.maker.table

    def _servers(self) -> list[dict[str, Any]]:
        servers = self.outbound.dispatcher.pool.servers
        if servers is None:
            return []
        connections = self.outbound.dispatcher.pool.connections
        language = self.language
        now, loop_now = self.clock(), asyncio.get_running_loop().time()

        def at(loop_time: float) -> str:
            return rfc3339(now - (loop_now - loop_time))

        return [
            {
                "server": state.server.address,
                "state": state.state,
                "since": at(state.since),
                "connections": connections.get(index, 0),
                "error": state.failure and state.failure.text.in_language(language),
                "next_attempt": rfc3339(self._at(state.until))
                if state.state in ("down", "faulty")
                else None,
                "last_error": state.last_failure
                and {
                    "time": at(state.last_failure[1]),
                    "message": state.last_failure[0].text.in_language(language),
                },
            }
            for index, state in enumerate(servers.states)
        ]

    def _at(self, loop_time: float) -> float:
        """A time of the loop in seconds since the epoch; what is past is now."""
        now = asyncio.get_running_loop().time()
        return self.clock() + max(0.0, loop_time - now)


def _rate(counter: RateCounter) -> dict[str, int]:
    now = time.monotonic()
    return {"minute": counter.last(60, now), "hour": counter.last(3600, now)}
