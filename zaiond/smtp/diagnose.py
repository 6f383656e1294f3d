"""Recognises what a failure means: from its stage, its cause, and what was said, in this order.

A reply is recognised here and nowhere else. Verdict and advice both follow from the diagnosis.
"""

import re

from zaiond.smtp import sasl, signs
from zaiond.smtp.diagnosis import Diagnosis, Sign, heard, said_of
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply

# In a 4yz about a login or relaying they make it doubtful whether a person is needed.
_HEDGES = re.compile("temporar|again|later|busy|moment|一時|しばらく", re.IGNORECASE)


def diagnose(failure: Failure) -> Diagnosis:
    said = said_of(failure)
    table = _BY_STAGE.get(failure.stage, _SESSION)
    fitting = (sign.diagnosis for sign in table if sign.fits(said, failure))
    return next(fitting, Diagnosis.BROKEN_OFF)


def is_hedged(reply: Reply) -> bool:
    """Whether the reply says in words, too, that it is only for now."""
    return _HEDGES.search(heard(reply).text) is not None


def _rest(for_good: Diagnosis, for_now: Diagnosis) -> tuple[Sign, Sign]:
    """The last rows of a stage: what no other row recognises."""
    return Sign(for_good, digits="5"), Sign(for_now, digits="234")


# -- What failed without a reply

