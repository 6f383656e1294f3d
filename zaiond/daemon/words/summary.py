"""What the summary says."""

from zaiond.text import Sentence, Text

SUBJECT = Text("定期レポート", "Summary")
well = Sentence(
    "zaiond は正常に動作しています（起動: {since}、バージョン {version}）。",
    "zaiond is at work and well (since {since}, version {version}).",
)
not_well = Sentence(
    "zaiond は動作中ですが、確認が必要なことがあります（起動: {since}、バージョン {version}）。",
    "zaiond is at work, and something needs a look (since {since}, version {version}).",
)
period = Sentence("対象期間: {since} ～ {until}", "Period: {since} to {until}")

TO_LOOK_AT = Text("■ 確認が必要なこと", "== To look at ==")
PROBLEMS = Text("■ 解決していない障害", "== Open problems ==")
JOBS = Text("■ ジョブ", "== Jobs ==")
EVENTS = Text("■ イベント", "== Events ==")
MAILS = Text("■ メール（配送の数）", "== Mails (deliveries) ==")
SYSTEM = Text("■ 動作環境", "== The daemon ==")

item = Sentence("・{text}", "- {text}")
command = Sentence("  詳細: {command}", "  More: {command}")
further = Sentence("  {what}: {command}", "  {what}: {command}")
more = Sentence("・ほか {number} 件", "- and {number} more")
NONE = Text("なし", "none")
count = Sentence("{label}: {number:,} 件", "{label}: {number:,}")
fact = Sentence("{label}: {value}", "{label}: {value}")

problem = Sentence(
    "・{name}（{severity}、{since} から、{times}）",
    "- {name} ({severity}, since {since}, reported {times})",
)
silenced_problem = Sentence("{problem}（通知の一時停止中）", "{problem} (silenced)")
job = Sentence(
    "・{name}: {state}（前回 {last}、次回 {next}）", "- {name}: {state} (last {last}, next {next})"
)
JOB_STATES = {
    "ok": Text("正常", "ok"),
    "running": Text("実行中", "running"),
    "failed": Text("失敗", "failed"),
    "missed": Text("未実行", "missed"),
    "overdue": Text("実行時間超過", "overdue"),
    "unknown": Text("まだ知らせがありません", "not heard of yet"),
}

ACCEPTED = Text("受け付け", "Accepted")
REFUSED = Text("受け付けなかったもの（過去 24 時間）", "Refused in the last day")
OUTCOMES = {
    "dropped": Text("送信対象外", "Dropped"),
    "silenced": Text("通知の一時停止中", "Silenced"),
    "deleted": Text("削除", "Deleted"),
}
KINDS = {
    "grouped": Text("グループにまとめたもの", "Grouped"),
    "digest": Text("まとめ送信", "In digests"),
    "held": Text("送信時間外の保留", "Held outside of active_time"),
    "suppressed": Text("送信数の上限による保留", "Held back over max_mails"),
    "problem": Text("同じ障害の続報", "Of a problem that was told already"),
}
of_kind = Sentence(
    "{label}: {events:,} 件（{mails:,} 通）", "{label}: {events:,} (in mails: {mails:,})"
)
TO_COME = Text("これから送るまとめのメール", "Mails to come")

ENDED = {
    "delivered": Text("送信済み", "Delivered"),
    "failed": Text("送信失敗", "Failed"),
    "expired": Text("期限切れ", "Expired"),
    "deleted": Text("削除", "Deleted"),
}
ALWAYS_TOLD = ("delivered", "failed", "expired")
WAITING = Text("現在の送信待ち", "Waiting now")
HELD = Text("現在の保留", "Held now")

SERVER = Text("メールサーバー", "Mail server")
server = Sentence("{name}: {state}", "{name}: {state}")
SERVER_STATES = {
    "up": Text("正常", "up"),
    "unknown": Text("未接続", "not tried yet"),
    "down": Text("接続できません", "down"),
    "faulty": Text("設定の見直しが必要です", "needs another configuration"),
}
HEARTBEAT = Text("ハートビート", "Heartbeat")
heartbeat = Sentence("{host}（前回 {last}）", "{host} (last {last})")
SILENCES = Text("通知の一時停止", "Silences")
DISK = Text("ディスクの空き", "Free on the disk")
mebibytes = Sentence("{number:,} MB", "{number:,} MB")
