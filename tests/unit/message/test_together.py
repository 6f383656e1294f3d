"""One mail that tells of several events, as a reader sees it."""

from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tests.support.mail_readers import READERS
from tests.support.steps import steps
from tests.unit.message.test_compose import EVENTS, FINISHED, JST, NINE, read
from zaiond.message.compose import check_wire
from zaiond.message.together import compose_together
from zaiond.message.words import together as said
from zaiond.model import (
    MOST_IDS,
    MOST_SHOWN,
    SEVERITIES,
    Event,
    GroupKind,
    Message,
    Routing,
    Severity,
    Standing,
    Together,
)
from zaiond.text import Language, Text

GOLDEN = Path(__file__).parent / "golden"


def event(number: int, severity: Severity = "info", **more: Any) -> Event:
    given = {"type": "disk.full", "message": f"残り {number}%", "source": "df.service"} | more
    return Event(
        id=f"01J{number:023d}",
        uid=1000,
        time=NINE + number,
        accepted=NINE + number,
        severity=severity,
        **given,
    )


def together(*events: Event, total: int | None = None) -> Together:
    """What the daemon makes of these events, and of others that are as the last one."""
    total = total or len(events)
    worst_first = sorted(events, key=lambda e: (SEVERITIES.index(e.severity), -e.accepted))
    severities: dict[Severity, int] = {}
    for each in events:
        severities[each.severity] = severities.get(each.severity, 0) + 1
    severities[events[-1].severity] += total - len(events)
    more = [f"more-{n}" for n in range(total - len(events))]
    return Together(
        total,
        severities,
        min(e.accepted for e in events),
        max(e.accepted for e in events),
        tuple(worst_first[:MOST_SHOWN]),
        tuple([e.id for e in worst_first] + more)[:MOST_IDS],
    )


def mail(
    of: Together, kind: GroupKind = "grouped", language: Language = "ja", **changes: Any
) -> Message:
    standing = changes.pop("standing", None)
    routing = Routing(
        route="disks",
        kind=kind,
        reason=changes.pop("reason", Text("ルート disks: まとめて送信", "route disks: grouped")),
        labels=changes.pop("labels", ()),
        standing=standing,
    )
    arguments: dict[str, Any] = {
        "recipients": ("postmaster@example.co.jp",),
        "sender": "zaionnex",
        "subject_prefix": "[Zaionnex]",
        "message_id": "<1@fileserver01>",
        "date": NINE + 11520,
        "host": "fileserver01",
        "fqdn": "fileserver01.example.co.jp",
        "user_name": lambda uid: "backup" if uid == 1000 else "",
        "tz": JST,
    }
    made = compose_together(of, routing, language=language, **{**arguments, **changes})
    check_wire(made.content, smtputf8=made.smtputf8)
    return made


def body(*given: Any, **more: Any) -> str:
    text: str = read(mail(*given, **more)).get_content()
    return text.replace("\r\n", "\n")


def subject(*given: Any, **more: Any) -> str:
    return str(read(mail(*given, **more))["Subject"])


SOME = together(
    event(1, "warning", subject="C: ほぼいっぱい", key="disk:c", message=None, data={"free": 3}),
    event(2, "err", message="1 行目\n  2 行目\n3 行目", job="nightly"),
    event(3),
    replace(FINISHED, id="backup-1"),
    total=104,
)
KINDS: tuple[GroupKind, ...] = get_args(GroupKind)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_mail_as_a_reader_sees_it(language: Language) -> None:
    labels = (("type", "disk.full"), ("data.host", "web1"))
    seen = f"Subject: {subject(SOME, language=language, labels=labels)}\n\n"
    seen += body(SOME, language=language, labels=labels)
    assert seen == (GOLDEN / f"grouped.{language}.txt").read_text()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_closing_mail_tells_of_what_was_counted_meanwhile(language: Language) -> None:
    problem = replace(EVENTS["problem"], accepted=NINE)
    again = replace(problem, id="again", accepted=NINE + 600, time=NINE + 600)
    end = replace(
        problem, id="end", status="ok", severity="info", message="交換しました",
        accepted=NINE + 11527, time=NINE + 11527, data={}, extensions={},
    )  # fmt: skip
    standing = Standing(since=NINE, until=NINE + 11527, count=2)
    given = {"kind": "problem", "language": language, "standing": standing}
    of = together(again, end)
    seen = f"Subject: {subject(of, **given)}\n\n{body(of, **given)}"
    assert seen == (GOLDEN / f"closed.{language}.txt").read_text()


