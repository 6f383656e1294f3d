"""One mail that tells of several events: which they are at a glance, the worst first, and how the
others can be seen.

Its size has a bound, however many events there are: a reader wants to know what happened, and
`zaiond-ctl history` has the rest.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from zaiond.event_rules import is_drill
from zaiond.message import layout, mime
from zaiond.message.assemble import (
    IMPORTANT,
    WORDS,
    both,
    is_important,
    is_not_in,
    message,
    subject_beginning,
    thread,
)
from zaiond.message.custom import PLAIN, Look
from zaiond.message.fields import scalar
from zaiond.message.mime import Charset, as_jis, shown_moment
from zaiond.message.stood import Stood
from zaiond.message.view import rendered, view
from zaiond.message.words import Words
from zaiond.message.words import together as said
from zaiond.model import MOST_IDS, SEVERITIES, Event, Message, Routing, Severity, Together
from zaiond.safe import clean, one_line
from zaiond.text import Language, Text

SUPPRESSED = "zaiond.mails.suppressed"  # the notice that is part of such a mail
_MOST_TEXT = 256 * 1024  # bytes of UTF-8
# Of all fields that name an event: sendmail takes a header of 32 KiB at most.
_MOST_ID_BYTES = 24 * 1024
_MOST_LINES, _LONGEST_LINE, _LONGEST_MESSAGE = 10, 300, 1500  # of a message
_LONGEST_VALUE = 200
_LONGEST_LABELS = 100  # characters of a group's labels in a subject
_MOST_FIELDS = 5  # of the data of an event without a message
_MOST_IN_HISTORY = 10_000


class _Mail(NamedTuple):
    """What its parts have in common. `alike` are the events told of, without the notice that some
    were held; `severities` and `total` count these.
    """

    words: Words
    host: str
    fqdn: str
    user_name: Callable[[int], str]
    tz: tzinfo | None
    together: Together
    routing: Routing
    alike: tuple[Event, ...]
    severities: dict[Severity, int]
    total: int

    def say(self, text: Text) -> str:
        """A sentence in the language of the mail."""
        return text.in_language(self.words.language)

    def moment(self, at: float) -> str:
        """Local time."""
        return shown_moment(int(at // 1), self.words, self.tz)

    def user(self, event: Event) -> str:
        """Whose an event is."""
        return self.user_name(event.uid) or f"uid {event.uid}"


def compose_together(
    together: Together,
    routing: Routing,
    *,
    recipients: Sequence[str],
    sender: str,
    subject_prefix: str,
    language: Language,
    message_id: str,
    date: float,
    host: str,
    fqdn: str,
    user_name: Callable[[int], str],
    tz: tzinfo | None = None,
    charset: Charset = "utf-8",
    look: Look = PLAIN,
) -> Message:
    """The mail about several events, one of which at least is shown. `routing` is how they came
    together, `user_name` gives the name of a uid, "" where it has none; the other arguments are as
    for `compose`. Raises AddressError and TemplateError.
    """
    words = WORDS[language]
    alike, severities, total = _without_notice(together, routing)
    mail = _Mail(words, host, fqdn, user_name, tz, together, routing, alike, severities, total)
    remark = look.remark
    fields, named = _naming(together.ids)
    if charset != "utf-8":
        # An id must be exact: it is what zaiond-ctl is asked about.
        changed = next((a for one in named for a in one if as_jis(a) != a), None)
        if changed is not None:
            charset, remark = "utf-8", both(remark, is_not_in(charset, changed))
    if any(map(is_important, severities)):
        fields = IMPORTANT + fields
    start, beginning = subject_beginning(subject_prefix)
    html = None
    # What was held because of max_mails is of no one route, and is all to be listed.
    if look.template is not None and routing.kind != "suppressed":
        seen = view(
            alike,
            total,
            severities,
            words=words,
            host=host,
            fqdn=fqdn,
            user_name=user_name,
            tz=tz,
            routing=routing,
            at=date,
        )
        noted = next((e for e in alike if is_drill(e.extensions) or layout.poses(e)), alike[0])
        subject, text, html = rendered(look.template, seen, noted, words, mail.user(noted))
        subject = subject or _subject(mail)
    elif routing.kind == "problem":
        subject, text = _of_problem(mail, date)
    else:
        subject, text = _subject(mail), _body(mail)
    return message(
        charset,
        sender,
        tuple(recipients),
        mime.date(int(date), tz),
        (start, beginning + subject),
        message_id,
        _thread(mail) + fields,
        text,
        remark,
        html,
        look,
        alike,
    )


def _without_notice(
    together: Together, routing: Routing
) -> tuple[tuple[Event, ...], dict[Severity, int], int]:
    """The events without the notice that they were held, which is the mail itself. Of a problem
    that is over the end comes first, for it is what the mail is about.
    """
    severities = {name: together.severities.get(name, 0) for name in SEVERITIES}
    alike = together.shown
    if routing.kind == "suppressed":
        held = tuple(event for event in alike if not (event.notice and event.type == SUPPRESSED))
        if held:
            for notice in (event for event in alike if event not in held):
                severities[notice.severity] -= 1
            alike = held
    if routing.standing is not None and routing.standing.until is not None:
        ends = [event for event in alike if event.status == "ok" or event.type == "job.succeeded"]
        end = max(ends, key=lambda event: event.accepted, default=alike[0])
        alike = (end, *(event for event in alike if event is not end))
    counted = {name: number for name, number in severities.items() if number > 0}
    return alike, counted, together.total - (len(together.shown) - len(alike))


def _naming(ids: Sequence[str]) -> tuple[str, list[str]]:
    """The fields that name the events, and the ids that they have."""
    fields: list[str] = []
    named: list[str] = []
    room = _MOST_ID_BYTES
    for one in dict.fromkeys(ids[:MOST_IDS]):
        field = mime.unstructured("Zaiond-Event: ", one)
        room -= len(field)
        if room < 0 and named:
            break
        fields.append(field)
        named.append(one)
    return "".join(fields), named


def _thread(mail: _Mail) -> str:
    """The fields of a thread, where all events have the same key or job."""
    labels = dict(mail.routing.labels)
    whole = mail.total == len(mail.alike) or mail.routing.kind == "problem"
    for kind in ("key", "job"):
        names = {getattr(event, kind) for event in mail.alike}
        name = names.pop()
        if not names and name and (whole or labels.get(kind) == name):
            return thread(kind, name, mail.fqdn)
    return ""


def _subject(mail: _Mail) -> str:
    routing, words = mail.routing, mail.words
    worst = next(iter(mail.severities))
    mark = words.mark((mail.say(said.MARKS[routing.kind]), words.severity[worst]))
    number = said.NUMBER_HELD if routing.kind == "suppressed" else said.NUMBER
    what = mark + mail.say(number(events=said.events(mail.total)))
    labels = ", ".join(one_line(value[:_LONGEST_VALUE]) for _, value in routing.labels if value)
    if labels:
        what += f": {_cut(labels, _LONGEST_LABELS)}"
    begin, end = words.around_place
    return one_line(f"{what}{begin}{mail.host}{end}")


def _body(mail: _Mail) -> str:
    routing, words = mail.routing, mail.words
    told = mail.say(said.SENTENCES[routing.kind](events=said.events(mail.total)))
    lines = [
        words.greeting,
        "",
        f"{told}{words.between_sentences}{mail.say(said.WORST_FIRST)}",
        "",
        words.summary,
        f"{mail.say(said.TOTAL)}: {mail.total:,}",
    ]
    lines += (f"  {words.severity[name]}: {n:,}" for name, n in mail.severities.items())
    if routing.labels:
        lines.append(f"{mail.say(said.GROUP)}:")
        lines += (f"  {_value(name)}: {_value(value)}" for name, value in routing.labels)
    lines += (
        f"{words.server}: {mail.fqdn}",
        f"{mail.say(said.FIRST)}: {mail.moment(mail.together.first)}",
        f"{mail.say(said.LAST)}: {mail.moment(mail.together.last)}",
    )
    if routing.reason is not None:
        lines.append(f"{mail.say(said.REASON)}: {_value(mail.say(routing.reason))}")
    end = f"\n{words.automatic}\n"
    lines += _events(mail, mail.alike, mail.total, _MOST_TEXT - _size([*lines, end]))
    return "\n".join((*lines, end))


def _of_problem(mail: _Mail, date: float) -> tuple[str, str]:
    """The mail that reminds of a problem, or says that it is over: told of as one event, with the
    others of it below.
    """
    words, standing = mail.words, mail.routing.standing
    main = mail.alike[0]
    user = mail.user(main)
    stood = Stood(standing, date) if standing else None
    subject = layout.subject_line(main, words, mail.host, user, standing)

    def body(more: Iterable[str]) -> str:
        return layout.body(main, words, mail.fqdn, user, mail.tz, stood, more)

    room = _MOST_TEXT - _size([body(())])
    return subject, body(_events(mail, mail.alike[1:], mail.total - 1, room))


def _events(mail: _Mail, events: Sequence[Event], total: int, room: int) -> list[str]:
    """A block for each event, as many as there is room for, and how to see the others. `room` is in
    bytes of UTF-8.
    """
    if not total:
        return []
    heading = said.REPORTS if mail.routing.kind == "problem" else said.EVENTS
    lines: list[str] = ["", mail.say(heading)]
    end = _size(_see_all(mail, total)) + _size(lines)
    number = 0
    for number, event in enumerate(events, 1):
        block = _block(number, event, mail)
        room -= _size(block)
        if room < end:
            number -= 1
            break
        lines += block
    if not number:
        lines.append("")
    return lines + _see_all(mail, total - number)


def _see_all(mail: _Mail, left: int) -> list[str]:
    standing, first = mail.routing.standing, mail.together.first
    if standing is not None:
        first = min(first, standing.since)
    since = datetime.fromtimestamp(int(first // 1), UTC)
    try:
        shown = since.astimezone(mail.tz).isoformat()
    except (ValueError, OverflowError, OSError):  # where the calendar ends
        shown = since.isoformat()
    command = f"zaiond-ctl history --since {shown} --limit {_MOST_IN_HISTORY}"
    one = f"{mail.say(said.ONE)}: zaiond-ctl history {mail.say(said.ONE_ID)}"
    lines = [mail.say(said.MORE(events=said.events(left)))] if left > 0 else []
    # Empty lines between them: Outlook would join these.
    return [*lines, f"{mail.say(said.ALL)}: {command}", "", one]


def _block(number: int, event: Event, mail: _Mail) -> list[str]:
    """What is told of one of several events; all but the first line are indented, so that nothing
    in it looks like another.
    """
    words, user = mail.words, mail.user(event)
    title = layout.headline(event, words, mail.host, user)
    lines = [f"{number}. {title}", f"  {words.time}: {mail.moment(event.time)}"]
    lines.append(f"  {words.severity_label}: {words.severity[event.severity]}")
    if event.source != f"uid:{event.uid}":  # what a producer is called that has no name
        lines.append(f"  {words.source}: {_value(event.source)}")
    lines.append(f"  {words.user}: {_value(user)}")
    for label, value in ((words.key, event.key), (words.job, event.job)):
        if value:
            lines.append(f"  {label}: {_value(value)}")
    lines.append(f"  {words.event_id}: {event.id}")
    text = (
        clean(event.message[: 4 * _LONGEST_MESSAGE]).strip("\n").rstrip() if event.message else ""
    )
    if text and not _is_told(text, title):
        lines += (f"    {line}".rstrip() for line in _shortened(text))
    elif not text:
        lines += _few_fields(event.data)
    return [*lines, ""]


def _is_told(text: str, title: str) -> bool:
    return "\n" not in text and text.rstrip(".。") in title


def _shortened(text: str) -> list[str]:
    lines = text.split("\n", _MOST_LINES)
    is_cut = len(lines) > _MOST_LINES or len(text) > _LONGEST_MESSAGE
    kept: list[str] = []
    room = _LONGEST_MESSAGE
    for line in lines[:_MOST_LINES]:
        kept.append(_cut(line, min(_LONGEST_LINE, room)))
        room -= len(kept[-1])
        if room <= 0:
            break
    if is_cut and not kept[-1].endswith("…"):
        kept.append("…")
    return kept


def _few_fields(data: dict[str, Any]) -> Iterable[str]:
    plain = [n for n in data if not isinstance(data[n], (dict, list))]
    for name in plain[:_MOST_FIELDS]:
        yield f"    {_value(name)}: {_value(scalar(data[name]))}"


def _value(text: str) -> str:
    return _cut(one_line(text[: 4 * _LONGEST_VALUE]), _LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)]}…"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode(errors="surrogatepass")) + 1 for line in lines)
