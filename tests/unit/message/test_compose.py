import email
import email.policy
import re
from datetime import timedelta, timezone
from email.message import EmailMessage
from itertools import pairwise, product
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from zaiond.errors import AddressError
from zaiond.message import compose as composing
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.message.mime import Charset
from zaiond.message.words import EN, JA
from zaiond.model import SEVERITIES, Event, Message
from zaiond.text import Language

JST = timezone(timedelta(hours=9))
NINE = 1369440000.0  # 2013-05-25 09:00:00 +0900
GOLDEN = Path(__file__).parent / "golden"

FINISHED = Event(
    id="01J0123456789ABCDEFGHJKMNP",
    uid=1000,
    type="backup.auto_update.finished",
    source="backup.service",
    time=NINE + 754,
    accepted=NINE + 754.2,
    data={
        "target": "営業共有",
        "started_at": "2013-05-25T09:00:00+09:00",
        "finished_at": "2013-05-25T00:12:34Z",
        "duration": 754,
        "files": 1234,
        "size": "12.3 GiB",
    },
)
TIMES = {name: FINISHED.data[name] for name in ("target", "started_at", "finished_at", "duration")}
EVENTS = {
    "finished": FINISHED,
    "started": replace(
        FINISHED,
        type="backup.auto_update.started",
        data={"target": "営業共有", "started_at": NINE, "finished_at": None, "duration": ""},
    ),
    "warning": replace(
        FINISHED,
        severity="warning",
        message="2 個のファイルを読めませんでした。\n  見積.xlsx\n  顧客.xlsx\n",
        data=TIMES,
    ),
    "failed": replace(
        FINISHED,
        type="backup.auto_update.failed",
        severity="err",
        message="バックアップ先に接続できません。",
        data={**TIMES, "exit_status": 3},
    ),
    "problem": replace(
        FINISHED,
        type="disk.smart.failed",
        source="smartd.service",
        time=NINE,
        accepted=NINE + 5400,
        severity="crit",
        subject="sda が故障しそうです",
        message="代替処理済みセクタ: 512\r\n  しきい値は 10 です。\r\n",
        data={
            "device": "/dev/sda",
            "attributes": {"reallocated": 512, "history": [10, 512], "healthy": False},
            "output": "line 1\nline 2\n",
        },
        key="disk:sda",
        status="problem",
        job="smart",
        extensions={"traceparent": "00-1-2"},
    ),
}


def mail(event: Event, language: Language = "ja", **changes: Any) -> Message:
    arguments: dict[str, Any] = {
        "recipients": ("postmaster@example.co.jp",),
        "sender": "zaionnex",
        "subject_prefix": "[Zaionnex]",
        "message_id": "<1@fileserver01>",
        "date": NINE,
        "host": "fileserver01",
        "fqdn": "fileserver01.example.co.jp",
        "tz": JST,
    }
    made = compose(event, language=language, **{**arguments, **changes})
    check_wire(made.content, smtputf8=made.smtputf8)
    return made


def read(message: Message) -> EmailMessage:
    parsed = email.message_from_bytes(message.content, policy=email.policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(event: Event, language: Language = "ja", **changes: Any) -> str:
    text: str = read(mail(event, language, **changes)).get_content()
    return text.replace("\r\n", "\n")


def subject(event: Event, language: Language = "ja", prefix: str = "[Zaionnex]") -> str:
    return str(read(mail(event, language, subject_prefix=prefix))["Subject"])


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", EVENTS)
def test_the_mail_as_a_reader_sees_it(name: str, language: Language) -> None:
    expected = (GOLDEN / f"{name}.{language}.txt").read_text()
    event = EVENTS[name]
    assert f"Subject: {subject(event, language)}\n\n{body(event, language)}" == expected


def test_every_mail_has_the_fields_of_an_automatic_one() -> None:
    message = read(mail(FINISHED))
    assert message["From"] == "zaionnex"
    assert message["To"] == "postmaster@example.co.jp"
    assert message["Date"] == "Sat, 25 May 2013 09:00:00 +0900"
    assert message["Message-ID"] == "<1@fileserver01>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["MIME-Version"] == "1.0"
    assert message.get_all("Zaiond-Event") == [FINISHED.id]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "Zaionnex からのメール送信テストです。"),
        ("en", "This is a test mail from Zaionnex."),
    ],
)
def test_the_test_mail_says_what_the_seed_says(language: Language, text: str) -> None:
    made = composing.test_mail(
        recipient="postmaster@example.co.jp",
        sender="zaionnex@example.co.jp",
        language=language,
        message_id="<1@fileserver01>",
        date=NINE,
        tz=JST,
    )
    check_wire(made.content)
    message = read(made)
    assert message["From"] == "zaionnex@example.co.jp"
    assert message["To"] == "postmaster@example.co.jp"
    assert message["Date"] == "Sat, 25 May 2013 09:00:00 +0900"
    assert message["Subject"] == "[Zaionnex] Test Mail"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Zaiond-Event"] is None
    assert message.get_content().splitlines() == [text]


