"""The words of the status page; what it says of the daemon's document is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("状態", "Status")
FACTS = Text("現在の状態", "At present")
PROBLEMS = Text("確認が必要なこと", "What needs a look")
ACKNOWLEDGE = Text("送信失敗と期限切れを確認済みにする", "Acknowledge what failed and expired")
acknowledged = Sentence(
    "送信失敗と期限切れ {number} 件を確認済みにしました",
    "Acknowledged: {number} failed or expired",
)
