"""Logins by name and password, and the accounts that they are compared with."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from zaiond import accounts, atomicfile
from zaiond.accounts import Account, Accounts, AccountsError
from zaiond.sockets import in_thread
from zaiond.text import Text
from zaiond.web import words
from zaiond.web.attempts import Attempts
from zaiond.web.sessions import Session

MOST_IN_LINE = 8  # logins that wait for their turn: each takes 32 MiB and a third of a second
_FILE = "attempts.json"
_MOST_BYTES = 1024 * 1024


class Login(NamedTuple):
    """What became of one. `account`: it was right; `wait`: in seconds, after too many wrong ones;
    `known`: whether there is such a name.
    """

    outcome: Literal["right", "wrong", "wait", "busy"]
    account: Account | None = None
    wait: float = 0.0
    known: bool = False


class Logins:
    """`directory` is zaiond-web's state; `clock` gives seconds since the epoch."""

    def __init__(self, directory: str, clock: Callable[[], float]) -> None:
        self.fault: Text | None = None  # why the accounts can't be read
        self._directory = directory
        self._clock = clock
        self._path = os.path.join(directory, _FILE)
        self._attempts = _read(self._path) or Attempts(secrets.token_hex(16))
        self._stamp: tuple[int, int, int] | None = None
        self._accounts = Accounts({}, {})
        self._turn = asyncio.Lock()
        self._in_line = 0

    @property
    def accounts(self) -> Accounts:
        """Who may come in now: the file is read again whenever it has changed."""
        stamp = accounts.stamp(self._directory)
        if stamp is None or stamp != self._stamp:
            self._stamp, self.fault = stamp, None
            try:
                self._accounts = accounts.read(self._directory)
            except AccountsError as error:
                self._accounts, self.fault = Accounts({}, {}), error.text
            except OSError as error:
                self._accounts = Accounts({}, {})
                self.fault = words.cant_read(path=self._directory, why=error)
        return self._accounts

    def is_known(self, session: Session) -> bool:
        """Whether the password by which a session began is still that of its name."""
        account = self.accounts.accounts.get(session.name)
        return account is not None and account.since == session.since

    async def log_in(self, name: str, password: str, address: str) -> Login:
        """One try. It takes as long for a name that there isn't."""
        if self._in_line >= MOST_IN_LINE:
            return Login("busy")
        self._in_line += 1
        try:
            # One after another: each takes much memory, and of those at once all are counted.
            async with self._turn:
                return await self._try(name, password, address)
        finally:
            self._in_line -= 1

    async def _try(self, name: str, password: str, address: str) -> Login:
        account = self.accounts.accounts.get(name)
        known = account is not None
        wait = self._attempts.wait(name, address, self._clock())
        if wait > 0:
            return Login("wait", wait=wait, known=known)
        is_right = await asyncio.wrap_future(
            in_thread(lambda: accounts.is_right(password, account))
        )
        if is_right:
            self._attempts.succeeded(name, address)
        else:
            self._attempts.failed(name, address, self._clock())
        with contextlib.suppress(OSError):  # then they are forgotten with the process
            atomicfile.replace(self._path, msgspec.json.encode(self._attempts), None)
        return Login("right", account, known=True) if is_right else Login("wrong", known=known)


def _read(path: str) -> Attempts | None:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(_MOST_BYTES), type=Attempts)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
