"""What the daemon says, in both languages: lines of its journal, notices to the administrators, and
what zaiond-ctl shows of it.
"""

from zaiond.daemon.words.watch import local as local
from zaiond.text import Sentence, Text

UNKNOWN = Text("不明", "not known")
labelled = Sentence("{label}: {said}", "{label}: {said}")
aside = Sentence("{what}（{more}）", "{what} ({more})")
OUTCOMES = {
    "deferred": Text("再送待ち", "deferred"),
    "held": Text("保留", "held"),
    "failed": Text("送信失敗", "failed"),
    "expired": Text("期限切れ", "expired"),
}

# -- Start and end

started = Sentence(
    "zaiond {version} を開始しました（送信待ち {left} 件）",
    "zaiond {version} has started ({left} waiting)",
)
stopped = Sentence("停止しました（送信待ち {left} 件）", "stopped ({left} waiting)")
internal_error = Sentence("内部エラー: {what}", "internal error: {what}")
can_not_go_on = Sentence(
    "続行できないため終了します（systemd が再起動します）: {why}",
    "can't go on, so it ends (systemd starts it again): {why}",
)
no_state_dir = Sentence(
    "状態ディレクトリ {path} を作れません: {why}", "the state directory {path} can't be made: {why}"
)
moved = Sentence(
    "ファイルがあるべき場所に別のものがあったため、名前を変えました: {name}",
    "what lay in the place of a file, and is none, has another name now: {name}",
)
possible_duplicates = Sentence(
    "前回の停止時に送信中だった配送 {number} 件を再送します（重複して届くことがあります）",
    "deliveries that were under way at the last end: {number}. They are sent again, and may arrive"
    " twice",
)

# -- The configuration

LAST_GOOD_STAYS = Text(
    "設定に誤りがあるため、直前の有効な設定を使い続けます",
    "the configuration is not valid: the last good one stays in force",
)
NO_CONFIGURATION_YET = Text(
    "有効な設定がありません。イベントは受け付けて保管し、設定が直り次第メールにします",
    "there is no valid configuration: events are accepted and kept, and mailed once there is one",
)
in_force = Sentence("設定 {path} を反映しました", "configuration {path} is in force")
last_good_unkept = Sentence(
    "有効な設定の控えを {directory} に保存できません: {why}",
    "can't keep the last good configuration in {directory}: {why}",
)
last_good_unreadable = Sentence(
    "{directory} に保存した有効な設定の控えを読めません: {why}",
    "can't read the last good configuration that was kept in {directory}: {why}",
)
not_remade = Sentence(
    "保留中のメールを作り直せません: {why}", "what is held can't be made anew: {why}"
)
CONFIG_STATES = {
    "good": Text("設定は正常", "configuration good"),
    "last_good": Text(
        "設定に誤りがあり、直前の有効な設定で動作中",
        "configuration not valid, the last good one in force",
    ),
    "none": Text("有効な設定なし", "no valid configuration"),
}

# -- Deliveries and servers, in the journal

not_delivered = Sentence(
    "{outcome}: {recipient}（{ids}）: {said}", "{outcome}: {recipient} ({ids}): {said}"
)
all_held = Sentence("すべてのメールを保留しています。原因: {why}", "all mail is held: {why}")
nobody_to_tell = Sentence(
    "{recipient} が拒否され、ほかに通知できる管理者がいません: {why}",
    "{recipient} is refused, and there is no other administrator to be told: {why}",
)
server_usable = Sentence(
    "メールサーバー {server} に送信できるようになりました",
    "the mail server {server} can be used again",
)
server_unusable = Sentence(
    "メールサーバー {server} が使えません: {why}", "the mail server {server} can't be used: {why}"
)
event_unmade = Sentence(
    "イベント {id} の本文を作れません: {error}",
    "the mail about event {id} can't be made as it should: {error}",
)
stumbled = Sentence(
    "ルーティングの状態 {what} を処理できません: {error}。グループのイベントは管理者に送信し、"
    "それ以外はそのまま保持します。zaiond の不具合としてご報告ください",
    "what routing remembers as {what} can't be worked with: {error}; events of a group are mailed"
    " to the admins, all else is kept as it is: please report this as a bug of zaiond",
)
unrecorded = Sentence(
    "管理者への通知を記録できません: {subject}: {why}",
    "can't record a notice to the admins: {subject}: {why}",
)

