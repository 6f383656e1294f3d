"""The words of the account's page: where its user is logged in, and the password."""

from zaiond.text import Sentence, Text

TITLE = Text("アカウント", "Account")
NAME = Text("名前", "Name")

# -- Where the user is logged in

SESSIONS = Text("ログイン中のブラウザー", "Where you are logged in")
BROWSER = Text("ブラウザー", "Browser")
UNKNOWN = Text("不明", "unknown")
ADDRESS = Text("ログイン元アドレス", "Logged in from")
BEGAN = Text("ログイン日時", "Logged in")
USED = Text("最終使用日時", "Last used")
THIS_ONE = Text("このブラウザー", "this browser")
CHOOSE = Text("選択", "Choose")
choose = Sentence("{browser}（{address}、{began}）を選択", "Choose {browser} ({address}, {began})")
ONLY_THIS = Text("ほかにログイン中のブラウザーはありません。", "You are logged in nowhere else.")
END_CHOSEN = Text("選択したログインを終了する", "Log out the chosen")
END_OTHERS = Text("ほかのログインをすべて終了する", "Log out all others")
NONE_CHOSEN = Text("終了するログインを選択してください", "Choose what is to be logged out")
ended = Sentence("{number} 件のログインを終了しました", "Logged out: {number}")

# -- The password

PASSWORD = Text("パスワードの変更", "Change the password")
PASSWORD_HINT = Text(
    "8 文字以上で、よく使われるものは使えません。変更すると、ほかのログインはすべて終了します。",
    "8 characters at least, and none that many people use. All your other logins end by it.",
)
PRESENT = Text("現在のパスワード", "Current password")
NEW = Text("新しいパスワード", "New password")
AGAIN = Text("新しいパスワード（確認）", "New password, again")
CHANGE = Text("パスワードを変更する", "Change the password")
DIFFER = Text("2 つの新しいパスワードが一致しません", "The two new passwords differ")
changed = Sentence(
    "パスワードを変更し、ほかのログイン {number} 件を終了しました",
    "Password changed, other logins ended: {number}",
)
BY_LINK = Text(
    "リンクから使っているので、パスワードはありません。",
    "You came in by a link: there is no password.",
)

# -- In the journal

refused = Sentence(
    "{name} の現在のパスワードの確認に失敗しました（{address}）: {why}",
    "{name} could not show the current password ({address}): {why}",
)
