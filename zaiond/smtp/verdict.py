"""What follows from a failure. No other file decides it.

`diagnose` says what a failure means; here stands what follows for the mail that was under way: is
it tried again, or held until somebody mends something; and for what that holds: this connection,
this server, this message, one recipient. No verdict ends a mail: what isn't understood is held, and
a phrase that is not recognised costs no more than good advice.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage, self_test_reason
from zaiond.smtp.reply import Reply
from zaiond.smtp.signs.sign import heard

__all__ = [
    "Cause", "DeliveryFailure", "Failure", "Outcome", "Scope", "Stage", "Verdict", "diagnose",
    "judge", "may_have_forgotten", "refuses_login", "self_test_reason", "wants_login",
]  # fmt: skip


class Scope(Enum):
    """For what a verdict holds."""

    SESSION = "session"  # this connection only: a new one to the same server may be tried at once
    SERVER = "server"  # this server: the next one; if there is none, the outcome
    MESSAGE = "message"  # this message, all of its recipients; the others go on
    RECIPIENT = "recipient"  # this recipient of this message


Outcome = Literal["deferred", "held", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure.

    `outcome`: `deferred`, try again later; `held`, it takes somebody to mend something (of SERVER
    scope: the queue; of RECIPIENT scope: an address; of MESSAGE scope: a mail); `ambiguous`, the
    server may have taken it: it may arrive twice.
    `wait`: the server is well but busy: later and with fewer connections, not another server.
    `again`: at once, by the same server, if it took the mail for other recipients.
    """

    diagnosis: Diagnosis
    outcome: Outcome
    scope: Scope
    wait: bool = False
    again: bool = False


def judge(failure: Failure) -> Verdict:
    """What follows from `failure` for the mail that was under way, or was to be."""
    diagnosis = diagnose(failure)
    ruling = _RULINGS[diagnosis]
    outcome, scope = ruling.outcome, ruling.scope
    code = failure.reply.code if failure.reply is not None and failure.cause == "reply" else 0
    if outcome == "held" and _for_now(failure, code, ruling):
        outcome, scope = "deferred", ruling.meanwhile
    # A kept connection may be closed by the server at any time (RFC 5321 3.8, 4.5.3.2.7): nothing
    # is lost, and a new connection shows how the server really is. On a fresh connection the same
    # would be tried again and again, so there it counts against the server.
    if failure.reused and (diagnosis in _OF_THE_CONNECTION or (code == 421 and scope is None)):
        return Verdict(diagnosis, "deferred", Scope.SESSION)
    scope = Scope.SERVER if code == 421 else _as_its_stage_allows(scope, failure.stage)
    return Verdict(diagnosis, outcome, scope, ruling.wait and outcome == "deferred", ruling.again)


def refuses_login(failure: Failure) -> bool:
    """Whether the server said no to our credentials: a token that was got before may have been
    revoked since, and a new one is worth a try.
    """
    said_no = failure.stage is Stage.AUTH and failure.cause == "reply"
    return said_no and judge(failure).outcome == "held"


def wants_login(reply: Reply) -> bool:
    """Whether a refusal inside of a transaction means that we must log in (or encrypt) first."""
    failure = Failure(stage=Stage.MAIL, server="", cause="reply", reply=reply)
    return reply.code >= 500 and diagnose(failure) in (*_WANT_LOGIN, Diagnosis.ENCRYPTION_WANTED)


def may_have_forgotten(failure: Failure) -> bool:
    """Whether a server that takes our mail since a login by POP may say so for having forgotten it.

    Then another login helps. What names the mailbox as the reason (RFC 3463: X.1.Z, X.2.Z) doesn't
    mean us; what gives no reason may.
    """
    reply = failure.reply
    if reply is None or failure.cause != "reply" or reply.code == 421:
        return False
    if failure.stage in (Stage.GREETING, Stage.EHLO):
        return reply.code >= 500
    if failure.stage not in (Stage.MAIL, Stage.RCPT):
        return False
    if reply.code == 530 or diagnose(failure) in (*_WANT_LOGIN, Diagnosis.RELAYING_REFUSED):
        return True  # some say it with 450, as if we would be known later
    _, subject, _ = reply.enhanced or (5, 0, 0)
    return reply.code in (550, 553, 554) and subject not in (1, 2)  # 553 is qmail's word for it


_WANT_LOGIN = (Diagnosis.LOGIN_WANTED, Diagnosis.POP_LOGIN_WANTED)


