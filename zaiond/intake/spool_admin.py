"""What an administrator does with files of the spool (`zaiond-ctl spool`): looks at those that wait
or were put aside, has them taken in again, and deletes them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from zaiond.errors import StoreError
from zaiond.intake.spool import Spool
from zaiond.intake.spool_directory import FOREIGN, Kept
from zaiond.intake.spool_file import LINES, SpoolFile
from zaiond.intake.spool_intake import said
from zaiond.intake.spool_names import shown
from zaiond.intake.spool_walk import walk_through
from zaiond.os_error import in_japanese
from zaiond.text import Text


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
    """Does it. Each method raises StoreError."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._directory = spool.directory

    async def files(self, most: int) -> Listed:
        """What was put aside, then what waits: `most` of it."""
        spool, directory = self._spool, self._directory
        with self._or_store_error():
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
        if found is None or found.why is not None:
            return None if found is None else found.why
        file = SpoolFile(name, found.uid, found.inode, found.content)
        file.parse(LINES, 0.0)
        return file.first_fault

    async def retry(self, names: Sequence[str]) -> Changed:
        """Files that were put aside (default: all that were refused) are taken in again."""
        with self._or_store_error():
            if not names:
                refused = await asyncio.to_thread(self._directory.refused)
                names = [shown(one.name) for one in refused]
            changed = await asyncio.to_thread(_each, names, self._directory.put_back)
        self._spool.changed()
        return changed

    async def delete(self, names: Sequence[str]) -> Changed:
        """Deletes files that were put aside, or wait."""
        with self._or_store_error():
            changed = await asyncio.to_thread(_each, names, self._directory.delete)
        for index, (name, why) in enumerate(changed.failed):
            if name.startswith(FOREIGN):  # a directory, and what is in it is somebody else's
                rm = f"rm -r {self._directory.path}/{name}"
                why = Text(f"{why.ja}。root で実行してください: {rm}", f"{why.en}: as root, {rm}")
                changed.failed[index] = name, why
        return changed

    @contextlib.contextmanager
    def _or_store_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = self._directory.path
            raise StoreError(
                Text(
                    f"スプール {path} を使えません: {in_japanese(error)}",
                    f"the spool {path} can't be used: {error.strerror}",
                )
            ) from error


def _each(names: Sequence[str], change: Callable[[str], str | None]) -> Changed:
    changed = Changed([], [], [])
    for name in dict.fromkeys(names):
        try:
            done = change(name)
        except OSError as error:
            changed.failed.append((name, said(error)))
            continue
        if done is None:
            changed.unknown.append(name)
        else:
            changed.files.append(shown(done))
    return changed
