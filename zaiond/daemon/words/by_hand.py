"""What somebody has done by hand: in the journal, and of what was deleted, in the history."""

from zaiond.text import Sentence, Text

done_by = Sentence("{who}: {what}", "{who}: {what}")
named = Sentence("{what}（{names}）", "{what} ({names})")
ACKNOWLEDGED = Text("失敗と拒否を確認済みにしました", "acknowledged what has failed or was refused")
deleted = Sentence("キューから {number} 件を削除しました", "deleted from the queue: {number}")
retried = Sentence("キューの {number} 件を再送しました", "sent again from the queue: {number}")
spool_deleted = Sentence(
    "スプールのファイルを {number} 件削除しました", "deleted files of the spool: {number}"
)
spool_retried = Sentence(
    "スプールのファイルを {number} 件読み直しました", "read files of the spool again: {number}"
)
RELOADED = Text("設定を再読み込みしました", "had the configuration read again")
silenced = Sentence("通知の一時停止を開始しました: {comment}", "silenced events: {comment}")
UNSILENCED = Text("通知の一時停止を終了しました", "ended a silence")
closed = Sentence("障害を終了しました: {comment}", "closed a problem: {comment}")
