"""POP before SMTP: the login by POP3 (RFC 1939), as a session whose opening is all of it.

`LoggedIn` comes when the server has taken the login: now it takes our mail, and `quit` is all that
is left to say. Nothing raises for what the server does; every failure is of stage POP.
"""

import hashlib
import re
from collections.abc import Generator

from zaiond.smtp import words
from zaiond.smtp.events import Answered, Event, LoggedIn, Say, StartTls
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.handshake import SessionSettings, failed
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session
from zaiond.smtp.syntax import MAX_LINE, ProtocolFault, Reply, ReplyParser
from zaiond.smtp.verdict import judge
from zaiond.text import Text

# RFC 1939 7, APOP: a msg-id. Only what can be one: who would break MD5 chooses other octets
# (RFC 6151 2.1).
_TIMESTAMP = re.compile(rb"<[!-;=?A-~]+@[!-;=?A-~]+>")
_NOBODY = Credentials("basic", "", "")

_Login = Generator[Say | StartTls, Reply, LoggedIn]


def _login(settings: SessionSettings) -> _Login:
    """The dialogue up to the login; raises DeliveryFailure. With `starttls` and `tls` the
    certificate is verified, always.
    """
    greeting = yield Say(Stage.POP, b"")
    if not _is_ok(greeting):
        raise failed(settings, Stage.POP, "err", reply=greeting)
    if settings.security == "starttls":
        answer = yield Say(Stage.POP, b"STLS")
        if not _is_ok(answer):
            raise failed(settings, Stage.POP, "tls_not_offered", reply=answer, detail="STLS")
        yield StartTls()
    login = settings.credentials or _NOBODY
    may_send = settings.security != "none" or login.allow_unprotected

    timestamp = _TIMESTAMP.search(greeting.lines[0])
    if timestamp is None:
        if not may_send:
            raise failed(settings, Stage.POP, "unprotected", detail=words.NO_APOP)
        return (yield from _by_password(settings, login))

    # RFC 1939 7, APOP: the digest of the timestamp, angle brackets included, and the secret.
    # RFC 2595 4: no other greeting comes after STLS; what it said stays what is digested.
    secret = timestamp[0] + login.password.encode()
    digest = hashlib.md5(secret, usedforsecurity=False).hexdigest()  # in FIPS mode, too
    settings.mask.add(digest)
    answer = yield _command(f"APOP {login.username} {digest}")
    if _is_ok(answer):
        return LoggedIn("APOP", answer.text)
    refused = failed(settings, Stage.POP, "err_login", reply=answer, detail="APOP")
    if not may_send or judge(refused.failure).outcome != "held":
        raise refused
    # APOP needs the password in plain text at the server: many greet with a timestamp and have it
    # for no account.
    try:
        return (yield from _by_password(settings, login))
    except DeliveryFailure as second:
        if second.failure.cause != "err_login":  # many hang up after a login that is refused
            raise refused from None
        raise


def _by_password(settings: SessionSettings, login: Credentials) -> _Login:
    # There is no line end in them: the configuration takes none.
    for name, value in (("USER", login.username), ("PASS", login.password)):
        answer = yield _command(f"{name} {value}")
        if not _is_ok(answer):
            raise failed(settings, Stage.POP, "err_login", reply=answer, detail=name)
    return LoggedIn("USER/PASS", answer.text)


def _command(line: str) -> Say:
    return Say(Stage.POP, line.encode())


def _is_ok(answer: Reply) -> bool:
    return _indicator(answer).startswith(b"+OK")


def _indicator(answer: Reply) -> bytes:
    # RFC 1939 3: a status indicator and a keyword; RFC 2449 8.1: codes in brackets come first.
    # Servers are known to write the indicator small, or something else than a space behind it.
    return answer.lines[0][:4].upper()


class _Lines(ReplyParser):
    """Each line of a POP server is a reply of code 0."""

    def feed(self, data: bytes, replies: list[Reply]) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        replies += (Reply(0, (line.removesuffix(b"\r"),), self._mask) for line in lines)
        if len(self._rest.removesuffix(b"\r")) > MAX_LINE:  # RFC 2449 4 says 512
            raise ProtocolFault(words.LONG_LINE, self._rest)


class Pop3(Session):
    """One login by the settings' name and password."""

    # RFC 2595 4, as RFC 3207 4.2
    injection = words.POP_INJECTION

    def __init__(self, settings: SessionSettings) -> None:
        super().__init__(settings, _login, _Lines)

    def _take(self, reply: Reply, events: list[Event]) -> None:
        what = words.LONG_LINE if len(reply.lines[0]) > MAX_LINE else words.NO_POP_REPLY
        if not self._expected:
            return  # what it was for is done
        if what is words.NO_POP_REPLY and _indicator(reply).startswith((b"+OK", b"-ERR")):
            told: list[Event] = []
            super()._take(reply, told)
            events += (event for event in told if not isinstance(event, Answered))
        else:
            self._end(self._fail(Stage.POP, "protocol", reply, words.sent(what=what)), events)

    def _fail(
        self,
        stage: Stage,  # noqa: ARG002 (it is the one that the mail's failure has)
        cause: Cause,
        reply: Reply | None = None,
        detail: str | Text = "",
    ) -> Failure:
        return super()._fail(Stage.POP, cause, reply, detail)

    def _end(self, failure: Failure | None, events: list[Event]) -> None:
        if self.opened:
            failure = None
        elif failure is not None:
            try:
                self._opening.throw(DeliveryFailure(failure))
            except DeliveryFailure as told:  # by what the login knows better
                failure = told.failure
        super()._end(failure, events)
