"""What an administrator should look at."""

from typing import Any

import pytest

from zaiond import places
from zaiond.daemon.problems import Facts, Problem, problems
from zaiond.delivery.outbound import Waiting
from zaiond.holds import Hold
from zaiond.intake import words
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.store.queries import Lost
from zaiond.store.recovery import Salvage
from zaiond.text import Text

NOW = 1_369_440_000.0
MIB = 1024 * 1024
REFUSED = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")
UNPROTECTED = Failure(stage=Stage.AUTH, server="mailhost:587", cause="unprotected")
NOBODY = Failure(
    stage=Stage.RCPT, server="mailhost:25", cause="reply", reply=Reply(550, (b"5.1.1 Nobody",))
)
QUEUE = Hold("queue", "", NOW, 0.0, UNPROTECTED)


def of_address(address: str) -> Hold:
    return Hold("address", address, NOW, 0.0, NOBODY)


NOTHING = Lost()


def found(failed: Lost = NOTHING, expired: Lost = NOTHING, **facts: Any) -> dict[str, Problem]:
    well: dict[str, Any] = {
        "config": "good", "waiting": Waiting(0, 0), "holds": (),
        "lost": {"failed": failed, "expired": expired}, "oldest": None, "oldest_age": 0.0,
        "retry_max": 3600.0, "outage": None, "next_probe": None, "refused": None,
        "free": 4096 * MIB, "floor": 256 * MIB, "state_dir": "/var/lib/zaiond",
    }  # fmt: skip
    return {problem.code: problem for problem in problems(Facts(**{**well, **facts}))}


def test_jobs_that_need_a_look_are_named_as_far_as_they_are_few() -> None:
    text = found(jobs=(("nightly", "missed"), ("a\nb", "overdue")))["jobs"].text
    assert text.ja == "確認が必要なジョブ: nightly（未実行）、a b（実行時間超過）"
    assert text.en == "jobs that need a look: nightly (missed), a b (overdue)"
    text = found(jobs=tuple((f"{n}" * 300, "failed") for n in range(9)))["jobs"].text
    assert text.en.endswith(f"{'3' * 100} (failed), and 5 more")
    assert len(text.en) < 500


def test_nothing_is_wrong() -> None:
    assert found() == {}
    assert found(waiting=Waiting(5, 0), oldest=NOW, oldest_age=7000.0) == {}


