"""The words of how long a problem lasted, and how often it was reported."""

from zaiond.text import Sentence, Text

CONTINUES = Text("障害継続中", "problem continues")
ON_REMINDER = Text(
    "障害が続いています。\n内容を確認し、必要に応じて対応してください。\nこのメールは再通知です。",
    "The problem continues. Please check, and take action if necessary. This is a reminder.",
)
LASTED = Sentence("障害は {time} 続きました", "The problem lasted {time}, and was")
LASTS = Sentence("障害は {time} 続いています", "The problem has lasted {time} so far, and has been")
REPORTED = Sentence("（報告 {count:,} 回）。", " reported {count:,} times.")
REPORTED_ONCE = Text("。", " reported once.")

OPENED = Text("障害発生日時", "Opened")
CLOSED = Text("復旧日時", "Closed")
COUNT = Text("報告回数", "Reported")
