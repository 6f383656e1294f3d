"""Opens the database, so that it can be trusted: its files, its schema, its WAL, and where the last
run has not closed it, a check. What can't be used as it is, is recovered (recovery.py).
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from zaiond.config.load import LAST_GOOD
from zaiond.errors import StoreError
from zaiond.store import recovery, wal, words
from zaiond.store.recovery import DATABASE, WAL, Salvage
from zaiond.store.sound import VERSION, create, has_our_tables
from zaiond.store.upgrade import OLDEST, upgrade

WAL_BYTES = 8 * 1024 * 1024  # to which SQLite cuts a WAL that has been longer
# EXCLUSIVE before the first access: then WAL needs no shared memory. FULL: with NORMAL an
# acknowledged event can be lost at a power cut.
_PRAGMAS = (
    ("locking_mode", "EXCLUSIVE"),
    ("journal_mode", "WAL"),
    ("synchronous", "FULL"),
    ("wal_autocheckpoint", 1000),
    ("journal_size_limit", WAL_BYTES),
    ("cache_size", -4000),
    ("temp_store", "MEMORY"),
)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
# What lies beside a queue; on a directory that never had one, none of it does.
_TRACES = ("running", "ballast", LAST_GOOD, WAL)


class LastRun(NamedTuple):
    """What the last run has left: whether the database was closed cleanly, or else which check it
    needs ('': none); how long the WAL was at least; whether there was a database for certain.
    """

    is_closed: bool
    check: str
    wal_bytes: int
    had_database: bool


class _UnusableError(StoreError):
    """The database can't be used as it is."""


def open_database(
    directory: Path,
    last: LastRun,
    release_ballast: Callable[[], object],
    tell_at_work: Callable[[], None],
) -> tuple[apsw.Connection, Salvage | None, bool]:
    """The database of a state directory; what was salvaged of it the last time, for a week, and
    whether that was now, for it could not be used as it was. `tell_at_work` is called while that
    takes long. Raises StoreError, apsw.Error or OSError.
    """
    is_recovered = False
    try:
        if recovery.is_pending(directory):
            raise _UnusableError(words.damaged(said=words.INTERRUPTED))
        _must_be_whole(directory, last)
        try:
            connection, salvage = _open(directory, last, tell_at_work)
        except _DAMAGED:  # SQLite says the same of a disk that fails for a moment: once more
            connection, salvage = _open(directory, last, tell_at_work)
    except (_UnusableError, *_DAMAGED) as error:
        said = error.text if isinstance(error, _UnusableError) else None
        why = said or words.damaged(said=str(error))
        release_ballast()  # a copy needs room
        salvage = recovery.recover(directory, why, tell_at_work)
        is_recovered = True
        connection, _ = _open(directory, last._replace(check=""), tell_at_work)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    return connection, salvage, is_recovered


def _must_be_whole(directory: Path, last: LastRun) -> None:
    """Raises _UnusableError where files are missing that were there, or are no files."""
    database, log = directory / DATABASE, directory / WAL
    for path in (database, log):
        if os.path.lexists(path) and not path.is_file():
            raise _UnusableError(words.damaged(said=words.no_file(name=path.name)))
    traces = {name for name in _TRACES if (directory / name).exists()}
    had_one = traces or last.had_database
    if not database.exists():
        if had_one:
            raise _UnusableError(words.GONE)
    elif not database.stat().st_size:
        if had_one:
            raise _UnusableError(words.damaged(said=words.EMPTY))
    elif "running" in traces and WAL not in traces:
        raise _UnusableError(words.WAL_GONE)
    elif WAL in traces and log.stat().st_size < last.wal_bytes:
        raise _UnusableError(words.WAL_CUT)


def _open(
    directory: Path, last: LastRun, tell_at_work: Callable[[], None]
) -> tuple[apsw.Connection, Salvage | None]:
    connection = apsw.Connection(str(directory / DATABASE))
    try:
        # Until it is known to be sound, closing it must leave it and its WAL as they are.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        _prepare(connection, directory, last, tell_at_work)
        if last.check:
            _check(connection, last.check, tell_at_work)
        return connection, recovery.last_salvage(connection)
    except BaseException:
        connection.close()
        raise


def _prepare(
    connection: apsw.Connection, directory: Path, last: LastRun, tell_at_work: Callable[[], None]
) -> None:
    for name, value in _PRAGMAS:
        connection.pragma(name, value)
    if connection.pragma("journal_mode") != "wal":
        raise apsw.CantOpenError(f"no WAL on the file system of {directory}")
    # A WAL that is there as long as the database is can't go unnoticed.
    yes = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(yes))
    if not last.is_closed:
        # Before anything is written: for SQLite, what lies behind the damage is free.
        found: list[Any] = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchall()
        ((_, frames, _),) = found
        if wal.is_damaged(str(directory / WAL), max(0, frames)):
            raise _UnusableError(words.WAL_DAMAGED)
    version = connection.pragma("user_version")
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_schema").get:
            raise apsw.CorruptError("its format is not recorded")
        create(connection)
        _write_version(connection)
        return
    if not OLDEST <= version <= VERSION:
        raise StoreError(
            words.of_newer_version(
                path=directory / DATABASE, version=version, known=VERSION, directory=directory
            )
        )
    if version < VERSION:
        with _telling(connection, tell_at_work):
            upgrade(connection)
            _write_version(connection)
    if not has_our_tables(connection):
        raise apsw.CorruptError("its tables are not those of a queue")


def _write_version(connection: apsw.Connection) -> None:
    """Into the file's header: who looks there, as an older zaiond's package does, reads no WAL."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _check(connection: apsw.Connection, check: str, tell_at_work: Callable[[], None]) -> None:
    with _telling(connection, tell_at_work):
        found = connection.pragma(check)
    if found != "ok":
        raise apsw.CorruptError(str(found))


@contextmanager
def _telling(connection: apsw.Connection, tell_at_work: Callable[[], None]) -> Iterator[None]:
    """Says now and then that what takes long goes on."""

    def progress() -> bool:
        tell_at_work()
        return False

    progress()
    connection.set_progress_handler(progress, 10_000_000)
    yield
    connection.set_progress_handler(None)