_CONNECTING = (
    Sign(Diagnosis.NO_SUCH_SERVER, causes="no_name"),
    Sign(Diagnosis.NO_DNS, causes="dns_later"),
    Sign(Diagnosis.PORT_CLOSED, causes="refused"),
    Sign(Diagnosis.NO_ROUTE, causes="net_unreachable host_unreachable"),
    Sign(Diagnosis.PORT_25_SILENT, causes="timeout", server=":25$"),
    Sign(Diagnosis.SERVER_SILENT, causes="timeout"),
    Sign(Diagnosis.CANT_CONNECT, causes="any"),
)
_POP = (
    # RFC 2449 8.1, RFC 3206: not the credentials, but the mailbox or the server. SYS/PERM needs a
    # person, too, but at the server: then the mail must flow although nobody touched our
    # configuration. Servers older than these codes have words for it (RFC 1939 7, PASS: "maildrop
    # already locked").
    Sign(
        Diagnosis.POP_NOT_NOW,
        r"-ERR \[(?:IN-USE|LOGIN-DELAY|SYS/TEMP|SYS/PERM)\]"
        r"|(?:mail ?drop|mail ?box)\b.*\b(?:lock(?:ed)?|busy)\b"
        r"|\block\b.*\b(?:mail ?drop|mail ?box)|\bin use\b",
        causes="err_login",
    ),
    Sign(Diagnosis.POP_LOGIN_REFUSED, causes="err_login"),
    Sign(Diagnosis.POP_NOT_NOW, causes="err"),
    Sign(Diagnosis.POP_UNPROTECTED, causes="unprotected"),
    Sign(Diagnosis.NO_SUCH_POP_SERVER, causes="no_name dns_later"),
    Sign(Diagnosis.POP_TLS_NOT_OFFERED, causes="tls_not_offered"),
    Sign(Diagnosis.POP_TLS_FAILED, causes="tls certificate injection"),
    Sign(Diagnosis.NO_POP_SERVER, causes="protocol"),
    Sign(Diagnosis.POP_UNREACHABLE, causes="any"),
)
_TOKEN = (
    # RFC 6749 5.2
    Sign(Diagnosis.REFRESH_TOKEN_REFUSED, "invalid_grant", causes="token_refused"),
    Sign(
        Diagnosis.CLIENT_SECRET_REFUSED,
        "invalid_client|unauthorized_client",
        causes="token_refused",
    ),
    Sign(Diagnosis.TOKEN_REFUSED, causes="token_refused"),
    Sign(Diagnosis.TOKEN_COMMAND_FAILED, causes="command"),
    Sign(Diagnosis.TOKEN_COMMAND_UNFIT, causes="command_unfit"),
    Sign(Diagnosis.TOKEN_UNKEPT, causes="token_unkept"),
    Sign(Diagnosis.NO_TOKEN, causes="any"),
)
_TLS = (
    Sign(Diagnosis.TLS_NOT_OFFERED, causes="tls_not_offered"),
    Sign(Diagnosis.TLS_TAMPERED, causes="injection"),
    # OpenSSL's words
    Sign(Diagnosis.CERTIFICATE_NAME, "mismatch", causes="certificate"),
    Sign(Diagnosis.CERTIFICATE_TOO_NEW, "not yet valid", causes="certificate"),
    Sign(Diagnosis.CERTIFICATE_EXPIRED, "expired", causes="certificate"),
    Sign(
        Diagnosis.CA_FILE_UNREADABLE,
        "no such file|permission denied|is a directory|not a directory|no certificate or crl"
        "|no start line|pem lib|input/output",
        causes="certificate",
    ),
    Sign(Diagnosis.CERTIFICATE_UNKNOWN, causes="certificate"),
    Sign(Diagnosis.TLS_NOT_SPOKEN, "wrong version number|record layer|http request", causes="tls"),
    Sign(
        Diagnosis.TLS_TOO_OLD,
        "protocol version|unsupported protocol|no protocols|handshake failure|key too small"
        "|no shared cipher|legacy renegotiation",
        causes="tls",
    ),
    Sign(Diagnosis.TLS_FAILED, causes="tls"),
)
_STARTING_TLS = (
    Sign(Diagnosis.TLS_REFUSED, digits="2345"),
    *_TLS,
    Sign(Diagnosis.TLS_FAILED, causes="any"),
)
_SESSION = (
    *_TLS,
    Sign(Diagnosis.PASSWORD_UNPROTECTED, causes="unprotected"),
    Sign(Diagnosis.LOGIN_NOT_OFFERED, "offers nothing", causes="no_mechanism"),
    Sign(Diagnosis.OTHER_LOGIN_OFFERED, rf"\b(?:{'|'.join(sasl.NAMES)})\b", causes="no_mechanism"),
    Sign(Diagnosis.NO_COMMON_LOGIN, causes="no_mechanism"),
    Sign(Diagnosis.TOO_BIG, causes="too_big"),
    # Before any recipient it can only be the configured sender.
    Sign(Diagnosis.SENDER_NEEDS_SMTPUTF8, causes="smtputf8"),
    Sign(Diagnosis.SENDER_UNFIT, causes="address"),
    Sign(Diagnosis.TIMED_OUT, causes="timeout"),
    Sign(Diagnosis.NOT_UNDERSTOOD, causes="protocol"),
)
_GREETING = (
    Sign(Diagnosis.POP_SERVER, r": \+OK", causes="protocol"),
    Sign(Diagnosis.IMAP_SERVER, r": \* OK", causes="protocol"),
    Sign(Diagnosis.SSH_SERVER, ": SSH-", causes="protocol"),
    Sign(Diagnosis.WEB_SERVER, ": HTTP/|<html", causes="protocol"),
    Sign(Diagnosis.NO_SMTP_SERVER, causes="protocol"),
    Sign(Diagnosis.TLS_EXPECTED, causes="timeout closed reset os_error", server=":465$"),
    Sign(Diagnosis.CLOSED_AT_ONCE, causes="closed reset"),
    Sign(Diagnosis.NO_GREETING, causes="timeout os_error"),
)

# -- Which rows count at which stage. First comes what can mean only one thing.

