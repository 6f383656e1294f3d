"""The commands of the control socket: what zaiond-ctl asks of a running daemon."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextvars import Context
from functools import partial
from typing import Any

import msgspec

from zaiond import places
from zaiond.daemon import documents, hours, metrics, words
from zaiond.daemon.control import Command, Commands, Refused, Request
from zaiond.daemon.routing_commands import RoutingAnswers, Tell, whose
from zaiond.daemon.status import Status
from zaiond.daemon.words import by_hand
from zaiond.daemon.words.fleet import NO_HUB
from zaiond.delivery.queue_admin import Changed
from zaiond.errors import ZaiondError
from zaiond.intake.spool.admin import Changed as SpoolChanged
from zaiond.intake.spool.admin import SpoolAdmin
from zaiond.intake.spool.file import shown
from zaiond.model import OPEN
from zaiond.net.machine import TimeZone, rfc3339
from zaiond.store.events import Owner
from zaiond.store.history import EventRow, MailToCome, OpenDelivery, Telling
from zaiond.store.queries import MOST, Wanted, matcher
from zaiond.text import Sentence

MOST_SPOOL_FILES = 1000
REPLY_BYTES = 64 * 1024 * 1024
_MOST_OWNERS = 10  # of an id, named
_LONGEST_SOURCE = 80
_CHECK = (places.CONFIGURATION,)
_encode = msgspec.json.Encoder().encode


class Answers:
    """Answers each command. `tell` records an event of the daemon's own."""

    def __init__(self, status: Status, tell: Tell) -> None:
        self._status = status
        self._routing = RoutingAnswers(status, tell)
        self._queries = status.queries
        self._queue_admin = status.outbound.queue_admin
        self._spool_admin = SpoolAdmin(status.intake.spool)
        self._configuration = status.configuration
        self._time_zone = TimeZone()

    def commands(self) -> Commands:
        """Every command, by its name."""
        by_name = {
            "status": self._show_status,
            "status.ack": self._acknowledge,
            "metrics": self._metrics,
            "hours": self._hours,
            "fleet": self._fleet,
            "queue.list": self._list_queue,
            "queue.retry": self._retry,
            "queue.delete": self._delete,
            "history": self._history,
            "spool.list": self._list_spool,
            "spool.retry": self._retry_spool,
            "spool.delete": self._delete_spool,
            "config.show": self._show_config,
            "config.last_good": self._last_good,
            "reload": self._reload,
            "test": self._test,
            **self._routing.commands(),
        }
        return {name: partial(self._run, command) for name, command in by_name.items()}

    async def _run(self, command: Command, request: Request) -> Any:
        self._time_zone.refresh()
        return await command(request)

    def _asker(self, request: Request) -> str:
        return self._status.asker(request.asked_by, request.by)

    # -- status

    async def _show_status(self, _: Request) -> dict[str, Any]:
        return await self._status.document()

    async def _acknowledge(self, request: Request) -> dict[str, Any]:
        user = self._asker(request)
        number = await self._status.acknowledge(request.asked_by, user)
        if number:
            self._status.note(user, by_hand.ACKNOWLEDGED)
        return {**await self._status.document(), "acknowledged": number}

    async def _metrics(self, _: Request) -> dict[str, Any]:
        return await metrics.document(self._status)

    async def _fleet(self, _: Request) -> dict[str, Any]:
        try:
            found = await self._status.fleet.found()
        except ZaiondError as error:
            raise Refused(69, error.text) from None
        if found is None:
            raise Refused(1, NO_HUB)
        return found

    async def _hours(self, _: Request) -> dict[str, Any]:
        return await hours.document(self._status)

    # -- queue

    async def _list_queue(self, _: Request) -> AsyncGenerator[bytes, None]:
        number = await self._status.outbound.count_waiting()
        queries = self._queries
        waiting = self._waiting(queries.waiting(), queries.unrouted(), queries.to_come())
        return _pieces("deliveries", waiting, b',"total":%d' % number.total)

    async def _waiting(
        self,
        mails: AsyncIterator[list[OpenDelivery]],
        events: AsyncIterator[list[EventRow]],
        to_come: AsyncIterator[list[tuple[MailToCome, Telling]]],
    ) -> AsyncGenerator[dict[str, Any] | None, None]:
        """The first MOST of these, as documents, and None whenever some were read."""
        present, left = await self._status.present(), MOST
        made: Any
        for slices, made in (
            (mails, documents.queued),
            (events, documents.unrouted),
            (to_come, documents.to_come),
        ):
            async for rows in slices:
                yield None
                for row in rows[:left]:
                    yield made(row, present)
                left -= len(rows)
                if left <= 0:
                    return

    async def _retry(self, request: Request) -> dict[str, Any]:
        if self._status.outbound.router.maker is None:
            raise Refused(75, words.NO_CONFIGURATION, places=_CHECK)
        seqs = await self._queries.seqs_of(request.ids)
        before = await self._deliveries(seqs, (*OPEN, "failed", "expired"))
        changed = await self._queue_admin.retry(request.ids)
        if changed.deliveries:
            what = by_hand.retried(number=changed.deliveries)
            self._status.note(self._asker(request), what, request.ids)
        return _changed(before, changed)

    async def _delete(self, request: Request) -> dict[str, Any]:
        if not request.ids:
            raise Refused(2, words.NO_ID)
        chosen = await self._queue_admin.choose(
            request.ids,
            whose(self._status, request),
            None if request.source is None else matcher(request.source),
        )
        if chosen.several:
            chosen = chosen._replace(seqs=[])
        before = await self._deliveries(chosen.seqs, OPEN)
        who = self._asker(request)
        changed = await self._queue_admin.delete(chosen, by=who)
        if changed.deliveries:
            self._status.note(who, by_hand.deleted(number=changed.deliveries), request.ids)
        user = self._status.user_names.shown
        several = [_ambiguous(*each, user) for each in chosen.several.items()]
        return {**_changed(before, changed), "ambiguous": several}

    async def _deliveries(self, seqs: list[int], states: Sequence[str]) -> list[dict[str, Any]]:
        """The first MOST that are in these states of these events."""
        seqs = sorted(set(seqs))[:MOST]
        mails, events = self._queries.deliveries_of(seqs, states), self._queries.unrouted_of(seqs)
        waiting = self._waiting(mails, events, self._queries.to_come_of(seqs))
        return [one async for one in waiting if one is not None]

    # -- history

    async def _history(self, request: Request) -> AsyncGenerator[bytes, None]:
        id_, limit = request.id, request.limit
        wanted = Wanted(
            id=id_,
            since=request.since,
            type=request.type,
            source=request.source,
            key=request.key,
            job=request.job,
            failed=request.failed,
            limit=100 if limit is None else max(0, min(int(limit), MOST)),
        )
        if request.before is not None:
            wanted.before = int(request.before)
        if request.look_at is not None:
            wanted.look_at = int(request.look_at)
        more = b""
        if id_ is not None and not await self._queries.seqs_of([id_]):
            more = b',"shortened":' + _encode(await self._status.shortened())
        return _pieces("events", self._events(wanted), more)

    async def _events(self, wanted: Wanted) -> AsyncGenerator[dict[str, Any] | bytes | None, None]:
        """What became of events, as documents. Who asks for a part hears where the next begins."""
        present, queries = await self._status.present(), self._queries
        seqs, older = list[int](), None
        async for found in queries.find(wanted, all_held=present.holds.queue is not None):
            seqs, older = found
            yield None  # who asks sees that it goes on
        if wanted.look_at is not None:
            yield b',"older":' + _encode(older)
        whole = wanted.id is not None
        async for part in queries.told(seqs, whole=whole):
            yield None
            for one in part:
                yield documents.history(one, present, whole=whole)

    # -- spool

    async def _list_spool(self, _: Request) -> dict[str, Any]:
        listed = await self._spool_admin.files(MOST_SPOOL_FILES)
        language = self._status.language
        return {
            "files": [
                {
                    "name": shown(file.name),
                    "state": file.state,
                    "uid": file.uid,
                    "user": self._status.user_names.shown(file.uid),
                    "bytes": file.size,
                    "since": rfc3339(file.since),
                    "reason": None if why is None else why.in_language(language),
                }
                for file, why in listed.files
            ],
            "total": listed.total,
        }

    async def _retry_spool(self, request: Request) -> dict[str, Any]:
        changed = await self._spool_admin.retry(request.names)
        return self._spool_changed(request, changed, by_hand.spool_retried)

    async def _delete_spool(self, request: Request) -> dict[str, Any]:
        if not request.names:
            raise Refused(2, words.NO_FILE_NAME)
        changed = await self._spool_admin.delete(request.names)
        return self._spool_changed(request, changed, by_hand.spool_deleted)

    def _spool_changed(
        self, request: Request, changed: SpoolChanged, done: Sentence
    ) -> dict[str, Any]:
        language, files = self._status.language, changed.files
        if files:
            self._status.note(self._asker(request), done(number=len(files)), files)
        return {
            "files": files,
            "changed": len(files),
            "unknown": changed.unknown,
            "failed": [
                {"name": name, "reason": why.in_language(language)} for name, why in changed.failed
            ],
        }

    # -- configuration

    async def _show_config(self, _: Request) -> dict[str, Any]:
        in_force = self._configuration.in_force
        settings = () if in_force is None else in_force.settings
        return {
            "state": self._configuration.state,
            "settings": [setting._asdict() for setting in settings],
        }

    async def _last_good(self, request: Request) -> dict[str, Any]:
        # The files' texts, secrets and all: for who may read the files themselves.
        if request.asked_by not in (0, os.getuid()):
            raise Refused(77, words.FOR_ROOT)
        in_force = self._configuration.in_force
        if in_force is None:
            raise Refused(1, words.NO_CONFIGURATION, places=_CHECK)
        files = in_force.files
        return {
            "main": files.main,
            "yaml": list(files.yaml),
            "files": [{"path": path, "text": text} for path, text in files.texts.items()],
        }

    async def _reload(self, request: Request) -> dict[str, Any]:
        self._status.note(self._asker(request), by_hand.RELOADED)
        # What begins by it and goes on is not in the language of who asked.
        reloading = asyncio.create_task(self._configuration.reload(), context=Context())
        if await reloading:
            return self._status.config_document()
        raise Refused(78, words.NOT_RELOADED, self._status.config_document())

    async def _test(self, request: Request) -> dict[str, Any]:
        # With all its hints, which nothing else in the daemon needs.
        from zaiond.selftest.run import self_test

        config = self._configuration.config
        if config is None:
            raise Refused(78, words.NO_CONFIGURATION, self._status.config_document(), places=_CHECK)
        addresses = request.addresses or list(config.admins)
        document = await self_test(config, addresses, self._configuration.context)
        return {**document, "config": self._status.config_document()}


