"""The heartbeat: a URL that is fetched again and again while the daemon is healthy. Who watches us
from elsewhere hears by its silence that we are not.

The URL is a secret: whoever has it can say that all is well. Only its host is shown.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from zaiond import http
from zaiond.config.schema import Config
from zaiond.daemon import words
from zaiond.daemon.words import watch
from zaiond.journal import Journal
from zaiond.net.machine import rfc3339
from zaiond.smtp.words import CAUSES
from zaiond.text import Language, Text

LONGEST = 30.0  # seconds for one fetch
TOLD_EVERY = 3600.0  # seconds between two lines that say the same fault


@dataclass(frozen=True, slots=True)
class Health:
    """What the heartbeat depends on. `disk`: there is room for events, and they can be kept."""

    config_good: bool
    mail_leaves: bool
    admins_hear: bool  # there is one whose address is not refused
    first_server: bool  # it is in use, or has failed for a short time only
    disk_free: bool
    disk_writable: bool

    @property
    def ill(self) -> Text | None:
        """Why nothing is to be fetched; None: we are healthy."""
        reasons = (
            (self.config_good, watch.NOT_CONFIGURED_WELL),
            (self.mail_leaves, watch.NO_MAIL_LEAVES),
            (self.admins_hear, watch.NO_ADMIN_HEARS),
            (self.first_server, watch.FIRST_SERVER_DOWN),
            (self.disk_free, watch.DISK_LOW),
            (self.disk_writable, watch.NOT_WRITABLE),
        )
        return next((reason for is_well, reason in reasons if not is_well), None)


class Heartbeat:
    """Fetches the URL of the configuration in force, one fetch at a time. `health` says how we are;
    `clock` gives seconds since the epoch.

    `last` is when it was fetched last, `failure` why that fails now, `ill` why it isn't tried.
    """

    def __init__(
        self, health: Callable[[], Awaitable[Health]], clock: Callable[[], float], journal: Journal
    ) -> None:
        self._health, self._clock, self._journal = health, clock, journal
        self._url = ""
        self.every = 0.0
        self.host = ""  # '' where there is no heartbeat
        self.last: float | None = None
        self.failure: Text | None = None
        self.ill: Text | None = None
        self._told: tuple[Text, float] | None = None
        self._changed = asyncio.Event()

    def configure(self, config: Config) -> None:
        """This configuration is in force now: what is fetched by it, is so at once."""
        heartbeat = config.heartbeat
        url = heartbeat.url.reveal() if heartbeat is not None and heartbeat.url is not None else ""
        if url != self._url:
            self.last = self.failure = self.ill = self._told = None
        self._url, self.host = url, http.where(url) if url else ""
        self.every = heartbeat.every if heartbeat is not None else 0.0
        self._changed.set()

    async def run(self) -> None:
        """Fetches it; ends when cancelled."""
        while True:
            self._changed.clear()
            if self._url:
                await self._beat(self._url)
            try:
                async with asyncio.timeout(self.every or None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def document(self, language: Language) -> dict[str, Any] | None:
        """`heartbeat` of the status (interface 5); None: there is none."""
        if not self.host:
            return None
        return {
            "host": self.host,
            "every": self.every,
            "last": self.last and rfc3339(self.last),
            "error": self.failure and self.failure.in_language(language),
            "stopped": self.ill and self.ill.in_language(language),
        }

    async def _beat(self, url: str) -> None:
        host, health = self.host, await self._health()
        self.ill = health.ill
        if self.ill is not None:
            self._tell(watch.heartbeat_stops(host=host, why=self.ill))
            return
        failure = None
        try:
            status, _ = await http.request(url, limit=LONGEST, most=0)
            if not 200 <= status < 300:  # a redirect is not followed: nobody knows to where
                failure = watch.odd_status(status=status)
        except http.NoAnswer as error:
            failure = _why(error)
        if url != self._url:  # it was changed meanwhile, and is fetched anew
            return
        self.failure = failure
        if failure is not None:
            self._tell(watch.heartbeat_failed(host=host, why=failure))
            return
        self.last = self._clock()
        if self._told is not None:
            self._told = None
            self._journal.info(watch.heartbeat_sent(host=host))

    def _tell(self, text: Text) -> None:
        """Once, and again after long; another fault is told at once."""
        now = asyncio.get_running_loop().time()
        if self._told is not None and self._told[0] == text and now - self._told[1] < TOLD_EVERY:
            return
        self._told = text, now
        self._journal.warning(text, by="heartbeat")


def _why(error: http.NoAnswer) -> Text:
    why = error.why if isinstance(error.why, Text) else Text(error.why, error.why)
    if error.cause is None or not why.en:
        return why if error.cause is None else CAUSES[error.cause]
    return words.aside(what=CAUSES[error.cause], more=why)
