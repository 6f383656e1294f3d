"""What a person can do about a failure: its cause and its remedy, for who is no mail specialist.

Which advice it is follows from the diagnosis alone, as the verdict does. The server's own words
stand in the cause: they are what a server's administrator can be asked about.
"""

from typing import NamedTuple

from zaiond.selftest import words
from zaiond.selftest.words import connection, login, mail
from zaiond.smtp.certificate import day
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.failure import Failure
from zaiond.text import Text

ADVICE = {**connection.ADVICE, **login.ADVICE, **mail.ADVICE}
# What `mail_server.auth.mechanism` is for the names of EHLO.
_SETTINGS = {
    "PLAIN": "basic",
    "LOGIN": "basic",
    "CRAM-MD5": "cram-md5",
    "NTLM": "ntlm",
    "XOAUTH2": "xoauth2",
}


class Advice(NamedTuple):
    """A cause and a remedy."""

    cause: Text
    remedy: Text


def hint(failure: Failure, keys: str = "mail_server") -> Text:
    """Cause and remedy, each on its own line; `keys` is the dotted key of the server's settings."""
    return words.hint(*advise(failure, keys))


def advise(failure: Failure, keys: str = "mail_server") -> Advice:
    """The same, each by itself."""
    cause_ja, cause_en, *remedy = ADVICE[diagnose(failure)]
    remedy_ja, remedy_en = of_server(Text(*remedy), keys)
    ja, en = _facts(failure, 0), _facts(failure, 1)
    said_ja = said_en = ""
    if failure.reply is not None and failure.cause in ("reply", "token_refused"):
        said = failure.said if failure.cause == "reply" else failure.reply.text
        said_ja, said_en = f"応答: {said}", f" It said: {said}"
    return Advice(
        Text(cause_ja.format_map(ja) + said_ja, cause_en.format_map(en) + said_en),
        Text(remedy_ja.format_map(ja), remedy_en.format_map(en)),
    )


def of_server(text: Text, keys: str) -> Text:
    """The same, with the settings of another server than the first named by their keys."""
    if keys == "mail_server":
        return text
    return Text(*(each.replace("mail_server.", f"{keys}.") for each in text))


def _facts(failure: Failure, language: int) -> dict[str, str]:
    """What the sentences are filled in with, in Japanese (0) or English (1)."""
    detail = failure.details[language]
    host, _, port = failure.server.rpartition(":")
    offered = failure.details.en.removeprefix("the server offers ")
    usable = dict.fromkeys(_SETTINGS[name] for name in offered.split(", ") if name in _SETTINGS)
    names, since, until = Text("不明", "unknown"), Text("", ""), Text("", "")
    seen = failure.certificate
    if seen is not None:
        first, last = day(seen.not_before), day(seen.not_after)
        names = Text(", ".join(seen.names) or "なし", ", ".join(seen.names) or "none")
        since = Text(f"（{first} から）", f" (only from {first} on)")
        until = Text(f"（{last} まで）", f" (it was valid until {last})")
    return {
        "server": failure.server,
        "host": host,
        "port": port,
        "told": failure.text[language],
        "detail": detail,
        "more": Text(f"（{detail}）", f" ({detail})")[language] if detail else "",
        "offered": "なし" if offered == "nothing" and language == 0 else offered,
        "usable": (" か ", " or ")[language].join(usable),
        "names": names[language],
        "since": since[language],
        "until": until[language],
    }
