"""Events on which templates are tried before a configuration counts: one of each form that a route
may have to tell of.
"""

from datetime import UTC

from msgspec import structs

from zaiond.message.assemble import WORDS
from zaiond.message.custom import TemplateError, TemplateFiles
from zaiond.message.sandbox import sandboxed
from zaiond.message.view import view
from zaiond.model import Event, Routing, Standing

_AT = 1369440000.0  # 2013-05-25 09:00 in Japan: any time will do
_PLAIN = Event(
    id="01J0123456789ABCDEFGHJKMNP",
    uid=0,
    type="backup.job.finished",
    source="backup.service",
    time=_AT,
    accepted=_AT,
)
_FULL = structs.replace(
    _PLAIN,
    type="disk.full",
    severity="crit",
    subject="ディスク <&> full",
    message="1 行目\nline 2\n",
    data={"host": "web1", "target": "/srv", "free": 3, "list": ["a", "b"], "log": "line\n"},
    key="disk:/srv",
    status="problem",
    extensions={"traceparent": "00-1-2"},
)
_ENDED = structs.replace(_FULL, severity="info", status="ok", message=None)
_JOB = structs.replace(
    _PLAIN,
    type="job.failed",
    severity="err",
    job="nightly",
    data={"command": ["backup"], "exit_status": 3, "duration": 754, "output": "failed\n"},
)
_CASES: tuple[tuple[tuple[Event, ...], Routing], ...] = (
    ((_PLAIN,), Routing()),
    ((_FULL,), Routing(route="sample", standing=Standing(_AT))),
    ((_FULL,), Routing(route="sample", standing=Standing(_AT, None, 3, reminder=True))),
    ((_ENDED,), Routing(route="sample", standing=Standing(_AT, _AT + 3600, 3))),
    ((_JOB,), Routing(route="sample")),
    ((_FULL, _JOB, _PLAIN), Routing("sample", "grouped", labels=(("data.host", "web1"),))),
    ((_JOB, _PLAIN), Routing("sample", "digest")),
)


def try_template(files: TemplateFiles) -> None:
    """Applies a template to all of them, in both languages; raises TemplateError where it fails for
    another reason than that a sample lacks a field which real events may have.
    """
    template = sandboxed(files)
    for events, routing in _CASES:
        for words in WORDS.values():
            seen = view(
                events,
                len(events),
                {event.severity: 1 for event in events},
                words=words,
                host="host",
                fqdn="host.example.co.jp",
                user_name=lambda _: "root",
                tz=UTC,
                routing=routing,
                at=_AT + 3600,
            )
            try:
                template.render(seen)
            except TemplateError as error:
                if error.is_certain:
                    raise
