"""How a session logs in: what it is told of its server, and its token, where it logs in by one."""

import asyncio
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.net.trace import Trace
from zaiond.smtp.failure import DeliveryFailure, Failure, NoToken, Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.mask import Mask
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.verdict import judge

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer
    from zaiond.oauth.tokens import Token, Tokens


def add_secrets(server: "MailServer", mask: Mask) -> None:
    """Lets the mask of a server know what of its settings nobody may be shown."""
    auth, pop = server.auth, server.pop_before_smtp
    secrets = [auth.password, pop.password]
    if auth.oauth2 is not None:
        secrets += [auth.oauth2.client_secret, auth.oauth2.refresh_token]
    for secret in filter(None, secrets):
        mask.add(secret.reveal())


def session_settings(
    server: "MailServer", helo_name: str, mask: Mask, *, trace: bool
) -> SessionSettings:
    """The settings of one session with `server`; without the token, where it logs in by one.

    `helo_name` counts where the server's settings have none.
    """
    add_secrets(server, mask)
    auth = server.auth
    credentials: Credentials | None = None
    if auth.mechanism != "none":
        credentials = Credentials(
            mechanism=auth.mechanism,
            username=auth.username or "",
            password=auth.password.reveal() if auth.password is not None else "",
            allow_unprotected=auth.allow_unprotected_password,
            ntlm_version=auth.ntlm_version,
            nonce=os.urandom(8),
            now=time.time(),
        )
    return SessionSettings(
        server=server.address,
        helo_name=server.helo_name or helo_name,
        security=server.security,
        credentials=credentials,
        trace=trace,
        mask=mask,
    )


class SessionToken:
    """The token of one session: got when it is needed, and another one, once, if the server refuses
    one that was got for a session before.

    `deadline` is the session's, in the loop's time.
    """

    def __init__(
        self, server: "MailServer", tokens: "Tokens", trace: Trace, deadline: float
    ) -> None:
        self._server = server
        self._tokens = tokens
        self._trace = trace
        self._deadline = deadline
        self._token: Token | None = None
        self._renewed = False

    async def apply_to(self, settings: SessionSettings) -> SessionSettings:
        """The settings with the token in the password's place; as they are with other mechanisms.
        Raises DeliveryFailure of stage TOKEN: there is none.
        """
        if settings.credentials is None or settings.credentials.mechanism != "xoauth2":
            return settings
        if self._token is None:
            self._token = await self._get(None)
        credentials = replace(settings.credentials, password=self._token.text)
        return replace(settings, credentials=credentials)

    async def renewed(self, failure: Failure) -> bool:
        """Whether there is another one, now that a session with this one has failed so. Raises
        DeliveryFailure of stage TOKEN: it was asked for in vain.
        """
        refused = self._token
        if refused is None or refused.new or self._renewed or not _said_no(failure):
            return False
        self._token, self._renewed = await self._get(refused.text), True
        return self._token.text != refused.text

    async def _get(self, refused: str | None) -> "Token":
        server = self._server
        try:
            try:
                async with asyncio.timeout_at(self._deadline):
                    token = await self._tokens.get(server.auth.oauth2, server.ca_file, refused)
            except TimeoutError:
                raise NoToken("timeout", f"{server.session_timeout:g} s") from None
        except NoToken as error:
            failure = Failure.of(
                Stage.TOKEN, server.address, error.cause, error.reply, error.detail
            )
            self._trace.failed(failure)
            raise DeliveryFailure(failure) from error
        self._trace.record(Stage.TOKEN, True, token.told)
        return token


def _said_no(failure: Failure) -> bool:
    """Whether the server refused our login, whatever the digit: the token may have been revoked."""
    said_no = failure.stage is Stage.AUTH and failure.cause == "reply"
    return said_no and judge(failure).outcome == "held"
