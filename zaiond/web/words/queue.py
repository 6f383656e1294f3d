"""The words of the queue's page; what it says of mails and of what was done is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("キュー", "Queue")
RETRY = Text("すぐに送り直す", "Retry now")
SEND = Text("すぐに送る", "Send now")  # where nothing was tried yet
SEND_CHOSEN = Text("選択したメールをすぐに送る", "Send those chosen now")
DELETE_CHOSEN = Text("選択したメールを削除…", "Delete those chosen…")
send_all = Sentence("{number} 件すべてをすぐに送る", "Send all {number} now")
NOTHING_CHOSEN = Text("メールを選択してください", "Choose mails first")
NONE_MATCHES = Text("条件に一致するメールはありません", "Nothing that waits matches")
SURE = Text("メールを削除しますか？", "Delete these mails?")
really = Sentence(
    "送信を待っている次の {number} 件の配送を、送らずに削除します。元に戻せません。",
    "Deliveries that would be deleted unsent: {number}. There is no way back.",
)
deleted = Sentence("配送 {number} 件を削除", "deliveries deleted: {number}")
retried = Sentence("配送 {number} 件を再送", "deliveries retried: {number}")
