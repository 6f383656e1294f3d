"""What zaiond-ctl says, in both languages; the help's words stand where a command is declared.

On the path of emit this is imported where something is wrong, and not before.
"""

from zaiond.text import Sentence, Text


def listed(texts: list[Text]) -> Text:
    """Several on one line."""
    return Text("、".join(one.ja for one in texts), ", ".join(one.en for one in texts))


# -- The command line

NAME_A_COMMAND = Text(
    "コマンドを指定してください（一覧: zaiond-ctl --help）",
    "name a command (the list: zaiond-ctl --help)",
)
needs_another_word = Sentence(
    "{group} の後にサブコマンドを指定してください: {names}", "{group} needs another word: {names}"
)
no_command = Sentence("{name} というコマンドはありません{near}", "no command {name}{near}")
no_option = Sentence(
    "{command} に {name} というオプションはありません{near}", "no option {name} for {command}{near}"
)
no_option_before = Sentence(
    "コマンドの前に使える {name} というオプションはありません{near}",
    "no option {name} before the command{near}",
)
did_you_mean = Sentence("（{name} ではありませんか）", " (did you mean {name}?)")
no_value = Sentence("{name} に値は付けられません", "{name} takes no value")
needs_value = Sentence("{name} には {value} が必要です", "{name} needs a value: {value}")
missing = Sentence("{operand} を指定してください", "{operand} is missing")
one_too_many = Sentence("余分な引数です: {word}", "one argument too many: {word}")
wrong_usage = Sentence("{fault}\n使い方: {command} --help", "{fault}\nUsage: {command} --help")

# -- Help

USAGE = Text(
    "使い方: zaiond-ctl [オプション] コマンド [引数]",
    "Usage: zaiond-ctl [OPTION]... COMMAND [ARGUMENT]...",
)
usage_of = Sentence(
    "使い方: zaiond-ctl {name} [オプション]{operands}",
    "Usage: zaiond-ctl {name} [OPTION]...{operands}",
)
COMMANDS = Text("コマンド:", "Commands:")
OPTIONS = Text("オプション:", "Options:")
COMMON_OPTIONS = Text("共通のオプション:", "Common options:")
EXAMPLES = Text("例:", "Examples:")
MORE_HELP = Text(
    "コマンドごとの説明: zaiond-ctl コマンド --help、または man zaiond-ctl",
    "More on one command: zaiond-ctl COMMAND --help, or man zaiond-ctl",
)

# -- Files and the daemon

unwritable = Sentence("標準出力に書き込めません: {why}", "can't write to standard output: {why}")
not_permitted = Sentence(
    "{path}: 権限がありません。root で実行してください（例: sudo zaiond-ctl …）",
    "{path}: permission denied: run this as root (as: sudo zaiond-ctl …)",
)
not_in_group = Sentence(
    "{path}: 権限がありません。グループ {group} に参加するか（例: usermod -aG {group} ユーザー名。"
    "次回のログインから有効です）、root で実行してください（例: sudo zaiond-ctl …）",
    "{path}: permission denied: join the group {group} (as: usermod -aG {group} USER; then log in"
    " again), or run this as root (as: sudo zaiond-ctl …)",
)
without_group = Sentence(
    "{path}: 権限がありません。{who} で実行してください（例: sudo zaiond-ctl …）。"
    "ほかのユーザーにも許可するには、groupadd --system {group} と usermod -aG {group} ユーザー名を"
    "実行して、zaiond を起動し直してください",
    "{path}: permission denied: run this as {who} (as: sudo zaiond-ctl …). To permit"
    " other users: groupadd --system {group}, usermod -aG {group} USER, and start zaiond again",
)
owner_or_root = Sentence("{owner} か root", "{owner} or root")
no_daemon = Sentence(
    "zaiond が動いていません（{path}: {why}）。起動: {start}",
    "zaiond is not running ({path}: {why}). To start it: {start}",
)
START_SERVICE = Text("systemctl start zaiond", "systemctl start zaiond")
start_program = Sentence(
    "{command}（サービスとして動かしている場合は systemctl start zaiond）",
    "{command} (where it runs as a service: systemctl start zaiond)",
)
hangs = Sentence(
    "zaiond がハングしているようです。{seconds:.0f} 秒以内に応答がありません（{path}）。{restart}",
    "zaiond hangs: no answer within {seconds:.0f} s ({path}). {restart}",
)
RESTART_SERVICE = Text(
    "ログ: journalctl -u zaiond、再起動: systemctl restart zaiond",
    "Its log: journalctl -u zaiond; to restart it: systemctl restart zaiond",
)
restart_program = Sentence(
    "終了させて（kill。終わらなければ kill -9）、起動し直してください: {start}",
    "End it (kill, or kill -9 if it doesn't end) and start it again: {start}",
)
no_talk = Sentence(
    "zaiond と通信できません（{path}: {why}）", "can't talk to zaiond ({path}: {why})"
)
broke_off = Sentence(
    "zaiond の応答が途中で切れました（{path}）。もう一度実行してください",
    "zaiond's answer broke off ({path}): run this again",
)