def _ambiguous(id_: str, owners: Sequence[Owner], user: Callable[[int], str]) -> dict[str, Any]:
    """Whose the events of an id are, of which none was deleted."""
    return {
        "id": id_,
        "events": len(owners),
        "owners": [
            {"uid": uid, "user": user(uid), "source": source[:_LONGEST_SOURCE] or f"uid:{uid}"}
            for uid, source in owners[:_MOST_OWNERS]
        ],
    }


def _changed(before: list[dict[str, Any]], changed: Changed) -> dict[str, Any]:
    """What was changed, as it was before (of all that waits, only how many)."""
    left = set(changed.in_flight)
    return {
        "deliveries": [one for one in before if left.isdisjoint(one["event_ids"])],
        "changed": changed.deliveries,
        "unknown": list(changed.unknown),
        "under_way": list(changed.in_flight),
    }


async def _pieces(
    name: str, ones: AsyncGenerator[dict[str, Any] | bytes | None, None], more: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """A document whose list `name` is made one by one; None: it goes on; bytes: more members of the
    document. Where it becomes too long, the rest is left out, and the document says so.
    """
    yield b'{"%b":[' % name.encode()
    size, separator = 0, b""
    async with contextlib.aclosing(ones):
        async for one in ones:
            if one is None:
                yield b" "
                continue
            if isinstance(one, bytes):
                more += one
                continue
            piece = separator + _encode(one)
            size += len(piece)
            if size > REPLY_BYTES:
                more += b',"truncated":true'
                break
            yield piece
            separator = b","
    yield b"]%b}" % more