@pytest.mark.parametrize(
    ("kind", "ja", "en"),
    [
        ("grouped", "【グループ通知・エラー】104 件のイベント", "Grouped, error: 104 events"),
        ("digest", "【まとめ送信・エラー】104 件のイベント", "Digest, error: 104 events"),
        ("held", "【保留分・エラー】104 件のイベント", "Held until now, error: 104 events"),
        (
            "suppressed",
            "【送信数の上限超過・エラー】保留した 104 件のイベント",
            "Over the limit, error: 104 events held back",
        ),
    ],
)
def test_the_subject_says_why_how_many_and_how_bad(kind: GroupKind, ja: str, en: str) -> None:
    assert subject(SOME, kind) == f"[Zaionnex] {ja}（fileserver01）"
    assert subject(SOME, kind, "en") == f"[Zaionnex] {en} (fileserver01)"


def test_a_reminder_of_a_problem_says_that_it_lasts_and_how_often_it_was_reported() -> None:
    of = together(*(replace(EVENTS["problem"], id=f"{n}", accepted=NINE + n) for n in range(5)))
    standing = Standing(since=NINE, count=17, reminder=True)
    assert subject(of, "problem", standing=standing).startswith(
        "[Zaionnex] 【障害継続中・重大】sda"
    )
    ja, en = (body(of, "problem", language, standing=standing) for language in ("ja", "en"))
    assert "\n障害は 3時間12分 続いています（報告 17 回）。\n" in ja
    assert "The problem has lasted 3 h 12 min so far, and has been reported 17 times." in en
    assert "■ ほかの報告\n1. 【障害発生・重大】sda が故障しそうです\n" in ja


def test_the_notice_that_mails_were_held_is_named_and_not_counted() -> None:
    notice = replace(
        event(9, "warning", type="zaiond.mails.suppressed"), notice=True, source="zaiond"
    )
    of = together(event(1), event(2), notice)
    text = body(of, "suppressed")
    assert "保留した 2 件のイベント" in subject(of, "suppressed")
    assert "\n件数: 2\n  情報: 2\n" in text
    assert "zaiond.mails.suppressed" not in text
    assert notice.id in (read(mail(of, "suppressed")).get_all("Zaiond-Event") or ())
    # Somebody else's event of that type is one that was held.
    forged = replace(notice, notice=False)
    assert "zaiond.mails.suppressed" in body(together(event(1), forged), "suppressed")


def test_one_event_that_was_held_is_one_event() -> None:
    of = together(event(1), replace(event(9, type="zaiond.mails.suppressed"), notice=True))
    assert subject(of, "suppressed", "en").endswith(": 1 event held back (fileserver01)")
    assert "tells of 1 event held back.\n" in body(of, "suppressed", "en").replace(" The", "\n")


def test_each_event_is_named_once_in_the_header() -> None:
    names = read(mail(SOME)).get_all("Zaiond-Event")
    assert names == list(SOME.ids)


def test_a_header_that_would_be_too_large_for_a_server_names_as_many_as_it_takes() -> None:
    ids = [f"{n:04d}" + "長" * 251 for n in range(MOST_IDS)]
    of = together(*(replace(event(n), id=name) for n, name in enumerate(ids)))
    content = mail(of).content
    names = read(mail(of)).get_all("Zaiond-Event") or []
    assert 10 < len(names) < MOST_IDS
    assert names == list(of.ids[: len(names)])
    assert len(content.partition(b"\r\n\r\n")[0]) < 32 * 1024


def test_the_ids_that_the_daemon_gives_are_named_to_five_hundred() -> None:
    of = together(event(1), event(2), total=500)
    of = replace(of, ids=tuple(f"01J{n:023d}" for n in range(500)))
    assert len(read(mail(of)).get_all("Zaiond-Event") or ()) == 500


@pytest.mark.parametrize("severity", SEVERITIES)
def test_it_is_important_if_the_worst_is(severity: Severity) -> None:
    message = read(mail(together(event(1), event(2, severity))))
    worst = severity in ("emerg", "alert", "crit")
    assert message["Importance"] == ("high" if worst else None)
    assert message["X-Priority"] == ("1" if worst else None)


def test_mails_of_one_key_or_job_are_one_thread_with_those_of_single_events() -> None:
    def thread(*events: Event, **more: Any) -> Any:
        return read(mail(together(*events, total=more.pop("total", None)), **more))["References"]

    same = [event(n, key="disk:c") for n in range(3)]
    assert thread(*same) is not None
    assert thread(*same) == thread(same[0], same[1])
    assert thread(*same, event(4)) is None
    assert thread(*same, event(4, key="disk:d")) is None
    # What isn't shown may be of another key.
    assert thread(*same, total=200) is None
    assert thread(*same, total=200, labels=(("key", "disk:c"),)) == thread(*same)
    jobs = [event(n, job="nightly") for n in range(3)]
    assert thread(*jobs) not in (None, thread(*same))