# -- emit

not_together = Sentence("{one} と {other} は同時に指定できません", "{one} doesn't go with {other}")
NAME_A_TYPE = Text("TYPE か --from FILE を指定してください", "name a TYPE, or --from FILE")
no_pair = Sentence(
    "{option} は KEY={value} の形にしてください: {pair}", "{option} takes KEY={value}: {pair}"
)
no_json = Sentence(
    "-D {key}: JSON ではありません（{at} 文字目）。文字列なら -d {key}=… を使います",
    "-D {key}: not JSON (character {at}: {why}); for a string, use -d {key}=…",
)
no_standard_input = Sentence("標準入力を読めません: {why}", "can't read standard input: {why}")
no_events_from = Sentence("{path} を読めません: {why}", "can't read {path}: {why}")
of_line = Sentence("{number} 行目: {text}", "line {number}: {text}")
taken_before = Sentence("受け付けられたイベント: {ids}", "events that were taken: {ids}")
spooled = Sentence(
    "zaiond が応答しないため、{number} 件をスプールに保存しました。zaiond の起動後に送られます",
    "zaiond does not answer: {events} kept in the spool, to be mailed when it runs again",
)
duplicates = Sentence(
    "受け付け済みのイベントが {number} 件ありました。再度メールされることはありません"
    "（確認: {command}）",
    "zaiond had {events} already: not mailed again (see: {command})",
)

# -- run

cant_run = Sentence("{command}: 実行できません: {why}", "{command}: can't be run: {why}")
output_lost = Sentence(
    "出力 {size} バイトを書き込めませんでした: {why}",
    "{size} bytes of the output could not be written: {why}",
)
no_exit_status = Sentence(
    "--warning-exit には 1 から 255 までの数を指定してください: {given}",
    "--warning-exit takes a number from 1 to 255: {given}",
)
no_time_limit = Sentence(
    "--timeout には 30s、10m、6h のような 366 日以内の時間を指定してください: {given}",
    "--timeout takes a time as 30s, 10m or 6h, 366 days at most: {given}",
)

# -- queue, history, silence, problems: what is wrong with their options

no_user = Sentence("--user: ユーザー {user} はいません", "--user: there is no user {user}")
CUT_OFF = Text(
    "すべてを表示するには長すぎるため、ここより新しいものを省きました"
    "（続き: --since、または --limit で減らす）",
    "too long to be shown whole: what is newer than the last of these is left out"
    " (to go on: --since; for less: --limit)",
)
not_since = Sentence(
    "--since は 2013-05-25、2013-05-25T09:00、2h のように指定してください: {text}",
    "--since takes 2013-05-25, 2013-05-25T09:00, 2h, or the like: {text}",
)
no_limit = Sentence(
    "--limit は 1 から {most} までの整数にしてください: {text}",
    "--limit takes a number from 1 to {most}: {text}",
)
required = Sentence("--{name} {value} を指定してください", "--{name} {value} is missing")
no_duration = Sentence(
    "--for は 30m、2h、7d のように指定してください: {text}",
    "--for takes 30m, 2h, 7d, or the like: {text}",
)
no_matcher = Sentence(
    "--match は KEY=PATTERN の形にしてください: {text}", "--match takes KEY=PATTERN: {text}"
)
how_to_expire = Sentence(
    "途中で終えるには: zaiond-ctl silence expire {id}",
    "To end it before: zaiond-ctl silence expire {id}",
)
WHICH_EVENT = Text(
    "どのイベントかを --user と --source で指定してください",
    "say which you mean with --user and --source",
)
WHOSE_PROBLEM = Text("だれの障害かを --user で指定してください", "say whose you mean with --user")

# -- check, config, reload

WARNING = Text("警告", "warning")
no_errors = Sentence("{path}: 誤りはありません", "{path}: no errors")
LOADED = Text("設定を読み込みました", "Configuration loaded")
DEFAULT = Text("既定値", "default")
NO_CONFIGURATION = Text("有効な設定がありません", "no configuration is in force")
FROM_DISK = Text(
    "zaiond が動いていないため、ファイルの設定を表示します",
    "zaiond is not running: this is the configuration on disk",
)
wrong_on_disk = Sentence(
    "{path}: zaiond は動いておらず、ファイルの設定には誤りがあります",
    "{path}: zaiond is not running, and the configuration on disk has errors",
)
nothing_kept = Sentence(
    "zaiond は動いておらず、直前の有効な設定も残っていません（{folder}）",
    "zaiond is not running, and no last good configuration is kept ({folder})",
)
unreadable = Sentence("{path}: 読めません: {why}", "{path}: can't be read: {why}")
not_reverted = Sentence("{path}: 書き戻せません: {why}", "{path}: can't be written: {why}")
reverted = Sentence("元に戻しました: {path}", "Reverted: {path}")
NOTHING_TO_REVERT = Text("戻すものはありません", "Nothing to revert")
SAME = Text("ディスクの設定は使用中の設定と同じです", "The files on disk are what is in force")
IN_FORCE = Text("使用中", "in force")
ON_DISK = Text("ディスク", "on disk")
gone = Sentence("{path}: ありません、または読めません", "{path}: gone, or not readable")
differs = Sentence(
    "{path}: 内容が違います（秘密を含むことがあるため表示しません）",
    "{path}: its content differs (not shown: it may be a secret)",
)
secret_differs = Sentence(
    "{path}: パスワードなどの秘密、または改行だけが違います",
    "{path}: only a secret or line ends differ",
)

