"""Tokens for XOAUTH2: got when they are needed, kept in memory, shared by all connections; and the
refresh tokens that endpoints give in another one's place, kept in the state directory.

The first refresh token is the administrator's, in the configuration's file, which is never written
to. The name under which its successor is kept is made of it: so that one counts as long as the file
has the same content, and a new token in the file begins anew.

What is kept is written before the access token that came with it is used. Yet if the process dies
after the endpoint has made the new one and before it is on disk, it is lost; whether the endpoint
takes the old one once more is up to it.
"""

import asyncio
import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from zaiond import atomicfile
from zaiond.oauth import protocol, words
from zaiond.oauth.protocol import Granted
from zaiond.smtp.failure import NoToken
from zaiond.smtp.mask import Mask
from zaiond.text import Text, reason

if TYPE_CHECKING:
    from zaiond.config.schema import OAuth2

ENDPOINT_SECONDS = 20.0  # for one request, all in all
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
}
COMMAND_SECONDS = 30.0
LOCK_SECONDS = 30.0  # another process has our refresh token in use
_PAUSE = 0.1  # seconds between two looks at a lock that another process holds


@dataclass(frozen=True, slots=True)
class Token:
    """A token. `until` is until when it is used, and `expires` until when it holds, if that is
    known, in seconds since the epoch; `source` is where it comes from, for a person; `new` says
    that it was got for whoever asked.
    """

    text: str = field(repr=False)
    until: float
    expires: float | None
    source: Text
    new: bool = True

    @property
    def told(self) -> Text:
        """Where it comes from and how long it holds, for `test -v`; never the token itself."""
        source = self.source if self.new else words.got_before(source=self.source)
        if self.expires is None:
            return words.end_unknown(source=source)
        at = datetime.fromtimestamp(self.expires).astimezone().isoformat(timespec="seconds")
        return words.valid_until(source=source, at=at)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One that is in force: until when, if that is known, and since when, in seconds since the
    epoch."""

    token: str = field(repr=False)
    expires: float | None = None
    since: float | None = None


class Tokens:
    """The tokens of one process. Their sources are told apart by their settings, so one object may
    serve a configuration after another.

    `state_dir` is where new refresh tokens are kept; without, none is used. `on_problem` is told
    what an administrator should know although there is a token; `on_refresh` of each refresh
    token's use.
    """

    def __init__(
        self,
        state_dir: str | None = None,
        on_problem: Callable[[Text], object] = lambda _: None,
        on_refresh: "Callable[[OAuth2], None]" = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state_dir = state_dir
        self._on_problem = on_problem
        self._on_refresh = on_refresh
        self._clock = clock
        self._tokens: dict[OAuth2, Token] = {}
        self._getting: dict[OAuth2, asyncio.Task[Token]] = {}
        self._unkept: dict[str, RefreshToken] = {}  # what could not be written, by its file

    async def get(
        self, oauth2: "OAuth2", ca_file: str | None = None, refused: str | None = None
    ) -> Token:
        """A token that holds, as far as is known, and isn't the one whose text is `refused`. Raises
        NoToken: there is none.
        """
        known = self._tokens.get(oauth2)
        if known is not None and known.text == refused:
            # If there is no other now, this one is not to be shown to the server once more.
            del self._tokens[oauth2]
        elif known is not None and self._clock() < known.until:
            return known
        return await self.renew(oauth2, ca_file)

    async def renew(self, oauth2: "OAuth2", ca_file: str | None) -> Token:
        """Another token than the one at hand, which stays if there is no other. Raises NoToken."""
        getting = self._getting.get(oauth2)
        if getting is None:
            getting = asyncio.get_running_loop().create_task(self._get(oauth2, ca_file))
            self._getting[oauth2] = getting
            getting.add_done_callback(lambda task: self._got(oauth2, task))
        # Who asked may be cancelled; a refresh token that is under way must not be lost by that.
        await asyncio.wait([getting])
        return getting.result()

    async def close(self) -> None:
        """Waits for what is under way, some seconds at most; writes what could not be written."""
        if self._getting:
            await asyncio.wait(list(self._getting.values()), timeout=ENDPOINT_SECONDS)
        for file, new in list(self._unkept.items()):
            await self._write(file, new)

    async def refresh_token(self, oauth2: "OAuth2") -> RefreshToken | None:
        """The refresh token in force, where one is used."""
        if oauth2.refresh_token is None or oauth2.grant != "refresh_token":
            return None
        first = RefreshToken(oauth2.refresh_token.reveal())
        try:
            kept = await self._kept(self._file(oauth2)) if self._state_dir else None
        except OSError:
            kept = None
        in_force = kept or first
        if in_force.expires is None:
            expires = protocol.expiry(None, in_force.token, self._clock())
            in_force = replace(in_force, expires=expires)
        return in_force

    # -- inside

    def _got(self, oauth2: "OAuth2", task: "asyncio.Task[Token]") -> None:
        del self._getting[oauth2]
        if task.cancelled() or task.exception() is not None:
            return
        now = self._clock()
        self._tokens = {each: token for each, token in self._tokens.items() if now < token.until}
        self._tokens[oauth2] = replace(task.result(), new=False)

    async def _get(self, oauth2: "OAuth2", ca_file: str | None) -> Token:
        if oauth2.token_command is not None:
            from zaiond.oauth import command  # only for who has one

            program = oauth2.token_command[0]
            given = Granted(await command.token_of(oauth2.token_command, COMMAND_SECONDS))
            source = words.by_command(program=program)
        elif oauth2.grant == "refresh_token":
            given = await self._by_refresh_token(oauth2, ca_file)
            source = words.by_refresh_token(url=oauth2.token_url)
        else:
            given = await self._ask(oauth2, ca_file, "")
            source = words.by_client(url=oauth2.token_url)
        now = self._clock()
        expires = now + given.expires_in if given.expires_in is not None else None
        return Token(given.token, given.used_until(now), expires, source)

    async def _ask(self, oauth2: "OAuth2", ca_file: str | None, in_force: str) -> Granted:
        from zaiond import http  # only for who has an endpoint

        secret = oauth2.client_secret.reveal() if oauth2.client_secret is not None else ""
        url = oauth2.token_url or ""
        # By a refresh token (RFC 6749 6), or by client credentials (4.4.2). The client's secret
        # stands in the content (2.3.1), as Google and Microsoft want it.
        content = protocol.form(
            grant_type=oauth2.grant,
            client_id=oauth2.client_id,
            client_secret=secret,
            refresh_token=in_force,
            scope=oauth2.scope,
        )
        try:
            status, answer = await http.request(
                url, content, _HEADERS, ca_file=ca_file, limit=ENDPOINT_SECONDS
            )
        except http.NoAnswer as error:
            raise NoToken(error.cause or "token", error.where, error.why) from error
        known = self._tokens.get(oauth2)
        mask = Mask(secret, in_force, known.text if known is not None else "")
        return protocol.granted(status, answer, url, mask)

    async def _by_refresh_token(self, oauth2: "OAuth2", ca_file: str | None) -> Granted:
        if self._state_dir is None or oauth2.refresh_token is None:
            raise NoToken("token_unkept", "", words.NO_STATE_DIRECTORY)
        file = self._file(oauth2)
        try:
            async with asyncio.timeout(LOCK_SECONDS) as waiting, _alone(self._state_dir):
                waiting.reschedule(None)
                kept = await self._kept(file)
                in_force = kept.token if kept is not None else oauth2.refresh_token.reveal()
                given = await self._ask(oauth2, ca_file, in_force)
                await self._keep(file, kept, in_force, given)
        except TimeoutError as error:
            raise NoToken("token_unkept", self._state_dir, words.IN_USE) from error
        except OSError as error:
            raise NoToken("token_unkept", self._state_dir, reason(error)) from error
        self._on_refresh(oauth2)
        return given

    async def _kept(self, file: str) -> RefreshToken | None:
        return self._unkept.get(file) or await asyncio.to_thread(_read, file)

    async def _keep(
        self, file: str, kept: RefreshToken | None, in_force: str, given: Granted
    ) -> None:
        """Writes down what has changed of the refresh token."""
        now = self._clock()
        token = given.refresh_token or in_force
        since = kept.since if kept is not None and token == in_force else now
        new = RefreshToken(token, protocol.expiry(given.refresh_expires_in, token, now), since)
        if token == in_force and file not in self._unkept:
            known = kept.expires if kept is not None else None
            # Lifetimes are told in whole seconds: the same end comes out a little different.
            if new.expires is None or (known is not None and abs(new.expires - known) < 3600):
                return
        self._unkept[file] = new  # counts until it is on disk
        await self._write(file, new)

    async def _write(self, file: str, new: RefreshToken) -> None:
        try:
            await asyncio.to_thread(write, file, new)
        except OSError as error:
            self._on_problem(words.not_kept(file=file, error=error))
        else:
            del self._unkept[file]

    def _file(self, oauth2: "OAuth2") -> str:
        """Where the successor of the refresh token in the configuration's file is kept."""
        first = oauth2.refresh_token.reveal() if oauth2.refresh_token is not None else ""
        whose = json.dumps([oauth2.token_url or "", oauth2.client_id or "", first]).encode()
        name = f"oauth2-{hashlib.sha256(whose).hexdigest()[:32]}.json"
        return os.path.join(self._state_dir or "", name)


def _read(file: str) -> RefreshToken | None:
    """What is kept; None where nothing is, or nothing that makes sense. Raises OSError."""
    try:
        with open(file, "rb") as stream:
            found = json.load(stream)
        token, times = found["refresh_token"], (found["expires"], found["since"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(token, str) or not all(isinstance(at, int | float | None) for at in times):
        return None
    return RefreshToken(token, *times)


def write(file: str, kept: RefreshToken) -> None:
    """Keeps it, durably, for the owner of the state directory alone; raises OSError.

    The owner: for zaiond-ctl may be run by root, and the daemon must be able to read it.
    """
    status = os.stat(os.path.dirname(file))
    document = {"refresh_token": kept.token, "expires": kept.expires, "since": kept.since}
    owner = atomicfile.Owner(status.st_uid, status.st_gid, 0o600)
    atomicfile.replace(file, json.dumps(document).encode(), owner)


@asynccontextmanager
async def _alone(state_dir: str) -> AsyncIterator[None]:
    """Nobody else uses a refresh token meanwhile, in no other process either: with many endpoints
    each is good for one use. Raises OSError: the directory isn't there, or can't be written to.
    """
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not os.access(state_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_PAUSE)
            else:
                break
        yield
    finally:
        os.close(descriptor)
