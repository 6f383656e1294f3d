"""POP before SMTP: the login by POP3 (RFC 1939) as a machine without I/O: bytes in, bytes out.

    machine = Pop3(settings)
    events = machine.receive(data)      # or .lost(cause) when the connection ends
    data = machine.take_output()        # to be written, after whatever was called

It has the shape of `smtp.session.Session`, so that the same pump drives both. `LoggedIn` comes when
the server has taken the login: now it takes our mail, and `quit` is all that is left to say.
`Ended` comes once, last. Nothing raises for what the server does; every failure is of stage POP.
"""

import hashlib
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from zaiond.smtp import words
from zaiond.smtp.events import Ended, LoggedIn
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.handshake import Say, StartTls
from zaiond.smtp.mask import Mask
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge
from zaiond.text import Text

MAX_LINE = 4096  # RFC 2449 4 says 512

# RFC 1939 7, APOP: a msg-id. Only what can be one: who would break MD5 chooses other octets
# (RFC 6151 2.1).
_TIMESTAMP = re.compile(rb"<[!-;=?A-~]+@[!-;=?A-~]+>")


@dataclass(frozen=True, slots=True)
class Pop3Settings:
    """What the machine knows of its server; `server` is `host:port`.

    With `starttls` and `tls` the certificate is verified, always. `allow_unprotected`: the password
    itself may cross a connection without. There is no line end in it, nor in `username`: the
    configuration takes none. `mask`: what the server must not be quoted with.
    """

    server: str
    security: Literal["none", "starttls", "tls"]
    username: str
    password: str = field(repr=False)
    allow_unprotected: bool = False
    mask: Mask = field(default_factory=Mask, repr=False, compare=False)


Pop3Event = LoggedIn | StartTls | Ended


class _Answer(NamedTuple):
    """One line of the server: +OK or -ERR, as a whole."""

    ok: bool
    line: bytes


_Login = Generator[Say | StartTls, _Answer, LoggedIn]


def _login(settings: Pop3Settings) -> _Login:
    """The dialogue up to the login; raises DeliveryFailure. Is sent the answer to each `Say`."""
    greeting = yield Say(Stage.POP, b"")
    if not greeting.ok:
        raise _failed(settings, "err", said=greeting.line)
    if settings.security == "starttls":
        answer = yield Say(Stage.POP, b"STLS")
        if not answer.ok:
            raise _failed(settings, "tls_not_offered", "STLS", answer.line)
        yield StartTls()
    may_send = settings.security != "none" or settings.allow_unprotected

    timestamp = _TIMESTAMP.search(greeting.line)
    if timestamp is None:
        if not may_send:
            raise _failed(settings, "unprotected", words.NO_APOP)
        return (yield from _by_password(settings))

    # RFC 1939 7, APOP: the digest of the timestamp, angle brackets included, and the secret.
    # RFC 2595 4: no other greeting comes after STLS; what it said stays what is digested.
    secret = timestamp[0] + settings.password.encode()
    digest = hashlib.md5(secret, usedforsecurity=False).hexdigest()  # in FIPS mode, too
    settings.mask.add(digest)
    answer = yield _command(f"APOP {settings.username} {digest}")
    if answer.ok:
        return LoggedIn("APOP", _said(settings, answer.line).text)
    refused = _failed(settings, "err_login", "APOP", answer.line)
    if not may_send or judge(refused.failure).outcome != "held":
        raise refused
    # APOP needs the password in plain text at the server: many greet with a timestamp and have it
    # for no account.
    try:
        return (yield from _by_password(settings))
    except DeliveryFailure as second:
        if second.failure.cause != "err_login":  # many hang up after a login that is refused
            raise refused from None
        raise


def _by_password(settings: Pop3Settings) -> _Login:
    for name, value in (("USER", settings.username), ("PASS", settings.password)):
        answer = yield _command(f"{name} {value}")
        if not answer.ok:
            raise _failed(settings, "err_login", name, answer.line)
    return LoggedIn("USER/PASS", _said(settings, answer.line).text)


def _command(line: str) -> Say:
    return Say(Stage.POP, line.encode())


def _said(settings: Pop3Settings, line: bytes) -> Reply:
    return Reply(0, (line,), settings.mask)


def _failed(
    settings: Pop3Settings, cause: Cause, detail: str | Text = "", said: bytes | None = None
) -> DeliveryFailure:
    reply = None if said is None else _said(settings, said)
    return DeliveryFailure(Failure.of(Stage.POP, settings.server, cause, reply, detail))