def test_a_failed_backup_without_a_time_failed_when_its_event_says() -> None:
    event = replace(EVENTS["failed"], data={"target": "営業共有"}, message=None)
    text = body(event)
    assert "失敗日時: 2013/05/25(土) 09:12:34 +0900\n" in text
    assert "開始日時" not in text
    assert "所要時間" not in text
    assert "■ 詳細" not in text
    assert "■ エラー内容\n詳しい経過: zaiond-ctl history " in text


def test_the_command_in_a_mail_can_be_pasted_whatever_the_id() -> None:
    event = replace(EVENTS["failed"], id="夜間; it's $(me)")
    assert "zaiond-ctl history '夜間; it'\\''s $(me)'\n" in body(event)
    assert "zaiond-ctl history -- -x\n" in body(replace(event, id="-x"))


def test_a_message_of_a_finished_backup_is_in_the_mail() -> None:
    assert "\n■ メッセージ\n3 件を更新\n\n■ 詳細\nfiles" in body(
        replace(FINISHED, message="3 件を更新")
    )


def test_nothing_else_that_a_backup_tells_is_lost() -> None:
    event = replace(
        FINISHED, subject="夜間", key="nas", status="ok", job="nightly", extensions={"x": "y"}
    )
    assert (
        "\n■ 詳細\n件名: 夜間\n状態: 復旧\n識別キー: nas\nジョブ: nightly\n"
        "files: 1234\nsize: 12.3 GiB\n\n■ その他の属性\nx: y\n\n※"
    ) in body(event)


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (0, "0秒"),
        (0.25, "0.25秒"),
        (59.6, "1分"),
        (754, "12分34秒"),
        ("754", "12分34秒"),
        ("754.2", "12分34秒"),
        (3605, "1時間0分5秒"),
        (90061, "1日1時間1分1秒"),
        ("約 12 分", "約 12 分"),
        (-3, "-3"),
        (True, "true"),
    ],
)
def test_a_duration_is_seconds_or_text(duration: object, shown: str) -> None:
    assert f"所要時間: {shown}\n" in body(replace(FINISHED, data={"duration": duration}))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2013-05-25T09:00:00+09:00", "2013/05/25(土) 09:00:00 +0900"),
        ("2013-05-24T23:59:59.5-0100", "2013/05/25(土) 09:59:59 +0900"),
        ("2013-05-25t00:00:00z", "2013/05/25(土) 09:00:00 +0900"),
        ("2013-05-25 09:00:00", "2013/05/25(土) 09:00:00 +0900"),
        ("2013-05-25T09:00", "2013/05/25(土) 09:00:00 +0900"),
        (1369440000, "2013/05/25(土) 09:00:00 +0900"),
        ("1369440000", "2013/05/25(土) 09:00:00 +0900"),
        ("2013-05-32T09:00:00Z", "2013-05-32T09:00:00Z"),
        ("昨夜", "昨夜"),
        (9, "9"),
        (10**30, "1" + "0" * 30),
        (["x"], "x"),
    ],
)
def test_a_time_is_shown_local_and_what_is_none_as_sent(sent: object, shown: str) -> None:
    text = body(replace(FINISHED, data={"started_at": sent})).replace("日時:\n", "日時: \n")
    assert f"開始日時: {shown}\n" in text


def test_times_at_the_ends_of_the_calendar_are_shown_in_utc() -> None:
    assert "日時: 9999/12/31(金) 23:59:59 +0000\n" in body(
        replace(EVENTS["problem"], time=253402300799.0)
    )


