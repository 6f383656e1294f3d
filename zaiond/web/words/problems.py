"""The words of the problems' page; what it says of each is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("解決していない障害", "Open problems")
NONE_MATCHES = Text("条件に一致する障害はありません", "No open problem matches")
CLOSE_ASKS = Text("手動で終える…", "Close by hand…")
CLOSE = Text("障害を終える", "Close the problem")
CLOSE_HINT = Text(
    "知らせを受けた宛先に、終わったことをメールで知らせます。コメントはメールと履歴に表示されます。",
    "Who was told of the problem is told of its end. The comment stands in the mail and in the"
    " history.",
)
SILENCE = Text("通知を一時停止…", "Silence…")
closed = Sentence("障害を終了: {key}: {comment}", "closed the problem {key}: {comment}")
