"""What is said of routes, silences and problems."""

from zaiond.text import Sentence, Text

closed_by_hand = Sentence("障害を手動で終了: {name}", "Problem closed by hand: {name}")
closed_by = Sentence(
    "{user} が手動で終了しました: {comment}", "Closed by hand by {user}: {comment}"
)
NOT_CLOSED_YET = Text(
    "障害を終えるイベントを記録しましたが、まだ処理されていません",
    "the event that closes the problem is on record, but zaiond has not got to it yet",
)
NO_SILENCE = Text("期間とコメントを指定してください", "a duration and a comment are needed")
no_silence = Sentence("{id}: この ID の一時停止はありません", "{id}: no silence with this id")
no_user = Sentence("ユーザー {user} はいません", "there is no user {user}")
NO_COMMENT = Text("キーとコメントを指定してください", "a key and a comment are needed")
long_comment = Sentence(
    "コメントは {most} 文字以内にしてください", "a comment may have {most} characters"
)
