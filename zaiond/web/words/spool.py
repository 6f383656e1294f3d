"""The words of the spool's page; what it says of files and of what was done is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("スプール", "Spool")
WHAT = Text(
    "デーモンの停止中に送られたイベントのファイルです。受け付けられないイベントのあるファイルは、"
    "拒否されたファイルとして保管されます（1000 個、64 MiB まで）。",
    "Files of events that were sent while the daemon was down. A file with events that can't be"
    " taken is kept as refused (up to 1000 files and 64 MiB of them).",
)
RETRY = Text("もう一度受け付ける", "Take in again")
RETRY_CHOSEN = Text("選択したファイルをもう一度受け付ける", "Take in those chosen again")
RETRY_ALL = Text("拒否されたファイルすべてをもう一度受け付ける", "Take in all refused files again")
RETRY_HINT = Text(
    "受け付け済みのイベントが二重に送られることはありません。",
    "Events that were taken before are not mailed twice.",
)
DELETE_CHOSEN = Text("選択したファイルを削除…", "Delete those chosen…")
NOTHING_CHOSEN = Text("ファイルを選択してください", "Choose files first")
NONE_MATCHES = Text("条件に一致するファイルはありません", "No file matches")
SURE = Text("ファイルを削除しますか？", "Delete these files?")
really = Sentence(
    "次の {number} 件のファイルを、イベントを受け付けずに削除します。元に戻せません。",
    "Files that would be deleted, with the events in them: {number}. There is no way back.",
)
deleted = Sentence("スプールのファイル {number} 件を削除", "files of the spool deleted: {number}")
retried = Sentence(
    "スプールのファイル {number} 件をもう一度受け付け",
    "files of the spool taken in again: {number}",
)
