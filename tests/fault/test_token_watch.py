"""Refresh tokens while no mail needs them: used in time, and told of where that doesn't help."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.delivery import configuration
from tests.support.store import NOW, Clock
from tests.support.token_server import CLIENT_SECRET, FIRST, TokenServer
from zaiond.config.schema import Auth, MailServer, OAuth2, Secret
from zaiond.oauth.tokens import RefreshToken, Tokens
from zaiond.oauth.watch import AFTER_START, AGAIN, DAY, TokenWatch, due


class Watched:
    """One server's refresh token, watched by a clock that is set by hand."""

    def __init__(self, directory: Path, tokens: TokenServer, first: str = FIRST) -> None:
        self.server_of_tokens = tokens
        oauth2 = OAuth2(
            grant="refresh_token",
            token_url=tokens.url,
            client_id="zaiond",
            client_secret=Secret(CLIENT_SECRET),
            refresh_token_file="/etc/zaiond/refresh-token",
            refresh_token=Secret(first),
        )
        auth = Auth(mechanism="xoauth2", username="zaion", oauth2=oauth2)
        self.server = MailServer(host="mailhost", auth=auth)
        self.clock = Clock()
        self.told: list[tuple[float | None, str]] = []
        self.tokens = Tokens(
            str(directory), on_refresh=lambda oauth2: self.watch.used(oauth2), clock=self.clock
        )
        self.watch = TokenWatch(self.tokens, self.clock, self.tell)

    async def tell(self, server: MailServer, expires: float | None, refusal: str) -> None:
        assert server is self.server
        self.told.append((expires, refusal))

    async def look(self, days: float) -> float:
        """Looks at it after so many days; gives the days until the next look."""
        self.clock.now = NOW + days * DAY
        return round(await self.watch.look(self.server) / DAY, 2)

    @property
    def requests(self) -> int:
        return len(self.server_of_tokens.requests)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.mark.parametrize(
    ("token", "days"),
    [
        (RefreshToken("x"), 30),
        (RefreshToken("x", NOW + 365 * DAY, NOW), 30),
        (RefreshToken("x", NOW + 30 * DAY, NOW), 23),
        (RefreshToken("x", NOW + 4 * DAY, NOW), 3),
        (RefreshToken("x", NOW + 4 * DAY, NOW - 360 * DAY), -3),
        (RefreshToken("x", NOW + 4 * DAY), 3),
    ],
)
def test_a_refresh_token_is_due_well_before_its_end_and_after_a_month(
    token: RefreshToken, days: float
) -> None:
    assert due(token, NOW) == NOW + days * DAY


async def test_what_lies_unused_is_used_once_a_month(tmp_path: Path, server: TokenServer) -> None:
    watched = Watched(tmp_path, server)
    await watched.tokens.renew(watched.server.auth.oauth2, None)
    assert await watched.look(0) == 30
    assert await watched.look(29) == 1
    assert watched.requests == 1
    await watched.look(30)
    assert watched.requests == 2
    assert await watched.look(31) == 29
    watched.clock.now = NOW + 40 * DAY
    await watched.tokens.renew(watched.server.auth.oauth2, None)
    assert await watched.look(41) == 29
    assert watched.told == []


async def test_what_was_used_last_nobody_knows_when_is_used_soon_after_the_start(
    tmp_path: Path, server: TokenServer
) -> None:
    watched = Watched(tmp_path, server)
    assert await watched.look(0) == 0.04
    await watched.look(0.05)
    assert watched.requests == 1
    server.rotate = True  # then it is known: each use brings another one
    again = Watched(tmp_path, server)
    await again.tokens.renew(again.server.auth.oauth2, None)
    third = Watched(tmp_path, server)
    assert await third.look(2) == 28


async def test_an_end_that_a_use_puts_off_is_not_told_of(
    tmp_path: Path, server: TokenServer
) -> None:
    server.rotate = True
    server.more = {"refresh_token_expires_in": 20 * 86400}
    watched = Watched(tmp_path, server)
    await watched.tokens.renew(watched.server.auth.oauth2, None)
    assert await watched.look(0) == 15
    await watched.look(15)
    assert watched.requests == 2
    assert await watched.look(15.1) == 14.9
    assert watched.told == []


async def test_an_end_that_stays_is_told_of_once(tmp_path: Path, server: TokenServer) -> None:
    server.more = {"refresh_token_expires_in": 8 * 86400}
    watched = Watched(tmp_path, server)
    await watched.tokens.renew(watched.server.auth.oauth2, None)
    assert await watched.look(0) == 6
    server.more = {"refresh_token_expires_in": 2 * 86400 + 1}
    for _ in range(3):
        await watched.look(6)
    assert watched.told == [(NOW + 8 * DAY, "")]
    assert FIRST not in str(watched.told)


async def test_the_end_is_known_after_a_restart(tmp_path: Path, server: TokenServer) -> None:
    server.more = {"refresh_token_expires_in": 8 * 86400}
    first = Watched(tmp_path, server)
    await first.tokens.renew(first.server.auth.oauth2, None)
    again = Watched(tmp_path, server)
    assert await again.look(1) == 5


async def test_a_token_that_says_its_end_itself_needs_no_use_to_be_known(
    tmp_path: Path, server: TokenServer
) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": NOW + 4 * DAY}).encode()).decode()
    server.refresh_token = f"eyJ9.{claims.rstrip('=')}.x"
    watched = Watched(tmp_path, server, server.refresh_token)
    await watched.tokens.renew(watched.server.auth.oauth2, None)
    assert await watched.look(0) == 3
    await watched.look(3)
    assert watched.told == [(NOW + 4 * DAY, "")]


async def test_one_that_is_refused_is_told_of_before_a_mail_needs_it(
    tmp_path: Path, server: TokenServer
) -> None:
    server.refresh_token = "1//another"
    watched = Watched(tmp_path, server)
    await watched.look(0)
    for day in (1, 31, 60, 90):
        await watched.look(day)
    ((expires, refusal),) = watched.told
    assert expires is None
    assert refusal.startswith("400 invalid_grant")


async def test_an_endpoint_that_can_not_be_reached_is_asked_again_soon(
    tmp_path: Path, server: TokenServer
) -> None:
    server.refusal = 503, {}
    watched = Watched(tmp_path, server)
    await watched.look(0)
    assert await watched.look(1) == round(AGAIN / DAY, 2)
    assert await watched.look(1.05) == round(AGAIN / DAY, 2)
    assert watched.told == []
    server.refusal = None
    await watched.look(1.1)
    assert await watched.look(1.2) == 29.9


async def test_it_runs_for_the_configuration_in_force(tmp_path: Path, server: TokenServer) -> None:
    watched = Watched(tmp_path, server)
    await watched.look(0)
    watched.clock.now += AFTER_START
    running = asyncio.create_task(watched.watch.run())
    watched.watch.configure(configuration(MailServer(host="other"), watched.server))
    await asyncio.to_thread(server.asked.wait, 10)
    assert server.asked.is_set()
    running.cancel()
    await watched.tokens.close()