# -- Notices

CONFIG_INVALID = Text("設定ファイルに誤りがあります", "The configuration is not valid")
config_invalid = Sentence(
    "{errors}\n\n直前の有効な設定のまま動作を続けています。修正すると自動的に反映されます。"
    "元に戻すには zaiond-ctl config revert を実行してください。",
    "{errors}\n\nThe last good configuration stays in force. Once mended, the file takes effect by"
    " itself; to go back, run: zaiond-ctl config revert",
)
server_out_of_use = Sentence(
    "メールサーバー {server} が使えません", "The mail server {server} can't be used"
)
by_another_server = Sentence(
    "予備のメールサーバーで送信しています。原因: {why}",
    "Mail goes out by another server. Cause: {why}",
)
failed_to = Sentence(
    "{recipient} への送信に失敗しました（宛先が拒否されました）",
    "Failed to {recipient}: the recipient is refused",
)
failed_to_several = Sentence(
    "{recipient} ほか {more} 件への送信に失敗しました（宛先が拒否されました）",
    "Failed to {recipient} and {more} more: the recipients are refused",
)
failed_mail = Sentence(
    "{recipient}（{user} のプログラムが指定した宛先）\n  理由: {said}\n  イベント: {ids}",
    "{recipient}, which a program of {user} named\n  Why: {said}\n  Event: {ids}",
)
failed_more = Sentence("ほか {more} 件", "and {more} more")
after_failed = Sentence(
    "\nこの宛先には再送しません。宛先の誤りなら、送信元のプログラムの設定を直してください。\n"
    "もう一度送信するには、次のコマンドを実行してください。\n{again}\n\n"
    "失敗したものの一覧: zaiond-ctl history --failed\n"
    "この通知は 1 時間に 1 回までです。",
    "\nIt is not tried again. If the address is wrong, mend it in the program that sends there.\n"
    "To send it all the same, run:\n{again}\n\n"
    "All that has failed: zaiond-ctl history --failed\n"
    "There is at most one such notice an hour.",
)
expired_to = Sentence(
    "{recipient} に期限内に送信できませんでした", "Not delivered in time to {recipient}"
)
expired = Sentence(
    "送信できなかったイベント: {ids}\n理由: {why}\n\n"
    "もう一度送信するには、次のコマンドを実行してください。\n{again}\n\n"
    "期限切れの一覧: zaiond-ctl history --failed\n"
    "この宛先についての通知は 1 日に 1 回です。",
    "The event that did not arrive: {ids}\nWhy: {why}\n\n"
    "To send it all the same, run:\n{again}\n\n"
    "All that has expired: zaiond-ctl history --failed\n"
    "There is one such notice a day for a recipient.",
)
held = Sentence(
    "{what}\nメールサーバー: {server}\n\n{advice}\n\n{goes_on}\n\n"
    "保留中のメールの一覧: zaiond-ctl queue list",
    "{what}\nMail server: {server}\n\n{advice}\n\n{goes_on}\n\nWhat is held: zaiond-ctl queue list",
)
_ONCE_MENDED = Text(
    "設定を直すと自動的に送信します。それ以外を直したときは、次のコマンドですぐに送信"
    "できます（実行しなくても 1 時間ごとに確認します）。\nzaiond-ctl queue retry",
    "Once the configuration is mended, it goes out by itself. If something else was to"
    " be mended, this sends it now (it is tried once an hour anyway):\nzaiond-ctl queue retry",
)
# The subject, what is held, and how it goes on.
ADDRESS_HELD = (
    Sentence("{recipient} へのメールを保留しています", "Mail to {recipient} is held"),
    Text(
        "このアドレスがメールサーバーに拒否されました。ほかの宛先には送信しています。",
        "A mail server refuses this address. The other recipients get their mail.",
    ),
    _ONCE_MENDED,
)
CONTENT_HELD = (
    Sentence("内容を拒否されたメールを保留しています", "A mail is held: its content is refused"),
    Text(
        "メールサーバーが内容を拒否したメールがあります。ほかのメールは送信しています。",
        "A mail server refuses the content of a mail. The others go out.",
    ),
    _ONCE_MENDED,
)
NAMED_HELD = (
    Sentence("宛先を拒否されたメールを保留しています", "A mail is held: its recipient is refused"),
    Text(
        "プログラムが指定した宛先を、メールサーバーが拒否したメールがあります。"
        "ほかのメールは送信しています。",
        "A mail server refuses the recipient of a mail, which a program named. The others go out.",
    ),
    _ONCE_MENDED,
)
UNKNOWN_HELD = (
    Sentence(
        "届いたかどうか分からないメールを保留しています", "A mail is held: it may have arrived"
    ),
    Text(
        "何度送信しても、受け付けたという応答がなかったメールがあります。"
        "ほかのメールは送信しています。",
        "A mail was sent several times, and no server said that it took it. The others go out.",
    ),
    Text(
        "届いていなければ、次のコマンドで送信できます。\nzaiond-ctl queue retry\n"
        "届いていれば、次のコマンドで削除できます。\nzaiond-ctl queue delete ID",
        "If it hasn't arrived, this sends it:\nzaiond-ctl queue retry\n"
        "If it has, this deletes it:\nzaiond-ctl queue delete ID",
    ),
)
token_refused = Sentence(
    "{server} のリフレッシュ トークンが使えなくなっています",
    "The refresh token for {server} is no longer taken",
)
token_answer = Sentence("応答: {refusal}", "The answer: {refusal}")
token_ends = Sentence(
    "{server} のリフレッシュ トークンの期限が近づいています",
    "The refresh token for {server} is about to end",
)
token_end = Sentence("期限: {at}", "It holds until {at}")
new_token = Sentence(
    "{why}\n\nもう一度許可して、新しいリフレッシュ トークンを次のファイルに書いてください。"
    "自動的に反映されます。このままでは、このサーバーでメールを送れなくなります。\n{file}",
    "{why}\n\nGive consent anew, and write the new refresh token into this file; it takes effect by"
    " itself. Without it no mail can be sent by this server.\n{file}",
)
RECOVERED = Text("キューのデータベースを復旧しました", "The queue's database was recovered")
recovered = Sentence(
    "{why}。\n{taken_over}\nディスクとファイルシステムを確認してください。",
    "Cause: {why}.\nTaken over: {taken_over}.\nCheck disk and file system.",
)
DAMAGED = Text(
    "キューのデータベースに読めない行がありました", "Rows of the queue's database could not be read"
)
damaged = Sentence(
    "{what}。\nディスクとファイルシステムを確認してください。",
    "{what}.\nCheck disk and file system.",
)
spool_refused = Sentence(
    "スプールに受け付けられないイベントがあります（ファイル {count} 件）",
    "Events in the spool can't be taken ({count} file{s})",
)
refused_file = Sentence(
    "ファイル: {path}\nユーザー: {user}\n原因: {why}\n{excerpt}\n",
    "File: {path}\nUser: {user}\nCause: {why}\n{excerpt}\n",
)
refused_more = Sentence("ほかに {more} 件あります。\n", "And {more} more.\n")
AFTER_REFUSED = Text(
    "ほかの行のイベントは受け付けました。イベントを書いたプログラムを修正し、必要なイベントは"
    "送り直してください（zaiond-ctl emit）。保管しているファイルの一覧は zaiond-ctl spool"
    " list、ファイルを直してもう一度受け付けるには zaiond-ctl spool retry、不要になったら"
    " zaiond-ctl spool delete を実行してください。",
    "The events of the other lines were taken. Correct the program that wrote them, and"
    " emit again what is wanted (zaiond-ctl emit). What is kept: zaiond-ctl spool list; to"
    " have a file taken again that was mended: zaiond-ctl spool retry; when it is of no"
    " more use: zaiond-ctl spool delete.",
)

