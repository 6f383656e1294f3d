"""What a failure means. No other file decides it.

A `Failure` (failure.py) is what happened, where. `judge` says what follows for the mail: is it
tried again, has it failed, does the queue wait for an administrator; and for what that holds: this
connection, this server, this message, one recipient.

The first digit of a reply is heeded first (RFC 5321 4.2.1), then the enhanced code (RFC 3463), and
the words only where servers are known to say it no other way.

    what happened                               outcome     scope
    ------------------------------------------  ----------  ---------------------------------------
    no name, no connection, no TLS, greeting    deferred    SERVER: the next server, else wait
    connection lost, 421 on a kept connection   deferred    SESSION: a new connection, at once
    the same on the connection's first mail     deferred    SERVER
    too many mails on a kept connection         deferred    SESSION
    too many connections (421, 432), logins     deferred    SERVER, wait: later, no other server
    login refused or not possible, POP's too    held        SERVER: the next server, else hold
    no token: refused, or its command is unfit  held        SERVER
    no token: endpoint down, command failed     deferred    SERVER
    POP: not reached, "in use", "later"         deferred    SERVER
    sender refused, 530 "authenticate first"    held        SERVER
    4yz at MAIL                                 deferred    SERVER
    4yz at RCPT                                 deferred    RECIPIENT
    too many recipients (452, 552)              deferred    RECIPIENT, again: at once, after those
                                                            that were taken
    4yz at DATA or the content                  deferred    MESSAGE; SERVER if it is the server's
                                                            own trouble (4.3.z, 4.4.z, 452)
    5yz at RCPT                                 failed      RECIPIENT
    "relaying denied" at RCPT                   held        RECIPIENT
    sender or machine refused at RCPT           held        RECIPIENT
    "not allowed to send as" at the content     held        SERVER
    5yz at DATA or the content, too big         failed      MESSAGE
    lost between the final dot and its reply    ambiguous   MESSAGE: it may have arrived
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage, self_test_reason
from zaiond.smtp.reply import Reply
from zaiond.text import Text

__all__ = [
    "Cause", "DeliveryFailure", "Failure", "Ruling", "Scope", "Stage", "Verdict", "judge",
    "may_have_forgotten", "refuses_login", "self_test_reason", "wants_login",
]  # fmt: skip


class Scope(Enum):
    """For what a verdict holds."""

    SESSION = "session"  # this connection only: a new one to the same server may be tried at once
    SERVER = "server"  # this server: the next one; if there is none, the outcome
    MESSAGE = "message"  # this message, all of its recipients; the others go on
    RECIPIENT = "recipient"  # this recipient of this message


Ruling = Literal["deferred", "failed", "held", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure.

    `outcome`: `deferred`, try again later; `failed`, for good; `held`, wait for an administrator
    (of SERVER scope: the whole queue; of RECIPIENT scope: this delivery alone), nothing bounces;
    `ambiguous`, the server may have taken it: try again later, it may arrive twice.
    `wait`: the server is well but busy: later and with fewer connections, not another server.
    `again`: at once, by the same server, if it took the mail for other recipients.
    `reason` says why, for `history`.
    """

    outcome: Ruling
    scope: Scope
    reason: Text
    wait: bool = False
    again: bool = False


def judge(failure: Failure) -> Verdict:
    """What follows from `failure` for the mail that was under way, or was to be."""
    if failure.reply is not None and failure.cause == "reply":
        return _judge_reply(failure, failure.reply)
    if failure.stage is Stage.TOKEN:
        # What was refused, only an administrator can mend. All else may mend itself.
        if failure.cause in ("token_refused", "command_unfit"):
            return Verdict("held", Scope.SERVER, _LOGIN)
        return Verdict("deferred", Scope.SERVER, _TOKEN)
    match failure.cause:
        case "too_big":
            return Verdict("failed", Scope.MESSAGE, _TOO_BIG)
        case "smtputf8" | "address" if failure.stage is Stage.RCPT:
            return Verdict("failed", Scope.RECIPIENT, _RECIPIENT)
        case "smtputf8" | "address":
            # Only the configured sender can be the cause here.
            return Verdict("held", Scope.SERVER, _SENDER)
        case "no_mechanism" | "unprotected":
            return Verdict("held", Scope.SERVER, _LOGIN)
        case "err_login" if not _POP_FOR_NOW.search(failure.detail):
            return Verdict("held", Scope.SERVER, _LOGIN)
        case "tls" | "certificate" | "tls_not_offered" | "injection":
            # Deferred, not held: an expired certificate is mended at the server, and then the mail
            # must flow although nobody touched our configuration. A login is different: each
            # further try brings the account nearer to being locked.
            return Verdict("deferred", Scope.SERVER, _TLS)
    if failure.stage is Stage.CONTENT:
        return Verdict("ambiguous", Scope.MESSAGE, _AMBIGUOUS)
    return _interrupted(failure)


