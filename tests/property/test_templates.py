"""Whatever events say, a mail by a template is what the template says of them, and nothing more."""

import re
from datetime import UTC
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_message import any_text, events, read
from tests.support.hostile import acting
from zaiond.errors import MessageError
from zaiond.message.compose import check_wire, compose
from zaiond.message.custom import Look, TemplateError, TemplateFiles
from zaiond.message.mime import Charset
from zaiond.model import Event

LOOK = Look(
    TemplateFiles(
        "t",
        "/etc/zaiond/templates",
        (
            ("t.subject.j2", "{{ event.title }} {{ event.subject }}"),
            (
                "t.txt.j2",
                "{{ event }} {{ data }} {{ severities }}\n{% for n, v in data.items() %}"
                "{{ n }}: {{ v }}\n{% endfor %}{{ event.message | indent(4, true) }}",
            ),
            (
                "t.html.j2",
                "<b>{{ event.message }}</b><i title='{{ event.key }}'>{{ data | tojson }}</i>"
                "{% for n, v in data.items() %}<u>{{ n }}: {{ v }}</u>{% endfor %}",
            ),
        ),
    ),
    ("data.target", "data.log"),
)
OURS = re.compile(r"</?(?:b|u|p)>|</i>|<i title='[^'<>]*'>")


@given(
    event=events,
    log=any_text | st.lists(any_text, max_size=3),
    charset=st.sampled_from(["utf-8", "iso-2022-jp"]),
)
def test_a_reader_gets_the_parts_that_the_template_made(
    event: Event, log: Any, charset: Charset
) -> None:
    event.data["log"] = log
    made = compose(
        event,
        recipients=["a@example.co.jp"],
        sender="zaionnex@example.co.jp",
        subject_prefix="[Zaionnex]",
        language="ja",
        message_id="<1@fileserver01>",
        date=1369440000.9,
        host="fileserver01",
        fqdn="fileserver01.example.co.jp",
        tz=UTC,
        charset=charset,
        look=LOOK,
    )
    check_wire(made.content)
    message = read(made.content)
    assert not [defect for part in message.walk() for defect in part.defects]
    body, *files = message.iter_parts()
    kinds = [part.get_content_type() for part in body.walk()]
    if not files and not (log or event.data.get("target")):
        kinds = [part.get_content_type() for part in message.walk()]
    assert "text/html" in [part.get_content_type() for part in message.walk()]
    assert len(kinds) <= 3
    html = message.get_body(("html",))
    assert html is not None
    assert "<" not in OURS.sub("", html.get_content())
    for part in message.walk():
        if part.get_content_maintype() == "text":
            text = part.get_content().replace("\r\n", "\n")
            assert not acting(text, "\n\t")
    assert len(files) <= 2
    assert "\n" not in str(message["Subject"])


@given(
    said=st.lists(
        st.sampled_from(
            ["{{", "}}", "{%", "%}", " ", "event", ".", "data", "|", "for x in", "endfor", "if",
             "endif", "(", ")", "[", "]", "'", "x", "1", "~", "*", "**", "map", "join", "\n",
             "set", "=", "include", "macro", "endmacro", "block", "raw", "#}", "{#", "_"]
        ),
        max_size=30,
    ).map("".join),
)  # fmt: skip
def test_whatever_stands_in_a_template_makes_a_mail_or_an_error_with_its_line(said: str) -> None:
    event = Event(id="1", uid=0, type="a.b", source="s", time=1e9, accepted=1e9, message="m")
    texts = tuple((f"t{end}", said) for end in (".subject.j2", ".txt.j2", ".html.j2"))
    look = Look(TemplateFiles("t", "/t", texts))
    try:
        made = compose(
            event,
            recipients=["a@example.co.jp"],
            sender="zaionnex",
            subject_prefix="",
            language="en",
            message_id="<1@h>",
            date=1e9,
            host="h",
            fqdn="h",
            tz=UTC,
            look=look,
        )
    except TemplateError as error:
        assert error.path.startswith("/t/")  # noqa: PT017
        assert 1 <= error.line <= said.count("\n") + 1  # noqa: PT017
    else:
        check_wire(made.content)


GOOD = compose(
    Event(
        id="1", uid=0, type="a.b", source="s", time=1e9, accepted=1e9, message="語\n",
        data={"log": "line\n", "ログ": "語"},
    ),
    recipients=["a@example.co.jp"],
    sender="zaionnex@example.co.jp",
    subject_prefix="",
    language="ja",
    message_id="<1@fileserver01>",
    date=1369440000,
    host="fileserver01",
    fqdn="fileserver01.example.co.jp",
    tz=UTC,
    look=Look(LOOK.template, ("data.log", "data.ログ")),
).content  # fmt: skip


@given(
    at=st.integers(0, len(GOOD)),
    skip=st.integers(0, 3),
    put=st.sampled_from(
        [b"\r\n", b"\r\n\r\n", b"--", b"=_", b"\r\nBcc: a@b", b"\r\nContent-Type: text/calendar",
         b":", b" ", b";", b'"', b""]
    )
    | st.binary(max_size=5),
)  # fmt: skip
def test_a_mail_of_parts_that_was_tampered_with_is_refused_or_has_no_part_of_another_kind(
    at: int, skip: int, put: bytes
) -> None:
    content = GOOD[:at] + put + GOOD[at + skip :]
    try:
        check_wire(content)
    except MessageError:
        return

    def parts(content: bytes) -> list[tuple[str, list[str]]]:
        return [(part.get_content_maintype(), part.keys()) for part in read(content).walk()]

    found, ours = parts(content), parts(GOOD)
    assert found[0] == ours[0]
    assert all(part in ours for part in found)
    assert len(found) <= len(ours)
