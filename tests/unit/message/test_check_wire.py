from datetime import UTC

import pytest

from zaiond.errors import MessageError
from zaiond.message import compose as composing
from zaiond.message.compose import check_wire


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