def _interrupted(failure: Failure) -> Verdict:
    # A kept connection may be closed by the server at any time (RFC 5321 3.8, 4.5.3.2.7): nothing
    # is lost, and a new connection shows how the server really is. On a fresh connection the same
    # would be tried again and again, so there it counts against the server.
    if failure.reused:
        return Verdict("deferred", Scope.SESSION, _CONNECTION)
    return Verdict("deferred", Scope.SERVER, _SERVER)


def refuses_login(failure: Failure) -> bool:
    """Whether the server said no to our credentials: a token that was got before may have been
    revoked since, and a new one is worth a try.
    """
    said_no = failure.stage is Stage.AUTH and failure.cause == "reply"
    return said_no and judge(failure).outcome == "held"


_TOO_MANY_CONNECTIONS = re.compile(
    rb"too many (?:[a-z]+ )*(?:connections|sessions)"
    rb"|(?:concurrent|simultaneous) (?:[a-z]+ )*(?:connections|sessions)"
    rb"|connection limit|ports are busy",
    re.IGNORECASE,
)
# Said at AUTH for now, it is about how often we log in and not about who we are: Google's 454 4.7.0
# "Too many login attempts", Postfix's 450 4.7.1 "too many AUTH commands".
_TOO_MANY_LOGINS = re.compile(rb"too many (?:[a-z]+ )*(?:log[io]n|auth)", re.IGNORECASE)
_TOO_MANY_MAILS = re.compile(
    rb"too many (?:[a-z]+ )*(?:messages|e?-?mails|transactions)", re.IGNORECASE
)
_TOO_MANY_RECIPIENTS = re.compile(rb"too many (?:[a-z]+ )*(?:recipients|rcpt)", re.IGNORECASE)
_WANTS_LOGIN = re.compile(
    rb"authenticat|auth(?: command)? (?:first|required)|log ?in first|send auth"
    rb"|pop before smtp|pop-before-smtp",
    re.IGNORECASE,
)
_NO_RELAY = re.compile(rb"relay|rcpthosts", re.IGNORECASE)
# Postfix checks all but the recipient only where it knows that, too (smtpd_delay_reject); Exim says
# "Sender verify failed".
_NOT_THE_RECIPIENT = re.compile(
    rb"sender address rejected|sender verify failed|helo command rejected|client host rejected"
    rb"|client host \[[^]]{0,64}\] blocked",
    re.IGNORECASE,
)
# Exchange's and Microsoft 365's: we logged in as somebody else than the sender.
_SENDS_AS = re.compile(rb"sendas|to send as|\b5\.7\.60\b|\b5\.2\.252\b|not owned by", re.IGNORECASE)
# RFC 2449 8.1, RFC 3206: not the credentials, but the mailbox or the server. SYS/PERM needs a
# person, too, but at the server: then the mail must flow although nobody touched our configuration.
# Servers older than these codes have words for it (RFC 1939 7, PASS: "maildrop already locked").
_POP_FOR_NOW = re.compile(
    r"-ERR \[(?:IN-USE|LOGIN-DELAY|SYS/TEMP|SYS/PERM)\]"
    r"|(?:mail ?drop|mail ?box)\b.*\b(?:lock(?:ed)?|busy)\b|\block\b.*\b(?:mail ?drop|mail ?box)"
    r"|\bin use\b",
    re.IGNORECASE,
)


def wants_login(reply: Reply) -> bool:
    """Whether a refusal inside of a transaction means that we must log in (or encrypt) first."""
    said = b" ".join(reply.lines)
    return reply.code == 530 or (reply.code >= 500 and _WANTS_LOGIN.search(said) is not None)


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
    said = b" ".join(reply.lines)
    if reply.code == 530 or _WANTS_LOGIN.search(said) or _NO_RELAY.search(said):
        return True  # some say it with 450, as if we would be known later
    _, subject, _ = reply.enhanced or (5, 0, 0)
    return reply.code in (550, 553, 554) and subject not in (1, 2)  # 553 is qmail's word for it


