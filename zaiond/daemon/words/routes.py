"""What is said of routes, silences and problems."""

from zaiond.text import Sentence, Text

closed_by_hand = Sentence("障害を手動で終了: {name}", "Problem closed by hand: {name}")
closed_by = Sentence(
    "{user} が手動で終了しました: {comment}", "Closed by hand by {user}: {comment}"
)
NOT_CLOSED_YET = Text(
    "障害を終えるイベントを記録しましたが、まだ処理されていません（zaiond-ctl status で状態を、"
    "zaiond-ctl problems で結果を確認してください）",
    "the event that closes the problem is on record, but zaiond has not got to it yet (why:"
    " zaiond-ctl status; whether it has: zaiond-ctl problems)",
)
NO_SILENCE = Text(
    "期間（--for）とコメント（--comment）を指定してください",
    "a duration (--for) and a comment (--comment) are needed",
)
no_silence = Sentence(
    "{id}: この ID の一時停止はありません（一覧: zaiond-ctl silence list）",
    "{id}: no silence with this id (the list: zaiond-ctl silence list)",
)
NO_COMMENT = Text(
    "キーとコメント（--comment）を指定してください", "a key and a comment (--comment) are needed"
)
long_comment = Sentence(
    "コメント（--comment）は {most} 文字以内にしてください",
    "a comment (--comment) may have {most} characters",
)
