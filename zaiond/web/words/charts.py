"""The words of charts, and of their numbers as text."""

from zaiond.text import Sentence, Text

MAILS = Text("この 24 時間のメール", "Mails of the last 24 hours")
MAILS_HINT = Text(
    "受け付けた時刻ごとの配送の数と、現在の状態",
    "Deliveries by the hour in which their mail was accepted, and how they stand now",
)
NO_MAILS = Text("この 24 時間のメールはありません", "No mails in the last 24 hours")
NUMBERS = Text("数値で表示", "As numbers")
HOUR = Text("時刻", "Hour")
TRUNCATED = Text(
    "多すぎるため、新しい時間帯だけを数えました",
    "There are too many: only the latest hours were counted",
)
counted = Sentence("{state} {number} 件", "{number} {state}")
RUNS = Text("最近の実行", "Last runs")
runs_of = Sentence("{job} の最近の実行", "last runs of {job}")
runs_counted = Sentence(
    "最近の {number} 回のうち、失敗 {failed} 回",
    "of the last {number}, {failed} failed",
)
OK = Text("成功", "ok")
FAILED = Text("失敗", "failed")
run_ended = Sentence("{time} {result}", "{time} {result}")
run_took = Sentence("{time} {result}（{seconds:.0f} 秒）", "{time} {result} ({seconds:.0f} s)")
