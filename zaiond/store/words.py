"""What became of the queue's database, for a person."""

from collections.abc import Mapping

from zaiond.text import Text

GONE = Text(
    "キューのデータベース queue.db がなくなっていました", "the queue's database, queue.db, was gone"
)
WAL_GONE = Text(
    "キューのデータベースの queue.db-wal がなくなっていました。"
    "最後に受け付けたイベントは失われた可能性があります",
    "queue.db-wal of the queue's database was gone, and with it perhaps what was accepted last",
)
WAL_CUT = Text(
    "キューのデータベースの queue.db-wal が短くなっていました。"
    "最後に受け付けたイベントは失われた可能性があります",
    "queue.db-wal of the queue's database was shorter than it had been, and with the rest perhaps"
    " what was accepted last is lost",
)
WAL_DAMAGED = Text(
    "キューのデータベースの queue.db-wal が途中で壊れていました",
    "queue.db-wal of the queue's database was damaged",
)
MOVED = Text(
    "zaiond の動作中に、キューのデータベースが移動、削除、切り詰め、または置き換えられました",
    "the queue's database was moved, removed or replaced, or cut off, while zaiond was running",
)
INTERRUPTED = Text("復旧の途中で終了していました", "its recovery was interrupted")
EMPTY = Text("ファイルが空です", "the file is empty")


def damaged(said: Text) -> Text:
    """Why it can't be used, where SQLite or a check of our own says that it is damaged."""
    return Text(
        f"キューのデータベースが壊れていました（{said.ja}）",
        f"the queue's database was damaged ({said.en})",
    )


def no_file(name: str) -> Text:
    return Text(f"{name} がファイルではありません", f"{name} is not a file")


def taken_over(events: int, deliveries: int, quarantine: str) -> Text:
    ja = f"イベント {events} 件、配送 {deliveries} 件を引き継ぎました。"
    en = f"{events} events and {deliveries} deliveries were taken over"
    if quarantine:
        ja += f"元のデータベースは {quarantine} にあります。"
        en += f"; what was there is in {quarantine}"
    return Text(ja, en)


def set_aside(rows: Mapping[str, int]) -> Text:
    """How many rows of which tables could not be read."""
    count = sum(rows.values())
    where = ", ".join(f"{name}: {number}" for name, number in rows.items())
    return Text(
        f"キューのデータベースに読めない行が {count} 件あり（{where}）、別に保管しました。"
        "残りの処理は続けています",
        f"{count} rows of the queue's database could not be read, and were set aside ({where});"
        " the rest goes on",
    )


def not_opened(path: object, why: Text) -> Text:
    return Text(
        f"キュー {path} を開けません: {why.ja}", f"the queue {path} can't be opened: {why.en}"
    )


def of_newer_version(path: object, version: int) -> Text:
    return Text(
        f"キュー {path} は新しいバージョンの zaiond のものです（形式 {version}）",
        f"the queue {path} is of a newer zaiond (format {version})",
    )


def not_read(directory: object, why: Text) -> Text:
    return Text(
        f"状態ディレクトリ {directory} を読み取れません: {why.ja}",
        f"the state directory {directory} can't be read: {why.en}",
    )


def not_written(directory: object, why: Text) -> Text:
    return Text(
        f"状態ディレクトリ {directory} に書き込めません: {why.ja}",
        f"the state directory {directory} can't be written to: {why.en}",
    )


def in_use(directory: object) -> Text:
    return Text(
        f"別の zaiond が {directory} を使っています。先にそれを停止してください",
        f"another zaiond is running on {directory}: stop it first",
    )


def not_left_behind(directory: object, error: Exception) -> Text:
    return Text(
        f"移動または削除されたキューを {directory} に保存できません: {error}",
        f"the queue that was moved or removed can't be saved in {directory}: {error}",
    )


def shortened(limit: int, deleted: list[tuple[str, int, int]], *, more: bool) -> Text:
    """Of whom how many events were deleted, and how many megabytes; `more`: of others, too."""
    ja = "、".join(f"{name} {events} 件（{size} MB）" for name, events, size in deleted)
    en = ", ".join(f"{events} of {name} ({size} MB)" for name, events, size in deleted)
    return Text(
        f"履歴が上限（{limit} MB）を超えたか、ディスクの空きが少ないため、終了した"
        f"イベントの履歴を古いものから削除しました: {ja}{' など' if more else ''}",
        f"there was too much history (more than {limit} MB) or too little room on the disk,"
        f" so the oldest events that had ended were deleted: {en}{', …' if more else ''}",
    )
