"""The words of the page that says where an event would go; its decisions are in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("イベントの送信先を確認する", "Where would this event go?")
HINT = Text(
    "現在の設定と状態（まとめ送信、上限、障害、通知の一時停止）で判断します。何も送らず、状態も"
    "変わりません。",
    "It is decided by the configuration in force and by how things stand now (groups, limits,"
    " problems, silences). Nothing is sent, and nothing changes.",
)
FORM = Text("イベントを入力する", "Describe an event")
TYPE = Text("種類（必須）", "Type (required)")
TYPE_HINT = Text("例: backup.db.failed", "as backup.db.failed")
NOT_GIVEN = Text("指定なし", "none")
STATUS = Text("キーの状態", "Status of the key")
DATA = Text("データ（1 行に 1 つ）", "Data (one a line)")
DATA_HINT = Text("host=db1 のように書きます", "as host=db1")
no_pair = Sentence("「名前=値」の形で書いてください: {text}", "Write it as NAME=VALUE: {text}")
PASTE = Text("JSON のイベントを貼り付ける", "Paste events in JSON")
LINES = Text("イベント（1 行に 1 つの JSON）", "Events (JSON, one a line)")
LINES_HINT = Text(
    "イベントが 1 つだけなら、何行にも分けて書いて構いません。",
    "One event alone may also be written over several lines.",
)
ASK = Text("送信先を確認", "Where would it go?")
RESULT = Text("判断", "Decision")
of_line = Sentence("{number} 行目: {text}", "line {number}: {text}")
too_many = Sentence("一度に確認できるのは {most} 件までです", "At most {most} events at once")
NO_LINES = Text("イベントを入力してください", "Enter an event")
