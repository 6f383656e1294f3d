import email
import email.policy
from datetime import timedelta, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from zaiond.errors import AddressError
from zaiond.message import compose as composing
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import Event, Message
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


def body(event: Event, language: Language = "ja") -> str:
    text: str = read(mail(event, language)).get_content()
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
        (["x"], "\n  - x"),
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
            {"subject": None, "message": "\n 残り 3%\n次の行"},
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
    event = replace(
        EVENTS["problem"], message="\x1b[1;31mred\x1b[0m \x1b]0;t\x07 a\u202eb \x9b1m\0"
    )
    assert "\nred \\x1b]0;t\\x07 a\\u202eb \\x00\n" in body(event)


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
