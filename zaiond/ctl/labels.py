"""The words of what status, queue, spool and history show, in both languages."""

from zaiond.text import Sentence, Text

UNITS = ((86400, "日", "d"), (3600, "時間", "h"), (60, "分", "m"), (1, "秒", "s"))  # of an age
STATES = {
    "waiting": Text("送信待ち", "waiting"),
    "deferred": Text("再送待ち", "deferred"),
    "held": Text("保留", "held"),
    "delivered": Text("送信済み", "delivered"),
    "failed": Text("送信失敗", "failed"),
    "expired": Text("期限切れ", "expired"),
    "dropped": Text("送信対象外", "dropped"),
    "deleted": Text("削除済み", "deleted"),
    "replaced": Text("宛先の変更により終了", "no longer a recipient"),
    "unknown": Text("結果不明", "unknown"),
    # of an event, by its routes
    "mailed": Text("メールで送信", "mailed"),
    "grouped": Text("まとめ送信待ち", "grouped"),
    "silenced": Text("通知の一時停止中", "silenced"),
}
HANDED_ON = Text("ハブに引き継ぎ済み", "handed on to the hubs")
FILE_STATES = {
    "refused": Text("拒否", "refused"),
    "foreign": Text("対象外", "not ours"),
    "waiting": Text("待機中", "waiting"),
}
said_of = Sentence("{what}: {said}", "{what}: {said}")
posing = Sentence("{said}（ユーザー {user} のイベント）", "{said} (an event of {user})")
WHY = Text("理由", "Why")
REMEDY = Text("対処", "Remedy")
NEXT_TRY = Text("次の試行", "Next try")
WHEN = Text("送信予定", "Mail due")
number_in_state = Sentence("{state}: {number} 件", "{state}: {number}")

# -- queue, spool

SOME_OF_ALL = {
    "queue list": Sentence(
        "{total} 件のうち、はじめの {shown} 件だけを表示しました",
        "only the first {shown} of {total} are shown",
    ),
    "spool list": Sentence(
        "{total} 件のうち、{shown} 件だけを表示しました", "only {shown} of {total} are shown"
    ),
}
CHANGED = {
    "queue retry": (
        Sentence("{number} 件の配送をすぐに送ります:", "Deliveries being sent now: {number}"),
        Text("すぐに送るものはありません", "Nothing to send now"),
    ),
    "queue delete": (
        Sentence("{number} 件の配送を削除しました:", "Deliveries deleted: {number}"),
        Text("削除するものはありません", "Nothing to delete"),
    ),
    "spool retry": (
        Sentence("{number} 件のファイルをもう一度受け付けます:", "Files tried again: {number}"),
        Text("もう一度受け付けるファイルはありません", "Nothing to try again"),
    ),
    "spool delete": (
        Sentence("{number} 件のファイルを削除しました:", "Files deleted: {number}"),
        Text("削除するファイルはありません", "Nothing to delete"),
    ),
}
NOTHING_WAITS = Text("送信を待っているメールはありません", "Nothing waits")
AGE = Text("経過", "Age")
TRIES = Text("試行", "Tries")
EVENT_ID = Text("イベント ID", "Event ID")
TO = Text("宛先", "To")
no_event = Sentence("{id}: この ID のイベントはありません", "{id}: no event with this id")
in_flight = Sentence(
    "{id}: 送信中のため、変更していません", "{id}: is being sent just now, so it was left alone"
)
ambiguous = Sentence(
    "{id}: この ID のイベントが {number} 件あるため、何も削除していません:{owners}",
    "{id}: {number} events have this id, so nothing was deleted:{owners}",
)
owner = Sentence("\n  ユーザー {user}、発行元 {source}", "\n  of user {user}, source {source}")
more_owners = Sentence("\n  ほか {number} 件", "\n  and {number} more")

EMPTY_SPOOL = Text("スプールは空です", "The spool is empty")
BYTES = Text("サイズ", "Bytes")
NAME = Text("名前", "Name")
no_file = Sentence(
    "{name}: この名前のファイルはスプールにありません", "{name}: no such file in the spool"
)

# -- history