@pytest.mark.parametrize(
    ("changes", "ja", "en"),
    [
        ({"severity": "info"}, "夜間（fileserver01）", "夜間 (fileserver01)"),
        ({"severity": "notice"}, "【通知】夜間（fileserver01）", "Notice: 夜間 (fileserver01)"),
        ({"severity": "crit"}, "【重大】夜間（fileserver01）", "Critical: 夜間 (fileserver01)"),
        (
            {"key": "k", "status": "problem"},
            "【障害発生】夜間（fileserver01）",
            "Problem: 夜間 (fileserver01)",
        ),
        (
            {"key": "k", "status": "ok", "severity": "err"},
            "【復旧】夜間（fileserver01）",
            "Recovered: 夜間 (fileserver01)",
        ),
        (
            {"subject": None, "message": "\n 残り 3%"},
            "disk.full: 残り 3%（fileserver01）",
            "disk.full: 残り 3% (fileserver01)",
        ),
        ({"subject": None}, "disk.full（fileserver01）", "disk.full (fileserver01)"),
        ({"subject": " \r\n\t"}, "disk.full（fileserver01）", "disk.full (fileserver01)"),
    ],
)  # fmt: skip
def test_the_subject_says_it_all(changes: dict[str, Any], ja: str, en: str) -> None:
    event = replace(FINISHED, **{"type": "disk.full", "subject": "夜間", "data": {}, **changes})
    assert subject(event) == f"[Zaionnex] {ja}"
    assert subject(event, "en") == f"[Zaionnex] {en}"


@pytest.mark.parametrize(
    ("severity", "word"),
    [
        ("emerg", "緊急"), ("alert", "警報"), ("crit", "重大"), ("err", "エラー"),
        ("warning", "警告"), ("notice", "通知"), ("info", "情報"), ("debug", "デバッグ"),
    ],
)  # fmt: skip
def test_the_severity_has_the_word_of_the_contract(severity: Any, word: str) -> None:
    assert f"\n重大度: {word}\n" in body(replace(EVENTS["problem"], severity=severity))


@pytest.mark.parametrize(
    "prefix", ["", "[バックアップ]", "[" + "x" * 50 + "]", " [a]\r\nBcc: b@c "]
)
def test_any_prefix_stands_before_the_subject(prefix: str) -> None:
    shown = " ".join(prefix.split())
    assert subject(replace(EVENTS["problem"], subject="x"), prefix=prefix) == (
        f"{shown} 【障害発生・重大】x（fileserver01）".strip()
    )


def test_a_long_subject_is_cut_and_stands_in_the_body_in_full() -> None:
    event = replace(EVENTS["problem"], subject="長" * 1000)
    assert len(subject(event)) < 200
    assert "長" * 1000 in body(event)


def test_what_was_sent_as_an_encoded_word_is_shown_as_sent() -> None:
    sent = "=?UTF-8?Q?hi=0ABcc:_victim@example.com?="
    message = read(mail(replace(EVENTS["problem"], subject=sent), "en"))
    assert message["Subject"] == f"[Zaionnex] Problem, critical: {sent} (fileserver01)"
    assert message["Bcc"] is None


def test_a_line_end_in_a_value_does_not_begin_a_line_that_looks_like_ours() -> None:
    event = replace(FINISHED, data={"target": "x\n■ 概要\r結果: 正常終了", "a\nイベント ID: b": 1})
    lines = body(event).splitlines()
    assert lines.count("■ 概要") == 1
    assert lines.count("結果: 正常終了") == 1
    assert "a イベント ID: b: 1" in lines


def test_what_commands_a_terminal_is_taken_out_or_shown() -> None:
    event = replace(EVENTS["problem"], message="\x1b[1;31mred\x1b[0m \x1b]0;t\x07a\u202eb \x9b1m\0")
    assert "\nred a\\u202eb \\x00\n" in body(event)


def test_deep_data_ends_in_json_on_one_line() -> None:
    data: Any = {"leaf": "語"}
    for _ in range(60):
        data = {"a": data}
    assert '{"leaf": "語"}' in body(replace(EVENTS["problem"], data=data))


def test_every_recipient_is_named_and_has_one_copy() -> None:
    made = mail(
        FINISHED, recipients=["山田 太郎 <a@example.co.jp>", "b@例え.jp", "a@EXAMPLE.co.jp"]
    )
    assert made.recipients == ("a@example.co.jp", "b@xn--r8jz45g.jp")
    assert made.reverse_path == "zaionnex"
    assert not made.smtputf8
    addresses = read(made)["To"].addresses
    assert [str(box) for box in addresses][:2] == [
        "山田 太郎 <a@example.co.jp>",
        "b@xn--r8jz45g.jp",
    ]


