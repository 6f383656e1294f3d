"""What a person can do about a failure: its cause and its remedy, for who is no mail specialist.

Each sentence names the settings by their keys, so that it can be followed without a manual. The
server's own words stand in the cause: they are what a server's administrator can be asked about.
Which sentence it is follows from the diagnosis alone, as the verdict does.

By subject: `connection`, `tls`, `pop`, `token`, `login`, `origin` (where mail comes from), `mail`
(where it goes, and how much), `session` (what broke off).
"""

from zaiond.smtp.certificate import day
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.failure import Failure
from zaiond.smtp.hint import connection, login, mail, origin, pop, session, tls, token
from zaiond.smtp.hint.advice import Advice, Table
from zaiond.text import Text

ADVICE: Table = {
    **connection.ADVICE, **tls.ADVICE, **pop.ADVICE, **token.ADVICE, **login.ADVICE,
    **origin.ADVICE, **mail.ADVICE, **session.ADVICE,
}  # fmt: skip
# What `mail_server.auth.mechanism` is for the names of EHLO.
_SETTINGS = {
    "PLAIN": "basic",
    "LOGIN": "basic",
    "CRAM-MD5": "cram-md5",
    "NTLM": "ntlm",
    "XOAUTH2": "xoauth2",
}


def hint(failure: Failure, keys: str = "mail_server") -> Text:
    """Cause and remedy, each on its own line; `keys` is the dotted key of the server's settings."""
    cause, remedy = advise(failure, keys)
    return Text(
        ja=f"原因: {cause.ja}\n対処: {remedy.ja}", en=f"Cause: {cause.en}\nRemedy: {remedy.en}"
    )


def advise(failure: Failure, keys: str = "mail_server") -> Advice:
    """The same, each by itself."""
    advice = ADVICE[diagnose(failure)]
    remedy = of_server(advice.remedy, keys)
    ja, en = _facts(failure)
    said_ja = said_en = ""
    if failure.reply is not None and failure.cause in ("reply", "token_refused"):
        said = failure.said if failure.cause == "reply" else failure.reply.text
        said_ja, said_en = f"応答: {said}", f" It said: {said}"
    return Advice(
        Text(
            f"{advice.cause.ja.format_map(ja)}{said_ja}",
            f"{advice.cause.en.format_map(en)}{said_en}",
        ),
        Text(remedy.ja.format_map(ja), remedy.en.format_map(en)),
    )


def of_server(text: Text, keys: str) -> Text:
    """The same, with the settings of another server than the first named by their keys."""
    if keys == "mail_server":
        return text
    return Text(*(words.replace("mail_server.", f"{keys}.") for words in text))


def _facts(failure: Failure) -> tuple[dict[str, str], dict[str, str]]:
    """What the sentences are filled in with, in Japanese and in English."""
    detail_ja, detail = failure.details
    seen = failure.certificate
    host, _, port = failure.server.rpartition(":")
    offered = detail.removeprefix("the server offers ")
    usable = dict.fromkeys(_SETTINGS[name] for name in offered.split(", ") if name in _SETTINGS)
    both = {
        "server": failure.server,
        "host": host,
        "port": port,
    }
    ja = {
        **both,
        "told": failure.text.ja,
        "detail": detail_ja,
        "more": f"（{detail_ja}）" if detail_ja else "",
        "offered": "なし" if offered == "nothing" else offered,
        "usable": " か ".join(usable),
        "names": "不明",
        "since": "",
        "until": "",
    }
    en = {
        **both,
        "told": failure.text.en,
        "detail": detail,
        "more": f" ({detail})" if detail else "",
        "offered": offered,
        "usable": " or ".join(usable),
        "names": "unknown",
        "since": "",
        "until": "",
    }
    if seen is not None:
        names, since, until = ", ".join(seen.names), day(seen.not_before), day(seen.not_after)
        ja |= {"names": names or "なし", "since": f"（{since} から）", "until": f"（{until} まで）"}
        en |= {"names": names or "none", "since": f" (only from {since} on)"}
        en["until"] = f" (it was valid until {until})"
    return ja, en