NO_EVENTS = Text("イベントはありません", "No events")
gone = Sentence(
    "{id}: この ID のイベントはありません（受け付けていないか、"
    "保存期間 queue.keep を過ぎています{shortened}）",
    "{id}: no event with this id (never accepted, or older than queue.keep{shortened})",
)
shortened = Sentence(
    "。または、履歴が多すぎたため終了後に削除されました: {users}",
    "; or deleted after its end, as there was too much history: {users}",
)
up_to = Sentence("{user} の {newest} までのもの", "of {user} up to {newest}")
TYPE = Text("種類", "Type")
SUBJECT = Text("件名", "Subject")
SEVERITY = Text("重大度", "Severity")
TIME = Text("日時", "Time")
ACCEPTED = Text("受け付け", "Accepted")
SOURCE = Text("発行元", "Source")
USER = Text("ユーザー", "User")
NOTE = Text("注意", "Note")
NO_NOTICE = Text(
    "zaiond 自身の通知ではなく、このユーザーが送ったイベントです",
    "no notice of zaiond itself: this user sent the event",
)
KEY = Text("キー", "Key")
key_in_state = Sentence("{key}（{state}）", "{key} ({state})")
KEY_STATES = {"ok": Text("復旧", "ok"), "problem": Text("障害発生", "problem")}
JOB = Text("ジョブ", "Job")
OUTCOME = Text("結果", "Outcome")
MESSAGE = Text("メッセージ:", "Message:")
DATA = Text("データ:", "Data:")
EXTENSIONS = Text("拡張:", "Extensions:")
REPLY = Text("応答", "Reply")
HELD_SINCE = Text("保留の開始", "Held since")

# -- status

WELL = Text("正常に動作しています", "All is well")
LOOK = Text("確認が必要です:", "This needs a look:")
acknowledged = Sentence("{number} 件を確認済みにしました", "Acknowledged: {number}")
MORE = Text("詳細", "More")
CONFIGURATION = Text("設定", "Configuration")
CONFIGURATION_STATES = {
    "good": Text("有効", "good"),
    "last_good": Text(
        "誤りがあるため、直前の有効な設定で動作中", "broken; the last good one is in force"
    ),
    "none": Text(
        "誤りがあるため、イベントの受け付けだけを行っています",
        "broken; events are kept until there is a good one",
    ),
}
loaded = Sentence("{state}（{time} に読み込み）", "{state} (loaded {time})")
ERRORS = Text("設定の誤り:", "Errors of the configuration:")
QUEUE = Text("キュー", "Queue")
EMPTY = Text("空", "empty")
counted = Sentence("{state} {number} 件", "{number} {state}")
LOST = Text("7 日以内の不達", "Lost in 7 days")
NONE = Text("なし", "none")
known = Sentence("{lost}（確認済み: {user}、{time}）", "{lost} (acknowledged by {user}, {time})")
OLDEST = Text("最も古い未送信メール", "Oldest waiting")
SPOOL = Text("スプール", "Spool")
spooled = Sentence("{state} {files} 件（{user}）", "{files} {state} ({user})")
HISTORY_DELETED = Text("履歴の削除", "History deleted")
history_deleted = Sentence(
    "履歴が多すぎるか、ディスクの空きが少ないため、{since} から {user} の終了したイベントを"
    " {events} 件（{size} MB）削除",
    "{events} events of {user} that had ended ({size} MB), since {since}: too much history, or too"
    " little room on the disk",
)
OF_ROUTES = {
    "mails_to_come": Text("送信予定のメール", "Mails to come"),
    "problems": Text("解決していない障害", "Open problems"),
    "silences": Text("通知の一時停止", "Silences"),
}
number = Sentence("{number} 件", "{number}")
JOBS = Text("ジョブ", "Jobs")
RATES = {"minute": Text("直近 1 分", "Last minute"), "hour": Text("直近 1 時間", "Last hour")}
rate = Sentence(
    "受け付け {accepted} 件、送信 {delivered} 件", "{accepted} accepted, {delivered} delivered"
)
SERVER = Text("メールサーバー", "Mail server")
SERVER_STATES = {
    "up": Text("正常", "up"),
    "unknown": Text("未接続", "not tried yet"),
    "trying": Text("接続を確認中", "being tried"),
    "down": Text("接続できません", "down"),
    "faulty": Text("設定の見直しが必要です", "needs another configuration"),
}
server = Sentence("{name}  {state}{more}", "{name}  {state}{more}")
since = Sentence("（{time} から）{error}", " (since {time}){error}")
connections = Sentence("（接続 {number}）{error}", " (connections: {number}){error}")
SERVER_NEXT_TRY = Text("  次の試行", "  next try")
SERVER_LAST_ERROR = Text("  最後のエラー", "  last error")
FLEET = Text("フリート", "Fleet")
FLEET_SERVER = Text("NATS サーバー", "NATS server")
TO_HAND_ON = Text("引き継ぎ待ち", "To be handed on")
MEMBER_STATES = {
    "handing_on": Text("メンバー、ハブに引き継いでいます", "a member, hands on to the hubs"),
    "on_trial": Text("メンバー、引き継ぎを再開しています", "a member, tries to hand on again"),
    "by_itself": Text("メンバー、このマシンからメールを送っています", "a member, mails by itself"),
}
member = Sentence("{state}{more}", "{state}{more}")
FLEET_BACKLOG = Text("ハブを待つイベント", "Waiting for a hub")
HUB_WORKS = Text("ハブ、動作中", "a hub, works")
hub_waits = Sentence(
    "ハブ、待機中（動作中のハブ: {hub}）", "a hub, waits (the one that works: {hub})"
)
OWN_EVENTS = Text("このマシンのイベント", "Events of this machine")
HUB_BY_ITSELF = Text(
    "ハブに引き継げないため、このマシンからメールを送っています",
    "can't be handed on to a hub, and are mailed from here",
)
NOT_TAKEN_IN = Text("未保存のイベント", "Not taken in yet")
no_room = Sentence("{number} 件: {why}", "{number}: {why}")
MEMBERS = Text("メンバー", "Members")
members = Sentence("{number} 台（連絡なし {silent} 台）", "{number} ({silent} silent)")
HEARTBEAT = Text("ハートビート", "Heartbeat")
heartbeat = Sentence("{host}（前回 {last}）{more}", "{host} (last {last}){more}")
STARTED = Text("起動", "Started")
VERSION = Text("バージョン", "Version")
POSSIBLE_DUPLICATES = Text("二重配送の可能性", "Possible duplicates")

