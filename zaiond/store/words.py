"""What became of the queue's database, for a person."""

from zaiond.text import Sentence, Text

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
MOVED_NOW = Text(f"{MOVED.ja}。次の起動時に復旧します", f"{MOVED.en}: the next start recovers it")
DISK_FULL = Text(
    "ディスクの空きがありません。空き容量を増やしてください", "the disk is full: make room on it"
)
of_queue = Sentence("キュー: {error}", "queue: {error}")
INTERRUPTED = Text("復旧の途中で終了していました", "its recovery was interrupted")
EMPTY = Text("ファイルが空です", "the file is empty")

damaged = Sentence(  # so SQLite says, or a check of our own
    "キューのデータベースが壊れていました（{said}）", "the queue's database was damaged ({said})"
)
no_file = Sentence("{name} がファイルではありません", "{name} is not a file")
salvaged = Sentence("{why}。{taken_over}", "{why}: {taken_over}")
taken_over = Sentence(
    "イベント {events} 件、配送 {deliveries} 件を引き継ぎました。",
    "{events} events and {deliveries} deliveries were taken over",
)
in_quarantine = Sentence(
    "{taken_over}元のデータベースは {quarantine} にあります。",
    "{taken_over}; what was there is in {quarantine}",
)
set_aside = Sentence(
    "キューのデータベースに読めない行が {count} 件あり（{where}）、別に保管しました。"
    "残りの処理は続けています",
    "{count} rows of the queue's database could not be read, and were set aside ({where});"
    " the rest goes on",
)
not_opened = Sentence(
    "キュー {path} を開けません: {why}", "the queue {path} can't be opened: {why}"
)
of_newer_version = Sentence(
    "キュー {path} は新しいバージョンの zaiond のものです（形式 {version}、このバージョンの形式は"
    " {known}）。新しいバージョンを入れ直すか、{directory} を別の場所に移してください（空のキュー"
    "から始まります）。それまでのイベントはスプールに残ります",
    "the queue {path} is of a newer zaiond (format {version}; this one knows {known}): install that"
    " version again, or move {directory} away to begin with an empty queue. Until then events stay"
    " in the spool",
)
not_read = Sentence(
    "状態ディレクトリ {path} を読み取れません: {why}",
    "the state directory {path} can't be read: {why}",
)
not_written = Sentence(
    "状態ディレクトリ {path} に書き込めません: {why}",
    "the state directory {path} can't be written to: {why}",
)
in_use = Sentence(
    "別の zaiond が {path} を使っています。先にそれを停止してください",
    "another zaiond is running on {path}: stop it first",
)
not_left_behind = Sentence(
    "移動または削除されたキューを {path} に保存できません: {why}",
    "the queue that was moved or removed can't be saved in {path}: {why}",
)
at_file = Sentence("{why} ({file})", "{why} ({file})")
shortened = Sentence(
    "履歴が上限（{limit} MB）を超えたか、ディスクの空きが少ないため、終了した"
    "イベントの履歴を古いものから削除しました: {deleted}",
    "there was too much history (more than {limit} MB) or too little room on the disk,"
    " so the oldest events that had ended were deleted: {deleted}",
)
of_user = Sentence("{name} {events} 件（{size} MB）", "{events} of {name} ({size} MB)")
and_others = Sentence("{deleted} など", "{deleted}, …")
