"""The words of the silences' page; what it says of each is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("通知の一時停止", "Silences")
IN_FORCE = Text("有効な一時停止", "In force")
EXPIRE = Text("今すぐ終える", "End it now")
ADD = Text("通知を一時停止する", "Silence events")
ADD_HINT = Text(
    "一致するイベントのメールを止めます。イベントは受け付けられ、履歴に残ります。"
    "通知の一時停止は必ず終わります（最長 30 日）。",
    "Mails of such events stop; the events are taken, and history has them. A silence always ends,"
    " after 30 days at most.",
)
MATCHERS = Text("対象のイベント（1 行に 1 つ）", "Which events (one condition a line)")
MATCHERS_HINT = Text(
    "type=backup.*、severity=warning+、data.host=db1 のように書きます。"
    "すべてに一致するイベントが対象です（同じ項目を何行か書いたときは、そのどれかに一致すれば"
    "対象です）。空にすると、すべてのイベントが対象になります。",
    "As type=backup.*, severity=warning+ or data.host=db1. All lines must match; of several lines"
    " for one field, any. If this is empty, all events are silenced.",
)
LENGTH = Text("期間（必須）", "For how long (required)")
LENGTH_HINT = Text("30m、2h、7d など", "as 30m, 2h or 7d")
no_length = Sentence(
    "30m、2h、7d のように入力してください: {text}", "Enter 30m, 2h, 7d, or the like: {text}"
)
no_matcher = Sentence(
    "「項目=パターン」の形で書いてください: {text}", "Write it as FIELD=PATTERN: {text}"
)
ALL_EVENTS = Text(
    "対象の指定がないため、すべてのイベントの通知が止まります。"
    "それでよければ、もう一度実行してください。",
    "Without a condition all events are silenced. If you want that, press the button again.",
)
added = Sentence("通知を一時停止しました（{id}）", "Silenced ({id})")
expired = Sentence("通知の一時停止を終えました（{id}）", "The silence has ended ({id})")
note_added = Sentence("通知の一時停止を開始: {id}", "silenced events: {id}")
note_expired = Sentence("通知の一時停止を終了: {id}", "ended the silence {id}")
