"""What follows from a failure: the mail is tried again, or held until somebody mends something; and
for what that counts: this connection, this server, this message, or one recipient.

No verdict ends a mail. What is not understood is held, or tried again: a phrase that no sign knows
costs good advice, never a mail. `diagnose` recognises what a failure means; a `Diagnosis` has its
ruling, which is applied here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Outcome, Scope, Stage

if TYPE_CHECKING:
    from zaiond.smtp.diagnosis import Diagnosis

__all__ = [
    "Cause", "DeliveryFailure", "Failure", "Outcome", "Scope", "Stage", "Verdict", "judge",
    "may_have_forgotten", "refuses_login", "refuses_recipient",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure.

    `outcome`: `deferred`, it is tried again later; `held`, somebody must mend something first (of
    SERVER scope the queue is held, of RECIPIENT scope an address, of MESSAGE scope a mail);
    `ambiguous`, the server may have taken the mail, which may arrive twice.
    `wait`: the server is well but busy: it is asked later, by fewer connections; no other one is.
    `again`: the same server is asked at once, if it took the mail for other recipients.
    """

    diagnosis: "Diagnosis"
    outcome: Outcome
    scope: Scope
    wait: bool = False
    again: bool = False

    @property
    def fails_over(self) -> bool:
        """Whether the next server, if one is left, is asked to take the mail now."""
        if self.wait or self.outcome == "ambiguous":
            return False
        return self.outcome == "deferred" or self.scope is Scope.SERVER


def judge(failure: Failure) -> Verdict:
    """What follows from `failure` for the mail that was under way, or was to be."""
    from zaiond.smtp.diagnose import diagnose  # not before something fails: its tables are large

    diagnosis = diagnose(failure)
    ruling = diagnosis.ruling
    outcome, scope = ruling.outcome, ruling.scope
    code = failure.reply.code if failure.reply is not None and failure.cause == "reply" else 0
    if outcome == "held" and _is_for_now(failure, code, lasting=ruling.lasting):
        outcome, scope = "deferred", ruling.meanwhile
    # A kept connection may be closed by the server at any time (RFC 5321 3.8, 4.5.3.2.7): nothing
    # is lost, and a new connection shows how the server really is. On a fresh connection the same
    # would be tried again and again, so there it counts against the server.
    if failure.reused and (ruling.of_connection or (code == 421 and scope is None)):
        return Verdict(diagnosis, "deferred", Scope.SESSION)
    scope = Scope.SERVER if code == 421 else _narrowed(scope, failure.stage)
    return Verdict(diagnosis, outcome, scope, ruling.wait and outcome == "deferred", ruling.again)


def _is_for_now(failure: Failure, code: int, *, lasting: bool) -> bool:
    """Whether a refusal passes by itself, so that nobody need mend anything.

    RFC 5321 4.2.1: 4yz is for now. A server that turns this machine away in its greeting (a block
    list, maintenance) may let it in tomorrow, even if it says 554.
    """
    from zaiond.smtp.diagnose import is_hedged

    if failure.reply is None or not code:
        return False
    if code >= 500:
        return failure.stage in (Stage.GREETING, Stage.EHLO) and not lasting
    return not lasting or is_hedged(failure.reply)


def _narrowed(scope: Scope | None, stage: Stage) -> Scope:
    """A refusal that is not the server's as a whole concerns what its stage is about. At the end of
    the content no recipient can be told from another.
    """
    if scope is Scope.SERVER:
        return scope
    if stage is Stage.RCPT:
        return Scope.RECIPIENT
    if stage in (Stage.DATA, Stage.CONTENT):
        return Scope.MESSAGE
    return scope or Scope.SERVER


def refuses_recipient(failure: Failure) -> bool:
    """Whether the server refuses a recipient for good, in words that mean nothing else: there is
    nobody of that address, and no setting of ours can make one.
    """
    from zaiond.smtp.diagnose import diagnose  # as in `judge`
    from zaiond.smtp.diagnosis import Diagnosis

    reply = failure.reply
    return (
        failure.stage is Stage.RCPT
        and failure.cause == "reply"
        and reply is not None
        and reply.code >= 500
        and diagnose(failure)
        in (
            Diagnosis.RECIPIENT_UNKNOWN,
            Diagnosis.RECIPIENT_DOMAIN_UNKNOWN,
            Diagnosis.RECIPIENT_DISABLED,
        )
    )


def refuses_login(failure: Failure) -> bool:
    """Whether the server refuses a login, and not for now: each further try brings the account
    nearer to being locked.
    """
    reply = failure.reply
    return failure.stage is Stage.AUTH and reply is not None and reply.code >= 500


def may_have_forgotten(failure: Failure) -> bool:
    """Whether a server that takes our mail since a login by POP may say so for having forgotten it.

    Then another login helps. What names the mailbox as the reason (RFC 3463: X.1.Z, X.2.Z) doesn't
    mean us; what gives no reason may.
    """
    from zaiond.smtp.diagnose import diagnose  # as in `judge`
    from zaiond.smtp.diagnosis import Diagnosis, heard

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
    # 553 is qmail's word for it.
    return reply.code in (550, 553, 554) and not heard(reply).detail.startswith(("1.", "2."))
