"""What follows from a failure: for the mail that was under way, is it tried again, or held until
somebody mends something; and for what that holds: this connection, this server, this message, one
recipient. No verdict ends a mail: what isn't understood is held, and a phrase that is not
recognised costs no more than good advice.

`diagnose` says what a failure means; `rulings` has what follows from each meaning.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage, self_test_reason

if TYPE_CHECKING:
    from zaiond.smtp.diagnosis import Diagnosis

__all__ = [
    "Cause", "DeliveryFailure", "Failure", "Outcome", "Scope", "Stage", "Verdict", "judge",
    "may_have_forgotten", "refuses_login", "self_test_reason",
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

    diagnosis: "Diagnosis"
    outcome: Outcome
    scope: Scope
    wait: bool = False
    again: bool = False


def judge(failure: Failure) -> Verdict:
    """What follows from `failure` for the mail that was under way, or was to be."""
    from zaiond.smtp import rulings  # not before something fails: its tables are large

    return rulings.judge(failure)


def refuses_login(failure: Failure) -> bool:
    """Whether the server said no to our credentials: a token that was got before may have been
    revoked since, and a new one is worth a try.
    """
    said_no = failure.stage is Stage.AUTH and failure.cause == "reply"
    return said_no and judge(failure).outcome == "held"


def may_have_forgotten(failure: Failure) -> bool:
    """Whether a server that takes our mail since a login by POP may say so for having forgotten it.

    Then another login helps. What names the mailbox as the reason (RFC 3463: X.1.Z, X.2.Z) doesn't
    mean us; what gives no reason may.
    """
    from zaiond.smtp.diagnose import diagnose  # as in `judge`
    from zaiond.smtp.diagnosis import Diagnosis

    reply = failure.reply
    if reply is None or failure.cause != "reply" or reply.code == 421:
        return False
    if failure.stage in (Stage.GREETING, Stage.EHLO):
        return reply.code >= 500
    if failure.stage not in (Stage.MAIL, Stage.RCPT):
        return False
    if reply.code == 530 or diagnose(failure) in (
        Diagnosis.LOGIN_WANTED,
        Diagnosis.POP_LOGIN_WANTED,
        Diagnosis.RELAYING_REFUSED,
    ):
        return True  # some say it with 450, as if we would be known later
    _, subject, _ = reply.enhanced or (5, 0, 0)
    return reply.code in (550, 553, 554) and subject not in (1, 2)  # 553 is qmail's word for it
