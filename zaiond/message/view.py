"""What a template sees: everything that its events say, and what is known around them. It is
documented in docs/templates.md.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from typing import Any

from zaiond.event_rules import is_drill
from zaiond.message import layout, mime
from zaiond.message.custom import Fixed, Rendered, TemplateFiles
from zaiond.message.words import Words
from zaiond.message.words import known as words_of_known
from zaiond.model import SEVERITIES, Event, Routing, Severity, Standing
from zaiond.safe import clean, one_line


def view(
    events: Sequence[Event],
    total: int,
    severities: Mapping[Severity, int],
    *,
    words: Words,
    host: str,
    fqdn: str,
    user_name: Callable[[int], str],
    tz: tzinfo | None,
    routing: Routing,
    at: float,
) -> dict[str, Any]:
    """The names of a template; `event` is the first of the events. `at` is when the mail is made,
    in seconds since the epoch.
    """

    def seen(event: Event) -> Fixed:
        user = user_name(event.uid) or f"uid {event.uid}"
        return cleaned(
            id=event.id,
            type=event.type,
            source=event.source,
            uid=event.uid,
            user=user,
            time=event.time,
            accepted=event.accepted,
            severity=event.severity,
            subject=event.subject or "",
            message=event.message or "",
            key=event.key or "",
            status=event.status or "",
            job=event.job or "",
            data=event.data,
            extensions=event.extensions,
            title=layout.headline(event, words, host, user),
        )

    def cleaned(**values: Any) -> Fixed:
        return Fixed(_cleaned(values))

    all_seen = [seen(event) for event in events]
    reason = routing.reason
    return {
        "event": all_seen[0],
        "data": all_seen[0]["data"],
        "events": all_seen,
        "total": total,
        "severities": {name: severities[name] for name in SEVERITIES if severities.get(name)},
        "severity_words": dict(words.severity),
        "host": host,
        "fqdn": fqdn,
        "language": words.language,
        "route": routing.route,
        "kind": routing.kind,
        "reason": "" if reason is None else reason.in_language(words.language),
        "labels": _cleaned(dict(routing.labels)),
        "standing": None if routing.standing is None else _standing(routing.standing, at),
        "local_time": partial(_local_time, words=words, tz=tz),
        "duration": partial(mime.duration, words=words),
    }


def rendered(
    template: TemplateFiles, seen: Mapping[str, Any], event: Event, words: Words, user: str
) -> Rendered:
    """What a template says of what it sees; before it, what no template may leave out: that `event`
    is a drill, or no notice of the daemon's own. The subject may be "". Raises TemplateError.
    """
    from zaiond.message.sandbox import sandboxed  # Jinja2, for those who have templates

    found = sandboxed(template).render(seen)
    mark = ""
    notes = []
    if is_drill(event.extensions):
        mark = words_of_known.DRILL_MARK.in_language(words.language)
        notes.append(words_of_known.DRILL.in_language(words.language))
    if layout.poses(event):
        notes.append(words.no_notice(one_line(user)))
    if not notes:
        return found
    html = found.html
    if html is not None:
        from html import escape  # with a table of some size, for few

        html = "".join(f"<p>{escape(note)}</p>\n" for note in notes) + html
    text = "".join(f"{note}\n\n" for note in notes) + found.text
    return Rendered(found.subject and mark + found.subject, text, html)


def _cleaned(value: Any) -> Any:
    """What somebody wrote, so that it acts on nothing: a backspace would take away what stands
    before it, and that is the template's.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value


def _local_time(value: Any, *, words: Words, tz: tzinfo | None) -> Any:
    return mime.moment(value, words, tz)


def _standing(standing: Standing, at: float) -> Fixed:
    end = at if standing.until is None else standing.until
    return Fixed(
        since=standing.since,
        until=standing.until,
        count=standing.count,
        reminder=standing.reminder,
        lasted=max(0.0, end - standing.since),
    )
