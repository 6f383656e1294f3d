"""Refresh tokens while no mail needs them: they are kept alive, and the admins hear of their end.

Many end when they lie unused for long, or hold for some time only. A daemon that has nothing to
mail for months would find that out on the day of the alarm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from zaiond.config.schema import Config, MailServer
from zaiond.oauth.tokens import RefreshToken, Tokens
from zaiond.smtp.failure import NoToken

if TYPE_CHECKING:
    from zaiond.config.schema import OAuth2

DAY = 86400.0
UNUSED = 30 * DAY  # so long it may lie unused; Microsoft's end after 90 days, Google's after 180
EARLY = 7 * DAY  # so long before its end, or a quarter of its life if that is less
AGAIN = 3600.0  # where the endpoint could not be asked
AFTER_START = 3600.0  # of one that nobody knows when it was used last, so long after the start
_ROUNDING = 60.0  # seconds: the same end may be told so much later

Tell = Callable[[MailServer, float | None, str], Awaitable[None]]


class _Known(msgspec.Struct):
    since: float  # when it was used last
    told: RefreshToken | None = None  # of whose end was told


def due(token: RefreshToken, since: float) -> float:
    """When a refresh token that was used last at `since` is to be used for its own sake.

    A new one may come of that, or a later end.
    """
    if token.expires is None:
        return since + UNUSED
    life = token.expires - (since if token.since is None else token.since)
    return min(since + UNUSED, token.expires - min(EARLY, life / 4))


class TokenWatch:
    """Watches the refresh tokens of the configuration in force.

    `tell` takes the server whose refresh token ends, when (None: that isn't known), and what the
    endpoint says of it if it refuses it already.
    """

    def __init__(self, tokens: Tokens, clock: Callable[[], float], tell: Tell) -> None:
        self._tokens = tokens
        self._clock = clock
        self._tell = tell
        self._servers: list[MailServer] = []
        self._known: dict[OAuth2, _Known] = {}
        self._changed = asyncio.Event()

    def configure(self, config: Config) -> None:
        """This configuration is in force now."""
        self._servers = [
            server
            for server in config.mail_servers
            if server.auth.mechanism == "xoauth2" and server.auth.oauth2.grant == "refresh_token"
        ]
        self._changed.set()

    def used(self, oauth2: "OAuth2") -> None:
        """A refresh token was used: its end may be another one now."""
        self._known.setdefault(oauth2, _Known(0.0)).since = self._clock()
        self._changed.set()

    async def run(self) -> None:
        """Watches; ends when cancelled."""
        while True:
            self._changed.clear()
            waits = [await self.look(server) for server in self._servers]
            try:
                async with asyncio.timeout(min(waits, default=None)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def look(self, server: MailServer) -> float:
        """Uses the refresh token of `server` if it is due; after how many seconds to look again."""
        oauth2 = server.auth.oauth2
        before = await self._tokens.refresh_token(oauth2)
        if before is None:
            return UNUSED
        if oauth2 not in self._known:
            unknown = self._clock() + AFTER_START - UNUSED
            self._known[oauth2] = _Known(unknown if before.since is None else before.since)
        known = self._known[oauth2]
        wait = due(before, known.since) - self._clock()
        if wait > 0:
            return wait
        if known.told == before:
            return UNUSED
        refusal = ""
        try:
            await self._tokens.renew(oauth2, server.ca_file)
        except NoToken as error:
            if error.cause != "token_refused":
                return AGAIN
            refusal = error.reply.text if error.reply is not None else error.detail.en
        known.since = self._clock()
        after = await self._tokens.refresh_token(oauth2) or before
        if refusal or _ends(before, after):
            known.told = after
            await self._tell(server, after.expires, refusal)
        return AGAIN


def _ends(before: RefreshToken, after: RefreshToken) -> bool:
    """Whether the use of it didn't put off its end."""
    if before.expires is None or after.expires is None:
        return False
    return after.expires - before.expires < _ROUNDING
