"""What an administrator should look at."""

from typing import Any

import pytest

from zaiond.daemon.status import Facts, problems
from zaiond.smtp.failure import Failure, Stage

NOW = 1_369_440_000.0
MIB = 1024 * 1024
REFUSED = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")
UNPROTECTED = Failure(stage=Stage.AUTH, server="mailhost:587", cause="unprotected")


def found(**facts: Any) -> dict[str, tuple[str, str]]:
    well: dict[str, Any] = {
        "config": "good", "waiting": 0, "held": 0, "failed": 0, "expired": 0, "oldest": None,
        "oldest_age": 0.0, "retry_max": 3600.0, "held_by": None, "waits_for": None,
        "free": 4096 * MIB, "floor": 256 * MIB,
    }  # fmt: skip
    return {code: (text.ja, text.en) for code, text in problems(Facts(**{**well, **facts}))}


def test_nothing_is_wrong() -> None:
    assert found() == {}
    assert found(waiting=5, oldest=NOW, oldest_age=7000.0) == {}


@pytest.mark.parametrize(
    ("facts", "code", "ja", "en"),
    [
        ({"config": "none"}, "config_none", "有効な設定がありません", "no valid configuration"),
        ({"config": "last_good"}, "config_broken", "誤りがあり", "not valid"),
        ({"held": 3}, "held", "3 件（理由: zaiond-ctl queue list）", "3 (why: zaiond-ctl queue"),
        (
            {"held": 3, "held_by": UNPROTECTED},
            "held",
            "保留しています（3 件）。原因: mailhost:587: SMTP 認証: パスワードが保護されません",
            "held (3): mailhost:587: auth: the password would be unprotected",
        ),
        (
            {"waiting": 2, "waits_for": REFUSED},
            "server_down",
            "mailhost:25: 接続: 接続を拒否されました",
            "mailhost:25: connect: connection refused",
        ),
        ({"failed": 2}, "failed", "過去 7 日間の送信失敗: 2 件", "failed in the last 7 days: 2"),
        ({"expired": 1}, "expired", "過去 7 日間の期限切れ: 1 件", "expired in the last 7 days: 1"),
        ({"free": 300 * MIB}, "disk", "300 MB しか", "only 300 MB"),
    ],
)
def test_what_is_wrong_is_told_in_both_languages(
    facts: dict[str, Any], code: str, ja: str, en: str
) -> None:
    ((told, sentences),) = found(**facts).items()
    assert told == code
    assert ja in sentences[0]
    assert en in sentences[1]


def test_what_waits_longer_than_any_retry_is_stuck_since_a_time_for_people() -> None:
    ja, en = found(oldest=NOW, oldest_age=7201.0)["stuck"]
    assert ja.startswith("2013-05-2")
    assert "T" not in ja
    assert en.startswith("mail waits since 2013-05-2")


def test_a_server_that_is_down_is_no_problem_while_nothing_waits() -> None:
    assert found(waits_for=REFUSED) == {}