_BEFORE_MAIL = (
    *signs.BUSY,
    *signs.SENDING_LIMIT,
    *signs.LOGIN_WANTED,
    *signs.MACHINE,
    *_rest(Diagnosis.MACHINE_REFUSED, Diagnosis.SERVER_BUSY),
)
_FROM_US = (signs.DOMAIN_POLICY, *signs.LOGIN_WANTED, *signs.SENDER)
_CONTENT = (
    *signs.BUSY, *signs.SENDING_LIMIT, signs.GREYLISTED, signs.RESTRICTED, *_FROM_US, signs.FILTER,
    *signs.MACHINE, signs.SIZE, signs.DISK, signs.MAILBOX, signs.SIZE_IN_WORDS,
    Sign(Diagnosis.TOO_BIG, codes="552"),
    *signs.RECIPIENT,
    # RFC 3463 3.4, 3.5: its system, its network: not this message's fault
    Sign(
        Diagnosis.SERVER_TROUBLE, codes="452 3.0 3.2 3.3 3.5 4.1 4.2 4.3 4.4 4.5", digits="4",
    ),
    *_rest(Diagnosis.MESSAGE_REFUSED, Diagnosis.NOT_NOW),
)  # fmt: skip
_BY_STAGE: dict[Stage, tuple[Sign, ...]] = {
    Stage.RESOLVE: _CONNECTING,
    Stage.CONNECT: _CONNECTING,
    Stage.POP: _POP,
    Stage.TLS: _STARTING_TLS,
    Stage.GREETING: (*_BEFORE_MAIL, *_GREETING, *_SESSION),
    Stage.EHLO: (*_BEFORE_MAIL, *_SESSION),
    Stage.STARTTLS: _STARTING_TLS,
    Stage.TOKEN: _TOKEN,
    Stage.AUTH: (
        *signs.LOGIN_REFUSED,
        *_rest(Diagnosis.LOGIN_REFUSED, Diagnosis.LOGIN_NOT_CHECKED),
        Sign(Diagnosis.LOGIN_BROKEN_OFF, causes="timeout closed reset os_error protocol"),
        *_SESSION,
    ),
    Stage.MAIL: (
        *signs.BUSY, signs.TOO_MANY_MAILS, *signs.SENDING_LIMIT, signs.GREYLISTED,
        signs.SIZE, *signs.OWN_QUOTA, signs.DISK,
        *_FROM_US, signs.ADDRESS_AT_MAIL, *signs.MACHINE, signs.SIZE_IN_WORDS,
        Sign(Diagnosis.TOO_BIG, codes="552"),  # RFC 1870 6.1
        *_rest(Diagnosis.SENDER_REFUSED, Diagnosis.NOT_NOW),
        *_SESSION,
    ),
    Stage.RCPT: (
        *signs.BUSY, signs.TOO_MANY_RECIPIENTS, *signs.SENDING_LIMIT, signs.GREYLISTED,
        signs.RESTRICTED, *_FROM_US, *signs.MACHINE,
        signs.SIZE, signs.DISK, signs.MAILBOX, signs.SIZE_IN_WORDS,
        Sign(Diagnosis.MAILBOX_FULL, codes="552"),
        *signs.RECIPIENT,
        Sign(Diagnosis.TOO_MANY_RECIPIENTS, codes="452"),
        *_rest(Diagnosis.RECIPIENT_REFUSED, Diagnosis.NOT_NOW),
        Sign(Diagnosis.RECIPIENT_NEEDS_SMTPUTF8, causes="smtputf8"),
        Sign(Diagnosis.RECIPIENT_UNFIT, causes="address"),
        *_SESSION,
    ),
    Stage.DATA: (*_CONTENT, *_SESSION),
    # The final dot is on its way: whatever ended the session, the server may have the mail.
    Stage.CONTENT: (*_CONTENT, Sign(Diagnosis.MAY_HAVE_ARRIVED, causes="any")),
    Stage.HAND_OVER: (
        Sign(Diagnosis.TOO_BIG_TO_HAND_ON, causes="fleet_too_big"),
        Sign(Diagnosis.NOT_HANDED_ON, causes="any"),
    ),
}  # fmt: skip
