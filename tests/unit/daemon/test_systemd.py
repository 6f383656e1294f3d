"""The line of `systemctl status`."""

import pytest

from zaiond.daemon.systemd import line
from zaiond.delivery.outbound import Waiting
from zaiond.smtp.failure import Failure, Stage

DOWN = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")


@pytest.mark.parametrize(
    ("waiting", "config", "outage", "ja", "en"),
    [
        (Waiting(0, 0), "good", None, "送信待ち 0 件、設定は正常", "0 waiting; configuration good"),
        (
            Waiting(2, 3), "good", None,
            "送信待ち 2 件、保留 3 件、設定は正常", "2 waiting, 3 held; configuration good",
        ),
        (
            Waiting(1, 0), "none", None,
            "送信待ち 1 件、有効な設定なし", "1 waiting; no valid configuration",
        ),
        (
            Waiting(1, 0), "last_good", DOWN,
            "送信待ち 1 件、設定に誤りがあり、直前の有効な設定で動作中、"
            "mailhost:25: 接続を拒否されました",
            "1 waiting; configuration not valid, the last good one in force;"
            " mailhost:25: connect: connection refused",
        ),
    ],
)  # fmt: skip
def test_it_says_how_much_waits_and_why(
    waiting: Waiting, config: str, outage: Failure | None, ja: str, en: str
) -> None:
    assert line(waiting, config, outage) == (ja, en)  # type: ignore[arg-type]


def test_what_is_held_counts_among_what_has_not_ended() -> None:
    assert Waiting(2, 3).total == 5
