"""The commands about routes, silences, problems and jobs: by what the router knows, and under its
lock, so that nothing is decided meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from secrets import token_hex
from typing import Any

from zaiond import places, wire
from zaiond.daemon import notices, words
from zaiond.daemon import remembered_documents as documents
from zaiond.daemon.control import Command, Refused, Request
from zaiond.daemon.documents import moment
from zaiond.daemon.notices import Notice
from zaiond.daemon.status import Status
from zaiond.daemon.words import by_hand, fleet, routes
from zaiond.delivery import handing_on
from zaiond.errors import DiskFullError, EventError, MendableError
from zaiond.model import Event
from zaiond.routing import silence
from zaiond.routing.decide import decide
from zaiond.routing.explain import document
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import Silence
from zaiond.routing.state import LONGEST_TEXT, State
from zaiond.safe import one_line
from zaiond.store import groups

_CHECK = (places.CONFIGURATION,)
_ID_BYTES = 4  # of a silence: short enough to be typed
_LONGEST_USER = 400  # characters: with the name of its machine
_CLOSED_WITHIN, _PAUSE = 3.0, 0.02  # seconds
Tell = Callable[[Notice], Awaitable[None]]


class RoutingAnswers:
    """Answers them. `tell` records an event of the daemon's own."""

    def __init__(self, status: Status, tell: Tell) -> None:
        self._status = status
        self._router = status.outbound.router
        self._scheduler = status.outbound.scheduler
        self._tell = tell

    def commands(self) -> dict[str, Command]:
        """Each by its name."""
        return {
            "route": self._route,
            "silence.add": self._add_silence,
            "silence.list": self._list_silences,
            "silence.expire": self._expire_silence,
            "problems.list": self._list_problems,
            "problems.close": self._close_problem,
            "jobs.list": self._list_jobs,
            "jobs.runs": self._list_runs,
        }

    @property
    def _state(self) -> State:
        return self._router.state

    def _refuse_to_wait(self) -> None:
        """What is changed at a hub that waits, the hub that works would not know."""
        elsewhere = self._status.fleet.works_elsewhere
        if elsewhere is not None:
            raise Refused(75, fleet.look_at(hub=elsewhere or fleet.NOBODY))

    def _here(self, found: dict[str, Any]) -> dict[str, Any]:
        """What is known here, and who knows of the rest."""
        elsewhere = self._status.fleet.looked_after_elsewhere
        if elsewhere is None:
            return found
        return {**found, "remark": elsewhere.in_language(self._status.language)}

    @property
    def _table(self) -> RoutingTable | None:
        maker = self._router.maker
        return None if maker is None else maker.table

    def _asker(self, request: Request) -> str:
        return self._status.asker(request.asked_by, request.by)

    # -- route

    async def _route(self, request: Request) -> dict[str, Any]:
        told: list[dict[str, Any]] = []
        async with self._router.lock:
            table = self._table
            if table is None:
                raise Refused(
                    78, words.NO_CONFIGURATION, self._status.config_document(), places=_CHECK
                )
            for line in request.lines:
                event = self._event(line, request.asked_by)
                now = self._status.clock()
                here = partial(decide, event, table, self._state, now)
                maker = self._router.maker
                try:
                    # What a hub hands on comes back to a hub, which routes it by these same routes.
                    if maker is not None and maker.hands_it_on(event) and not maker.is_hub:
                        decision = handing_on.decided(event, self._state, here)
                    else:
                        decision = here()
                finally:
                    self._state.rollback()
                told.append(document(event, decision, table, now, self._status.language, moment))
        return {"events": told}

    def _event(self, line: str, uid: int) -> Event:
        try:
            sent = wire.parse(line.encode())
        except EventError as error:
            raise Refused(65, error.text) from None
        now = self._status.clock()
        return wire.complete(sent.line, id=sent.id or "", uid=uid, accepted=now)

    # -- silences

    async def _list_silences(self, _: Request) -> dict[str, Any]:
        return self._here({"silences": documents.silences(self._state, self._status.clock())})

    async def _add_silence(self, request: Request) -> dict[str, Any]:
        self._refuse_to_wait()
        state, comment, who = self._state, _comment(request), self._asker(request)
        if not comment or request.seconds is None:
            raise Refused(2, routes.NO_SILENCE)
        async with self._router.lock:
            try:
                added = silence.add(
                    state,
                    id=self._new_id(),
                    match=tuple(map(silence.parse_match, request.matchers)),
                    seconds=request.seconds,
                    comment=comment,
                    by=who,
                    now=self._status.clock(),
                )
            except silence.NoRoomError as error:
                raise Refused(2, error.text, places=(places.END_SILENCE,)) from None
            except MendableError as error:
                raise Refused(2, error.text) from None
            await self._keep()
        self._status.note(who, by_hand.silenced(comment=comment), [added.id])
        return self._here(_silences(added))

    async def _expire_silence(self, request: Request) -> dict[str, Any]:
        self._refuse_to_wait()
        id_ = request.id or ""
        async with self._router.lock:
            expired = silence.expire(self._state, id_, self._status.clock())
            if expired is None:
                raise Refused(1, routes.no_silence(id=id_), places=(places.SILENCES,))
            await self._keep()
        self._status.note(self._asker(request), by_hand.UNSILENCED, [expired.id])
        return _silences(expired)

    def _new_id(self) -> str:
        while (id_ := token_hex(_ID_BYTES)) in self._state.silences:
            pass
        return id_

    async def _keep(self) -> None:
        """Puts what has changed on disk; raises DiskFullError, and then nothing has."""
        state = self._state
        changes = state.changes()
        try:
            await self._status.writer.submit(partial(groups.remember, changes=changes))
        except DiskFullError:
            state.rollback()
            raise
        state.commit()
        self._scheduler.look()

    # -- problems

    async def _list_problems(self, _: Request) -> dict[str, Any]:
        name_of = self._status.user_names.shown
        return self._here({"problems": documents.problems(self._state, self._table, name_of)})

    async def _close_problem(self, request: Request) -> dict[str, Any]:
        comment, key = _comment(request), request.key
        if not comment or key is None:
            raise Refused(2, routes.NO_COMMENT)
        if self._table is None:  # then nothing is routed, an end neither
            raise Refused(78, words.NO_CONFIGURATION, self._status.config_document(), places=_CHECK)
        uid = whose(self._status, request)
        found = documents.named(self._state, key, uid)
        if not found:
            self._refuse_to_wait()
        name_of = self._status.user_names.shown
        if len(found) > 1:
            owners = [{"uid": one.uid, "user": name_of(one.uid)} for one in found.values()]
            return {"problems": [], "ambiguous": owners}
        told = [documents.problem(one, self._table, self._state, name_of) for one in found.values()]
        for place, one in found.items():
            who = self._asker(request)
            await self._tell(notices.closed_by_hand(one, comment, who, token_hex(8), name_of))
            self._status.note(who, by_hand.closed(comment=comment), [key])
            await self._until_closed(place)
        return {"problems": told, "ambiguous": []}

    async def _until_closed(self, place: str) -> None:
        """The event that closes it is routed as any other: most of the time at once."""
        for _ in range(int(_CLOSED_WITHIN / _PAUSE)):
            if place not in self._state.problems:
                return
            await asyncio.sleep(_PAUSE)
        raise Refused(75, routes.NOT_CLOSED_YET, places=(places.STATUS, places.PROBLEMS))

    # -- jobs

    async def _list_jobs(self, _: Request) -> dict[str, Any]:
        return self._here({"jobs": documents.jobs(self._state, self._table, self._status.clock())})

    async def _list_runs(self, _: Request) -> dict[str, Any]:
        return {"jobs": documents.runs(self._state)}


def whose(status: Status, request: Request) -> int | None:
    """Whose things are meant, by his uid here; None: anybody's. Raises Refused."""
    if request.user is None:
        return None if request.uid is None else int(request.uid)
    found = status.user_names.uid_abroad(request.user)
    if found is None:
        raise Refused(2, routes.no_user(user=one_line(request.user[:_LONGEST_USER])))
    return found


def _silences(one: Silence) -> dict[str, Any]:
    return {"silences": [documents.silence(one)]}


def _comment(request: Request) -> str:
    comment = (request.comment or "").strip()
    if len(comment) > LONGEST_TEXT:
        raise Refused(2, routes.long_comment(most=LONGEST_TEXT))
    return comment