def _judge_reply(failure: Failure, reply: Reply) -> Verdict:
    stage, code = failure.stage, reply.code
    enhanced = reply.enhanced or (0, 0, 0)
    said = b" ".join(reply.lines)

    # Sent by Exchange and others for "too many connections" (432 4.3.2); at AUTH 432 is RFC 4954's.
    if (code == 432 and stage is not Stage.AUTH) or (
        400 <= code < 500 and _TOO_MANY_CONNECTIONS.search(said)
    ):
        return Verdict("deferred", Scope.SERVER, _BUSY, wait=True)

    if stage in (Stage.GREETING, Stage.EHLO):
        # Even a 554: what refuses us today (a block list, maintenance) may take us tomorrow.
        return Verdict("deferred", Scope.SERVER, _SERVER)
    if stage is Stage.STARTTLS:
        return Verdict("deferred", Scope.SERVER, _TLS)
    if stage is Stage.AUTH:
        # RFC 4954 6: 432 4.7.12 means that the password must be changed first: no retry helps.
        if code >= 500 or enhanced == (4, 7, 12):
            return Verdict("held", Scope.SERVER, _LOGIN)
        if _TOO_MANY_LOGINS.search(said):
            return Verdict("deferred", Scope.SERVER, _LOGINS, wait=True)
        return Verdict("deferred", Scope.SERVER, _SERVER)

    if code == 421:  # RFC 5321 3.8: the server closes the connection after it
        return _interrupted(failure)

    # RFC 4954 6: 530 5.7.0, "Authentication required", may answer any command of a transaction;
    # others say it with 503, 550 or 554. RFC 3207 4: 530 "Must issue a STARTTLS command first".
    if wants_login(reply):
        return Verdict("held", Scope.SERVER, _WANTED)
    if code == 503:  # bad sequence of commands: we and the server disagree on where we are
        return _interrupted(failure)

    if stage is Stage.MAIL:
        if failure.reused and _TOO_MANY_MAILS.search(said):
            return _interrupted(failure)  # one mail a connection, or ten
        return _judge_mail(code, enhanced)
    if stage is Stage.RCPT:
        return _judge_rcpt(code, enhanced, said)
    return _judge_content(code, enhanced, said)


def _judge_mail(code: int, enhanced: tuple[int, int, int]) -> Verdict:
    if code < 500:
        # 452 and 4.3.z: no room; 450, 451: greylisting, look-ups: another server may take it.
        return Verdict("deferred", Scope.SERVER, _SERVER)
    if code == 552 or enhanced[1:] in ((3, 4), (2, 3)):
        return Verdict("failed", Scope.MESSAGE, _TOO_BIG)  # RFC 1870 6.1
    # 550, 553, 5.1.7, 5.1.8, 5.7.z and all the rest: nothing but the sender (or that it is us who
    # sends) has been said, and the sender is the configuration's.
    return Verdict("held", Scope.SERVER, _SENDER)


def _judge_rcpt(code: int, enhanced: tuple[int, int, int], said: bytes) -> Verdict:
    if _too_many_recipients(code, enhanced, said):
        return Verdict("deferred", Scope.RECIPIENT, _RECIPIENTS, again=True)
    if code < 500:
        return Verdict("deferred", Scope.RECIPIENT, _RECIPIENT_LATER)
    if _NO_RELAY.search(said):
        # "Relaying denied" is said of a recipient, but means that the server doesn't take us for
        # one of its own: no login, or the wrong network. Hence no failure: the mail is kept until
        # somebody has mended the settings. Yet it may as well be a misspelt domain, which must not
        # stop the mails to the others: so it holds this delivery and not the queue.
        return Verdict("held", Scope.RECIPIENT, _RELAY)
    if _NOT_THE_RECIPIENT.search(said):
        # Said of the sender or of this machine, which other recipients would hear, too. But some
        # servers let only some senders write to some recipients: so it holds this delivery alone.
        return Verdict("held", Scope.RECIPIENT, _ORIGIN)
    return Verdict("failed", Scope.RECIPIENT, _RECIPIENT)