@pytest.mark.parametrize(
    ("facts", "code", "ja", "en", "command"),
    [
        (
            {"config": "none"},
            "config_none",
            "有効な設定がありません",
            "no valid configuration",
            "zaiond-ctl check",
        ),
        ({"config": "last_good"}, "config_broken", "誤りがあり", "not valid", "zaiond-ctl check"),
        (
            {"waiting": Waiting(0, 3), "holds": (of_address("a@x"),)},
            "held",
            "a@x 宛ての配送を保留しています: mailhost:25: 宛先が存在しません: 550 5.1.1 Nobody",
            "mail to a@x is held: mailhost:25: no such recipient: 550 5.1.1 Nobody",
            "zaiond-ctl queue list",
        ),
        (
            {"waiting": Waiting(0, 9), "holds": tuple(of_address(f"{one}@x") for one in "abcd")},
            "held",
            "保留中の配送: 9 件（宛先: a@x、b@x、c@x、d@x）",
            "deliveries held: 9 (to a@x, b@x, c@x, d@x)",
            "zaiond-ctl queue list",
        ),
        (
            {"waiting": Waiting(0, 1), "holds": (Hold("mail", "7", NOW, 0.0, NOBODY),)},
            "held",
            "1 通のメールを保留しています: mailhost:25: 宛先が存在しません: 550",
            "one mail is held: mailhost:25: no such recipient: 550",
            "zaiond-ctl queue list",
        ),
        (
            {"waiting": Waiting(0, 3), "holds": (QUEUE,), "outage": UNPROTECTED, "next_probe": NOW},
            "held",
            "（3 件）: mailhost:587: SMTP 認証: パスワードが保護されません（次の試行: ",
            "held (3): mailhost:587: auth: the password would be unprotected (next try: ",
            "zaiond-ctl queue list",
        ),
        (
            {"waiting": Waiting(2, 0), "outage": REFUSED, "next_probe": NOW},
            "server_down",
            "mailhost:25: 接続を拒否されました（次の試行: ",
            "mailhost:25: connect: connection refused (next try: ",
            "zaiond-ctl test",
        ),
        (
            {"failed": Lost(5, 2, ("b@x", "a@x"))},
            "failed",
            "過去 7 日間の送信失敗: 2 件（宛先: a@x、b@x）",
            "failed in the last 7 days: 2 (to a@x, b@x)",
            "zaiond-ctl history --failed",
        ),
        (
            {"expired": Lost(9, 9, ("a@x", "b@x", "c@x", "d@x", "e@x"))},
            "expired",
            "過去 7 日間の期限切れ: 9 件（宛先: a@x、b@x、c@x、…）",
            "expired in the last 7 days: 9 (to a@x, b@x, c@x, …)",
            "zaiond-ctl history --failed",
        ),
        (
            {"refused": Text("3 件の拒否", "3 refused")},
            "refused",
            "3 件の拒否",
            "3 refused",
            "journalctl -u zaiond --since -24h",
        ),
        ({"free": 300 * MIB}, "disk", "300 MB しか", "only 300 MB", "df -h /var/lib/zaiond"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_both_languages_with_the_command_that_shows_more(
    facts: dict[str, Any], code: str, ja: str, en: str, command: str
) -> None:
    (problem,) = found(**facts).values()
    assert problem.code == code
    assert ja in problem.text.ja
    assert en in problem.text.en
    assert problem.command == command


@pytest.mark.parametrize("lost", ["failed", "expired"])
def test_what_was_lost_says_how_to_say_that_one_knows_of_it(lost: str) -> None:
    assert places.ACKNOWLEDGE in found(**{lost: Lost(1, 1, ("a@x",))})[lost].places


def test_no_sentence_about_a_problem_names_a_command_as_the_page_has_it_too() -> None:
    spool = ("spool_refused", words.kept_aside(files=1, since="", some=""))
    aside = found(failed=Lost(1, 1, ("a@x",)), spool=(spool,), free=0, config="none")
    for one in aside.values():
        assert "zaiond-ctl" not in "".join(one.text)
        assert all(place.page or "zaiond-ctl" not in place.command for place in one.places)


def test_what_was_lost_and_is_known_is_no_problem() -> None:
    assert found(failed=Lost(5, 0), expired=Lost(1, 0)) == {}


def test_what_holds_or_stops_mail_says_what_to_do() -> None:
    assert found(holds=(QUEUE,))["held"].failure == UNPROTECTED
    assert found(holds=(of_address("a@x"),))["held"].failure == NOBODY
    assert found(waiting=Waiting(1, 0), outage=REFUSED)["server_down"].failure == REFUSED


def test_while_the_queue_is_held_only_that_is_told_of_what_holds_mail() -> None:
    facts: dict[str, Any] = {"waiting": Waiting(0, 3), "outage": UNPROTECTED}
    (problem,) = found(holds=(of_address("a@x"), QUEUE), **facts).values()
    assert problem.failure == UNPROTECTED


def test_what_waits_longer_than_any_retry_is_stuck_since_a_time_for_people() -> None:
    ja, en = found(oldest=NOW, oldest_age=7201.0)["stuck"].text
    assert ja.startswith("2013-05-2")
    assert "T" not in ja
    assert en.startswith("mail waits since 2013-05-2")


def test_what_was_salvaged_is_told_with_a_time_for_people() -> None:
    text = found(salvage=Salvage(NOW, Text("壊れました", "broken"), 1, 2, ""))["recovered"].text
    assert text.en.startswith("2013-05-25 ")
    assert "T" not in text.ja.partition(": ")[0]


def test_a_server_that_is_down_is_no_problem_while_nothing_waits() -> None:
    assert found(outage=REFUSED) == {}


def test_a_queue_that_is_held_while_nothing_waits_is_not_told_as_mail_that_is_held() -> None:
    (problem,) = found(holds=(QUEUE,), waiting=Waiting(0, 0)).values()
    assert problem.text.en.startswith("no mail can go out (none waits now): mailhost:587")
    assert "0 件" not in problem.text.ja
    (problem,) = found(holds=(QUEUE,), waiting=Waiting(0, 3)).values()
    assert problem.text.en.startswith("mail is held (3): mailhost:587")


LATER = Failure(
    stage=Stage.MAIL, server="mailhost:25", cause="reply", reply=Reply(451, (b"4.3.0 Later",))
)


def test_mail_that_has_not_left_for_long_is_told_of_with_what_the_server_says() -> None:
    problem = found(waiting=Waiting(3, 0), no_mail=(NOW, LATER))["no_mail"]
    assert problem.failure == LATER
    assert problem.text.en.startswith("no mail has left since 2013-05-25 ")
    assert "(3 waiting)" in problem.text.en
    assert "4.3.0 Later" in problem.text.ja
    assert "not known" in found(waiting=Waiting(3, 0), no_mail=(NOW, None))["no_mail"].text.en


@pytest.mark.parametrize(
    "known",
    [{"outage": REFUSED}, {"holds": (QUEUE,)}, {"config": "none"}, {"waiting": Waiting(0, 0)}],
)
def test_mail_that_can_not_leave_is_told_of_once_by_why_it_can_not(known: dict[str, Any]) -> None:
    down = ("mailhost:25", NOW, REFUSED)
    facts = {"waiting": Waiting(3, 0), "no_mail": (NOW, LATER)} | known
    assert "no_mail" not in found(**facts)
    if "waiting" not in known:
        assert "server_stays_down" not in found(**facts, stays_down=down)


def test_a_first_server_that_stays_down_is_a_problem_though_another_one_sends() -> None:
    problem = found(stays_down=("mailhost:25", NOW, REFUSED))["server_stays_down"]
    assert problem.command == "zaiond-ctl test"
    assert "mailhost:25 has been out of use since 2013-05-25 " in problem.text.en


def test_a_heartbeat_that_fails_is_a_problem_and_one_that_is_stopped_if_nothing_says_why() -> None:
    why = Text("理由", "why")
    assert found(heartbeat=why)["heartbeat"].text.en == "the heartbeat can't be sent: why"
    assert found(stopped=why)["heartbeat"].text.en == "the heartbeat is stopped: why"
    assert set(found(stopped=why, config="last_good")) == {"config_broken"}


def test_a_fleet_that_refuses_us_needs_a_look_at_once_one_that_is_away_if_something_waits() -> None:
    why = Text("ログインを拒否されました", "the login was refused")
    assert found(not_handed_on=why) == {}
    waits = found(not_handed_on=why, to_hand_on=3)["fleet"]
    assert "3" in waits.text.en
    assert waits.text.en.endswith(why.en)
    refused = found(not_handed_on=why, is_to_mend=True)["fleet"]
    assert refused.text.ja.endswith(why.ja)


def test_of_a_fleet_one_thing_is_said_whatever_else_follows_from_it() -> None:
    why = Text("切れました", "lost")
    more: dict[str, Any] = {"not_handed_on": why, "is_to_mend": True, "to_hand_on": 3}
    for one in ({"cut_off": (NOW, why)}, {"fleet": why}):
        assert found(**one, **more) == found(**one)
