"""What is in the spool and has not gone on its way: as `zaiond-ctl status` tells of it, and as
`zaiond-ctl spool` looks at it, has it taken in again, or deletes it.
"""

import asyncio
import contextlib
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from zaiond.intake import words
from zaiond.intake.spool.directory import FOREIGN, Kept
from zaiond.intake.spool.file import LINES, SpoolFile, shown
from zaiond.intake.spool.spool import Spool, Wait
from zaiond.intake.spool.walk import walk_through
from zaiond.net.machine import local, rfc3339
from zaiond.text import Language, Sentence, Text, reason

WAITS_LONG = 3600.0  # seconds: what waits longer should be looked at
_USERS_SHOWN = 3


class Aside(NamedTuple):
    """A user's files that were put aside: how many, their bytes, and since when."""

    files: int
    size: int
    since: float


class Account(NamedTuple):
    """By user. `fault`: what is wrong with the spool itself."""

    waits: dict[int, Wait]
    aside: dict[int, Aside]
    fault: Text | None

    def problems(self, now: float, name_of: Callable[[int], str]) -> Iterator[tuple[str, Text]]:
        """What an administrator should know: a code, and a sentence."""
        if self.fault is not None:
            yield "spool_directory", self.fault
        waits = {user: wait for user, wait in self.waits.items() if now - wait.since > WAITS_LONG}
        if waits:
            told = [
                words.of_one_reason(who=name_of(user), number=wait.files, why=wait.why)
                for user, wait in waits.items()
            ]
            yield "spool_waits", _told(words.waits_long, waits.values(), told)
        if self.aside:
            told = [
                words.of_one_user(who=name_of(user), files=aside.files)
                for user, aside in self.aside.items()
            ]
            yield "spool_refused", _told(words.kept_aside, self.aside.values(), told)

    def document(self, name_of: Callable[[int], str], language: Language) -> dict[str, Any]:
        """As `status --json` has it."""
        return {
            "waiting": [
                {
                    "uid": user,
                    "user": name_of(user),
                    "files": wait.files,
                    "since": rfc3339(wait.since),
                    "message": wait.why.in_language(language),
                }
                for user, wait in self.waits.items()
            ],
            "refused": [
                {
                    "uid": user,
                    "user": name_of(user),
                    "files": aside.files,
                    "bytes": aside.size,
                    "since": rfc3339(aside.since),
                }
                for user, aside in self.aside.items()
            ],
        }


def _told(sentence: Sentence, of: Collection[Wait | Aside], told: list[Text]) -> Text:
    return sentence(
        files=sum(one.files for one in of),
        since=local(min(one.since for one in of)),
        some=words.some(told[:_USERS_SHOWN], more=len(told) > _USERS_SHOWN),
    )


class Listed(NamedTuple):
    """The files with why each is there, and how many there are in all."""

    files: list[tuple[Kept, Text | None]]
    total: int


class Changed(NamedTuple):
    """What was done, by the names of files as they are shown: `failed` with why."""

    files: list[str]
    unknown: list[str]
    failed: list[tuple[str, Text]]


class SpoolAdmin:
    """Tells and does it. `files`, `retry` and `delete` raise StoreError."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._directory = spool.directory

    async def account(self) -> Account:
        """What is there and has not gone on its way."""
        spool, refused = self._spool, list[Kept]()
        with contextlib.suppress(OSError):  # told by each sweep
            refused = await asyncio.to_thread(self._directory.refused)
        aside: dict[int, Aside] = {}
        for one in (*refused, *spool.foreign):
            user = spool.user_of(one.uid)
            files, size, since = aside.get(user, Aside(0, 0, one.since))
            aside[user] = Aside(files + 1, size + one.size, min(since, one.since))
        return Account(spool.waits, aside, spool.fault)

    async def files(self, most: int) -> Listed:
        """What was put aside, then what waits: `most` of it."""
        spool, directory = self._spool, self._directory
        with directory.or_store_error():
            walk = await walk_through(directory.path, spool.user_of)
            aside = [*await asyncio.to_thread(directory.refused), *walk.foreign]
            total = len(aside) + walk.foreign_more + sum(walk.turns.counts.values())
            files = [(one, await self._why_aside(one)) for one in aside[:most]]
            names = [whole.name for whole in walk.turns.files()[: most - len(files)]]
            for one in await asyncio.to_thread(directory.waiting, names):
                wait = spool.waits.get(spool.user_of(one.uid))
                files.append((one, None if wait is None else wait.why))
        return Listed(files, total)

    async def _why_aside(self, one: Kept) -> Text | None:
        why = self._spool.why_aside.get(one.name)
        if why is None and one.state == "refused":  # by a daemon before this one
            with contextlib.suppress(OSError):
                return await asyncio.to_thread(self._judge, one.name)
        return why

    def _judge(self, name: str) -> Text | None:
        found = self._directory.reread(name)
        if found is None:
            return None
        file = SpoolFile(name, found)
        while file.first_fault is None and not file.is_through:
            file.parse(LINES, 0.0)
            file.settle(repeat("accepted"))
        return file.first_fault

    async def retry(self, names: Sequence[str]) -> Changed:
        """Files that were put aside (default: all that were refused) are taken in again."""
        with self._directory.or_store_error():
            if not names:
                refused = await asyncio.to_thread(self._directory.refused)
                names = [shown(one.name) for one in refused]
            changed = await asyncio.to_thread(_each, names, self._directory.put_back)
        self._spool.changed()
        return changed

    async def delete(self, names: Sequence[str]) -> Changed:
        """Deletes files that were put aside, or wait."""
        with self._directory.or_store_error():
            changed = await asyncio.to_thread(_each, names, self._directory.delete)
        for index, (name, why) in enumerate(changed.failed):
            if name.startswith(FOREIGN):  # a directory, and what is in it is somebody else's
                # Emitters choose the name.
                command = f"rm -r {shlex.quote(f'{self._directory.path}/{name}')}"
                changed.failed[index] = name, words.by_root(why=why, command=command)
        return changed


def _each(names: Sequence[str], change: Callable[[str], str | None]) -> Changed:
    changed = Changed([], [], [])
    for name in dict.fromkeys(names):
        try:
            done = change(name)
        except OSError as error:
            changed.failed.append((name, reason(error)))
            continue
        if done is None:
            changed.unknown.append(name)
        else:
            changed.files.append(shown(done))
    return changed