def _too_many_recipients(code: int, enhanced: tuple[int, int, int], said: bytes) -> bool:
    # RFC 5321 4.5.3.1.10: 452, and 552 is to be taken as that. RFC 3463 3.6: X.5.3. A full
    # mailbox (X.2.2) or disk (X.3.1) and a mail too large (X.2.3, X.3.4) are as the first digit has
    # them.
    if enhanced[1:] == (5, 3) or _TOO_MANY_RECIPIENTS.search(said):
        return True
    return code in (452, 552) and enhanced[1] not in (2, 3)


def _judge_content(code: int, enhanced: tuple[int, int, int], said: bytes) -> Verdict:
    if code >= 500 and _SENDS_AS.search(said):
        return Verdict("held", Scope.SERVER, _SENDER)
    if code >= 500:
        return Verdict("failed", Scope.MESSAGE, _MESSAGE)
    if code == 452 or enhanced[1] in (3, 4):
        # RFC 3463 3.4, 3.5: its disks, its network: not this message's fault.
        return Verdict("deferred", Scope.SERVER, _SERVER)
    return Verdict("deferred", Scope.MESSAGE, _MESSAGE_LATER)


_SERVER = Text(
    ja="今はこのメールサーバーから送信できません。ほかのサーバーで送信するか、後で再送します。",
    en="This mail server can't send now: another server, or later again.",
)
_CONNECTION = Text(
    ja="メールサーバーが接続を閉じました。新しい接続で送信し直します。",
    en="The mail server closed the connection: again on a new one.",
)
_BUSY = Text(
    ja="メールサーバーへの同時接続が多すぎます。接続を減らして後で再送します。",
    en="Too many connections to the mail server: later again, with fewer.",
)
_LOGINS = Text(
    ja="メールサーバーへのログインが多すぎます。接続を減らして後で再送します。",
    en="Too many logins to the mail server: later again, with fewer connections.",
)
_TLS = Text(
    ja="安全な接続 (TLS) を始められません。ほかのサーバーで送信するか、後で再送します。",
    en="No secure connection (TLS): another server, or later again.",
)
_LOGIN = Text(
    ja="メールサーバーにログインできません。設定が直るまで保留します。",
    en="Can't log in to the mail server: held until the settings are mended.",
)
_TOKEN = Text(
    ja="ログインに使うトークンを取得できません。ほかのサーバーで送信するか、後で再送します。",
    en="No token for the login can be got: another server, or later again.",
)
_WANTED = Text(
    ja="メールサーバーが認証または TLS を求めています。設定が直るまで保留します。",
    en="The mail server wants a login or TLS: held until the settings are mended.",
)
_SENDER = Text(
    ja="メールサーバーが送信元アドレスを拒否しました。設定が直るまで保留します。",
    en="The mail server refuses the sender: held until the settings are mended.",
)
_RELAY = Text(
    ja="メールサーバーがこの宛先への中継を拒否しました。設定か宛先が直るまで保留します。",
    en="The mail server won't relay to this recipient: held until settings or address are mended.",
)
_ORIGIN = Text(
    ja="メールサーバーがこのマシンか送信元アドレスを拒否しました。設定が直るまで保留します。",
    en="The mail server refuses this machine or the sender: held until the settings are mended.",
)
_RECIPIENT = Text(
    ja="この宛先には送信できません。",
    en="This recipient can't be sent to.",
)
_RECIPIENT_LATER = Text(
    ja="今はこの宛先に送信できません。後で再送します。",
    en="This recipient can't be sent to now: later again.",
)
_RECIPIENTS = Text(
    ja="1 通の宛先が多すぎます。残りの宛先には続けて送信するか、後で再送します。",
    en="Too many recipients in one mail: the rest at once in another one, or later again.",
)
_MESSAGE = Text(
    ja="メールサーバーがこのメールを拒否しました。",
    en="The mail server refuses this mail.",
)
_MESSAGE_LATER = Text(
    ja="メールサーバーは今はこのメールを受け付けません。後で再送します。",
    en="The mail server doesn't take this mail now: later again.",
)
_TOO_BIG = Text(
    ja="メールがサーバーの許す大きさを超えています。",
    en="The mail is larger than the server allows.",
)
_AMBIGUOUS = Text(
    ja="送信の直後に応答が途絶えました。届いたかもしれませんが、後で再送します（重複の可能性あり）。",
    en="No reply after the mail was sent. It may have arrived; later again, so it may come twice.",
)