class _Ruling(NamedTuple):
    """`scope` None: as narrow as the stage allows. `meanwhile`: its scope where it is only for now.
    `lasting`: it takes somebody to mend something even where the server says 4yz, or its greeting.
    """

    outcome: Outcome
    scope: Scope | None = None
    meanwhile: Scope | None = None
    lasting: bool = False
    wait: bool = False
    again: bool = False


# A certificate or a name is deferred, not held: it is mended at the server, and then the mail must
# flow although nobody touched our configuration. A login is different: each further try brings the
# account nearer to being locked.
_LATER = _Ruling("deferred", Scope.SERVER)
_BUSY = _Ruling("deferred", Scope.SERVER, wait=True)
_FOR_THE_QUEUE = _Ruling("held", Scope.SERVER)
_FOR_THE_QUEUE_AT_ONCE = _Ruling("held", Scope.SERVER, lasting=True)
_NARROW = _Ruling("held")
_GROUPS: tuple[tuple[_Ruling, tuple[Diagnosis, ...]], ...] = (
    (_LATER, (
        Diagnosis.NO_SUCH_SERVER, Diagnosis.NO_DNS, Diagnosis.PORT_CLOSED, Diagnosis.PORT_25_SILENT,
        Diagnosis.SERVER_SILENT, Diagnosis.NO_ROUTE, Diagnosis.CANT_CONNECT,
        Diagnosis.TLS_NOT_OFFERED, Diagnosis.TLS_REFUSED, Diagnosis.TLS_TAMPERED,
        Diagnosis.TLS_NOT_SPOKEN, Diagnosis.TLS_TOO_OLD, Diagnosis.TLS_FAILED,
        Diagnosis.CERTIFICATE_EXPIRED, Diagnosis.CERTIFICATE_TOO_NEW, Diagnosis.CERTIFICATE_NAME,
        Diagnosis.CA_FILE_UNREADABLE, Diagnosis.CERTIFICATE_UNKNOWN, Diagnosis.LOGIN_NOT_CHECKED,
        Diagnosis.LOGIN_BROKEN_OFF, Diagnosis.TOKEN_COMMAND_FAILED, Diagnosis.TOKEN_UNKEPT,
        Diagnosis.NO_TOKEN, Diagnosis.POP_NOT_NOW, Diagnosis.NO_SUCH_POP_SERVER,
        Diagnosis.POP_TLS_NOT_OFFERED, Diagnosis.POP_TLS_FAILED, Diagnosis.NO_POP_SERVER,
        Diagnosis.POP_UNREACHABLE, Diagnosis.POP_SERVER, Diagnosis.IMAP_SERVER,
        Diagnosis.SSH_SERVER, Diagnosis.WEB_SERVER, Diagnosis.NO_SMTP_SERVER,
        Diagnosis.TLS_EXPECTED, Diagnosis.CLOSED_AT_ONCE, Diagnosis.NO_GREETING,
        Diagnosis.SERVER_BUSY, Diagnosis.BROKEN_OFF, Diagnosis.TIMED_OUT, Diagnosis.NOT_UNDERSTOOD,
        Diagnosis.SERVER_TROUBLE,
        # Other servers are asked first; of more than one mail a connection another one is opened.
        Diagnosis.SENDING_LIMIT, Diagnosis.TOO_MANY_MAILS,
    )),
    (_BUSY, (Diagnosis.TOO_MANY_CONNECTIONS,)),
    (_Ruling("deferred"), (Diagnosis.GREYLISTED, Diagnosis.NOT_NOW)),
    (_Ruling("deferred", again=True), (Diagnosis.TOO_MANY_RECIPIENTS,)),
    (_FOR_THE_QUEUE_AT_ONCE, (
        Diagnosis.LOGIN_NOT_OFFERED, Diagnosis.OTHER_LOGIN_OFFERED, Diagnosis.NO_COMMON_LOGIN,
        Diagnosis.PASSWORD_UNPROTECTED, Diagnosis.POP_UNPROTECTED, Diagnosis.POP_LOGIN_REFUSED,
        Diagnosis.REFRESH_TOKEN_REFUSED, Diagnosis.CLIENT_SECRET_REFUSED, Diagnosis.TOKEN_REFUSED,
        Diagnosis.TOKEN_COMMAND_UNFIT, Diagnosis.LOGIN_WANTED, Diagnosis.POP_LOGIN_WANTED,
        Diagnosis.ENCRYPTION_WANTED, Diagnosis.RELAYING_REFUSED, Diagnosis.SENDER_NEEDS_SMTPUTF8,
        Diagnosis.SENDER_UNFIT,
        Diagnosis.PASSWORD_EXPIRED,  # RFC 4954 6 says it with 432
    )),
    (_FOR_THE_QUEUE, (
        Diagnosis.OAUTH_WANTED, Diagnosis.APP_PASSWORD_WANTED, Diagnosis.BROWSER_WANTED,
        Diagnosis.SMTP_AUTH_DISABLED, Diagnosis.MECHANISM_REFUSED, Diagnosis.ACCOUNT_DISABLED,
        Diagnosis.LOGIN_REFUSED, Diagnosis.TOKEN_LOGIN_REFUSED, Diagnosis.NTLM_REFUSED,
        Diagnosis.CRAM_MD5_REFUSED, Diagnosis.GOOGLE_REFUSED,
        Diagnosis.YAHOO_REFUSED, Diagnosis.ICLOUD_REFUSED,
        Diagnosis.MICROSOFT_REFUSED, Diagnosis.NOT_ALLOWED_AS_SENDER,
        Diagnosis.SENDER_UNVERIFIED, Diagnosis.SENDER_WITHOUT_DOMAIN,
        Diagnosis.SENDER_DOMAIN_UNKNOWN, Diagnosis.SENDER_UNKNOWN, Diagnosis.SENDER_DOMAIN_POLICY,
        Diagnosis.SENDER_MAILBOX_FULL, Diagnosis.SENDER_REFUSED, Diagnosis.MACHINE_BLOCKED,
        Diagnosis.HELO_REFUSED, Diagnosis.NO_REVERSE_DNS, Diagnosis.MACHINE_REFUSED,
    )),
    (_Ruling("held", Scope.SERVER, wait=True), (Diagnosis.TOO_MANY_LOGINS,)),
    (_NARROW, (
        Diagnosis.MAILBOX_FULL, Diagnosis.RECIPIENT_UNKNOWN, Diagnosis.RECIPIENT_DOMAIN_UNKNOWN,
        Diagnosis.RECIPIENT_DISABLED, Diagnosis.RECIPIENT_NEEDS_SMTPUTF8, Diagnosis.RECIPIENT_UNFIT,
        Diagnosis.RECIPIENT_REFUSED, Diagnosis.CONTENT_REFUSED, Diagnosis.MESSAGE_REFUSED,
        Diagnosis.OUT_OF_STEP, Diagnosis.RECIPIENT_BUSY,
    )),
    (_Ruling("held", Scope.MESSAGE), (Diagnosis.TOO_BIG,)),
    (_Ruling("held", meanwhile=Scope.SERVER), (Diagnosis.DISK_FULL,)),
    (_Ruling("ambiguous", Scope.MESSAGE), (Diagnosis.MAY_HAVE_ARRIVED,)),
)  # fmt: skip
_RULINGS = {diagnosis: ruling for ruling, group in _GROUPS for diagnosis in group}
_OF_THE_CONNECTION = frozenset(
    {
        Diagnosis.BROKEN_OFF,
        Diagnosis.TIMED_OUT,
        Diagnosis.NOT_UNDERSTOOD,
        Diagnosis.OUT_OF_STEP,
        Diagnosis.TOO_MANY_MAILS,
    }
)
# In a 4yz about a login or relaying they make it doubtful whether a person is needed.
_HEDGES = re.compile("temporar|again|later|busy|moment|一時|しばらく", re.IGNORECASE)


def _for_now(failure: Failure, code: int, ruling: _Ruling) -> bool:
    """Whether what else is held passes by itself.

    RFC 5321 4.2.1: 4yz is for now. What turns this machine away before a mail was spoken of (a
    block list, maintenance) may take it tomorrow, be it said with a 554.
    """
    if failure.reply is None or not code:
        return False
    if code >= 500:
        return failure.stage in (Stage.GREETING, Stage.EHLO) and not ruling.lasting
    return not ruling.lasting or _HEDGES.search(heard(failure.reply).text) is not None


def _as_its_stage_allows(scope: Scope | None, stage: Stage) -> Scope:
    """A refusal of less than the server is one of what its stage is about. At the end of the
    content no recipient can be told from another.
    """
    if scope is Scope.SERVER:
        return scope
    if stage is Stage.RCPT:
        return Scope.RECIPIENT
    if stage in (Stage.DATA, Stage.CONTENT):
        return Scope.MESSAGE
    return scope or Scope.SERVER
