"""What follows from each diagnosis. No other file decides it.

`verdict.judge` is the way to it, as long as nothing has failed without these tables.
"""

import re
from typing import NamedTuple

from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.signs.sign import heard
from zaiond.smtp.verdict import Outcome, Scope, Verdict


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
