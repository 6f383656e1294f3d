"""What the daemon itself has to tell the administrators: events of its own, by the one way out.
`reports` sends them. Pure.

One notice an incident: the id says which incident it is, so that idempotency keeps it to one, also
across restarts.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from posixpath import basename
from typing import Any, NamedTuple

from zaiond.config.schema import MailServer
from zaiond.daemon import words
from zaiond.daemon.words import routes, watch
from zaiond.errors import Diagnostic
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.holds import Hold
from zaiond.message.layout import operands
from zaiond.model import AttemptResult, QueuedMail, Severity
from zaiond.routing.problem import closing, name_of
from zaiond.routing.records import Problem
from zaiond.safe import one_line
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.verdict import judge
from zaiond.store.damage import Damage
from zaiond.store.recovery import Salvage
from zaiond.text import Language, Text
from zaiond.users import NO_UID

MOST_DIAGNOSTICS = 50


class Notice(NamedTuple):
    """An event of the daemon's own; `job` is the one that it tells of, `opens` the key of the
    problem that it tells of, `closes` that of one that it ends. `own_id`: its id, where that isn't
    said by its type and the incident.
    """

    type: str
    incident: str
    severity: Severity
    subject: Text | None
    message: Text | None
    data: Mapping[str, Any] = {}
    job: str | None = None
    own_id: str = ""
    closes: str | None = None
    opens: str | None = None

    @property
    def id(self) -> str:
        """Of an incident of this type."""
        return self.own_id or f"{self.type}/{self.incident}"[:255]

    def line(self, language: Language) -> bytes:
        """The event, as the event socket would take it."""
        said = {"subject": self.subject, "message": self.message}
        sent: dict[str, Any] = {
            "type": self.type,
            "source": NOTICE_SOURCE,
            "severity": self.severity,
            **{name: text.in_language(language) for name, text in said.items() if text},
            "data": self.data,
        }
        if self.job is not None:
            sent["job"] = self.job
        if self.closes is not None:
            sent |= {"key": self.closes, "status": "ok"}
        if self.opens is not None:
            sent |= {"key": self.opens, "status": "problem"}
        return json.dumps(sent, ensure_ascii=False).encode("utf-8", "replace")


class RefusedFile(NamedTuple):
    """A file of the spool with something that can't be taken: where it is now, whose it is, why,
    and the beginning of the first such line.
    """

    path: str
    user: str
    why: Text
    excerpt: str


class Failed(NamedTuple):
    """A delivery that has failed: of which events, whose they are, and what the server said."""

    recipient: str
    ids: tuple[str, ...]
    user: str
    said: str


def _lines(parts: Sequence[Text]) -> Text:
    return Text("\n".join(part.ja for part in parts), "\n".join(part.en for part in parts))


def _day(at: float) -> str:
    return str(datetime.fromtimestamp(at).astimezone().date())


def configuration_broken(incident: str, errors: Sequence[Diagnostic]) -> Notice:
    """The configuration on disk can't be taken; told once, until it is mended."""
    told = _lines([error.formatted for error in errors[:MOST_DIAGNOSTICS]])
    message = words.config_invalid(errors=told)
    return Notice("zaiond.config.broken", incident, "err", words.CONFIG_INVALID, message)


def server_out_of_use(server: str, failure: Failure, since: float, *, faulty: bool) -> Notice:
    """A server (`host:port`) can't be used, and another one sends in its place."""
    return Notice(
        "zaiond.server.fault" if faulty else "zaiond.server.down",
        f"{server}/{int(since)}",
        "err" if faulty else "warning",
        words.server_out_of_use(server=server),
        words.by_another_server(why=failure.text),
        {"server": server},
    )


def server_stays_down(server: str, failure: Failure, since: float) -> Notice:
    """The first server can't be used for long; told once an outage, beside its beginning."""
    at = words.local(since)
    return Notice(
        "zaiond.server.down",
        f"{server}/{int(since)}/stays",
        "err",
        watch.server_out_for_long(server=server),
        watch.by_another_server_since(since=at, why=failure.text),
        {"server": server},
    )


def expired(mail: QueuedMail, attempted: AttemptResult, now: float) -> Notice:
    """A mail was not delivered in its time; told once a day for a recipient."""
    recipient, ids = attempted.delivery.recipient, [event.id for event in mail.events]
    why = ": ".join(filter(None, (attempted.server, attempted.reply)))
    again = f"zaiond-ctl queue retry {operands(ids)}"
    return Notice(
        "zaiond.delivery.failed",
        f"{_day(now)}/expired/{recipient}",
        "err",
        words.expired_to(recipient=recipient),
        words.expired(ids=" ".join(ids), why=why or words.UNKNOWN, again=again),
        {"recipient": recipient},
    )