# -- The line of systemctl status

waiting = Sentence("送信待ち {number} 件", "{number} waiting")
held_too = Sentence("{waiting}、保留 {number} 件", "{waiting}, {number} held")
besides = Sentence("{what}、{more}", "{what}; {more}")

# -- Problems

CONFIG_NONE = Text(
    "有効な設定がありません。イベントは受け付けて保管しています",
    "there is no valid configuration: events are accepted and kept",
)
CONFIG_BROKEN = Text(
    "設定ファイルに誤りがあり、直前の有効な設定で動作しています",
    "the configuration on disk is not valid; the last good one is in force",
)
server_down = Sentence(
    "メールサーバーに送信できません: {why}{next_try}", "no mail server can be used: {why}{next_try}"
)
next_try = Sentence("（次の試行: {at}）", " (next try: {at})")
stuck = Sentence("{since} から送信できていないメールがあります", "mail waits since {since}")
lost = Sentence(
    "過去 7 日間の{state}: {number} 件（宛先: {to}）",
    "{state} in the last 7 days: {number} (to {to})",
)
recovered_at = Sentence("{at}: {what}", "{at}: {what}")
rows_aside = Sentence(
    "過去 7 日間に別に保管した読めない行: {number} 件（ディスクを確認してください）",
    "rows that could not be read and were set aside in the last 7 days: {number} (check the disk)",
)
disk_low = Sentence(
    "ディスクの空きが {free} MB しかありません（{directory}）",
    "only {free} MB are free on the disk of {directory}",
)
queue_held = Sentence(
    "送信を保留しています（{number} 件）: {why}{next_try}",
    "mail is held ({number}): {why}{next_try}",
)
queue_held_empty = Sentence(
    "送信を保留しています（待っているメールはありません）: {why}{next_try}",
    "no mail can go out (none waits now): {why}{next_try}",
)
held_in_all = Sentence("保留中の配送: {number} 件{to}", "deliveries held: {number}{to}")
held_to = Sentence("（宛先: {names}）", " (to {names})")
address_held = Sentence(
    "{recipient} 宛ての配送を保留しています: {why}", "mail to {recipient} is held: {why}"
)
mail_held = Sentence("1 通のメールを保留しています: {why}", "one mail is held: {why}")

