"""What a person can do about a failure: its cause and its remedy, for who is no mail specialist.

Each sentence names the settings by their keys, so that it can be followed without a manual. The
server's own words stand in the cause: they are what a server's administrator can be asked about.

By subject: `reach` (name and connection), `tls`, `pop`, `token`, `login` (with `providers`), `mail`
(with `origin`: where it comes from), `session` (what broke off, and what no server was asked).
"""

from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.hint import login, mail, pop, reach, session, tls, token
from zaiond.smtp.hint.pair import Pair
from zaiond.smtp.reply import Reply
from zaiond.text import Text


def hint(failure: Failure, keys: str = "mail_server") -> Text:
    """Cause and remedy, each on its own line; `keys` is the dotted key of the server's settings."""
    cause, remedy = _pair(failure)
    remedy = of_server(remedy, keys)
    return Text(
        ja=f"原因: {cause.ja}\n対処: {remedy.ja}",
        en=f"Cause: {cause.en}\nRemedy: {remedy.en}",
    )


def of_server(text: Text, keys: str) -> Text:
    """The same, with the settings of another server than the first named by their keys."""
    if keys == "mail_server":
        return text
    return Text(*(words.replace("mail_server.", f"{keys}.") for words in text))


def _pair(failure: Failure) -> Pair:
    stage, cause, reply = failure.stage, failure.cause, failure.reply
    if stage is Stage.POP:
        return pop.logging_in_by_pop(failure)
    if stage is Stage.TOKEN:
        return token.missing(failure)
    if stage in (Stage.RESOLVE, Stage.CONNECT):
        return reach.connecting(failure)
    if stage in (Stage.TLS, Stage.STARTTLS) or cause in (
        "tls", "certificate", "tls_not_offered", "injection",
    ):  # fmt: skip
        return tls.securing(failure)
    if cause in ("no_mechanism", "unprotected"):
        return login.impossible(failure)
    if cause == "reply" and reply is not None:
        why, remedy = _refused(failure, reply)
        said = failure.said
        return Text(f"{why.ja}応答: {said}", f"{why.en} It said: {said}"), remedy
    return session.broken(failure)


def _refused(failure: Failure, reply: Reply) -> Pair:
    """For a reply; the server's words are put behind the cause."""
    if failure.stage is Stage.AUTH:
        return login.refused(failure, reply)
    return mail.refused(failure, reply)