def failed(failures: Sequence[Failed], more: int, now: float) -> Notice:
    """Servers refuse, for good, recipients that programs named: these, and so many more."""
    first, count = failures[0], len(failures) + more
    told = [
        words.failed_mail(
            recipient=each.recipient, user=each.user, ids=" ".join(each.ids), said=each.said
        )
        for each in failures
    ]
    if more:
        told.append(words.failed_more(more=more))
    ids = operands(list(dict.fromkeys(id_ for each in failures for id_ in each.ids)))
    told.append(words.after_failed(again=f"zaiond-ctl queue retry {ids}"))
    subject = words.failed_to(recipient=first.recipient)
    if count > 1:
        subject = words.failed_to_several(recipient=first.recipient, more=count - 1)
    return Notice(
        "zaiond.delivery.failed",
        f"{int(now)}/failed/{first.recipient}",
        "err",
        subject,
        _lines(told),
        {"recipient": first.recipient} if count == 1 else {},
    )


def held(hold: Hold, last_delivered: int, now: float) -> Notice:
    """An address or a mail is held: somebody has to mend something. Told once for an address until
    it has got a mail again (`last_delivered` is the row of the last one), once a day for mails.
    """
    from zaiond.selftest.advice import hint  # which nothing else in the daemon needs

    recipient = ""
    if hold.scope == "address":
        recipient = hold.subject
        incident, (subject, what, goes_on) = f"{last_delivered}/{recipient}", words.ADDRESS_HELD
    elif judge(hold.failure).outcome == "ambiguous":
        incident, (subject, what, goes_on) = f"{_day(now)}/unknown", words.UNKNOWN_HELD
    elif hold.failure.stage is Stage.RCPT:
        incident, (subject, what, goes_on) = f"{_day(now)}/named", words.NAMED_HELD
    else:
        incident, (subject, what, goes_on) = f"{_day(now)}/mail", words.CONTENT_HELD
    return Notice(
        "zaiond.delivery.failed",
        incident,
        "err",
        subject(recipient=recipient),
        words.held(
            what=what, server=hold.failure.server, advice=hint(hold.failure), goes_on=goes_on
        ),
        {"recipient": recipient} if recipient else {},
    )


def refresh_token_ends(
    server: MailServer, expires: float | None, refusal: str, now: float
) -> tuple[Notice, Text]:
    """The refresh token of a server ends soon, or is refused already; told once a day at most, and
    once for each end. Gives the line of the journal, too.
    """
    day = datetime.fromtimestamp(now if expires is None else expires).astimezone()
    if refusal:
        subject = words.token_refused(server=server.address)
        why = words.token_answer(refusal=refusal)
    else:
        subject = words.token_ends(server=server.address)
        why = words.token_end(at=day.isoformat(" ", "minutes"))
    notice = Notice(
        "zaiond.oauth2.expires",
        f"{server.address}/{day.date()}{'/refused' if refusal else ''}",
        "err" if refusal else "warning",
        subject,
        words.new_token(why=why, file=server.auth.oauth2.refresh_token_file),
        {"server": server.address},
    )
    return notice, words.aside(what=subject, more=why)


def salvaged(salvage: Salvage) -> Notice:
    """The database could not be used as it was, and what could be read was taken over."""
    message = words.recovered(why=salvage.why, taken_over=salvage.taken_over)
    incident = str(int(salvage.at))
    return Notice("zaiond.store.recovered", incident, "crit", words.RECOVERED, message)


def damaged(damage: Damage, now: float) -> Notice:
    """Rows of the database could not be read, and were set aside."""
    message, incident = words.damaged(what=damage.text), f"rows/{int(now)}"
    return Notice("zaiond.store.recovered", incident, "crit", words.DAMAGED, message)


def spool_refused(files: Sequence[RefusedFile], more: int) -> Notice:
    """Something in files of the spool can't be taken: these, and so many more."""
    count = len(files) + more
    told = [
        words.refused_file(path=one_line(path), user=user, why=why, excerpt=excerpt)
        for path, user, why, excerpt in files
    ]
    if more:
        told.append(words.refused_more(more=more))
    return Notice(
        "zaiond.spool.refused",
        ascii(basename(files[0].path))[1:-1],
        "err",
        words.spool_refused(count=count, s="s" * (count > 1)),
        _lines([*told, words.AFTER_REFUSED]),
    )


def closed_by_hand(
    problem: Problem, comment: str, by: str, unique: str, name_of_user: Callable[[int], str]
) -> Notice:
    """An administrator says that a problem is over; `unique` makes the id, as each is told. Whose
    it was is said for people, and the machine, where that is another one.
    """
    attributes = closing(problem, comment, by)
    whose: dict[str, Any] = {
        "problem": name_of(problem),
        "user": name_of_user(problem.uid),
    }
    if problem.uid > NO_UID:
        whose["host"] = name_of_user(problem.uid | NO_UID)
    return Notice(
        attributes["type"],
        unique,
        attributes["severity"],
        routes.closed_by_hand(name=one_line(name_of(problem))),
        routes.closed_by(user=by, comment=comment),
        whose | attributes["data"],
        attributes.get("job"),
        closes=attributes.get("key"),
    )
