"""What the self-test says about a failure: REASON and CODE of its error line, cause and remedy.

Which advice it is follows from the diagnosis alone, as the verdict does. The server's own words
stand in the cause: they are what a server's administrator can be asked about.
"""

from typing import NamedTuple

from zaiond.selftest import words
from zaiond.selftest.words import connection, login, mail
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.failure import Cause, Failure, Stage, day
from zaiond.smtp.sasl import NAMES
from zaiond.smtp.words import NOTHING, OFFERS
from zaiond.text import Sentence, Text

ADVICE = {**connection.ADVICE, **login.ADVICE, **mail.ADVICE}

_SOCKET_CODES: dict[Cause, int] = {
    "no_name": 11001,
    "dns_later": 11002,
    "refused": 10061,
    "timeout": 10060,
    "reset": 10054,
    "closed": 10054,
    "net_unreachable": 10051,
    "host_unreachable": 10065,
}
_REASONS: dict[Stage, str] = {
    Stage.RESOLVE: "Cant connect Server",
    Stage.CONNECT: "Cant connect Server",
    Stage.POP: "POP login failed",
    Stage.TLS: "Cant start TLS",
    Stage.STARTTLS: "Cant start TLS",
    Stage.GREETING: "Server refused",
    Stage.EHLO: "Server refused",
    Stage.TOKEN: "Auth not possible",
    Stage.AUTH: "Auth failed",
    Stage.MAIL: "Sender refused",
    Stage.RCPT: "Recipient refused",
    Stage.DATA: "Message refused",
    Stage.CONTENT: "Message refused",
    Stage.RSET: "Connection lost",
    Stage.QUIT: "Connection lost",
    Stage.SESSION: "Timed out",
    Stage.HAND_OVER: "Message refused",
}


class Advice(NamedTuple):
    """A cause and a remedy."""

    cause: Text
    remedy: Text


def hint(failure: Failure, keys: str = "mail_server") -> Text:
    """Cause and remedy, each on its own line; `keys` is the dotted key of the server's settings."""
    cause, remedy = advise(failure, keys)
    return words.hint(cause=cause, remedy=remedy)


def advise(failure: Failure, keys: str = "mail_server") -> Advice:
    """The same, each by itself."""
    cause_ja, cause_en, *remedy = ADVICE[diagnose(failure)]
    facts = _facts(failure)
    cause = Sentence(cause_ja, cause_en)(**facts)
    if failure.reply is not None and failure.cause in ("reply", "token_refused"):
        said = failure.said if failure.cause == "reply" else failure.reply.text
        cause = Text(f"{cause.ja}応答: {said}", f"{cause.en} It said: {said}")
    return Advice(cause, Sentence(*of_server(Text(*remedy), keys))(**facts))


def of_server(text: Text, keys: str) -> Text:
    """The same, with the settings of another server than the first named by their keys."""
    if keys == "mail_server":
        return text
    return Text(*(each.replace("mail_server.", f"{keys}.") for each in text))


def _facts(failure: Failure) -> dict[str, str | Text]:
    """What the sentences are filled in with."""
    host, _, port = failure.server.rpartition(":")
    detail = failure.details
    offered = detail.en.removeprefix(OFFERS)
    usable = dict.fromkeys(NAMES[name] for name in offered.split(", ") if name in NAMES)
    facts: dict[str, str | Text] = {
        "server": failure.server,
        "host": host,
        "port": port,
        "told": failure.text,
        "detail": detail,
        "more": Text(f"（{detail.ja}）", f" ({detail.en})") if detail.en else "",
        "offered": NOTHING if offered == NOTHING.en else offered,
        "usable": Text(" か ".join(usable), " or ".join(usable)),
        "names": Text("不明", "unknown"),
        "since": "",
        "until": "",
    }
    seen = failure.certificate
    if seen is not None:
        first, last = day(seen.not_before), day(seen.not_after)
        facts["names"] = ", ".join(seen.names) or Text("なし", "none")
        facts["since"] = Text(f"（{first} から）", f" (only from {first} on)")
        facts["until"] = Text(f"（{last} まで）", f" (it was valid until {last})")
    return facts


def reason(failure: Failure) -> tuple[str, int]:
    """REASON and CODE of the error line (the table of the interface, section 6)."""
    stage, cause = failure.stage, failure.cause
    # What is no answer to anything is no refusal, whatever its code.
    code = failure.reply.code if failure.reply is not None and cause != "protocol" else 0
    if stage in (Stage.RESOLVE, Stage.CONNECT, Stage.POP):
        return _REASONS[stage], _SOCKET_CODES.get(cause, 0)
    if stage is Stage.TOKEN:
        # Who gives the tokens refuses our credentials, or there are none to be shown to the server.
        return ("Auth failed", code) if cause == "token_refused" else (_REASONS[stage], 0)
    if cause in ("no_mechanism", "unprotected"):
        return "Auth not possible", 0
    if stage in (Stage.TLS, Stage.STARTTLS) or cause in ("tls", "certificate", "tls_not_offered"):
        return "Cant start TLS", code
    if cause == "timeout":
        return "Timed out", 10060
    if cause in ("closed", "reset", "os_error"):
        return "Connection lost", 10054
    if cause == "too_big":
        return "Message refused", 0
    return _REASONS[stage], code