# -- test, setup

NO_TEST_SENT = Text(
    "設定に誤りがあるため、テストメールは送っていません",
    "the configuration has errors: no test mail was sent",
)
sent_by_last_good = Sentence(
    "{path}: 上の誤りがあるため、このファイルの今の内容ではなく、"
    "{loaded} に読み込んだ直前の有効な設定で送信しました",
    "{path}: has these errors, so the mail was not sent by what is in it now,"
    " but by the last good configuration, loaded {loaded}",
)
only_with = Sentence("{one} は {other} と一緒に指定してください", "{one} goes with {other} only")
drill_spooled = Sentence(
    "訓練のイベント {id} に zaiond が応答しないため、スプールに保存しました。zaiond の起動後に"
    "送られます（経過: {command}）",
    "zaiond does not answer: the drill {id} is kept in the spool, to be mailed when it runs again"
    " (what becomes of it: {command})",
)
drill_known = Sentence(
    "--id {id}: 使用済みの ID のため、訓練は行っていません。別の ID を付けるか、--id を省略して"
    "ください",
    "--id {id}: this id was used before, so there was no drill: use another one, or leave it out",
)
NEEDS_TERMINAL = Text(
    "setup は端末で対話的に使います。スクリプトでは設定ファイルを直接書き換え、"
    "zaiond-ctl check で確かめてください",
    "setup is for a terminal, where someone answers: in a script, edit the configuration, "
    "and check it by zaiond-ctl check",
)
NOT_DECODABLE = Text(
    "入力された文字を読み取れません。端末の文字コードとロケール（LANG）を合わせてください",
    "what was typed can't be read: the terminal's encoding is not that of the locale (LANG)",
)
CANT_HIDE = Text(
    "この端末では入力を隠せないため、パスワードを入力できません",
    "this terminal can't hide what is typed: no password can be entered",
)
mend_first = Sentence(
    "{path}: 設定ファイルに、ここでは直せない誤りがあります。先に修正してください",
    "{path}: the file has errors that can't be mended here: mend them first",
)
CANCELLED = Text("キャンセルしました。設定は変更していません", "Cancelled. Nothing was changed")
NOTHING_TO_CHANGE = Text("変更はありません", "Nothing to change")
updated = Sentence("更新しました: {path}", "Updated: {path}")
TAKEN = Text("動作中の zaiond に反映しました", "The running zaiond has taken it")
another_in_use = Sentence(
    "動作中の zaiond は別のファイル（{path}）を使っています",
    "The running zaiond uses another file: {path}",
)
HOW_TO_START = Text(
    "zaiond は動いていません。次のコマンドで起動すると、この設定で動きます:\n"
    "  systemctl enable --now zaiond.socket zaiond.service",
    "zaiond is not running. This starts it with these settings:\n"
    "  systemctl enable --now zaiond.socket zaiond.service",
)

# -- web

page_without_rights = Sentence(
    "{why}\nページは起動しますが、このユーザーでは zaiond の状態やキューを表示できません。",
    "{why}\nThe page starts, but by this user it can show nothing of zaiond's status and queue.",
)

METRICS_OR_EMIT = Text(
    "--metrics か --emit のどちらかを指定してください", "name one of --metrics and --emit"
)
new_password = Sentence("{name} の新しいパスワード: ", "New password of {name}: ")
NEW_PASSWORD_AGAIN = Text("もう一度入力: ", "The same again: ")
PASSWORDS_DIFFER = Text(
    "2 回の入力が一致しません。何も変更していません",
    "what was typed twice is not the same: nothing was changed",
)
NO_PASSWORD = Text("標準入力にパスワードがありません", "there is no password on standard input")
password_set = Sentence("{name} のパスワードを設定しました", "The password of {name} is set")
TOKEN_ONCE = Text("トークンが表示されるのは今回だけです:", "The token, which is not shown again:")
removed = Sentence(
    "{name} のパスワードとトークンを削除しました", "Removed: the password and tokens of {name}"
)
nobody = Sentence("{name} という名前は登録されていません", "there is no {name}")
NOBODY_YET = Text(
    "まだだれも登録されていません（登録: zaiond-ctl web password NAME）",
    "Nobody is there yet (to let somebody in: zaiond-ctl web password NAME)",
)
USES = {
    "password": Text("ログイン", "login"),
    "metrics": Text("メトリクス", "metrics"),
    "emit": Text("イベントの送信", "emit"),
}
USE = Text("用途", "Use")
SET_ON = Text("設定日時", "Set")
cant_keep = Sentence("{path} に保存できません: {why}", "can't write {path}: {why}")