class Pop3:
    """One login. What returns events returns those that follow at once, mostly none."""

    def __init__(self, settings: Pop3Settings) -> None:
        self._settings = settings
        settings.mask.add(settings.password)
        self._login = _login(settings)
        self._out: list[bytes] = []
        self._rest = b""
        self._tls = False  # from StartTls until tls_started: no byte may come
        self._quitting = False
        self.replies = 0  # how many came
        self.opened = False  # logged in
        self.over = False
        next(self._login)  # RFC 1939 4: the server speaks first

    @property
    def mask(self) -> Mask:
        """What of it must not be shown, whoever says it."""
        return self._settings.mask

    @property
    def awaiting(self) -> Stage | None:
        """For what the login waits; None if the server has nothing to say."""
        if self._tls:
            return Stage.TLS
        if self.over or (self.opened and not self._quitting):
            return None
        return Stage.POP

    def take_output(self) -> bytes:
        """What is to be written now, and won't be given again."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Pop3Event]:
        events: list[Pop3Event] = []
        if self.over:
            return events
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if not self._tls:
                self._take(line.removesuffix(b"\r"), events)
            else:
                self._injection(events)
            if self.over:
                return events
        if self._tls and self._rest:
            self._injection(events)
        elif len(self._rest.removesuffix(b"\r")) > MAX_LINE:
            self._protocol(self._rest, events)
        return events

    def lost(self, cause: Cause, detail: str = "", *, overall: bool = False) -> list[Pop3Event]:  # noqa: ARG002 (a deadline in all is a time-out as others)
        events: list[Pop3Event] = []
        if not self.over:
            self._end(cause, detail, events)
        return events

    def tls_started(self) -> list[Pop3Event]:
        """The handshake that `StartTls` asked for is done, and verified."""
        events: list[Pop3Event] = []
        if self.over:
            return events
        self._tls = False
        self._go_on(_Answer(True, b""), events)
        return events

    def quit(self) -> None:
        """Says QUIT; whatever is answered ends the session."""
        if not self.over:
            self._quitting = True
            self._out.append(b"QUIT\r\n")

    def _take(self, line: bytes, events: list[Pop3Event]) -> None:
        self.replies += 1
        if self.opened:
            if self._quitting:
                self._finish(None, events)
            return
        # RFC 1939 3: a status indicator and a keyword; RFC 2449 8.1: codes in brackets come first.
        # Servers are known to write the indicator small, or something else than a space behind it.
        indicator = line[:4].upper()
        if not indicator.startswith((b"+OK", b"-ERR")) or len(line) > MAX_LINE:
            self._protocol(line, events)
        else:
            self._go_on(_Answer(indicator.startswith(b"+OK"), line), events)

    def _go_on(self, answer: _Answer, events: list[Pop3Event]) -> None:
        try:
            step = self._login.send(answer)
        except StopIteration as done:
            self.opened = True
            events.append(done.value)
        except DeliveryFailure as refused:
            self._finish(refused.failure, events)
            self._out.append(b"QUIT\r\n")
        else:
            if isinstance(step, StartTls):
                self._tls = True
                events.append(step)
            else:
                self._out.append(step.line + b"\r\n")

    def _protocol(self, line: bytes, events: list[Pop3Event]) -> None:
        what = words.LONG_LINE if len(line) > MAX_LINE else words.NO_POP_REPLY
        self._end("protocol", words.sent(what=what), events, line)

    def _injection(self, events: list[Pop3Event]) -> None:
        # RFC 2595 4, as RFC 3207 4.2: bytes behind the +OK came in plain text and would be taken
        # for the server's protected words: somebody put them there.
        self._end("injection", words.POP_INJECTION, events)

    def _end(
        self,
        cause: Cause,
        detail: str | Text,
        events: list[Pop3Event],
        said: bytes | None = None,
    ) -> None:
        failed = _failed(self._settings, cause, detail, said)
        if self.opened:  # what it was for is done
            self._finish(None, events)
            return
        try:
            self._login.throw(failed)
        except DeliveryFailure as told:  # by what the login knows better
            failed = told
        self._finish(failed.failure, events)

    def _finish(self, failure: Failure | None, events: list[Pop3Event]) -> None:
        self._tls = False
        self._out.clear()
        self.over = True
        events.append(Ended(failure))
