from datetime import UTC

import pytest

from tests.unit.message.test_compose import EVENTS
from tests.unit.message.test_compose import mail as mail_of_event
from zaiond.errors import MessageError
from zaiond.message import compose as composing
from zaiond.message.compose import check_wire
from zaiond.message.custom import Look, TemplateFiles


def mail(recipient: str = "a@example.co.jp") -> bytes:
    return composing.test_mail(
        recipient=recipient,
        sender="zaionnex",
        language="ja",
        message_id="<1@fileserver01>",
        date=1369440000,
        tz=UTC,
    ).content


def refused(content: bytes, *, smtputf8: bool = False) -> str:
    with pytest.raises(MessageError) as caught:
        check_wire(content, smtputf8=smtputf8)
    assert caught.value.text.ja != caught.value.text.en
    return str(caught.value)


def test_a_mail_of_ours_passes() -> None:
    check_wire(mail())


@pytest.mark.parametrize("stray", [b"\r", b"\n", b"\n\r", b"\r\r\n"])
def test_a_cr_or_lf_on_its_own_is_refused_in_the_body(stray: bytes) -> None:
    assert "CR or LF" in refused(mail() + b"x" + stray + b"\r\n")


def test_a_cr_and_a_lf_apart_do_not_count_as_a_pair() -> None:
    assert "CR or LF" in refused(mail() + b"x\ry\n\r\n")


def test_a_nul_is_refused() -> None:
    assert "NUL" in refused(mail() + b"\0\r\n")


def test_a_last_line_without_an_end_is_refused() -> None:
    assert "last line" in refused(mail() + b"x")


def test_lines_may_have_998_octets_and_no_more() -> None:
    check_wire(mail() + b"x" * 998 + b"\r\n")
    assert "998" in refused(mail() + b"x" * 999 + b"\r\n")


def test_octets_above_127_need_smtputf8_and_stay_in_the_header() -> None:
    content = mail("用户@example.co.jp")
    assert "127" in refused(content)
    check_wire(content, smtputf8=True)
    assert "127" in refused(content + "語\r\n".encode(), smtputf8=True)


@pytest.mark.parametrize(
    "line",
    [
        b"Bcc: victim@example.com\r\n",
        b"To: victim@example.com\r\n",
        b"X-Anything: at all\r\n",
        b"no field\r\n",
        b" \r\n",
        b"\t\r\n",
        b"\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"From", b"To", b"Date", b"Subject", b"MIME", b"Content-Type"])
def test_a_line_that_is_not_ours_is_refused_anywhere_in_the_header(
    line: bytes, before: bytes
) -> None:
    assert "header" in refused(mail().replace(before, line + before, 1))


@pytest.mark.parametrize("field", [b"From", b"Date", b"Message-ID", b"Auto-Submitted"])
def test_a_mail_without_one_of_our_fields_is_refused(field: bytes) -> None:
    lines = mail().split(b"\r\n")
    assert "header" in refused(b"\r\n".join(x for x in lines if not x.startswith(field + b":")))


def of_parts() -> bytes:
    texts = (("t.subject.j2", "x"), ("t.txt.j2", "text"), ("t.html.j2", "<p>html</p>"))
    return mail_of_event(
        EVENTS["problem"],
        look=Look(TemplateFiles("t", "/t", texts), ("data.output", "data.device")),
    ).content


def test_a_mail_of_several_parts_passes() -> None:
    check_wire(of_parts())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"text/html", b"text/calendar"),
        (b"text/html", b"text/plain"),
        (b"multipart/alternative", b"multipart/related"),
        (b"multipart/mixed", b"message/rfc822"),
        (b"Content-Disposition: attachment", b"Content-Disposition: inline"),
        (b"Content-Disposition: attachment", b"X-Other: y\r\nContent-Disposition: attachment"),
        (b'filename="output.txt"', b'filename="../output.txt"'),
        (b'filename="output.txt"', b'filename="a"; x="b"'),
        (b'charset="us-ascii"', b'charset="utf-7"'),
        (b"Encoding: 7bit", b"Encoding: 8bit"),
    ],
)
def test_parts_that_are_not_ours_are_refused(old: bytes, new: bytes) -> None:
    content = of_parts()
    assert old in content
    assert refused(content.replace(old, new, 1))
    assert refused(new.join(content.rsplit(old, 1)))


def test_nothing_stands_before_the_first_part() -> None:
    line = b"\r\n\r\n--=_"
    assert "parts" in refused(of_parts().replace(line, b"\r\n\r\nsomething" + line[2:], 1))


@pytest.mark.parametrize("more", [b"something\r\n", b"--=_x\r\n"])
def test_nothing_stands_behind_the_last_part(more: bytes) -> None:
    assert "parts" in refused(of_parts() + more)


def test_a_mail_that_was_cut_off_within_its_parts_is_refused() -> None:
    lines = of_parts().split(b"\r\n")
    body = lines.index(b"") + 1
    for end in range(body, len(lines) - 1):
        assert refused(b"\r\n".join([*lines[:end], b""]))
