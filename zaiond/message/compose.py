"""From an event to a mail, in microseconds and without the email package, which is its oracle in
the tests.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

from zaiond.message import layout, mime
from zaiond.message.assemble import (
    IMPORTANT,
    WORDS,
    both,
    check_wire,
    is_important,
    is_not_in,
    message,
    message_id_for,
    subject_beginning,
    thread,
)
from zaiond.message.custom import PLAIN, Look, Rendered, TemplateFiles
from zaiond.message.mime import Charset, as_jis
from zaiond.message.stood import Stood
from zaiond.message.words import Words
from zaiond.model import Event, Message, Routing, Standing
from zaiond.text import Language

__all__ = ["check_wire", "compose", "message_id_for", "test_mail"]

BY_DEFAULT = Routing()
_TEST_SUBJECT = "[Zaionnex] Test Mail"


def compose(
    event: Event,
    *,
    recipients: Sequence[str],
    sender: str,
    subject_prefix: str,
    language: Language,
    message_id: str,
    date: float,
    host: str,
    fqdn: str,
    user: str = "",
    tz: tzinfo | None = None,
    charset: Charset = "utf-8",
    standing: Standing | None = None,
    look: Look = PLAIN,
    routing: Routing = BY_DEFAULT,
) -> Message:
    """The mail about `event`; `standing` is how its problem stands, if it is of one. `look` is how
    it is to look, `routing` what its template sees of how it came to be.

    `recipients` and `sender` are as in the configuration, with or without display names; `{host}`
    and `{fqdn}` are already replaced in `sender` and `subject_prefix`. `message_id` has its angle
    brackets. `date` is in seconds since the epoch; `tz` None is the system's zone. `host` and
    `fqdn` are this machine's names; `user` is the name of the event's uid, where it has one. Who is
    in `recipients` twice is a recipient once. What `charset` can't hold goes out as UTF-8, with a
    remark. Raises AddressError, and TemplateError where its template fails.
    """
    remark = look.remark
    if charset != "utf-8" and not event.id.isascii():
        # An id must be exact: it is what zaiond-ctl is asked about.
        changed = next((sign for sign in event.id if as_jis(sign) != sign), None)
        if changed is not None:
            charset, remark = "utf-8", both(remark, is_not_in(charset, changed))
    words = WORDS[language]
    user = user or f"uid {event.uid}"
    start, beginning = subject_beginning(subject_prefix)
    fields = mime.unstructured("Zaiond-Event: ", event.id)
    if is_important(event.severity):
        fields = IMPORTANT + fields
    if event.key:
        fields = thread("key", event.key, fqdn) + fields
    elif event.job:
        fields = thread("job", event.job, fqdn) + fields
    html = None
    if look.template is None:
        subject = layout.subject_line(event, words, host, user, standing)
        stood = Stood(standing, date) if standing else None
        text = layout.body(event, words, fqdn, user, tz, stood)
    else:
        where = _Where(host, fqdn, user, tz)
        subject, text, html = _by_template(look.template, event, words, where, routing, date)
        subject = subject or layout.subject_line(event, words, host, user, standing)
    return message(
        charset,
        sender,
        tuple(recipients),
        mime.date(int(date), tz),
        (start, beginning + subject),
        message_id,
        fields,
        text,
        remark,
        html,
        look,
        (event,),
    )


class _Where(NamedTuple):
    """This machine, the user of an event, and the zone in which times are shown."""

    host: str
    fqdn: str
    user: str
    tz: tzinfo | None


def _by_template(
    template: TemplateFiles,
    event: Event,
    words: Words,
    where: _Where,
    routing: Routing,
    at: float,
) -> Rendered:
    from zaiond.message.view import rendered, view  # where there are templates

    seen = view(
        (event,),
        1,
        {event.severity: 1},
        words=words,
        host=where.host,
        fqdn=where.fqdn,
        user_name=lambda _: where.user,
        tz=where.tz,
        routing=routing,
        at=at,
    )
    return rendered(template, seen, event, words, where.user)


def test_mail(
    *,
    recipient: str,
    sender: str,
    language: Language,
    message_id: str,
    date: float,
    tz: tzinfo | None = None,  # noqa: PT028 (it is no test)
    charset: Charset = "utf-8",  # noqa: PT028
) -> Message:
    """The mail of the self-test (interface 6) to one address; arguments as for `compose`."""
    return message(
        charset,
        sender,
        (recipient,),
        mime.date(int(date), tz),
        ("Subject: ", _TEST_SUBJECT),
        message_id,
        "",
        WORDS[language].test_body + "\n",
    )