def test_a_local_part_beyond_ascii_needs_smtputf8_and_goes_as_it_is() -> None:
    made = mail(FINISHED, recipients=["用户@example.co.jp"])
    assert made.smtputf8
    assert "\r\nTo: 用户@example.co.jp\r\n".encode() in made.content


def test_dots_that_make_no_dot_string_are_quoted_in_the_fields_and_shown_as_written() -> None:
    made = mail(
        FINISHED,
        sender="財音 <z..@x.jp>",
        recipients=["a..b@docomo.ne.jp", "山田 <.c@ezweb.ne.jp>", '"a..b"@docomo.ne.jp'],
    )
    assert made.reverse_path == "z..@x.jp"
    assert made.recipients == ("a..b@docomo.ne.jp", ".c@ezweb.ne.jp")
    assert b'\r\nTo: "a..b"@docomo.ne.jp,\r\n' in made.content
    (origin,) = read(made)["From"].addresses
    assert (origin.display_name, origin.username) == ("財音", "z..")
    assert [box.username for box in read(made)["To"].addresses] == ["a..b", ".c"]


def test_a_sender_with_a_display_name_keeps_it() -> None:
    made = mail(FINISHED, sender='"Zaionnex (fileserver01)" <zaionnex@example.co.jp>')
    assert made.reverse_path == "zaionnex@example.co.jp"
    (box,) = read(made)["From"].addresses
    assert (box.display_name, box.addr_spec) == (
        "Zaionnex (fileserver01)",
        "zaionnex@example.co.jp",
    )


def test_an_address_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(AddressError):
        mail(FINISHED, recipients=["nobody"])


@pytest.mark.parametrize(
    ("unique", "fqdn", "message_id"),
    [
        ("01J0", "fileserver01.example.co.jp", "<01J0@fileserver01.example.co.jp>"),
        ("a b\r\n<x>", "サーバー", "<abx@localhost>"),
        ("01J0", ".a..b.", "<01J0@a.b>"),
    ],
)
def test_a_message_id_is_well_formed_whatever_the_host_is_called(
    unique: str, fqdn: str, message_id: str
) -> None:
    assert message_id_for(unique, fqdn) == message_id


@pytest.mark.parametrize("severity", SEVERITIES)
def test_what_is_critical_or_worse_is_marked_important(severity: Any) -> None:
    message = read(mail(replace(EVENTS["problem"], severity=severity)))
    worst = severity in ("emerg", "alert", "crit")
    assert message["Importance"] == ("high" if worst else None)
    assert message["X-Priority"] == ("1" if worst else None)


def thread(event: Event, **changes: Any) -> str | None:
    message = read(mail(event, **changes))
    assert message["In-Reply-To"] == message["References"]
    return None if message["References"] is None else str(message["References"])


def test_mails_of_one_key_are_one_thread_whoever_sends_them_and_in_whichever_language() -> None:
    problem = EVENTS["problem"]
    recovery = replace(
        problem, id="2", uid=0, source="other", type="disk.well", severity="info", status="ok",
        job=None,
    )  # fmt: skip
    first = thread(problem)
    assert first is not None
    # RFC 5322 3.6.4, of the characters that no reader trips over
    assert re.fullmatch(r"<[a-z0-9.]+@[a-z0-9.]+>", first)
    assert thread(recovery, language="en", message_id="<2@x>", charset="iso-2022-jp") == first
    assert thread(replace(problem, key="disk:sdb")) != first
    assert thread(problem, host="fileserver02", fqdn="fileserver02.example.co.jp") != first


def test_mails_of_one_job_are_one_thread_unless_they_have_a_key() -> None:
    event = replace(FINISHED, job="nightly")
    assert thread(event) == thread(replace(event, type="job.failed", id="2"))
    assert thread(event) != thread(replace(event, job="weekly"))
    assert thread(event) != thread(replace(event, key="nightly"))
    assert thread(replace(event, key="k")) == thread(replace(event, key="k", job=None))
    assert thread(FINISHED) is None


def test_hosts_with_names_that_no_message_id_can_have_keep_their_threads_apart() -> None:
    event = replace(FINISHED, key="k\udce7")
    one, other = (thread(event, fqdn=fqdn) for fqdn in ("サーバー", "鯖"))
    assert one != other
    assert one is not None
    assert one.endswith("@localhost>")