# -- What zaiond-ctl asks for

WAITS_TO_BE_ROUTED = Text("宛先の決定待ち", "waits to be routed")
WAITS_FOR_RATE = Text(
    "通数の上限（mail_server.rate）に達したため、順に送信",
    "waits, as no more mails may go out at present (mail_server.rate)",
)
WAITS_FOR_EARLIER = Text(
    "同じキーまたはジョブの、先のメールを待っています",
    "waits for the mail before it, of the same key or job",
)
ENDED = {
    "deleted": Text("手動で削除", "deleted by hand"),
    "replaced": Text("宛先の変更により終了", "no longer a recipient"),
}
UNREADABLE = "イベントを読み込めません / the event can't be read"
acknowledged = Sentence("確認済み（{user}、{at}）", "acknowledged ({user}, {at})")
NO_CONFIGURATION = Text("有効な設定がないため実行できません", "there is no valid configuration")
NOT_RELOADED = Text(
    "設定に誤りがあるため反映しませんでした", "the configuration was not taken: it is not valid"
)
FOR_ROOT = Text(
    "設定ファイルの内容にはパスワードが含まれることがあるため、root で実行してください",
    "the configuration's files may hold passwords: run this as root",
)
NO_ID = Text("ID を指定してください", "an ID is needed")
NO_FILE_NAME = Text("ファイル名を指定してください", "a file's name is needed")
TOO_MANY = Text(
    "同時に実行されている操作が多すぎます。後でもう一度実行してください",
    "too many others ask at the same time: run this again later",
)
MALFORMED = Text("要求の値が不正です", "the request is malformed")
NO_REQUEST = Text("不明な要求です", "not a known request")
