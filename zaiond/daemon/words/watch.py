"""What the daemon says of how it is itself: that mail can't leave, and the heartbeat."""

from zaiond.net.machine import local as local
from zaiond.text import Sentence, Text

stays_down = Sentence(
    "メールサーバー {server} が {since} から使えません（予備のメールサーバーで送信中）: {why}",
    "the mail server {server} has been out of use since {since} (another one sends): {why}",
)
no_mail = Sentence(
    "{since} からメールを 1 通も送信できていません（送信待ち {number} 件）: {why}",
    "no mail has left since {since} ({number} waiting): {why}",
)
cut_off = Sentence(
    "{since} からフリートのハブに引き継げないため、このマシンからメールを送っています: {why}",
    "since {since} nothing could be handed on to the hubs of the fleet, and this machine mails by "
    "itself: {why}",
)
not_handed_on = Sentence(
    "イベントをフリートのハブに引き継げません（引き継ぎ待ち {number} 件）: {why}",
    "nothing can be handed on to the hubs of the fleet (waiting: {number}): {why}",
)
MAIL_LEAVES = Text("メールを送信できるようになりました", "mail can leave again")
server_out_for_long = Sentence(
    "メールサーバー {server} が使えない状態が続いています",
    "The mail server {server} is still out of use",
)
by_another_server_since = Sentence(
    "{since} から使えません。予備のメールサーバーで送信しています。\n原因: {why}\n\n"
    "原因を取り除いたら、次のコマンドで確認してください。\nzaiond-ctl test\n"
    "この障害についての通知は、これが最後です。",
    "It can't be used since {since}; mail goes out by another one.\nCause: {why}\n\n"
    "Once the cause is removed, this shows whether all is well:\nzaiond-ctl test\n"
    "This outage is not told of again.",
)

# -- The heartbeat

heartbeat_failed = Sentence(
    "ハートビートを送れません（{host}）: {why}", "the heartbeat can't be sent ({host}): {why}"
)
heartbeat_sent = Sentence(
    "ハートビートを送れるようになりました（{host}）", "the heartbeat is sent again ({host})"
)
heartbeat_stops = Sentence(
    "ハートビートを止めています（{host}）: {why}", "the heartbeat is stopped ({host}): {why}"
)
odd_status = Sentence("状態コード {status} の応答です", "an answer with status {status}")
NOT_CONFIGURED_WELL = Text("設定に誤りがあります", "the configuration is not valid")
NO_MAIL_LEAVES = Text("メールを送信できません", "mail can't leave")
NO_ADMIN_HEARS = Text(
    "どの管理者の宛先も拒否されています", "every administrator's address is refused"
)
FIRST_SERVER_DOWN = Text(
    "最初のメールサーバーが使えない状態が続いています", "the first mail server stays out of use"
)
DISK_LOW = Text("ディスクの空きが足りません", "there is too little room on the disk")
NOT_WRITABLE = Text("ディスクに書き込めません", "the disk can't be written to")
heartbeat_is_stopped = Sentence(
    "ハートビートを止めています: {why}", "the heartbeat is stopped: {why}"
)
heartbeat_fails = Sentence("ハートビートを送れません: {why}", "the heartbeat can't be sent: {why}")

# -- Jobs

jobs = Sentence("確認が必要なジョブ: {names}{more}", "jobs that need a look: {names}{more}")
job = Sentence("{name}（{state}）", "{name} ({state})")
more_jobs = Sentence("、ほか {number} 件", ", and {number} more")

# -- Silences

silence_hides = Sentence(
    "通知の一時停止が終わりました。解決していない障害: {number} 件",
    "A silence has ended; problems that are still there: {number}",
)
hidden = Sentence(
    "設定した人: {by}\nコメント: {comment}\n\n停止中に通知されなかった障害:\n{problems}",
    "Set by: {by}\nComment: {comment}\n\nProblems that it has hidden:\n{problems}",
)
still_open = Sentence("・{name}（{since} から）", "- {name} (since {since})")
more_problems = Sentence("・ほか {number} 件", "- and {number} more")
