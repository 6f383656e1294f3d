"""The words of the status page; what it says of the daemon's document is in ctl.labels."""

from zaiond.text import Sentence, Text

TITLE = Text("状態", "Status")
FACTS = Text("現在の状態", "At present")
PROBLEMS = Text("確認が必要なこと", "What needs a look")
ACKNOWLEDGE = Text("ここまでを確認済みにする", "Acknowledge all so far")
ACKNOWLEDGE_WHAT = Text(
    "送信失敗、期限切れ、受け付けなかったイベントについて、原因が分かったときに押してください。"
    "だれがいつ確認したかは記録されます。",
    "Once you know why mail was lost or events were refused. Who said so, and when, is recorded.",
)
with_to_come = Sentence(
    "{queue}（うち、まとめ送信や時間帯などで予定の時刻を待つもの {number} 件）",
    "{queue} ({number} of them not before their time, as digests and groups)",
)
acknowledged = Sentence("{number} 件を確認済みにしました", "Acknowledged: {number}")
