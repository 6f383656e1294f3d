"""The words of coming in and going out."""

from zaiond.text import Sentence, Text

TITLE = Text("ログイン", "Log in")
NAME = Text("名前", "Name")
PASSWORD = Text("パスワード", "Password")
LOG_IN = Text("ログイン", "Log in")
BY_LINK = Text(
    "zaiond-ctl web が表示したリンクから開いてください。リンクは 10 分以内に 1 回だけ使えます。"
    "使えなくなったら、zaiond-ctl web をもう一度実行してください。",
    "Open the link that zaiond-ctl web has printed. It works once, within 10 minutes; after that,"
    " run zaiond-ctl web again.",
)
NO_ACCOUNT = Text(
    "まだだれも登録されていません。サーバーで次のコマンドを root で実行してください:",
    "Nobody may log in yet. Run this as root on the server:",
)
WRONG = Text("名前かパスワードが違います。", "The name or the password is wrong.")
wait = Sentence(
    "ログインの失敗が続いたため、{minutes} 分間はログインできません。",
    "There were too many wrong passwords. Try again in {minutes} min.",
)
BUSY = Text(
    "ログインが集中しています。少し待ってからもう一度実行してください。",
    "Too many people are logging in just now. Try again in a moment.",
)
USED_UP = Text("このリンクは使えません", "This link does not work")
USED_UP_WHY = Text(
    "リンクは 10 分以内に 1 回だけ使えます。zaiond-ctl web をもう一度実行してください。",
    "A link works once, within 10 minutes. Run zaiond-ctl web again.",
)

# -- In the journal

NOBODY_KNOWN = Text("登録されていない名前", "an unknown name")
logged_in = Sentence("{name} がログインしました（{address}）", "{name} logged in ({address})")
logged_in_by_link = Sentence(
    "{name} がリンクからログインしました（{address}）", "{name} logged in by the link ({address})"
)
login_refused = Sentence(
    "{name} のログインを拒否しました（{address}）: {why}",
    "the login of {name} was refused ({address}): {why}",
)
LOGGED_OUT = Text("ログアウトしました", "logged out")
