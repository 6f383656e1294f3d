"""The words of the history's pages; what they say of events is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("履歴", "History")
EVENTS = Text("イベントの一覧", "Events")
EVENT = Text("イベント", "Event")
NOT_FOUND = Text("イベントが見つかりません", "No such event")
SINCE = Text("いつから", "Since")
SINCE_HINT = Text(
    "24h、7d、2013-05-25、2013-05-25T09:00 など", "as 24h, 7d, 2013-05-25 or 2013-05-25T09:00"
)
not_since = Sentence(
    "「{text}」は日時として読めません。24h、7d、2013-05-25、2013-05-25T09:00 のように"
    "入力してください",
    "{text} is no time: enter 24h, 7d, 2013-05-25, 2013-05-25T09:00, or the like",
)
PATTERN_HINT = Text("* ? [] を使えます（例: backup.*）", "may have * ? [] (as backup.*)")
FAILED = Text(
    "届いておらず、そのままでは届かないものだけ",
    "Only what has not arrived and won't by itself",
)
LIMIT = Text("件数", "How many")
newest = Sentence(
    "新しいものから {number} 件だけを表示しています。", "Only the newest {number} are shown."
)
MORE = Text("さらに表示", "Show more")
OLDER = Text("さらに古いイベント", "Older events")
NEWEST = Text("最新のイベントに戻る", "Back to the newest")
NO_OLDER = Text("これより古いイベントはありません", "There are no older events")
looked_at = Sentence(
    "イベント {number} 件までの中で一致したものだけです。さらに古いものは、次のページにあります。",
    "These are those that match among {number} events. What is older may be on the next page.",
)
CUT_OFF = Text(
    "すべてを表示するには長すぎるため、新しいものを省きました。件数を減らしてください。",
    "This is too long to be shown whole: what is newest is left out. Ask for less.",
)
TO_LIST = Text("履歴へ戻る", "Back to the history")
DELIVERIES = Text("宛先ごとの結果", "What became of it for each recipient")
ATTEMPTS = Text("試行", "Attempts")
MESSAGE = Text("メッセージ", "Message")
NUMBER = Text("回", "No.")
SERVER = Text("サーバー", "Server")
MAIL = Text("このイベントのメール", "The mail of this event")
RETRY = Text("すぐに送り直す", "Retry now")
SEND = Text("すぐに送る", "Send now")  # where nothing was tried yet
DELETE = Text("削除…", "Delete…")
number_of = Sentence("{id} のイベントは {number} 件あります。", "{number} events have the id {id}.")
