"""The words of events whose type is ours: what is to be done, and the labels of what they say."""

from zaiond.text import Sentence, Text

# What there is to do, by type. Lines as in words/together.py.
ADVICE = {
    "job.failed": Text(
        "ジョブが失敗しました。\n内容を確認し、必要に応じて再実行してください。",
        "The job has failed. Please check, and run it again if necessary.",
    ),
    "job.missed": Text(
        "予定の時刻に、ジョブの実行を確認できませんでした。\n\n"
        "ジョブが実行されるかどうか確認してください。",
        "The job was not heard of when it was due. Please see whether it still runs.",
    ),
    "job.overdue": Text(
        "ジョブの実行時間が、上限を超えています。\n止まっていないか確認してください。",
        "The job has been running longer than it should. Please see whether it hangs.",
    ),
    "job.started": Text("ジョブを開始しました。", "The job has started."),
    "job.succeeded": Text("ジョブが正常に終了しました。", "The job has succeeded."),
    "unit.failed": Text(
        "systemd のユニットが失敗しました。\n内容を確認し、必要に応じて対応してください。",
        "A systemd unit has failed. Please check, and take action if necessary.",
    ),
    "mail.local": Text(
        "このマシンのプログラムから、\n次の内容のメールがありました。",
        "A program on this machine has sent a mail.",
    ),
    "zaiond.mails.suppressed": Text(
        "メールの数が上限を超えたため、\n一部の通知を保留しています。\n"
        "保留した内容は、あとで 1 通にまとめて届きます。",
        "There are more mails than the limit allows. Some are held back, and will be told of in one"
        " mail.",
    ),
    "zaiond.silence.hides": Text(
        "通知の一時停止が終わりました。\n停止中に発生した障害が、まだ続いています。",
        "A silence has ended. Problems that it has hidden are still there.",
    ),
}
JOB_RECOVERED = Text(
    "ジョブが正常に終了し、障害は復旧しました。\nこのメールへの対応は不要です。",
    "The job has succeeded, and the problem is over. No action is needed.",
)

# Labels.
OUTPUT = Text("■ 出力", "== Output ==")
COMMAND = Text("コマンド", "Command")
EXIT_STATUS = Text("終了ステータス", "Exit status")
SIGNAL = Text("シグナル", "Signal")
STARTED = Text("開始日時", "Started")
FINISHED = Text("終了日時", "Finished")
TOOK = Text("所要時間", "Duration")
SLOTS = Text("予定日時", "Due at")
GRACE = Text("猶予時間", "Grace")
MAX_RUNTIME = Text("実行時間の上限", "Time limit")
RUNNING = Text("経過時間", "Running for")
SCHEDULE = Text("スケジュール", "Schedule")
TIMEZONE = Text("タイムゾーン", "Time zone")
EVERY = Text("実行間隔", "Every")
MISSED = Text("未実行の回数", "Missed")
FAILURES = Text("連続失敗回数", "Failures in a row")
LAST_STARTED = Text("前回の開始", "Last start")
LAST_SUCCESS = Text("前回の成功", "Last success")
NEXT_RUN = Text("次回の予定", "Next run")
NOTE = Text("備考", "Note")
UNIT = Text("ユニット", "Unit")
UNIT_RESULT = Text("systemd の結果", "Result of systemd")
INVOCATION = Text("起動 ID", "Invocation ID")
RECIPIENT = Text("宛先", "Recipient")
HELD = Text("保留した件数", "Held back")
SINCE = Text("保留の開始", "Since")
SILENCE = Text("一時停止の ID", "Silence")
HIDDEN = Text("通知しなかった件数", "Silenced")
FROM = Text("差出人", "From")
TO = Text("宛先", "To")
DAEMON_DOWN = Text(
    "予定の時刻に zaiond は停止していました", "zaiond was not running when it was due"
)
TIMED_OUT = Text("制限時間を超えたため終了させました", "it was ended, as its time was up")
MORE_SLOTS = Sentence("ほか {number:,} 回", "and {number:,} more")

# A mail that is only a drill.
DRILL_MARK = Text("【訓練】", "[DRILL] ")
DRILL = Text(
    "【訓練】このメールは動作確認のための訓練です。\n\n実際の障害ではありません。",
    "[DRILL] This mail is only a drill. Nothing has happened.",
)
