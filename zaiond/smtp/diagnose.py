"""Recognises what a failure means: from its stage, its cause, and what was said, in this order."""

from zaiond.smtp import signs
from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.reply import printable
from zaiond.smtp.signs.sign import Sign, Words, first_that_fits, heard


def diagnose(failure: Failure) -> Diagnosis:
    """What `failure` means."""
    reply = failure.reply
    if failure.cause == "reply" and reply is not None:
        found = first_that_fits(signs.BY_STAGE.get(failure.stage, ()), heard(reply), failure)
        for_good, for_now = signs.NOT_RECOGNISED.get(
            failure.stage, (Diagnosis.BROKEN_OFF, Diagnosis.BROKEN_OFF)
        )
        return found or (for_good if reply.code >= 500 else for_now)
    told = failure.detail
    if reply is not None:
        told = f"{told}: {printable(b' '.join(reply.lines))}"
    table = _WITHOUT_REPLY.get(failure.stage, _SESSION)
    return first_that_fits(table, Words(0, "", told), failure) or Diagnosis.BROKEN_OFF


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
    Sign(Diagnosis.POP_UNREACHABLE),
)
_TOKEN = (  # RFC 6749 5.2
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
    Sign(Diagnosis.NO_TOKEN),
)
_CONNECTING = (
    Sign(Diagnosis.NO_SUCH_SERVER, causes="no_name"),
    Sign(Diagnosis.NO_DNS, causes="dns_later"),
    Sign(Diagnosis.PORT_CLOSED, causes="refused"),
    Sign(Diagnosis.NO_ROUTE, causes="net_unreachable host_unreachable"),
    Sign(Diagnosis.PORT_25_SILENT, causes="timeout", server=":25$"),
    Sign(Diagnosis.SERVER_SILENT, causes="timeout"),
    Sign(Diagnosis.CANT_CONNECT),
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
_SESSION = (
    *_TLS,
    Sign(Diagnosis.PASSWORD_UNPROTECTED, causes="unprotected"),
    Sign(Diagnosis.LOGIN_NOT_OFFERED, "offers nothing", causes="no_mechanism"),
    Sign(
        Diagnosis.OTHER_LOGIN_OFFERED,
        r"\b(?:PLAIN|LOGIN|CRAM-MD5|NTLM|XOAUTH2)\b",
        causes="no_mechanism",
    ),
    Sign(Diagnosis.NO_COMMON_LOGIN, causes="no_mechanism"),
    Sign(Diagnosis.TOO_BIG, causes="too_big"),
    # Before any recipient it can only be the configured sender.
    Sign(Diagnosis.SENDER_NEEDS_SMTPUTF8, causes="smtputf8"),
    Sign(Diagnosis.SENDER_UNFIT, causes="address"),
    Sign(Diagnosis.TIMED_OUT, causes="timeout"),
    Sign(Diagnosis.NOT_UNDERSTOOD, causes="protocol"),
)
_WITHOUT_REPLY = {
    Stage.RESOLVE: _CONNECTING,
    Stage.CONNECT: _CONNECTING,
    Stage.POP: _POP,
    Stage.TLS: (*_TLS, Sign(Diagnosis.TLS_FAILED)),
    Stage.STARTTLS: (*_TLS, Sign(Diagnosis.TLS_FAILED)),
    Stage.TOKEN: _TOKEN,
    Stage.GREETING: (
        Sign(Diagnosis.POP_SERVER, r": \+OK", causes="protocol"),
        Sign(Diagnosis.IMAP_SERVER, r": \* OK", causes="protocol"),
        Sign(Diagnosis.SSH_SERVER, ": SSH-", causes="protocol"),
        Sign(Diagnosis.WEB_SERVER, ": HTTP/|<html", causes="protocol"),
        Sign(Diagnosis.NO_SMTP_SERVER, causes="protocol"),
        Sign(Diagnosis.TLS_EXPECTED, causes="timeout closed reset os_error", server=":465$"),
        Sign(Diagnosis.CLOSED_AT_ONCE, causes="closed reset"),
        Sign(Diagnosis.NO_GREETING, causes="timeout os_error"),
        *_SESSION,
    ),
    Stage.AUTH: (
        Sign(Diagnosis.LOGIN_BROKEN_OFF, causes="timeout closed reset os_error protocol"),
        *_SESSION,
    ),
    Stage.RCPT: (
        Sign(Diagnosis.RECIPIENT_NEEDS_SMTPUTF8, causes="smtputf8"),
        Sign(Diagnosis.RECIPIENT_UNFIT, causes="address"),
        *_SESSION,
    ),
    # The final dot is on its way: whatever ended the session, the server may have the mail.
    Stage.CONTENT: (Sign(Diagnosis.MAY_HAVE_ARRIVED),),
}