def test_what_a_message_says_can_not_look_like_a_block_or_a_heading() -> None:
    forged = "x\n\n2. 【緊急】forged\nイベント ID: forged\n■ 概要\n"
    lines = body(together(event(1, message=forged, source="a\n■ 概要"), event(2))).split("\n")
    assert lines.count("■ 概要") == 1
    assert not [line for line in lines if line.startswith(("2. 【緊急】", "イベント ID"))]
    assert "    2. 【緊急】forged" in lines


def test_a_long_message_is_shortened_and_it_shows() -> None:
    text = body(together(event(1, message="行\n" * 40), event(2, message="長" * 9000)))
    assert text.count("    行\n") == 10
    assert "    行\n    …\n" in text
    assert "長" * 299 + "…\n" in text
    assert "長" * 301 not in text


def test_a_mail_is_bounded_however_much_its_events_say() -> None:
    wide = "\u202e" * 300
    many = [
        event(n, key=wide, job=wide, subject=wide, message=f"{wide}\n" * 90) for n in range(100)
    ]
    made = mail(together(*many, total=1_000_000), labels=((wide, wide),) * 10)
    text = read(made).get_content()
    assert len(text.encode()) <= 256 * 1024 + 4096
    assert len(made.content) < 512 * 1024
    shown = text.count(f"  {said.ALL.ja}") or text.count("\r\n  重大度: ")
    assert f"ほかに {1_000_000 - shown:,} 件のイベントがあります。" in text


def test_all_of_them_can_be_seen_by_the_command_in_the_mail() -> None:
    text = body(SOME, language="en")
    assert "Not shown here: 100 events.\n" in text
    assert "zaiond-ctl history --since 2013-05-25T09:00:01+09:00 --limit 10000\n" in text


def test_an_event_that_poses_as_the_daemons_names_its_user() -> None:
    forged = event(1, type="zaiond.config.broken", source="zaiond", subject="壊れています")
    assert "2. 壊れています（backup）\n" in body(together(forged, event(2)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", get_args(Language))
def test_outlook_joins_no_two_lines_of_ours(kind: GroupKind, language: Language) -> None:
    """It joins a line to the one before if that has 40 characters or more and this one doesn't
    begin with two spaces.
    """
    plain = [event(n, severity, message="m") for n, severity in enumerate(SEVERITIES)]
    standings = [None, Standing(NINE, NINE + 99, 3), Standing(NINE, None, 3, reminder=True)]
    for standing in standings:
        text = body(together(*plain, total=500), kind, language, standing=standing)
        for line, following in pairwise(text.splitlines()):
            assert len(line) < 40 or not following or following.startswith("  "), line


def test_outlook_joins_no_two_lines_of_any_sentence() -> None:
    for sentence in (*said.SENTENCES.values(), said.WORST_FIRST):
        for text in sentence:
            for line, following in pairwise(text.split("\n")):
                assert len(line) < 40 or not following, line


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_readers_see_it_in_iso_2022_jp_too(reader: Any) -> None:
    of = together(event(1, message="ﾃﾞｨｽｸ"), event(2, "crit"))
    made = mail(of, charset="iso-2022-jp", sender="zaionnex@example.co.jp")
    assert made.remark is None
    seen = reader(made.content)
    assert not seen.defects
    assert "ディスク" in seen.texts[0]
    assert (
        seen.field("Subject") == "[Zaionnex] 【グループ通知・重大】2 件のイベント（fileserver01）"
    )
    odd = together(event(1, message="①"), event(2))
    assert b"utf-8" in mail(odd, charset="iso-2022-jp").content
    odd = together(replace(event(1), id="ｱ"), event(2))
    assert "U+FF71" in (mail(odd, charset="iso-2022-jp").remark or Text("", "")).en


@pytest.mark.parametrize(
    "unit",
    ["\u202e", "\x1b", "a\x85", "a\n", "\r", "a\b", "日\b", "\t", " ", "\udce7", "か\u3099a"],
)
def test_many_hostile_events_take_no_more_steps_than_as_many_honest_ones(unit: str) -> None:
    size = 1200
    hostile = unit * (size // len(unit.encode(errors="surrogatepass")))
    many = [
        event(n, subject=hostile[:200], message=hostile, key=hostile[:200], data={hostile[:50]: 1})
        for n in range(MOST_SHOWN)
    ]
    number, _ = steps(lambda: mail(together(*many), charset="iso-2022-jp"))
    assert number < 200 * MOST_SHOWN