# -- test --drill

drilled = Sentence("訓練: {type}（{id}）", "Drill: {type} ({id})")

# -- what several commands of routes, problems and jobs say

SINCE = Text("開始", "Since")
COMMENT = Text("コメント", "Comment")
BY = Text("設定者", "By")
STATE = Text("状態", "State")

# -- route

ROUTE = Text("ルート", "Route")
decided = Sentence("{route}: {outcome}", "{route}: {outcome}")
NO_ROUTE = Text("（一致するルートなし）", "(no route matches)")
UNDATED = Text("未定", "open")
HUBS_DECIDE = Text(
    "フリートのハブに引き継ぎます。だれにいつ送るかは、ハブのルートで決まります。ハブの route で"
    "確かめられます",
    "handed on to the hubs of the fleet, whose routes say who gets it, and when: ask route on a"
    " hub",
)
NO_DAEMON_DECIDES = Text(
    "zaiond が動いていないため、ファイルの設定だけで判断します（まとめ送信、上限、障害、"
    "通知の一時停止の状態は反映されません）",
    "zaiond is not running: this is decided by the configuration on disk alone, as if no group,"
    " limit, problem or silence were under way",
)

# -- silence

SILENCE_ADDED = Text("通知を一時停止しました:", "Silenced:")
SILENCE_EXPIRED = Text("通知の一時停止を終えました:", "The silence has ended:")
NO_SILENCES = Text("通知の一時停止はありません", "Nothing is silenced")
MATCHES = Text("対象", "Events")
EVERY_EVENT = Text(
    "すべてのイベント（緊急から重大のものも含む）", "all events, those of emerg to crit too"
)
UNTIL = Text("終了", "Until")
HIDDEN = Text("止めたイベント", "Hidden so far")

# -- problems

NO_PROBLEMS = Text("解決していない障害はありません", "No problem is open")
for_so_long = Sentence("{time}（{age}前）", "{time} ({age} ago)")
REPORTED = Text("報告回数", "Reported")
LAST_REPORT = Text("最後の報告", "Last report")
TOLD = Text("通知先", "Told")
NEXT_REMINDER = Text("次の再通知", "Next reminder")
SILENCE = Text("通知の一時停止", "Silence")
in_silence = Sentence("{id} による一時停止中", "by {id}")
silenced = Sentence("通知の一時停止中（{id}）", "silenced ({id})")
no_problem = Sentence("{key}: このキーの障害はありません", "{key}: no problem of this key is open")
problem_closed = Sentence(
    "{key}: 障害を終えました（継続時間 {lasted}）", "{key}: closed after {lasted}"
)
ambiguous_problem = Sentence(
    "{key}: このキーの障害が {number} 件あるため、何も終えていません:{owners}",
    "{key}: {number} users have a problem of this key, so none was closed:{owners}",
)
owner_of_problem = Sentence("\n  ユーザー {user}", "\n  user {user}")

# -- jobs

NO_JOBS = Text("ジョブはありません", "No jobs")
LAST_RUN = Text("前回の実行", "Last run")
NEXT_RUN = Text("次回の実行", "Next run")
REMARK = Text("備考", "Remark")
JOB_STATES = {
    "ok": Text("正常", "ok"),
    "running": Text("実行中", "running"),
    "failed": Text("失敗", "failed"),
    "missed": Text("未実行", "missed"),
    "overdue": Text("実行時間超過", "overdue"),
    "unknown": Text("未受信", "not heard of yet"),
}
FAILED_ONCE = Text("連続失敗 1 回", "failed once")
failed_in_a_row = Sentence("連続失敗 {number} 回", "failed {number} times in a row")
last_success = Sentence("最後の成功 {time}", "last success {time}")
NEVER_SUCCEEDED = Text("成功の記録なし", "no success on record")
running_since = Sentence("{time} から実行中", "running since {time}")
on_machine = Sentence("実行したマシン {machine}", "runs on {machine}")
UNDECLARED = Text("未登録", "undeclared")
