"""What waits to be mailed: for how long, and how much of it."""

from dataclasses import dataclass

from zaiond.config import words
from zaiond.config.declare import Scope, Settings, declarations, setting
from zaiond.config.forms import DAY, Duration, Integer, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Settings):
    """When a mail is tried again, for how long, and what is remembered afterwards. Seconds."""

    retry_first: float = setting(
        Duration(1, DAY),
        "最初の再送までの時間です。そのあとは再送のたびに 2 倍になります（多少前後します）。",
        "How long until the first retry; then it doubles each time, with some jitter.",
        default="1m",
    )
    retry_max: float = setting(
        Duration(1, 7 * DAY),
        "再送の間隔の上限です。retry_first 以上にします。",
        "The longest time between two retries; not less than retry_first.",
        default="1h",
    )
    expire: float = setting(
        Duration(1, 365 * DAY),
        "メールの送信を試みる期間です。過ぎると期限切れになります。数えるのは送信を"
        "試みることのできた時間で、デーモンの停止中やキューの保留中は数えません。保留中のメールの"
        "期限は keep です。",
        "How long a mail is tried before it expires. Only time in which it could be tried counts: "
        "not while the daemon is stopped or the queue is held. What is held has keep.",
        default="5d",
    )
    keep: float = setting(
        Duration(1, 3650 * DAY),
        "送信が終わったあとに、履歴とイベント ID を残す時間です。保留中のメールの期限でもあります。"
        "expire 以上にします。履歴が多すぎるか、ディスクの空きが少ないときは、それより前に履歴を"
        "削除します（zaiond(8) を参照）。",
        "How long history and event ids are kept after the end, and how long what is held waits; "
        "not less than expire. Where there is too much history, or too little room on the disk, "
        "some goes earlier: see zaiond(8).",
        default="30d",
    )

    def check(self, scope: Scope) -> None:
        known = declarations(Queue)
        for small, large in (("retry_first", "retry_max"), ("expire", "keep")):
            least, length = getattr(self, small), getattr(self, large)
            if length >= least or {small, large} & scope.invalid:
                continue
            had, needed = known[large].kind.write(length), known[small].kind.write(least)
            scope.error(
                large if scope.written(large) else small,
                words.less_than(large=large, had=had, small=small, needed=needed),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Settings):
    """What each user that emits may take up."""

    connections: int = setting(
        Integer(1, 10_000),
        "同時に開ける接続の数です。",
        "How many connections may be open at the same time.",
        default="64",
    )
    events_waiting: int = setting(
        Integer(1, 100_000_000),
        "受け付けたあと、まだメールになっていないイベントの数の上限です。",
        "How many events may be accepted and not yet mailed.",
        default="100000",
    )
    bytes_waiting: int = setting(
        Size(256 * 1024, 1024**4),
        "受け付けたあと、まだメールになっていないイベントの大きさの合計の上限です。",
        "How many bytes they may have altogether that are accepted and not yet mailed.",
        default="256M",
    )
    frame_deadline: float = setting(
        Duration(0.1, 3600),
        "書き始めた 1 行を、書き終えるまでの時間です。",
        "How soon a line once begun must end.",
        default="10s",
    )
