"""What is said of events that come in, or can't, in both languages."""

from zaiond.text import Sentence, Text

# -- Why an event is not taken

OUR_FAULT = Text(
    "内部エラーのため受け付けられません。後でもう一度送ってください",
    "an internal error: send it again later",
)
TOO_SLOW = Text(
    "行の終わり（改行）が limits.frame_deadline までに届きませんでした",
    "the line did not end (newline) within limits.frame_deadline",
)
too_many_connections = Sentence(
    "このユーザーの接続数が上限（limits.connections: {most}）に達しています",
    "this user has as many connections as it may (limits.connections: {most})",
)
too_many_connections_in_all = Sentence(
    "全ユーザーの接続数の合計が多すぎます（上限 {by}: {most}）",
    "all users together have too many connections (at most {by}: {most})",
)
too_much = Sentence(
    "送信待ちのイベントが上限（limits.{what}_waiting: {most}）に達しています",
    "too much is waiting to be mailed (limits.{what}_waiting: {most})",
)
too_much_in_all = Sentence(
    "全ユーザーの送信待ちのイベントの合計が多すぎます（上限 {users} ×"
    " limits.{what}_waiting: {most}）",
    "of all users together too much is waiting to be mailed (at most {users} ×"
    " limits.{what}_waiting: {most})",
)
refused = Sentence(
    "uid {user} のイベントを受け付けませんでした: {why}", "refused an event of uid {user}: {why}"
)

# -- What was refused in the last day

refused_in_the_last_day = Sentence(
    "過去 24 時間に受け付けなかったイベントが {total} 件あります（{some}）",
    "events refused in the last day: {total} ({some})",
)
of_one_reason = Sentence("{who} {number} 件「{why}」", "{number} of {who}: {why}")
of_one_user = Sentence("{who} {files} 件", "{files} of {who}")

# -- The sockets

cant_make_socket = Sentence(
    "ソケット {path} を作れません: {why}。書き込めるディレクトリを --runtime-dir で指定するか、"
    "root で実行してください",
    "can't make the socket {path}: {why}. Name a directory that can be written with --runtime-dir,"
    " or run it as root",
)
another_runs = Sentence(
    "別の zaiond が {path} で動作しています。先にそれを停止してください",
    "another zaiond is running on {path}: stop it first",
)
too_many_sockets = Sentence(
    "systemd から {count} 個のソケットが渡されました。zaiond.socket には ListenStream= を 1 つだけ"
    "書いてください",
    "systemd handed over {count} sockets: zaiond.socket must have one ListenStream=",
)
cant_accept = Sentence(
    "接続を受け付けられません（1 秒後に再試行します）: {why}",
    "can't accept a connection, which is tried again in a second: {why}",
)

# -- The spool's directory

unusable = Sentence("スプール {path} を使えません: {why}", "the spool {path} can't be used: {why}")
unreadable = Sentence("スプール {path} を読めません: {why}", "can't read the spool {path}: {why}")
not_watched = Sentence(
    "スプール {path} の変更通知を受けられません（{why}）。ときどき調べます",
    "the kernel refuses to tell of changes in the spool {path} ({why}): it is looked at now and"
    " then",
)
unsafe = Sentence(
    "スプール {path} の所有者かモードが正しくありません（モード {mode}）: {faults}。修正するには:"
    " {mend}",
    "the owner or mode of the spool {path} is not right (mode {mode}): {faults}. To mend it:"
    " {mend}",
)
foreign_owner = Sentence(
    "所有者の {owner} が、中のファイルを自由に削除、置き換えできます",
    "it belongs to {owner}, who can delete and replace what is there",
)
EVERY_USER = Text("すべてのユーザー", "every user")
every_member = Sentence("グループ {group} の全員", "every member of the group {group}")
OPEN_TO_ALL = Text("すべてのユーザーがイベントを置けます", "every user can leave events there")
not_sticky = Sentence(
    "{who}が、ほかのユーザーのイベントを削除、置き換えできます",
    "{who} can delete and replace the events of others",
)
listable = Sentence(
    "{who}が一覧を見て、ほかのユーザーのイベントを読めます",
    "{who} can list it, and so read the events of others",
)
NO_SETGID = Text(
    "zaiond が読めないファイルができます（setgid がありません）",
    "the daemon can't read what is left there (it has no setgid bit)",
)

# -- A file of the spool

NOT_REGULAR = Text("通常のファイルではありません", "not a regular file of its own")
NOT_JSON = Text("名前が .json で終わっていません", "its name does not end in .json")
over = Sentence("{most} を超えています", "it is over {most}")
not_for_group = Sentence(
    "グループに読み取り権限がありません（モード {mode}）。0640 にしてください",
    "its group may not read it (mode {mode}): it must be 0640",
)
FOREIGN_GROUP = Text(
    "グループがスプールのグループと異なります", "its group is not the spool's group"
)
NO_ID = Text("id がありません", "it has no id")
internal_error = Sentence("内部エラー（{kind}）", "an internal error ({kind})")
at_line = Sentence("{number} 行目: {why}", "line {number}: {why}")
more_lines = Sentence("{first}（ほかに {more} 行）", "{first} (and {more} more line{s})")

# -- What became of files of the spool

cleaned = Sentence(
    "スプールに残っていた書きかけのものや対象外のものを {count} 件削除しました",
    "removed from the spool what nobody finished writing, or is not ours: {count} file(s)",
)
trimmed = Sentence(
    "スプールの拒否されたファイルが保管の上限を超えたため、{who} の古いものから {files} 件を削除"
    "しました（{name} など）",
    "removed refused files of {who} from the spool, the oldest first: {files} ({name} first); there"
    " is no room for more",
)
put_aside = Sentence(
    "スプールの {name} に受け付けられないものがあります（{path} に保管）: {why}",
    "refused {name} in the spool (it is now {path}): {why}",
)
renamed = Sentence(
    "スプールの {before} は zaiond が作ったものではないため、{name} に変更しました（所有者:"
    " {who}）",
    "{before} in the spool was not made by zaiond: it is called {name} now (its owner is {who})",
)
waits = Sentence(
    "スプールの {files} 件のファイル（{who}、{name} など）は後で受け付けます: {why}",
    "files of {who} in the spool have to wait: {files} ({name} first): {why}",
)
waits_long = Sentence(
    "スプールの {files} 件のファイルが {since} から受け付けられずに待っています（{some}）。"
    "解消しだい自動的に受け付けます",
    "files in the spool have waited since {since}: {files} ({some}); they are taken in by"
    " themselves once that is over",
)
kept_aside = Sentence(
    "受け付けられなかったスプールのファイルが {files} 件、{since} から保管されています（{some}）。"
    "原因を直したらもう一度受け付け、不要なら削除してください",
    "files of the spool that were refused are kept since {since}: {files} ({some}); have them taken"
    " again once they are mended, or delete them",
)
by_root = Sentence("{why}。root で実行してください: {command}", "{why}: as root, {command}")


def some(parts: list[Text], more: bool) -> Text:
    """Several on one line; `more`: and there are others."""
    return Text(
        "、".join(part.ja for part in parts) + " など" * more,
        "; ".join(part.en for part in parts) + "; …" * more,
    )
