"""What the delivery itself has to tell of, for a person."""

from zaiond.text import Sentence, Text

HANDED_ON = Text("フリートのハブに引き継ぎます", "handed on to the hubs of the fleet")
suppressed = Sentence(
    "{recipient} 宛のイベント {held} 件を、メール数の上限（max_mails）により保留し、"
    "1 通にまとめました",
    "{held} events to {recipient} were held because of max_mails, and told in one mail",
)
deleted = Sentence("{who} により削除", "deleted by {who}")
