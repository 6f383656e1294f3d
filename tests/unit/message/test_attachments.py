"""Fields of an event that go along as files."""

import gzip
from email.message import EmailMessage
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.mail_readers import READERS
from tests.unit.message.test_compose import EVENTS, mail, read
from tests.unit.message.test_templates import template
from tests.unit.message.test_together import event as one_of_many
from tests.unit.message.test_together import mail as mail_of_several
from tests.unit.message.test_together import together
from zaiond.message.custom import Look

MIB = 1024 * 1024


def files(attach: tuple[str, ...], data: dict[str, Any], **more: Any) -> dict[str, EmailMessage]:
    event = replace(EVENTS["problem"], data=data)
    message = read(mail(event, look=Look(attach=attach, **more)))
    found = {}
    for part in message.iter_attachments():
        assert isinstance(part, EmailMessage)
        assert part.get_content_disposition() == "attachment"
        name = part.get_filename()
        assert name is not None
        found[name] = part
    return found


def test_a_field_goes_along_as_a_text_file_and_the_mail_is_as_before() -> None:
    event = EVENTS["problem"]
    message = read(mail(event, look=Look(attach=("data.output",))))
    assert message.get_content_type() == "multipart/mixed"
    first, file = message.iter_parts()
    assert first.get_content() == read(mail(event)).get_content()
    assert file.get_filename() == "output.txt"
    assert file.get_content_type() == "text/plain"
    assert file.get_content() == "line 1\r\nline 2\r\n"


@pytest.mark.parametrize("attach", [(), ("data.no",), ("data.output.x", "data.empty", "data.null")])
def test_a_mail_without_a_file_is_as_any(attach: tuple[str, ...]) -> None:
    event = EVENTS["problem"]
    event = replace(event, data={**event.data, "empty": "", "null": None})
    assert mail(event, look=Look(attach=attach)).content == mail(event).content


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("data.log", "log.txt"),
        ("data.disk.smart", "disk.smart.txt"),
        ("data.syslog.log", "syslog.log"),
        ("data.table.CSV", "table.CSV"),
        ("data.page.html", "page.html.txt"),
        ("data.run.exe", "run.exe.txt"),
        ("data.../../etc/passwd", "etc_passwd.txt"),
        ("data.a\r\nBcc: b", "a_Bcc_b.txt"),
        ('data.a"; filename="b.exe', "a_filename=_b.exe.txt"),
        ("data.ログ 出力", "ログ_出力.txt"),
        ("data." + "語" * 300, "語" * 60 + ".txt"),
        ("data.///", "data.txt"),
    ],
)
def test_a_file_has_the_name_of_its_field_and_no_other_kind(field: str, name: str) -> None:
    (found,) = files((field,), {field.removeprefix("data."): "x"})
    assert found == name


def test_a_field_may_be_deep_and_its_names_may_have_dots() -> None:
    data = {"a": {"b.c": {"d": "deep"}}, "a.b": "flat"}
    found = files(("data.a.b.c.d", "data.a.b"), data)
    assert [part.get_content().strip() for part in found.values()] == ["deep", "flat"]


def test_what_is_no_text_goes_along_as_json() -> None:
    (part,) = files(("data.list",), {"list": [1, {"名": None}]}).values()
    assert part.get_filename() == "list.json"
    assert part.get_content() == '[\r\n  1,\r\n  {\r\n    "名": null\r\n  }\r\n]\r\n'


def test_what_commands_a_terminal_does_not_go_along() -> None:
    (part,) = files(("data.log",), {"log": "\x1b[2J\x1b]0;t\x07red\x1b[m\0"}).values()
    assert part.get_content() == "red\\x00\r\n"


def test_files_of_one_name_are_told_apart() -> None:
    found = files(("data.a/b", "data.a b", "data.A:b"), {"a/b": "1", "a b": "2", "A:b": "3"})
    assert list(found) == ["a_b.txt", "a_b-2.txt", "A_b-3.txt"]


def test_text_goes_as_it_is_up_to_one_mib_in_all_and_compressed_beyond() -> None:
    data = {"a": "語\n" * (MIB // 8), "b": "b" * (MIB // 2), "c": "c\n", "d": "d" * (MIB + 1)}
    found = files(("data.a", "data.b", "data.c", "data.d"), data)
    assert list(found) == ["a.txt", "b.txt", "c.txt.gz", "d.txt.gz"]
    assert found["a.txt"].get_content().replace("\r\n", "\n") == data["a"]
    for name in ("c", "d"):
        part = found[f"{name}.txt.gz"]
        assert part.get_content_type() == "application/gzip"
        assert gzip.decompress(part.get_content()).decode() == data[name]
    # Made anew, a mail is the same to the letter.
    event = replace(EVENTS["problem"], data=data)
    look = Look(attach=("data.d",))
    assert mail(event, look=look).content == mail(event, look=look).content


def test_files_of_several_events_have_their_numbers_and_are_bounded() -> None:
    many = [one_of_many(n, data={"log": f"{n}"}) for n in range(101)]
    look = Look(attach=("data.log", "data.no"))
    message = read(mail_of_several(together(*many), look=look))
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == [f"{n}-log.txt" for n in range(1, 101)]
    large = [one_of_many(n, data={"log": "x" * 3 * MIB}) for n in range(9)]
    message = read(mail_of_several(together(*large), look=look))
    assert len(list(message.iter_attachments())) == 2


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("html", [None, "<p>x</p>"])
def test_mail_programs_read_text_html_and_files(reader: Any, html: str | None) -> None:
    data = {"log": "行 1\n", "ログ": "x", "d": "d" * (MIB + 1)}
    event = replace(EVENTS["problem"], data=data)
    look = Look(template(html=html), ("data.log", "data.ログ", "data.d"))
    seen = reader(mail(event, look=look, sender="zaionnex@example.co.jp").content)
    assert not seen.defects
    assert len(seen.texts) == (4 if html is None else 5)
    assert "行 1" in "".join(seen.texts) or reader is READERS["mailparse"]  # that shows no content


def test_no_boundary_is_in_what_an_event_says() -> None:
    event = EVENTS["problem"]
    event = replace(event, subject=None, message="m")
    look = Look(attach=("data.output",))
    boundary = read(mail(event, "en", look=look)).get_boundary()
    assert boundary
    forged = f"--{boundary}\n\n--{boundary}--\n"
    message = read(mail(replace(event, message=forged), "en", look=look))
    assert forged.replace("\n", "\r\n").strip() in next(iter(message.iter_parts())).get_content()
    assert message.get_boundary() != boundary
    assert len(list(message.iter_parts())) == 2
