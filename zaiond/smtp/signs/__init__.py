"""By what servers' refusals are recognised: which signs count at which stage, and in which order.

Each row was said so by a real server. A phrase that is missing here loses no mail: what isn't
recognised is a hold all the same, of the narrowest scope that its stage allows (rulings.py).
"""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Stage
from zaiond.smtp.signs import limits, login, mail, origin
from zaiond.smtp.signs.sign import Sign

_BEFORE_MAIL = (*limits.BUSY, *limits.SENDING_LIMIT, *login.LOGIN, *origin.MACHINE)
_FROM_US = (*origin.DOMAIN_POLICY, *login.LOGIN, *origin.SENDER)
_CONTENT = (
    *limits.BUSY, *limits.SENDING_LIMIT, *limits.GREYLISTED, *mail.RESTRICTED,
    *_FROM_US, *mail.FILTERS, *origin.MACHINE,
    *limits.SIZE, *limits.ROOM, *limits.MAILBOX, *limits.SIZE_IN_WORDS,
    Sign(Diagnosis.TOO_BIG, codes="552"),
    *mail.RECIPIENT,
    # RFC 3463 3.4, 3.5: its system, its network: not this message's fault
    Sign(
        Diagnosis.SERVER_TROUBLE,
        codes="452 3.0 3.2 3.3 3.5 4.1 4.2 4.3 4.4 4.5",
        digits="4",
    ),
)  # fmt: skip
# The order within a stage is that of trust: what can mean only one thing stands first.
BY_STAGE: dict[Stage, tuple[Sign, ...]] = {
    Stage.GREETING: _BEFORE_MAIL,
    Stage.EHLO: _BEFORE_MAIL,
    Stage.STARTTLS: (Sign(Diagnosis.TLS_REFUSED, digits="2345"),),
    Stage.TLS: (Sign(Diagnosis.TLS_REFUSED, digits="2345"),),
    Stage.AUTH: login.AUTH,
    Stage.MAIL: (
        *limits.BUSY, *limits.TOO_MANY_MAILS, *limits.SENDING_LIMIT, *limits.GREYLISTED,
        *limits.SIZE, *limits.OWN_QUOTA, *limits.ROOM,
        *_FROM_US, *origin.ADDRESS_AT_MAIL, *origin.MACHINE,
        *limits.SIZE_IN_WORDS,
        Sign(Diagnosis.TOO_BIG, codes="552"),  # RFC 1870 6.1
    ),
    Stage.RCPT: (
        *limits.BUSY, *limits.TOO_MANY_RECIPIENTS, *limits.SENDING_LIMIT, *limits.GREYLISTED,
        *mail.RESTRICTED, *_FROM_US, *origin.MACHINE,
        *limits.SIZE, *limits.ROOM, *limits.MAILBOX, *limits.SIZE_IN_WORDS,
        Sign(Diagnosis.MAILBOX_FULL, codes="552"),
        *mail.RECIPIENT,
        Sign(Diagnosis.TOO_MANY_RECIPIENTS, codes="452"),
    ),
    Stage.DATA: _CONTENT,
    Stage.CONTENT: _CONTENT,
}  # fmt: skip
# What is left, by stage: for good (5yz), and for now.
NOT_RECOGNISED: dict[Stage, tuple[Diagnosis, Diagnosis]] = {
    Stage.GREETING: (Diagnosis.MACHINE_REFUSED, Diagnosis.SERVER_BUSY),
    Stage.EHLO: (Diagnosis.MACHINE_REFUSED, Diagnosis.SERVER_BUSY),
    Stage.AUTH: (Diagnosis.LOGIN_REFUSED, Diagnosis.LOGIN_NOT_CHECKED),
    Stage.MAIL: (Diagnosis.SENDER_REFUSED, Diagnosis.NOT_NOW),
    Stage.RCPT: (Diagnosis.RECIPIENT_REFUSED, Diagnosis.NOT_NOW),
    Stage.DATA: (Diagnosis.MESSAGE_REFUSED, Diagnosis.NOT_NOW),
    Stage.CONTENT: (Diagnosis.MESSAGE_REFUSED, Diagnosis.NOT_NOW),
}