@pytest.mark.parametrize(
    "id",
    [
        "x" * 255,
        "語" * 255,
        "word " * 50 + "end",
        "zaiond.delivery.failed/管理者@example.co.jp/2026-11-29",
        "=?utf-8?q?=0D=0ABcc:?=",
        " leads and trails ",
        "ｶﾞ～か\u3099",
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp"])
def test_an_id_is_in_the_mail_to_the_letter(id: str, charset: Charset) -> None:
    made = mail(replace(EVENTS["failed"], id=id), charset=charset)
    message = read(made)
    assert message.get_all("Zaiond-Event") == [id]
    assert f"\nイベント ID: {id}\n" in message.get_content().replace("\r\n", "\n")


def test_a_mail_in_utf_8_for_its_id_says_so() -> None:
    made = mail(replace(FINISHED, id="x～"), charset="iso-2022-jp")
    assert made.remark is not None
    assert "U+FF5E" in made.remark.en
    assert mail(replace(FINISHED, id="x語"), charset="iso-2022-jp").remark is None


def test_the_user_is_named() -> None:
    event = replace(EVENTS["problem"], uid=34)
    assert "\nUser: backup\n" in body(event, "en", user="backup")
    assert "\nUser: uid 34\n" in body(event, "en")
    anonymous = body(replace(event, source="uid:34"), user="backup")
    assert "\nユーザー: backup\n" in anonymous
    assert "34" not in anonymous.partition("■ メッセージ")[0]


def test_a_recovery_has_no_failure_for_a_result() -> None:
    event = replace(EVENTS["problem"], type="unit.failed", status="ok", severity="err")
    assert "\n結果: 復旧\n" in body(event)
    assert "失敗" not in body(event)
    assert "\nResult: recovered\n" in body(event, "en")
    backup = replace(EVENTS["failed"], status="ok", key="nas", message=None)
    assert "失敗" not in body(backup)
    assert "\n結果: 復旧\n" in body(backup)


def test_what_has_only_begun_has_no_result() -> None:
    assert "結果" not in body(replace(FINISHED, type="backup.nightly.started"))
    assert "\n結果: 完了\n" in body(replace(FINISHED, type="backup.nightly.finished"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["営業共有", "経理共有"], "営業共有, 経理共有"),
        ([1, True, None, "x"], "1, true, null, x"),
        (["a, b", "c"], "\n  - a, b\n  - c"),
        (["a\nb", "c"], "\n  -\n    a\n    b\n  - c"),
        (["x" * 40, "y" * 40], f"\n  - {'x' * 40}\n  - {'y' * 40}"),
        ([{"a": 1}], "\n  -\n    a: 1"),
        ({"a": ["b", "c"]}, "\n  a: b, c"),
    ],
)
def test_a_list_is_shown_as_a_person_writes_it(value: object, shown: str) -> None:
    text = body(replace(FINISHED, data={"target": value, "other": value}))
    assert f"\n対象: {shown}\n".replace(": \n", ":\n") in text
    assert f"\nother: {shown}\n".replace(": \n", ":\n") in text


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_a_line_without_a_value_is_left_out(value: object) -> None:
    names = ("target", "started_at", "finished_at", "duration")
    text = body(replace(FINISHED, data=dict.fromkeys(names, value)))
    assert "\n■ 概要\n結果: 正常終了\nサーバー名: fileserver01.example.co.jp\n\n※" in text


def test_a_message_of_nothing_but_escapes_has_no_section() -> None:
    text = body(replace(EVENTS["failed"], message="\x1b[0m\n \x1b(B\n"))
    assert "■ エラー内容\n詳しい経過: zaiond-ctl history " in text
    assert "■ メッセージ" not in body(replace(EVENTS["problem"], message="\x1b[0m\n"))


def test_what_is_no_unicode_is_shown_by_its_code_wherever_it_stands() -> None:
    odd = "x\udce7y"
    event = Event(
        id="1", uid=0, type="a.b", time=NINE, accepted=NINE,
        source=odd + "source", subject=odd + "subject", message=odd + "message",
        data={odd + "name": odd + "value", "deep": [{odd + "inner": [odd + "leaf"]}]},
        key=odd + "key", status="problem", job=odd + "job",
        extensions={odd + "extension": odd + "other"},
    )  # fmt: skip
    for message in (read(mail(event)), read(mail(event, charset="iso-2022-jp"))):
        text = message.get_content()
        for word in (
            "source", "subject", "message", "name", "value", "inner", "leaf", "key", "job",
            "extension", "other",
        ):  # fmt: skip
            assert f"x\\udce7y{word}" in text
    assert r"x\udce7ysubject" in read(mail(event))["Subject"]
    assert r"x\udce7ykey" in read(mail(replace(event, subject=None)))["Subject"]


def test_outlook_joins_no_two_lines_of_ours() -> None:
    """It joins a line to the one before, if that has 40 characters or more."""
    phases = ("started", "finished", "failed", "paused")
    types = ["disk.low", "unit.failed", *(f"backup.auto_update.{phase}" for phase in phases)]
    for language, named, severity, status in product(
        get_args(Language), types, SEVERITIES, (None, "problem", "ok")
    ):
        event = replace(
            FINISHED, type=named, severity=severity, status=status, key="k", job="j",
            accepted=NINE + 9999, message="m",
        )  # fmt: skip
        lines = body(event, language).splitlines()
        if named.startswith("backup."):
            lines = lines[:-3]  # the footer is the contract's
        for line, following in pairwise(lines):
            assert len(line) < 40 or not following, line


def test_outlook_joins_no_two_lines_of_any_sentence() -> None:
    for words in (JA, EN):
        backups = [getattr(words, name) for name in dir(words) if name.startswith("backup_")]
        sentences = [part for of in (words, *backups) for part in texts(of)]
        assert len(sentences) > 30
        for sentence in sentences:
            for line, following in pairwise(sentence.split("\n")):
                assert len(line) < 40 or not following, line


def texts(of: Any) -> list[str]:
    names = (name for name in dir(of) if not name.startswith("_"))
    return [text for name in names if isinstance(text := getattr(of, name), str)]


CONTRACT = """\
Subject: [Zaionnex] 【{mark}】データバックアップの自動アップデート（fileserver01：営業共有）

管理者各位

データバックアップの自動アップデート{sentence}
{advice}
{error}
■ 概要
{result}サーバー名: fileserver01.example.co.jp
対象: 営業共有
開始日時: 2013/05/25(土) 09:00:00 +0900
{ended}日時: 2013/05/25(土) 09:12:34 +0900
所要時間: 12分34秒

■ 詳細
files: 1234

※このメールは Zaionnex が自動送信しています。返信されてもお答えできません。
※この通知を停止するには、設定 notify.backup_auto_update を false に変更してください。
イベント ID: 01J0123456789ABCDEFGHJKMNP
"""
NO_ACTION = "このメールへの対応は不要です。"


@pytest.mark.parametrize(
    ("phase", "severity", "message", "words"),
    [
        (
            "started", "info", None,
            {"mark": "開始", "sentence": "を開始しました。", "advice": NO_ACTION,
             "error": "", "result": "", "ended": "完了"},
        ),
        (
            "finished", "info", None,
            {"mark": "完了", "sentence": "が完了しました。", "advice": NO_ACTION,
             "error": "", "result": "結果: 正常終了\n", "ended": "完了"},
        ),
        (
            "finished", "warning", None,
            {"mark": "完了・警告あり", "sentence": "が完了しました。",
             "advice": "警告の内容をご確認ください。",
             "error": "", "result": "結果: 警告あり\n", "ended": "完了"},
        ),
        (
            "failed", "err", "ディスクがいっぱいです",
            {"mark": "失敗", "sentence": "に失敗しました。",
             "advice": "エラー内容を確認し、必要に応じて再実行してください。",
             "error": "\n■ エラー内容\nディスクがいっぱいです\n\n"
             "詳しい経過: zaiond-ctl history 01J0123456789ABCDEFGHJKMNP\n",
             "result": "結果: 失敗\n", "ended": "失敗"},
        ),
    ],
)  # fmt: skip
def test_a_backup_is_told_of_to_the_letter_of_the_contract(
    phase: str, severity: Any, message: str | None, words: dict[str, str]
) -> None:
    event = replace(
        FINISHED,
        type=f"backup.auto_update.{phase}",
        severity=severity,
        message=message,
        data={**TIMES, "files": 1234},
    )
    made = f"Subject: {subject(event)}\n\n{body(event)}"
    assert made == CONTRACT.format(**words)
